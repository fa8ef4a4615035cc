import sys

from app.daemon import run_daemon
from app.daemons.notifier.daemon import NotifierDaemon

sys.exit(run_daemon(NotifierDaemon))
