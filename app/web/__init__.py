"""The two web programs, the Slack server and the dashboard, which one gunicorn runs."""

import threading

#: The longest body of a request that is read, in bytes.
LONGEST_BODY = 65_536
#: Set when this process is asked to end. An answer without an end looks at it once a second.
STOPPING = threading.Event()
