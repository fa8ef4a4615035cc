"""Bounds for the files that anybody may load, so that nobody without a session holds all threads.

A page is short, and the system takes it at once. A file may be longer than that, and the thread
that sends it then waits for the reader. Readers who take a few bytes a second could hold all
threads of the dashboard, and the owner would wait for them.
"""

import threading
import time
from collections.abc import Iterable, Iterator

from flask import Flask, Response

from app.web.dashboard.access import auth

#: The most files that are sent at once to readers without a session: live pictures and updates of
#: the owner take up to 36 of the 60 threads.
MOST_FILES = 20
#: The longest time for one of them.
_FILE_S = 30.0


def guard(app: Flask) -> None:
    """Let those without a session load only a few files of *app* at once."""
    free = threading.BoundedSemaphore(MOST_FILES)

    def bound(response: Response) -> Response:
        if not response.direct_passthrough or auth.may_see():
            return response
        if not free.acquire(blocking=False):
            response.close()
            return Response("429 Too Many Requests: try again.\n", 429, {"Retry-After": "1"})
        response.call_on_close(free.release)
        _limit(response)
        return response

    app.after_request(bound)


def _limit(response: Response) -> None:
    """Let the file of *response* end after `_FILE_S`, and be closed when its sending ends."""
    whole = response.response
    # A file that is passed through is closed without a notice to the response.
    response.direct_passthrough = False
    response.call_on_close(getattr(whole, "close", lambda: None))
    response.response = _until(response.iter_encoded(), time.monotonic() + _FILE_S)


def _until(parts: Iterable[bytes], end_s: float) -> Iterator[bytes]:
    for part in parts:
        if time.monotonic() > end_s:
            raise TimeoutError("the reader of a file is too slow")
        yield part
