import sys

from app.daemon import main
from app.daemons.slack_socket.daemon import SlackSocket

sys.exit(main(SlackSocket))
