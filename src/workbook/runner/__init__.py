"""Bringing an app up from a file, warm or cold, and taking it down."""

from workbook.runner.app import App, Crash, Failed
from workbook.runner.process import Cold, Source, Warm

__all__ = ["App", "Cold", "Crash", "Failed", "Source", "Warm"]
