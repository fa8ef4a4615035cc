"""A Redis on a full disk goes on in memory, and keeps its log again when there is room."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from app.clock import FakeClock
from app.daemons.uploader import redis_disk
from app.daemons.uploader.daemon import Uploader
from app.daemons.uploader.redis_disk import CHECK_EVERY_S, RedisDisk
from app.errors import StateUnavailable
from app.launcher import redis_traces
from app.protocol import Heartbeat
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.servers.small_disk import SmallDisk
from tests.servers.started_redis import StartedRedis
from tests.waiting import until


class Scene:
    """A Redis with its files on a small disk, and the object that looks after it."""

    def __init__(self, disk: SmallDisk, server: RedisServer) -> None:
        self.disk = disk
        self.server = server
        self.clock = FakeClock()
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.redis_disk = RedisDisk(self.state, server.url, disk.path, self.clock)

    def check(self) -> None:
        self.clock.advance(CHECK_EVERY_S)
        self.redis_disk.step()

    def trouble(self) -> str:
        """Return the reported trouble."""
        return self.redis_disk.trouble or ""

    def fill(self) -> None:
        """Fill the disk, and wait until Redis refuses writes."""
        self.disk.fill()
        until(self.refuses, "Redis refuses to write")

    def refuses(self) -> bool:
        try:
            self.raw.set("a", "a" * 5000)
        except redis.RedisError as error:
            return "MISCONF" in str(error)
        return False

    def close(self) -> None:
        self.raw.close()
        self.state.close()

    def take_snapshot(self, status: str) -> None:
        """Let Redis take a snapshot of its memory, and wait until that has ended with *status*."""
        self.raw.bgsave()
        until(
            lambda: self.raw.info("persistence")["rdb_last_bgsave_status"] == status,
            f"the snapshot ends: {status}",
        )

    def stops_writes_after_failed_snapshots(self) -> bool:
        name = "stop-writes-on-bgsave-error"
        return bool(self.raw.config_get(name) == {name: "yes"})

    def keeps_log(self) -> bool:
        return bool(self.raw.info("persistence")["aof_enabled"])


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with (
        tempfile.TemporaryDirectory(prefix="disk-") as folder,
        SmallDisk(Path(folder) / "d", 24) as mounted,
    ):
        yield mounted


@pytest.fixture
def scene(disk: SmallDisk) -> Iterator[Scene]:
    with RedisServer(disk.path, "--appendonly", "yes") as server:
        made = Scene(disk, server)
        yield made
        made.close()


def test_redis_uses_memory_until_the_disk_has_room(
    scene: Scene,
) -> None:
    scene.state.set_switch("home", True)
    scene.fill()
    with pytest.raises(StateUnavailable, match="MISCONF"):
        scene.state.set_switch("home", False)
    scene.check()
    scene.state.set_switch("home", False)
    assert not scene.keeps_log()
    assert "in memory only" in scene.trouble()
    scene.check()
    assert "in memory only" in scene.trouble()
    scene.disk.empty()
    scene.check()
    assert (scene.keeps_log(), scene.trouble()) == (True, "")
    until(
        lambda: not scene.raw.info("persistence")["aof_rewrite_in_progress"],
        "a new log is written",
    )
    assert scene.raw.info("persistence")["aof_last_bgrewrite_status"] == "ok"


def test_a_later_run_switches_the_log_on_again(
    scene: Scene,
) -> None:
    scene.fill()
    scene.check()
    scene.redis_disk = RedisDisk(scene.state, scene.server.url, scene.disk.path, scene.clock)
    scene.disk.empty()
    scene.check()
    assert scene.keeps_log()


class CutConnection:
    """A connection to *server* that ends after the first message with *text* in it.

    The client gets no answer to that message, as if it was killed.
    """

    def __init__(self, folder: Path, server: RedisServer, text: bytes) -> None:
        self.url = f"unix://{folder}/cut"
        self._to = server.url.removeprefix("unix://")
        self._text = text
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/cut")
        self._listener.listen()
        threading.Thread(target=self._forward, daemon=True).start()

    def _forward(self) -> None:
        with (
            self._listener,
            socket.socket(socket.AF_UNIX) as server,
            self._listener.accept()[0] as client,
        ):
            server.connect(self._to)
            while (message := client.recv(65536)) and self._text not in message:
                server.sendall(message)
                client.sendall(server.recv(65536))
            server.sendall(message)
            server.recv(1)


def test_a_kill_while_the_log_is_switched_off_leaves_a_record(scene: Scene) -> None:
    scene.fill()
    cut = State(CutConnection(scene.disk.path.parent, scene.server, b"CONFIG").url)
    with pytest.raises(StateUnavailable, match="closed"):
        RedisDisk(cut, scene.server.url, scene.disk.path, scene.clock).step()
    cut.close()
    scene.disk.empty()
    assert not scene.keeps_log()
    scene.check()
    assert scene.keeps_log()


def test_a_log_that_the_owner_switched_off_stays_off(scene: Scene) -> None:
    scene.raw.config_set("appendonly", "no")
    for _ in range(3):
        scene.check()
    assert not scene.keeps_log()


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "yes")],
)
def test_settings_that_somebody_changes_are_reported(
    scene: Scene, setting: str, wrong: str, right: str
) -> None:
    scene.check()
    assert scene.redis_disk.unfit is None
    scene.raw.config_set(setting, wrong)
    scene.check()
    assert f"“CONFIG SET {setting} {right}”" in (scene.redis_disk.unfit or "")
    scene.raw.config_set(setting, right)
    scene.check()
    assert scene.redis_disk.unfit is None


def test_a_restarted_redis_keeps_its_log_until_it_refuses(scene: Scene) -> None:
    scene.fill()
    scene.check()
    scene.server.kill()
    scene.server.start()
    scene.check()
    assert scene.keeps_log()
    until(scene.refuses, "it refuses again")
    scene.check()
    assert not scene.keeps_log()
    scene.disk.empty()
    scene.check()
    assert scene.keeps_log()


def test_a_failed_snapshot_does_not_stop_writes(disk: SmallDisk) -> None:
    with RedisServer(disk.path, "--save", "3600 1") as server:
        scene = Scene(disk, server)
        disk.fill()
        scene.raw.set("a", "a" * 100_000)
        scene.take_snapshot("err")
        assert scene.refuses()
        scene.check()
        assert not scene.refuses()
        disk.empty()
        scene.check()
        assert not scene.refuses()
        scene.take_snapshot("ok")
        scene.check()
        assert scene.stops_writes_after_failed_snapshots()
        scene.close()


def test_log_and_snapshots_are_both_switched_off(disk: SmallDisk) -> None:
    with RedisServer(disk.path, "--appendonly", "yes", "--save", "3600 1") as server:
        scene = Scene(disk, server)
        scene.raw.set("a", "a" * 100_000)
        scene.fill()
        scene.check()
        assert not scene.refuses()
        scene.take_snapshot("err")
        assert scene.refuses()
        scene.check()
        assert not scene.refuses()
        disk.empty()
        scene.check()
        assert (scene.keeps_log(), "in memory only" in scene.trouble()) == (True, True)
        until(
            lambda: not scene.raw.info("persistence")["aof_rewrite_in_progress"],
            "a new log is written",
        )
        scene.take_snapshot("ok")
        scene.check()
        assert scene.stops_writes_after_failed_snapshots()
        assert scene.trouble() == ""
        scene.close()


def test_a_redis_that_forbids_changes_is_reported_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.raw.acl_setuser(
        "default", enabled=True, nopass=True, commands=["+@all", "-config"], keys=["*"]
    )
    scene.fill()
    for _ in range(3):
        scene.check()
    assert "its settings may not be changed" in scene.trouble()
    assert caplog.text.count("its settings may not be changed") == 1
    scene.disk.empty()
    until(lambda: not scene.refuses(), "Redis writes again by itself")
    scene.check()
    assert scene.trouble() == ""


def test_a_disk_that_cannot_be_asked_counts_as_full(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.fill()

    def gone(_: Path) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(redis_disk, "free_bytes", gone)
        scene.check()
        assert not scene.keeps_log()
        scene.disk.empty()
        scene.check()
        assert not scene.keeps_log()
    scene.check()
    assert scene.keeps_log()


def test_a_redis_on_another_machine_is_left_alone(scene: Scene) -> None:
    scene.redis_disk = RedisDisk(
        scene.state, "rediss://redis.example.org:6380/0", scene.disk.path, scene.clock
    )
    scene.fill()
    scene.check()
    assert (scene.keeps_log(), scene.trouble()) == (True, "")


def test_a_nearly_full_disk_is_checked_more_often(
    scene: Scene,
) -> None:
    scene.redis_disk.step()
    scene.fill()
    scene.clock.advance(2.5)
    scene.redis_disk.step()
    assert not scene.keeps_log()


def test_a_redis_that_forbids_info_is_left_alone(
    redis_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with redis.Redis.from_url(redis_server.url) as raw, closing(State(redis_server.url)) as state:
        raw.acl_setuser("default", enabled=True, commands=["-info"])
        redis_disk = RedisDisk(state, redis_server.url, tmp_path, clock)
        for _ in range(3):
            clock.advance(CHECK_EVERY_S)
            redis_disk.step()
        raw.acl_setuser("default", enabled=True, commands=["+info"])
    assert redis_disk.trouble is None
    assert caplog.text.count("cannot be kept writable") == 1


@pytest.fixture
def started(disk: SmallDisk) -> Iterator[StartedRedis]:
    """A Redis that was started while its disk was read-only, with a log of an earlier run."""
    with StartedRedis(disk.path, disk.path.parent) as redis:
        redis.start().fill()
        redis.kill()
        disk.let_write(False)
        yield redis.start()
        redis.kill()
        disk.let_write(True)


def keeper(disk: SmallDisk, redis: StartedRedis, state: State) -> tuple[RedisDisk, FakeClock]:
    clock = FakeClock()
    return RedisDisk(state, redis.url, disk.path, clock), clock


def test_a_redis_that_was_started_without_a_log_gets_it_back(
    disk: SmallDisk, started: StartedRedis
) -> None:
    with closing(State(started.url)) as state:
        redis_disk, clock = keeper(disk, started, state)
        redis_disk.step()
        assert "started without its log" in (redis_disk.trouble or "")
        assert not started.raw.info("persistence")["aof_enabled"]
        state.set_switch("home", True)
        disk.let_write(True)
        clock.advance(CHECK_EVERY_S)
        redis_disk.step()
        assert (redis_disk.trouble, redis_disk.started_without_log) == (None, None)
        started.await_rewritten()
        assert redis_traces.read_no_log(started.memory) is None
        started.kill().start()
        assert {"home", "k99"} <= started.names()
        assert started.traces() == []


def test_a_log_that_was_not_loaded_is_kept_when_a_new_one_begins(
    disk: SmallDisk, started: StartedRedis
) -> None:
    started.kill()
    disk.let_write(True)
    log = started.file("*.incr.aof")
    log.write_bytes(log.read_bytes().replace(b"$7\r\nvalue-5\r\n", b"$x\r\nvalue-5\r\n"))
    disk.let_write(False)
    started.start()
    with closing(State(started.url)) as state:
        redis_disk, _ = keeper(disk, started, state)
        disk.let_write(True)
        redis_disk.step()
        started.await_rewritten()
        (trace,) = started.traces()
        assert list(Path(trace.kept or "").glob("appendonlydir/*.incr.aof"))
        started.kill().start()
        assert started.names() == {f"k{number}" for number in range(5)}


def test_a_log_that_was_away_at_the_start_is_kept(disk: SmallDisk) -> None:
    with StartedRedis(disk.path, disk.path.parent) as redis, closing(State(redis.url)) as state:
        redis.start().fill()
        redis.kill()
        redis.folder.rename(away := disk.path / "away")
        redis.start()
        state.set_switch("home", True)
        redis_disk, clock = keeper(disk, redis, state)
        redis_disk.step()
        assert "No such file" in (redis_disk.trouble or "")
        assert not redis.folder.exists()
        away.rename(redis.folder)
        clock.advance(CHECK_EVERY_S)
        redis_disk.step()
        redis.await_rewritten()
        (trace,) = redis.traces()
        (log,) = Path(trace.kept or "").glob("appendonlydir/*.incr.aof")
        assert b"value-99" in log.read_bytes()
        assert redis.kill().start().names() == {"home"}


def test_a_refused_heartbeat_does_not_keep_redis_from_recovering(
    scene: Scene, tmp_path: Path
) -> None:
    config = write_config(tmp_path, scene.server.url, "disk: {min_free_gb: 0}\n")
    uploader, now = Uploader(config), datetime.now(UTC)
    uploader.attempt()
    scene.fill()
    with pytest.raises(StateUnavailable, match="MISCONF"):
        uploader.send_heartbeat("heartbeat:uploader:pi", Heartbeat(1, now, now, {}))

    def recovers() -> bool:
        with suppress(StateUnavailable):
            uploader.step()
        return not scene.refuses()

    until(recovers, "Redis accepts writes again")
    uploader.close()
    uploader.state.close()
