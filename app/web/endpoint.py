"""The counts and the log of requests to a web program, for its heartbeat."""

import logging
import re
from datetime import datetime

from app.clock import Clock
from app.commands.refusals import Refusals
from app.daemon import Counters

#: The name under which an app keeps its `Endpoint`.
ENDPOINT = "endpoint"
_GUNICORN_REFUSED = re.compile(r"Invalid request from ip=(\S*): (.*)", re.DOTALL)


class Endpoint:
    """Counts the requests of one web program; *refusals* logs those that it refused."""

    def __init__(self, clock: Clock) -> None:
        self.requests = 0
        self.refused = 0
        self.errors = 0
        self.last_request: datetime | None = None
        self.refusals = Refusals(clock)

    def counters(self) -> Counters:
        """Return the counters of the heartbeat."""
        last = self.last_request
        return {
            "requests": self.requests,
            "refused": self.refused,
            "errors": self.errors,
            "last_request": last.isoformat(timespec="seconds") if last else None,
        }

    def is_gunicorns(self, record: logging.LogRecord) -> bool:
        """Return whether gunicorn should log *record*; a request that it refused is counted here.

        This is a filter of gunicorn's log.
        """
        found = _GUNICORN_REFUSED.fullmatch(record.getMessage())
        if found:
            self.refused += 1
            self.refusals.log("malformed", found[1], f"400 to {found[1]}: {found[2]}")
        return found is None

    def is_bounded(self, record: logging.LogRecord) -> bool:
        """Return whether to log *record*: of those with a traceback only a few a minute.

        This is a filter of each log in which a request can cause a traceback. If a mistake in this
        program lets anybody cause one, it must not rotate every other trace away.
        """
        return not record.exc_info or self.refusals.count("with a failure here", "unknown")
