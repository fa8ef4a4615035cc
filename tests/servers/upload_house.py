"""An uploader as a process, and all that it works with."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis

from app import protocol
from app.protocol import EventRecord, Fact
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.uploads.events import make_event
from tests.waiting import until

#: The disk of whoever runs this may be fuller than ours is to be.
QUIET_DISK = "disk: {min_free_gb: 0}\n"


class UploadHouse:
    """An uploader, the Redis that it speaks to, and the folder that it empties."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.state = State(server.url)
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.uploader = Program("app.daemons.uploader", write_config(folder, server.url))

    def configure(self, more: str, disk: str = QUIET_DISK) -> None:
        write_config(self.data_dir.parent, self.server.url, more + disk)

    def start(self) -> None:
        self.uploader.start()
        self.uploader.wait_until_beating(self.server.url)

    def event(self, minutes_ago: float, *names: str, label: str | None = None) -> Path:
        """The folder of an event on disk, of which Redis knows."""
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        event = protocol.event_id(at, "front")
        fact = Fact(f"{event}-motion_started", "motion_started", at, "Motion.", "front", event)
        self.state.publish(fact, EventRecord("front", protocol.event_started_at(event)), b"jpeg")
        return make_event(self.data_dir, event, *names, label=label)

    def still(self, number: int) -> Path:
        folder = self.data_dir / "stills"
        folder.mkdir(exist_ok=True)
        path = folder / f"20261120T1015{number:02}.000Z-front.jpg"
        path.write_bytes(b"still %d" % number * 100)
        return path

    def counter(self, name: str) -> Any:
        """What the newest heartbeat says; SIGHUP asks for one, and for a look at what is new."""
        beat = self.uploader.heartbeat(self.server.url)
        return beat and beat.counters.get(name)

    def trouble(self) -> str:
        beat = self.uploader.heartbeat(self.server.url)
        return beat.last_error.what if beat and beat.last_error else ""

    def facts(self, *kinds: str) -> list[Fact]:
        """What was told of these *kinds*."""
        told = [protocol.decode(Fact, stored["fact"]) for _, stored in self.redis.xrange("events")]
        return [fact for fact in told if fact.kind in kinds]

    def look(self) -> None:
        """Have the uploader look for what is new now, and beat."""
        self.uploader.signal(signal.SIGHUP)

    def await_beat(self, found: Callable[[], object], what: str) -> None:
        """Wait until a heartbeat is as it should be; they are asked for every now and then."""
        look_at_s = 0.0

        def look() -> object:
            nonlocal look_at_s
            if time.monotonic() > look_at_s:
                look_at_s = time.monotonic() + 0.5
                self.look()
            return found()

        until(look, what)

    def close(self) -> None:
        self.redis.close()
        self.state.close()
