"""An uploader, here or as a process of its own, and all that it works with."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import redis

from app import protocol
from app.config import load_config
from app.daemons.uploader.daemon import Uploader
from app.protocol import Counters, EventRecord, Fact, by_label
from app.state import State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.uploads.events import make_event
from tests.waiting import until

#: The disk of a developer may be fuller than a Pi's.
NO_LIMIT = "disk: {min_free_gb: 0}\n"

Found = TypeVar("Found")


class UploaderScene:
    """An uploader that the test lets take its steps, its Redis, and the folder that it empties."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.state = State(server.url)
        self.redis: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.config = write_config(folder, server.url)
        self._daemon: Uploader | None = None

    @property
    def daemon(self) -> Uploader:
        """The uploader that runs now."""
        assert self._daemon
        return self._daemon

    def configure(self, more: str, disk: str = NO_LIMIT) -> None:
        """Write the configuration, with *more* YAML."""
        write_config(self.data_dir.parent, self.server.url, more + disk)

    def start(self) -> None:
        """Start an uploader, in place of the one that runs."""
        self.stop()
        self._daemon = Uploader(self.config)
        self._daemon.attempt()

    def stop(self) -> None:
        """End the uploader that runs, if any."""
        if self._daemon:
            self._daemon.close()
            self._daemon.state.close()
        self._daemon = None

    def reload(self) -> None:
        """Have the uploader read its configuration again, and search for new files now."""
        self.daemon.config = load_config(self.config)
        self.daemon.configure()

    def until(self, found: Callable[[], Found | None], what: str) -> Found:
        """Let the uploader take steps until *found* returns something true; returns that."""

        def step_and_look() -> Found | None:
            self.daemon.attempt()
            return found()

        return until(step_and_look, what)

    def counter(self, name: str, store: str | None = None) -> Any:
        """Return what the next heartbeat would say."""
        return _figure(self.daemon.counters(), name, store)

    def trouble(self) -> str:
        """Return the trouble that the next heartbeat would report."""
        return self.daemon.trouble.what if self.daemon.trouble else ""

    def event(self, minutes_ago: float, *names: str, label: str | None = None) -> Path:
        """Make an event on disk, and publish it; returns its folder."""
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        event = protocol.event_id(at, "front")
        fact = Fact(f"{event}-motion_started", "motion_started", at, "Motion.", "front", event)
        self.state.publish(fact, EventRecord("front", protocol.event_started_at(event)), b"jpeg")
        return make_event(self.data_dir, event, *names, label=label)

    def still(self, number: int) -> Path:
        """Make a picture that waits for Dropbox; returns its path."""
        folder = self.data_dir / "stills"
        folder.mkdir(exist_ok=True)
        path = folder / f"20261120T1015{number:02}.000Z-front.jpg"
        path.write_bytes(b"still %d" % number * 100)
        return path

    def facts(self, *kinds: str) -> list[Fact]:
        """Return the published facts of these *kinds*."""
        entries = self.redis.xrange("events")
        facts = [protocol.decode(Fact, stored["fact"]) for _, stored in entries]
        return [fact for fact in facts if fact.kind in kinds]

    def close(self) -> None:
        """End everything."""
        self.stop()
        self.redis.close()
        self.state.close()


class UploaderProcess(Program):
    """The uploader of *scene* as a process of its own."""

    def __init__(self, scene: UploaderScene) -> None:
        super().__init__("app.daemons.uploader", scene.config)
        self._redis_url = scene.server.url

    def counter(self, name: str, store: str | None = None) -> Any:
        """Return what its newest heartbeat says."""
        beat = self.heartbeat(self._redis_url)
        return beat and _figure(beat.counters, name, store)

    def await_beat(self, found: Callable[[], object], what: str) -> None:
        """Wait for a heartbeat by which *found* is true; SIGHUP asks for one twice a second."""
        ask_at_s = 0.0

        def ask_and_look() -> object:
            nonlocal ask_at_s
            if time.monotonic() > ask_at_s:
                ask_at_s = time.monotonic() + 0.5
                self.signal(signal.SIGHUP)
            return found()

        until(ask_and_look, what)


def _figure(counters: Counters, name: str, store: str | None) -> Any:
    return by_label(counters, name).get(store) if store else counters.get(name)
