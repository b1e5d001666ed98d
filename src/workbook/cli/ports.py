"""Ports of this machine that nobody listens on."""

import os
import socket
from itertools import count


def free_port(first: int) -> int:
    """The first free port from this one on."""
    return next(port for port in count(first) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        if os.name == "posix":  # Else a connection closed a moment ago would count.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
