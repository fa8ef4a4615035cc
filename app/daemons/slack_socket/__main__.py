import sys

from app.daemon import run_daemon
from app.daemons.slack_socket.daemon import SlackSocket

sys.exit(run_daemon(SlackSocket))
