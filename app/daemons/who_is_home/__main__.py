import sys

from app.daemon import run_daemon
from app.daemons.who_is_home.daemon import WhoIsHome

sys.exit(run_daemon(WhoIsHome))
