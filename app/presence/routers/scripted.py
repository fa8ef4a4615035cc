"""A fake router for tests, and for trying a set-up: a file lists the devices that it sees."""

import json
from datetime import datetime
from pathlib import Path

from app.clock import Clock
from app.errors import RouterError, RouterRefused
from app.presence.base import Device, Router, RouterSettings
from app.presence.routers.parsing import each_once, read_device, read_since


class ScriptedRouter(Router):
    """Reads its file at each poll. *asked* counts the polls; *closed* says whether it was closed.

    The file holds a list of objects with `mac`, `hostname`, `ip` and `connected_since` (ISO 8601),
    each of which may be left out. Instead of the list, `{"fails": "…"}` is a router that does not
    answer, and `{"refuses": "…"}` is a router that does not answer until a person acts.
    """

    def __init__(self, settings: RouterSettings, clock: Clock) -> None:
        self._path = Path(settings.scripted.file or "")
        self.name = f"the script {self._path}"
        self._clock = clock
        self.asked = 0
        self.closed = False

    def devices(self) -> list[Device]:
        self.asked += 1
        said = self._read()
        if isinstance(said, dict) and "refuses" in said:
            raise RouterRefused(f"{self.name} refuses: {said['refuses']}")
        if isinstance(said, dict) and "fails" in said:
            raise RouterError(f"{self.name} fails: {said['fails']}")
        if not isinstance(said, list):
            raise RouterError(f"{self.name} holds no list")
        return each_once([_device(one, self._clock.now()) for one in said], self.name)

    def close(self) -> None:
        self.closed = True

    def _read(self) -> object:
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RouterError(f"{self.name} cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise RouterError(f"{self.name} is not JSON") from None


def _device(said: object, now: datetime) -> Device | None:
    if not isinstance(said, dict):
        return None
    since = read_since(said.get("connected_since"), now)
    return read_device(said.get("mac"), said.get("hostname"), said.get("ip"), since)
