"""The two web programs, the Slack server and the dashboard, which one gunicorn runs."""

import threading
from math import inf

#: The longest body of a request that is read, in bytes.
LONGEST_BODY = 65_536
#: The name under which an app may keep work for the idle time after its start.
IDLE_WORK = "idle_work"
#: Set when this process is asked to end. An answer without an end looks at it once a second.
STOPPING = threading.Event()


class _Arrival(threading.local):
    """The monotonic time *at_s* at which the request that a thread answers was complete."""

    at_s = inf


#: Each thread has its own; it is infinite where nobody knows the time.
ARRIVAL = _Arrival()
