"""A house with people, a scripted router, and its program, stepped on a test's own clock."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import redis
import yaml

from app import protocol
from app.clock import FakeClock
from app.daemons.who_is_home.daemon import WhoIsHome
from app.protocol import ArmedBy, Fact
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer

ANNA, BEN = "aa:aa:aa:aa:aa:aa", "ba:ba:ba:ba:ba:ba"
#: By day, because by night a wait that is not learned yet is the longest.
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOME = {"home": "True", "camera_status": "False"}
AWAY = {"home": "False", "camera_status": "True"}


class Home:
    """A house with two people, a scripted router, and a Redis; a test advances the clock."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.folder = folder
        self.server = server
        self.clock = FakeClock(NOON)
        self.router = folder / "router.json"
        self.config = write_config(folder, server.url)
        self.configure()
        self.state = State(server.url, 0.5)
        self.state.initialise_switches()
        self.sees()
        self.program = self.new_program()

    def configure(
        self, more: str = "", anna: tuple[str, ...] = (ANNA,), ben: tuple[str, ...] = (BEN,)
    ) -> None:
        people = {"anna": {"macs": list(anna)}, "ben": {"macs": list(ben)}}
        presence = {
            "people": people,
            "router": {"backend": "scripted", "scripted": {"file": str(self.router)}},
        }
        write_config(self.folder, self.server.url, yaml.safe_dump({"presence": presence}) + more)

    def new_program(self) -> WhoIsHome:
        return WhoIsHome(self.config, clock=self.clock)

    def sees(self, *macs: str, also: str = "02:00:00:00:00:01") -> None:
        """Connect the devices *macs*, and a television."""
        self.router.write_text(json.dumps([{"mac": mac} for mac in (also, *macs)]))

    def fails(
        self, why: str = "no route to host", how: Literal["fails", "refuses"] = "fails"
    ) -> None:
        self.router.write_text(json.dumps({how: why}))

    def hangs(self) -> None:
        """Let the router hang until the next `sees`."""
        self.router.unlink()
        os.mkfifo(self.router)

    def poll(self) -> float:
        wait_s = self.program.attempt()
        self.clock.advance(wait_s)
        return wait_s

    def live(self, seconds: float) -> None:
        """Let *seconds* pass, with polls when the program asks for them."""
        until_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until_s:
            self.poll()

    def restart(self) -> None:
        self.program.close()
        self.program.state.close()
        self.program = self.new_program()

    def switches(self) -> dict[str, str | None]:
        names = ("home", "camera_status")
        return dict(zip(names, self.state.read_strings(*names), strict=True))

    def facts(self, *kinds: str) -> list[str]:
        """Return the texts of the alerts on the stream."""
        with redis.Redis.from_url(self.server.url) as raw:
            entries: Any = raw.xrange("events")
        facts = [protocol.decode(Fact, stored[b"fact"]) for _, stored in entries]
        return [fact.text for fact in facts if fact.alert and (not kinds or fact.kind in kinds)]

    def armed_by(self) -> ArmedBy | None:
        return self.state.get("armed_by", ArmedBy)


def trouble(home: Home) -> str:
    """Return the trouble in the heartbeat."""
    return home.program.trouble.what if home.program.trouble else ""


def sets(home: Home, seconds: float) -> int:
    """Return the number of writes to Redis while *seconds* pass."""
    with redis.Redis.from_url(home.server.url) as raw:
        before = _sets(raw)
        home.live(seconds)
        return _sets(raw) - before


def _sets(raw: redis.Redis) -> int:
    stats: Any = raw.info("commandstats")
    return sum(stats[name]["calls"] for name in ("cmdstat_set", "cmdstat_mset") if name in stats)


def everything_in(server: RedisServer) -> str:
    """Return the whole content of a Redis."""
    with redis.Redis.from_url(server.url, decode_responses=True) as raw:
        read: dict[str, Any] = {
            "string": raw.get,
            "hash": raw.hgetall,
            "set": raw.smembers,
            "stream": raw.xrange,
        }
        keys: Any = raw.keys("*")
        return str({key: read[raw.type(key)](key) for key in keys})
