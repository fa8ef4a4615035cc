"""The house's switches as one program reads them."""

import logging

from app import protocol

_log = logging.getLogger(__name__)


class Switches:
    """The house's switches with their last good values; bad values are logged and ignored."""

    def __init__(self) -> None:
        self._values = dict(protocol.SWITCHES)
        self._reported: dict[str, str] = {}

    def read(self, name: str, found: str | None) -> bool:
        """Return the value of the switch *name*; *found* is its value in Redis."""
        if found in ("True", "False"):
            self._values[name] = found == "True"
            self._reported.pop(name, None)
        elif found is not None and self._reported.get(name) != found:
            self._reported[name] = found
            _log.warning(
                "%s is %r in Redis; it must be True or False. It stays %s.",
                name,
                found[:40],
                self._values[name],
            )
        return self._values[name]
