"""One poll of the router, in a thread of its own."""

import threading

from app.errors import RouterError
from app.presence.base import Device, Router


class Poll:
    """Asks *router* once, in a thread: a router that hangs, or an unknown host name, can take long.

    A mistake in our code ends the thread with its traceback in the log; `answer` then raises.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._answer: list[Device] | RouterError | None = None
        self._thread = threading.Thread(target=self._ask, name="router", daemon=True)
        self._thread.start()

    def answer(self, within_s: float) -> list[Device] | RouterError | None:
        """Return the router's answer or its failure; None when neither comes within *within_s*."""
        self._thread.join(within_s)
        if self._thread.is_alive():
            return None
        if self._answer is None:
            raise RuntimeError("the thread that asks the router has ended")
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = self._router.devices()
        except RouterError as error:
            self._answer = error
