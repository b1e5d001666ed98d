"""The environment an app runs in: what the system needs to run Python at all, and what the check brings."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Without these Python does not start, sockets do not open or temporary files have no place; nothing else of
# the caller's (keys, proxies, PYTHONPATH) reaches a student's program.
SYSTEM = (
    "PATH",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
)


def clean(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The system's variables, UTF-8 output, and ``extra``."""
    env = {name: os.environ[name] for name in SYSTEM if name in os.environ}
    # Without a tracer's key LangChain must not look for a service that the network does not have.
    env |= {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", "LANGCHAIN_TRACING_V2": "false"}
    # The local LLM speaks plain HTTP: reading the system's certificates costs 30 ms a client, for nothing.
    env["SSL_CERT_DIR"] = os.devnull
    return env | dict(extra or {})
