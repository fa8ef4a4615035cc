"""The Redis server itself: its facts, its settings, and the names of its keys."""

from collections.abc import Mapping
from typing import Any, cast

from app import protocol
from app.state.base_state import BaseState
from app.state.connection import permitted, talking


class ServerState(BaseState):
    """The part of the state about the server. Redis's access rules may deny us all of it."""

    def server_facts(self) -> dict[str, Any]:
        """Return Redis's INFO; `ProtocolError` when this user may not ask for it."""
        with talking(), permitted():
            return self._redis.info()

    def server_setting(self, name: str) -> str:
        """Return a setting of the server; `ProtocolError` when this user may not ask for it."""
        with talking(), permitted():
            return str(cast(dict[str, str], self._redis.config_get(name))[name])

    def some_keys(self, most: int) -> list[str]:
        """Return the names of about *most* keys; `ProtocolError` when this user may not ask."""
        names: set[str] = set()
        with talking(), permitted():
            for name in self._redis.scan_iter(count=1000):
                names.add(cast(bytes, name).decode(errors="backslashreplace"))
                if len(names) >= most:
                    break
        return sorted(names)

    def set_server(self, name: str, value: str) -> None:
        """Change a setting of the server until its next start; `ProtocolError` when it refuses."""
        with talking(), permitted():
            self._redis.config_set(name, value)

    def set_server_and_mark(self, settings: Mapping[str, str], subject: str) -> None:
        """Change all *settings* of the server, and write them as marks of *subject*.

        Both are sent in one message, so the program cannot end between them.
        """
        key = protocol.delivery_key(subject)

        def send() -> None:
            with permitted(), self._redis.pipeline(transaction=False) as pipe:
                for name, value in settings.items():
                    pipe.config_set(name, value)
                pipe.hset(key, mapping=cast(Any, dict(settings)))
                pipe.expire(key, protocol.DELIVERY_LIFE_S)
                pipe.execute()

        self._write([key], send)
