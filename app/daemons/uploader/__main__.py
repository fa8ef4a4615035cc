import sys

from app.daemon import run_daemon
from app.daemons.uploader.daemon import Uploader

sys.exit(run_daemon(Uploader))
