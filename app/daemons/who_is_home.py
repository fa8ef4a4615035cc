"""Who is home: asks the router whose phone is connected, and arms and disarms.

    python -m app.daemons.who_is_home

No router backend is part of this version, so it says so once and idles.
"""

import logging
import sys

from app.daemon import BEAT_S, Daemon, run_daemon

_log = logging.getLogger("app.daemons.who_is_home")


class WhoIsHome(Daemon):
    """Watches the router."""

    name = "who_is_home"

    def open(self) -> None:
        _log.info("no router is configured: nobody's coming and going is noticed, and nothing is armed or disarmed for it")

    def step(self) -> float:
        return BEAT_S

    def configure(self) -> None:
        self.open()

    def close(self) -> None:
        """There is nothing to let go of."""


if __name__ == "__main__":
    sys.exit(run_daemon(WhoIsHome))
