"""Redis starts whatever has happened to its log and its disk, and nothing is deleted."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.launcher import redis_traces
from tests.servers.small_disk import SmallDisk
from tests.servers.started_redis import StartedRedis

GARBAGE = b"\x00\xff" * 10


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="starter-") as folder:
        yield Path(folder)


@pytest.fixture
def redis(home: Path) -> Iterator[StartedRedis]:
    with StartedRedis(home, home) as started:
        yield started.start()


def numbered(*numbers: range) -> set[str]:
    return {f"k{number}" for some in numbers for number in some}


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def test_data_before_a_damaged_place_is_used(redis: StartedRedis) -> None:
    redis.fill()
    redis.rewrite()
    redis.fill(100)
    redis.kill()
    log = redis.file("*.incr.aof")
    damaged = log.read_bytes()
    overwrite(log, len(damaged) // 2, GARBAGE)
    redis.start()
    assert numbered(range(145)) <= redis.names()
    (trace,) = redis.traces()
    assert trace.kept
    kept = Path(trace.kept)
    assert (kept / "appendonlydir" / log.name).read_bytes()[: len(damaged) // 2] == (
        damaged[: len(damaged) // 2]
    )
    lost = 200 - len(redis.names())
    assert 40 < lost < 60
    assert f"about {lost - 1} later changes are lost" in trace.text
    assert str(kept) in redis.said()
    redis.raw.set("later", "1")
    redis.kill().start()
    assert "later" in redis.names()
    assert len(redis.traces()) == 1


def test_a_command_of_the_right_form_that_redis_refuses_is_cut(redis: StartedRedis) -> None:
    redis.fill()
    redis.kill()
    log = redis.file("*.incr.aof")
    at = log.read_bytes().index(b"SET\r\n$3\r\nk70")
    overwrite(log, at, b"SEX")
    redis.start()
    assert redis.names() == numbered(range(70))
    assert "about 30 later changes are lost" in redis.traces()[0].text


def test_a_length_that_claims_the_rest_of_the_log_is_reported(redis: StartedRedis) -> None:
    redis.fill()
    redis.kill()
    log = redis.file("*.incr.aof")
    content = log.read_bytes()
    at = content.index(b"$8\r\nvalue-50")
    log.write_bytes(content[:at] + b"$88888" + content[at + 2 :])
    redis.start()
    assert redis.names() == numbered(range(50))
    assert "about 50 later changes are lost" in redis.traces()[0].text


@pytest.mark.parametrize(
    "tail",
    [
        b"*3\r\n$3\r\nSET\r\n$5\r\nhalf",
        bytes(500),
        b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$3\r\nDEL",
    ],
)
def test_an_unfinished_end_is_cut_off_without_a_notice(redis: StartedRedis, tail: bytes) -> None:
    redis.fill()
    redis.kill()
    log = redis.file("*.incr.aof")
    with log.open("ab") as file:
        file.write(tail)
    redis.start()
    assert redis.names() == numbered(range(100))
    assert redis.traces() == []
    (kept,) = redis.folder.glob("cut-*.aof")
    assert kept.read_bytes() == tail


def damage_base(redis: StartedRedis) -> None:
    overwrite(base := redis.file("*.base.rdb"), base.stat().st_size // 2, GARBAGE)


def remove_base(redis: StartedRedis) -> None:
    redis.file("*.base.rdb").unlink()


def newer_base(redis: StartedRedis) -> None:
    overwrite(redis.file("*.base.rdb"), 5, b"9999")


@pytest.mark.parametrize("damage", [damage_base, remove_base, newer_base])
def test_without_its_base_the_newer_part_is_used(redis: StartedRedis, damage: Any) -> None:
    redis.fill()
    redis.rewrite()
    redis.fill(100)
    redis.kill()
    damage(redis)
    redis.start()
    assert redis.names() == numbered(range(100, 200))
    assert Path(redis.traces()[0].kept or "").is_dir()


@pytest.mark.parametrize("content", [b"file appendonly.aof.1.ba", None])
def test_a_damaged_list_of_files_loses_nothing(redis: StartedRedis, content: bytes | None) -> None:
    redis.fill()
    redis.rewrite()
    redis.fill(100)
    redis.kill()
    manifest = redis.file("*.manifest")
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    redis.start()
    assert redis.names() == numbered(range(200))
    assert len(redis.traces()) == 1


def test_a_log_of_nothing_but_garbage_is_kept_and_redis_runs(redis: StartedRedis) -> None:
    redis.fill()
    redis.kill()
    for file in redis.folder.glob("appendonlydir/*"):
        file.write_bytes(GARBAGE)
    redis.start()
    assert redis.names() == set()
    assert "Nothing in it could be used" in redis.traces()[0].text


def test_a_start_that_is_killed_while_it_repairs_is_finished(redis: StartedRedis) -> None:
    redis.fill()
    redis.kill()
    kept = redis.folder / "damaged-1"
    view = redis.folder / ".repaired-damaged-1"
    shutil.copytree(redis.folder / "appendonlydir", view / "appendonlydir")
    kept.mkdir()
    (redis.folder / "appendonlydir").rename(kept / "appendonlydir")
    (redis.folder / ".repaired-damaged-2").mkdir()
    redis.start()
    assert redis.names() == numbered(range(100))
    assert (kept / "appendonlydir").is_dir()
    assert not list(redis.folder.glob(".repaired-*"))


def test_a_log_that_loads_is_left_as_it_is(redis: StartedRedis) -> None:
    redis.fill()
    redis.kill()
    before = {path.name: path.stat().st_ino for path in redis.folder.rglob("*")}
    redis.start()
    assert {path.name: path.stat().st_ino for path in redis.folder.rglob("*")} == before


def test_the_single_file_of_redis_6_is_repaired_too(redis: StartedRedis) -> None:
    redis.fill()
    redis.rewrite()
    redis.fill(100)
    redis.kill()
    tail = redis.file("*.incr.aof").read_bytes()
    content = redis.file("*.base.rdb").read_bytes() + tail
    shutil.rmtree(redis.folder / "appendonlydir")
    single = redis.folder / "appendonly.aof"
    single.write_bytes(content)
    overwrite(single, len(content) - len(tail) // 2, GARBAGE)
    redis.start()
    assert numbered(range(145)) <= redis.names()
    (trace,) = redis.traces()
    assert (Path(trace.kept or "") / "appendonly.aof").is_file()


def test_on_a_read_only_disk_redis_starts_with_its_data(home: Path) -> None:
    with SmallDisk(home / "d", 24) as disk, StartedRedis(disk.path, home) as redis:
        redis.start().fill()
        redis.kill()
        disk.let_write(False)
        redis.start()
        redis.raw.set("new", "1")
        assert redis.names() == numbered(range(100)) | {"new"}
        trace = redis_traces.read_no_log(redis.memory)
        assert trace
        assert (trace.pid, trace.whole) == (redis.pid, True)
        assert "Read-only file system" in trace.text
        redis.kill()
        disk.let_write(True)
        overwrite(log := redis.file("*.incr.aof"), log.stat().st_size // 2, GARBAGE)
        disk.let_write(False)
        redis.start()
        assert numbered(range(40)) <= redis.names()
        trace = redis_traces.read_no_log(redis.memory)
        assert trace
        assert not trace.whole
        redis.kill()
        disk.let_write(True)


def test_without_its_disk_redis_starts_empty(home: Path) -> None:
    with SmallDisk(home / "d", 24) as disk, StartedRedis(disk.path, home) as redis:
        redis.start().fill()
        redis.kill()
        disk.pull()
        disk.path.rmdir()
        disk.path.touch()
        redis.start()
        redis.raw.set("new", "1")
        redis.kill()
        disk.path.unlink()
        disk.path.mkdir()
        disk.put_back()


def test_a_folder_of_somebody_else_in_memory_is_not_used(redis: StartedRedis) -> None:
    redis.kill()
    shutil.rmtree(redis.memory)
    redis.memory.mkdir(0o777)
    redis.memory.chmod(0o777)
    redis.start()
    redis.raw.set("new", "1")
    assert not list(redis.memory.iterdir())
