"""When silence is certain: by what the app did meanwhile, never by the clock alone."""

from __future__ import annotations

import secrets
import time

from workbook.checks.wire import Call
from workbook.runner import App

# Silence convicts once the app had this many seconds and answered this many other requests meanwhile.
SECONDS = 0.3
PROBES = 5
# After this long without an answer to anybody one asks where the app is; one line so often is certain.
UNRESPONSIVE = 2.0
SAME_PLACE = 5
CAP = 15.0
TICK = 0.02


class Patience:
    """Waits for something that may never come, asking meanwhile for a path that does not exist.

    A loaded machine slows the probes as it slows the app, so it convicts nobody. ``blocked_at`` names the
    line of the student's file in which the event loop stands still, if that is why nothing comes.
    """

    def __init__(self, app: App) -> None:
        self.blocked_at = ""
        self.probe: Call | None = None
        self._app = app
        self.renew()

    def renew(self) -> None:
        """Begin anew: something came, though not yet what is waited for."""
        self._began = self._answered_at = time.monotonic()
        self._answered = 0
        self._places: list[str] = []

    def is_over(self) -> bool:
        """Whether waiting longer is pointless."""
        waited = time.monotonic() - self._began
        self._send_and_count(waited)
        served_others = waited > SECONDS and self._answered >= PROBES
        return served_others or self._stands_still() or waited > CAP or not self._app.alive

    def _send_and_count(self, waited: float) -> None:
        if self.probe is None and waited > SECONDS / 2:
            self.probe = probe(self._app)
        elif self.probe is not None and self.probe.done:
            self._answered += self.probe.status is not None
            self._answered_at = time.monotonic()
            self.probe = None

    def _stands_still(self) -> bool:
        if time.monotonic() - self._answered_at < UNRESPONSIVE:
            return False
        time.sleep(TICK)
        where = self._app.where()
        self._places.append(f"{where['file']}:{where['line']}" if where else "")
        if where is None or len(set(self._places[-SAME_PLACE:])) > 1 or len(self._places) < SAME_PLACE:
            return False
        self.blocked_at = f"{self._app.file.name}:{where['line']}: {where['text'].strip()}"
        return True

    def close(self) -> None:
        if self.probe is not None:
            self.probe.close()


def probe(app: App) -> Call:
    """A request that any app can answer, if only with 404."""
    return Call(app.port, "GET", "/" + secrets.token_hex(8))
