"""What a file of checks needs: ``task`` to mark them, ``expect`` and its kin to say what should hold."""

from workbook.checks.api import Api, Reply, Stream
from workbook.checks.grade import grade
from workbook.checks.outcome import Failure, Skipped, expect, fail, show, skip
from workbook.checks.session import Serve, Session
from workbook.checks.settings import Settings, hash_password
from workbook.checks.sse import Decoder, Event
from workbook.checks.task import task

__all__ = [
    "Api",
    "Decoder",
    "Event",
    "Failure",
    "Reply",
    "Serve",
    "Session",
    "Settings",
    "Skipped",
    "Stream",
    "expect",
    "fail",
    "grade",
    "hash_password",
    "show",
    "skip",
    "task",
]
