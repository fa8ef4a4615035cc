"""The uploader: carries what was recorded to where it is kept.

    python -m app.daemons.uploader

No store is part of this version, so it says so once and idles.
"""

import sys

from app.daemon import IdleDaemon, run_daemon


class Uploader(IdleDaemon):
    """Carries what was recorded to where it is kept."""

    name = "uploader"
    why = "no store is configured: everything stays in data_dir"


if __name__ == "__main__":
    sys.exit(run_daemon(Uploader))
