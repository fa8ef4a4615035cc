import sys

from app.daemon import main
from app.daemons.notifier.daemon import NotifierDaemon

sys.exit(main(NotifierDaemon))
