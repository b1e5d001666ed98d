"""A local model server that speaks OpenAI's protocol: a demo when left alone, a witness under control."""

from workbook.llm.passages import Passages
from workbook.llm.record import Request, Sent
from workbook.llm.script import Answer, Ending, Failure, Stall
from workbook.llm.server import LocalLLM, PortInUse

__all__ = ["Answer", "Ending", "Failure", "LocalLLM", "Passages", "PortInUse", "Request", "Sent", "Stall"]
