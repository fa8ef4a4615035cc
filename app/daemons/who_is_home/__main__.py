import sys

from app.daemon import main
from app.daemons.who_is_home.daemon import WhoIsHome

sys.exit(main(WhoIsHome))
