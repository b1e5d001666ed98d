"""What a program printed: its beginning and its end, however much there was between."""

from __future__ import annotations

import os
import threading
from collections import deque

HEAD = 64 * 1024
TAIL = 64 * 1024


class Log:
    """Reads a descriptor to its end in a thread and keeps at most 128 KiB of it.

    The reader never stops reading, so a program that prints 100 MB is neither blocked nor kept in memory.
    """

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        self._thread.start()

    def text(self, since: int = 0) -> str:
        """What was kept after byte ``since``, decoded; a line says how much is missing in the middle."""
        with self._lock:
            head, tail = bytes(self._head), b"".join(self._tail)
            left_out = self.size - len(head) - len(tail)
        gap = f"\n[… {left_out} bytes …]\n".encode() if left_out and since < len(head) else b""
        kept = head[since:] + gap + tail[max(0, since - len(head) - left_out) :]
        return kept.decode("utf-8", "backslashreplace")

    def join(self, timeout: float) -> None:
        """Wait until the program's last word was read, at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def _read(self, descriptor: int) -> None:
        try:
            while chunk := os.read(descriptor, 65536):
                self._keep(chunk)
        finally:
            os.close(descriptor)

    def _keep(self, chunk: bytes) -> None:
        with self._lock:
            self.size += len(chunk)
            room = HEAD - len(self._head)
            self._head += chunk[:room]
            if rest := chunk[room:]:
                self._tail.append(rest)
                self._tail_size += len(rest)
            while self._tail and self._tail_size - len(self._tail[0]) >= TAIL:
                self._tail_size -= len(self._tail.popleft())
