"""Keeps Redis taking what it is told while its disk is full.

Redis keeps its log on the same card as the pictures, and refuses every write when it cannot append
to that log. No alert would go out. So it is told to go on from memory, and to keep its log again
when there is room, which writes all it knows anew. What was done is noted in Redis itself: it is
there for as long as that server runs, and no longer holds when it starts anew, with its settings as
they were. The note goes in one message with the order, which it cannot precede, since before it
Redis takes nothing.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app import protocol
from app.clock import Clock
from app.errors import ProtocolError
from app.files import free_bytes
from app.state import State
from app.state.address import is_here

CHECK_EVERY_S = 15.0
#: How often it is asked while the disk is all but full.
ANXIOUS_EVERY_S = 2.0
_ANXIOUS_BYTES = 32 * 2**20
#: What must be free besides twice what Redis holds, for its log to be written anew.
_ROOM_BYTES = 8 * 2**20
#: The settings that make a server refuse what it cannot write to its log, and to a picture of its
#: whole memory.
_LOG, _PICTURES = "appendonly", "stop-writes-on-bgsave-error"

_log = logging.getLogger(__name__)


class RedisDisk:
    """Looks after the Redis at *url*, if it is this machine's; *data_dir* lies on the disk that may
    be full.
    """

    def __init__(self, state: State, url: str, data_dir: Path, clock: Clock) -> None:
        self._state = state
        self._is_ours = is_here(url)
        self._data_dir = data_dir
        self._clock = clock
        self._note = f"redis-{protocol.host_name()}"
        self._looked_s = -math.inf
        self._every_s = CHECK_EVERY_S
        #: What is wrong, None when nothing is.
        self.trouble: str | None = None

    def step(self) -> None:
        """Look, if it is time. May raise `StateUnavailable`."""
        now_s, free = self._clock.monotonic(), self._free()
        if not self._is_ours or now_s - self._looked_s < (
            ANXIOUS_EVERY_S if free < _ANXIOUS_BYTES else self._every_s
        ):
            return
        self._looked_s, self._every_s = now_s, CHECK_EVERY_S
        try:
            facts = self._state.server_facts()
        except ProtocolError as error:
            _log.warning("how Redis fares with its disk is not looked after: %s", error)
            self._is_ours = False
            return
        noted = self._state.delivery_marks(self._note)
        away = [setting for setting in (_LOG, _PICTURES) if noted.get(setting)]
        if refusing := [setting for setting in _refusing(facts) if setting not in away]:
            self._leave_disk(refusing)
            return
        still_away = [setting for setting in away if not self._is_back(setting, facts, free)]
        if not still_away:
            self.trouble = None

    def hurry(self) -> None:
        """Redis has refused something: look soon."""
        self._every_s = ANXIOUS_EVERY_S

    def _free(self) -> int:
        """How many bytes are free; 0 on a disk that does not even say, such as one that was
        pulled.
        """
        try:
            return free_bytes(self._data_dir)
        except OSError:
            return 0

    def _leave_disk(self, settings: list[str]) -> None:
        try:
            self._state.set_server_and_mark(dict.fromkeys(settings, "no"), self._note)
        except ProtocolError as error:
            self._complain(
                "Redis takes nothing, since its disk does not, and may not be told to do without: "
                f"{error}"
            )
            return
        self._complain(
            "the disk takes nothing, so Redis keeps what it knows in memory only until it does"
        )

    def _is_back(self, setting: str, facts: Mapping[str, Any], free: int) -> bool:
        """Undo what was done if there is room; it is undone already in a server that has started
        anew.
        """
        self.trouble = (
            self.trouble or "Redis keeps what it knows in memory only until the disk takes it"
        )
        # Lest it be forgotten.
        self._state.mark_delivery(self._note, {setting: "no"})
        waits = setting == _PICTURES and facts.get("rdb_last_bgsave_status") == "err"
        if waits or free < 2 * int(facts.get("used_memory", 0)) + _ROOM_BYTES:
            return False
        try:
            self._state.set_server(setting, "yes")
        except ProtocolError as error:
            self._complain(
                "Redis keeps what it knows in memory only, for it cannot keep its log again: "
                f"{error}"
            )
            return False
        self._state.mark_delivery(self._note, {setting: ""})
        _log.info(
            "there is room on the disk, and Redis keeps what it knows there again (%s)", setting
        )
        return True

    def _complain(self, what: str) -> None:
        if self.trouble != what:
            _log.error("%s", what)
        self.trouble = what


def _refusing(facts: Mapping[str, Any]) -> Iterator[str]:
    """The settings that have the server with these *facts* refuse what it cannot write to disk."""
    if facts.get("aof_enabled") and facts.get("aof_last_write_status") == "err":
        yield _LOG
    if facts.get("rdb_last_bgsave_status") == "err":
        yield _PICTURES
