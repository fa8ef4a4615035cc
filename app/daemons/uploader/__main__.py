import sys

from app.daemon import main
from app.daemons.uploader.daemon import Uploader

sys.exit(main(Uploader))
