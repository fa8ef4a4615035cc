"""A look at the router's list that nobody has to wait for to its end."""

import threading

from app.errors import RouterError
from app.presence.base import Device, Router


class Poll:
    """Asks *router* once, in a thread of its own, since a router that hangs, or a name that nobody
    knows, can take long.

    A mistake in the asking ends the thread with its traceback in the log; `answer` then tells its
    owner.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._answer: list[Device] | RouterError | None = None
        self._thread = threading.Thread(target=self._ask, name="router", daemon=True)
        self._thread.start()

    def answer(self, within_s: float) -> list[Device] | RouterError | None:
        """What the router says, or why it doesn't; None when that is not known after *within_s*
        seconds more.
        """
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
