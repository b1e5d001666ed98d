"""Waiting for the end: Ctrl-C, a closed terminal, or a polite kill."""

import signal
import time

ENDINGS = ("SIGTERM", "SIGHUP", "SIGBREAK")


def end_as_on_ctrl_c() -> None:
    """Let other polite ways to end a program raise `KeyboardInterrupt` too, but those the caller ignores."""
    for name in ENDINGS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def until_interrupted() -> None:
    """Sleep until Ctrl-C."""
    try:
        while True:
            # Not for ever: on Windows Ctrl-C is seen only between two sleeps.
            time.sleep(1)
    except KeyboardInterrupt:
        return
