"""A Redis whose disk is full goes on from memory, and keeps its log again when there is room."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from app.clock import FakeClock
from app.daemons.uploader import redis_disk
from app.daemons.uploader.redis_disk import CHECK_EVERY_S, RedisDisk
from app.errors import StateUnavailable
from app.state import State
from tests.servers.redis_server import RedisServer
from tests.servers.small_disk import SmallDisk
from tests.waiting import until


class House:
    """A Redis with its files on a small disk, and who looks after it."""

    def __init__(self, disk: SmallDisk, server: RedisServer) -> None:
        self.disk = disk
        self.server = server
        self.clock = FakeClock()
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        self.keeper = RedisDisk(self.state, server.url, disk.path, self.clock)

    def look(self) -> None:
        self.clock.advance(CHECK_EVERY_S)
        self.keeper.step()

    def trouble(self) -> str:
        """What is said to be wrong."""
        return self.keeper.trouble or ""

    def fill(self) -> None:
        """Fill the disk, and let Redis notice."""
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
def house(disk: SmallDisk) -> Iterator[House]:
    with RedisServer(disk.path, "--appendonly", "yes") as server:
        made = House(disk, server)
        yield made
        made.close()


def test_redis_uses_memory_until_the_disk_has_room(
    house: House,
) -> None:
    house.state.set_switch("home", True)
    house.fill()
    with pytest.raises(StateUnavailable, match="MISCONF"):
        house.state.set_switch("home", False)
    house.look()
    house.state.set_switch("home", False)
    assert not house.keeps_log()
    assert "in memory only" in house.trouble()
    house.look()
    assert "in memory only" in house.trouble()
    house.disk.empty()
    house.look()
    assert (house.keeps_log(), house.trouble()) == (True, "")
    until(
        lambda: not house.raw.info("persistence")["aof_rewrite_in_progress"],
        "the log is written anew",
    )
    assert house.raw.info("persistence")["aof_last_bgrewrite_status"] == "ok"


def test_a_later_run_switches_the_log_on_again(
    house: House,
) -> None:
    house.fill()
    house.look()
    house.keeper = RedisDisk(house.state, house.server.url, house.disk.path, house.clock)
    house.disk.empty()
    house.look()
    assert house.keeps_log()


class LastWords:
    """A way to *server* that ends, as whoever goes it would, with the first message that has
    *words* in it.
    """

    def __init__(self, folder: Path, server: RedisServer, words: bytes) -> None:
        self.url = f"unix://{folder}/way"
        self._to = server.url.removeprefix("unix://")
        self._words = words
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(f"{folder}/way")
        self._door.listen()
        threading.Thread(target=self._lead, daemon=True).start()

    def _lead(self) -> None:
        with self._door, socket.socket(socket.AF_UNIX) as server, self._door.accept()[0] as client:
            server.connect(self._to)
            while (message := client.recv(65536)) and self._words not in message:
                server.sendall(message)
                client.sendall(server.recv(65536))
            server.sendall(message)
            server.recv(1)


def test_a_kill_while_the_log_is_switched_off_leaves_a_record(house: House) -> None:
    house.fill()
    doomed = State(LastWords(house.disk.path.parent, house.server, b"CONFIG").url)
    with pytest.raises(StateUnavailable, match="closed"):
        RedisDisk(doomed, house.server.url, house.disk.path, house.clock).step()
    doomed.close()
    house.disk.empty()
    assert not house.keeps_log()
    house.look()
    assert house.keeps_log()


def test_a_log_that_the_owner_switched_off_stays_off(house: House) -> None:
    house.raw.config_set("appendonly", "no")
    for _ in range(3):
        house.look()
    assert not house.keeps_log()


def test_a_restarted_redis_keeps_its_log_until_it_refuses(house: House) -> None:
    house.fill()
    house.look()
    house.server.kill()
    house.server.start()
    house.look()
    assert house.keeps_log()
    until(house.refuses, "it refuses again")
    house.look()
    assert not house.keeps_log()
    house.disk.empty()
    house.look()
    assert house.keeps_log()


def test_a_failed_snapshot_does_not_stop_writes(disk: SmallDisk) -> None:
    with RedisServer(disk.path, "--save", "3600 1") as server:
        house = House(disk, server)
        disk.fill()
        house.raw.set("a", "a" * 100_000)
        house.raw.bgsave()
        until(
            lambda: house.raw.info("persistence")["rdb_last_bgsave_status"] == "err",
            "the picture fails",
        )
        assert house.refuses()
        house.look()
        assert not house.refuses()
        disk.empty()
        house.look()
        assert not house.refuses()
        house.raw.bgsave()
        until(
            lambda: house.raw.info("persistence")["rdb_last_bgsave_status"] == "ok",
            "the next picture is whole",
        )
        house.look()
        assert house.raw.config_get("stop-writes-on-bgsave-error") == {
            "stop-writes-on-bgsave-error": "yes"
        }
        house.close()


def test_log_and_snapshots_are_both_switched_off(disk: SmallDisk) -> None:
    with RedisServer(disk.path, "--appendonly", "yes", "--save", "3600 1") as server:
        house = House(disk, server)
        house.raw.set("a", "a" * 100_000)
        house.fill()
        house.look()
        assert not house.refuses()
        house.raw.bgsave()
        until(
            lambda: house.raw.info("persistence")["rdb_last_bgsave_status"] == "err",
            "the picture fails",
        )
        assert house.refuses()
        house.look()
        assert not house.refuses()
        disk.empty()
        house.look()
        assert (house.keeps_log(), "in memory only" in house.trouble()) == (True, True)
        until(
            lambda: not house.raw.info("persistence")["aof_rewrite_in_progress"],
            "the log is written anew",
        )
        house.raw.bgsave()
        until(
            lambda: house.raw.info("persistence")["rdb_last_bgsave_status"] == "ok",
            "the next picture is whole",
        )
        house.look()
        assert house.raw.config_get("stop-writes-on-bgsave-error") == {
            "stop-writes-on-bgsave-error": "yes"
        }
        assert house.trouble() == ""
        house.close()


def test_a_redis_that_forbids_changes_is_reported_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.raw.acl_setuser(
        "default", enabled=True, nopass=True, commands=["+@all", "-config"], keys=["*"]
    )
    house.fill()
    for _ in range(3):
        house.look()
    assert "its settings may not be changed" in house.trouble()
    assert caplog.text.count("its settings may not be changed") == 1
    house.disk.empty()
    until(lambda: not house.refuses(), "Redis writes again by itself")
    house.look()
    assert house.trouble() == ""


def test_a_disk_that_cannot_be_asked_counts_as_full(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.fill()

    def gone(_: Path) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(redis_disk, "free_bytes", gone)
        house.look()
        assert not house.keeps_log()
        house.disk.empty()
        house.look()
        assert not house.keeps_log()
    house.look()
    assert house.keeps_log()


def test_a_redis_on_another_machine_is_left_alone(house: House) -> None:
    house.keeper = RedisDisk(
        house.state, "rediss://redis.example.org:6380/0", house.disk.path, house.clock
    )
    house.fill()
    house.look()
    assert (house.keeps_log(), house.trouble()) == (True, "")


def test_a_nearly_full_disk_is_checked_more_often(
    house: House,
) -> None:
    house.keeper.step()
    house.fill()
    house.clock.advance(2.5)
    house.keeper.step()
    assert not house.keeps_log()


def test_a_redis_that_forbids_info_is_left_alone(
    redis_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with redis.Redis.from_url(redis_server.url) as raw, closing(State(redis_server.url)) as state:
        raw.acl_setuser("default", enabled=True, commands=["-info"])
        keeper = RedisDisk(state, redis_server.url, tmp_path, clock)
        for _ in range(3):
            clock.advance(CHECK_EVERY_S)
            keeper.step()
        raw.acl_setuser("default", enabled=True, commands=["+info"])
    assert keeper.trouble is None
    assert caplog.text.count("is not looked after") == 1
