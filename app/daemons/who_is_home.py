"""Who is home: asks the router whose phone is connected, and arms and disarms.

    python -m app.daemons.who_is_home

No router backend is part of this version, so it says so once and idles.
"""

import sys

from app.daemon import IdleDaemon, run_daemon


class WhoIsHome(IdleDaemon):
    """Watches the router."""

    name = "who_is_home"
    why = "no router is configured: nobody's coming and going is noticed, and nothing is armed or disarmed for it"


if __name__ == "__main__":
    sys.exit(run_daemon(WhoIsHome))
