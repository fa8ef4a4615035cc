"""The switches of the house, its snooze, and its records that change together."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from app import protocol
from app.errors import ProtocolError
from app.protocol import ArmedBy, Fact, Record, Request
from app.state import scripts
from app.state.base_state import BaseState
from app.state.connection import TIMEOUT_S, talking


class HouseState(BaseState):
    """The part of the state about the house as a whole."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._commit = self._redis.register_script(scripts.COMMIT)

    def initialise_switches(self) -> None:
        """Set each switch that nobody has set yet to its first value."""
        with talking(), self._redis.pipeline() as pipe:
            for name, value in protocol.SWITCHES.items():
                pipe.set(name, str(value), nx=True)
            pipe.execute()

    def set_switch(self, name: str, value: bool, changed: ArmedBy | None = None) -> None:
        """Set one switch of the house, and store *changed* as its last change."""
        self.set_switches({name: value}, changed)

    def set_switches(self, values: Mapping[str, bool], changed: ArmedBy | None = None) -> None:
        """Set several switches of the house at once, and store *changed* as their last change."""
        words = _switch_words(values, changed)
        with talking():
            self._redis.mset(words)

    def snooze(self, until: datetime, life_s: int, announcement: Request | None = None) -> None:
        """Hold alerts back until *until*, and put *announcement* on the stream in the same step.

        Redis drops the snooze after *life_s* seconds.
        """
        value = until.isoformat()
        self._announce(announcement, lambda pipe: pipe.set("snoozed_until", value, ex=life_s))

    def end_snooze(self, announcement: Request | None = None) -> None:
        """Stop holding alerts back, and put *announcement* on the stream in the same step."""
        self._announce(announcement, lambda pipe: pipe.delete("snoozed_until"))

    def commit(
        self,
        records: Mapping[str, Record],
        switches: Mapping[str, bool] | None = None,
        changed: ArmedBy | None = None,
        fact: Fact | None = None,
    ) -> None:
        """Store *records* by their keys, set *switches* as *changed* says, and publish *fact*.

        Redis does all of it or nothing. A fact that was published before changes nothing: perhaps
        only the answer was lost.
        """
        words = {key: protocol.encode(stored) for key, stored in records.items()} | _switch_words(
            switches or {}, changed
        )
        encoded = protocol.encode(fact) if fact else ""
        keys = [protocol.published_key(fact.id if fact else ""), "events", *words]
        values: list[str | int] = [protocol.PUBLISHED_LIFE_S, encoded, *words.values()]
        length = self._write(keys[:2], lambda: cast(int, self._commit(keys=keys, args=values)))
        self._trim_sometimes("events", length)


def _switch_words(values: Mapping[str, bool], changed: ArmedBy | None) -> dict[str, str]:
    """Return the values by key that set the switches to *values*."""
    unknown = sorted(values.keys() - protocol.SWITCHES.keys())
    if unknown:
        raise ProtocolError(
            f"{unknown[0]} is not a switch; the switches are {', '.join(protocol.SWITCHES)}"
        )
    words = {name: str(value) for name, value in values.items()}
    if changed:
        words |= {protocol.changed_by_key(name): protocol.encode(changed) for name in values}
    return words
