"""The uploader: carries what was recorded to where it is kept.

    python -m app.daemons.uploader

No store is part of this version, so it says so once and idles.
"""

import logging
import sys

from app.daemon import BEAT_S, Daemon, run_daemon

_log = logging.getLogger("app.daemons.uploader")


class Uploader(Daemon):
    """Carries what was recorded to where it is kept."""

    name = "uploader"

    def open(self) -> None:
        _log.info("no store is configured: everything stays in data_dir")

    def step(self) -> float:
        return BEAT_S

    def configure(self) -> None:
        self.open()

    def close(self) -> None:
        """There is nothing to let go of."""


if __name__ == "__main__":
    sys.exit(run_daemon(Uploader))
