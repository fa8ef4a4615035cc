"""The count of logins from each address, so that nobody can guess a password."""

from typing import cast

from app import protocol
from app.state import scripts
from app.state.base_state import BaseState
from app.state.connection import TIMEOUT_S, talking


class LoginState(BaseState):
    """The part of the state about people who log in to the dashboard."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._count_login = self._redis.register_script(scripts.COUNT_LOGIN)

    def count_login(self, address: str) -> int:
        """Count a login from *address* before its password is checked, and return 0.

        After `LOGIN_FAILURES_MOST` of them it returns the seconds until the next one is accepted.
        """
        key = protocol.login_failures_key(address)
        limits = [protocol.LOGIN_FAILURES_MOST, protocol.LOGIN_FAILURES_LIFE_S]
        return self._write([key], lambda: cast(int, self._count_login(keys=[key], args=limits)))

    def forget_logins(self, address: str) -> None:
        """Forget the logins from *address*: the last one had the right password."""
        with talking():
            self._redis.delete(protocol.login_failures_key(address))
