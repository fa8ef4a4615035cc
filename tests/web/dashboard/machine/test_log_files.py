"""The log of each program on disk: its end, what was added since, and a search in it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.logs import Redactor
from app.web.dashboard.machine.log_files import (
    LINE_CHARS,
    SEARCH_BYTES,
    TAIL_BYTES,
    Line,
    LogPlace,
    LogReader,
    end_of_file,
)

SECRET = "correct-horse-battery"  # noqa: S105
HEAD = "2026-11-30 06:56:46"


@pytest.fixture
def reader(tmp_path: Path) -> LogReader:
    return LogReader(tmp_path, Redactor([SECRET]))


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, mode: str = "a", program: str = "notifier") -> Path:
        path = tmp_path / f"{program}.log"
        with path.open(mode, encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        return path

    return write


WriteLog = Callable[..., Path]


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def place(reader: LogReader) -> LogPlace:
    found = reader.end("notifier", 10).place
    assert found
    return found


def test_the_last_lines_have_time_and_level(reader: LogReader, log: WriteLog) -> None:
    log(
        f"{HEAD} INFO app: one",
        f"{HEAD},090 ERROR app: two",
        "    of two",
        "Timeout!",
        "2026-11-30 06:57:00,123 WARN exited: notifier",
        "12:M 30 Nov 2026 06:58:00.046 # Server down",
        "12:M 30 Foo 2026 06:58:00.046 # no month",
    )
    found = reader.end("notifier", 10)
    assert [(line.time[11:], line.level) for line in found.lines] == [
        ("06:56:46", "INFO"),
        ("06:56:46.090", "ERROR"),
        ("06:56:46.090", "ERROR"),
        ("06:56:46.090", ""),
        ("06:57:00.123", "WARNING"),
        ("06:58:00.046", "WARNING"),
        ("06:58:00.046", ""),
    ]
    assert not found.skipped
    assert texts(reader.end("notifier", 2).lines)[0].startswith("12:M 30 Nov")
    assert reader.end("notifier", 2).skipped


def test_lines_are_made_safe(reader: LogReader, tmp_path: Path) -> None:
    raw = b"a \x1b[31m\x00 \xff " + SECRET.encode() + b"\n" + b"x" * (LINE_CHARS + 1000) + b"\n"
    (tmp_path / "notifier.log").write_bytes(raw)
    safe, long = texts(reader.end("notifier", 10).lines)
    assert safe == r"a \x1b[31m\x00 \xff [hidden]"
    assert long == "x" * LINE_CHARS + "… (1,000 more characters)"


def test_added_lines_come_once_and_only_when_whole(reader: LogReader, log: WriteLog) -> None:
    path = log("one")
    since = place(reader)
    with path.open("a") as file:
        file.write("two\nthr")
    found = reader.added("notifier", since, 10)
    assert (texts(found.lines), found.skipped) == (["two"], False)
    with path.open("a") as file:
        file.write("ee\n")
    assert found.place
    assert texts(reader.added("notifier", found.place, 10).lines) == ["three"]


def test_no_line_is_lost_by_a_rotation(reader: LogReader, log: WriteLog) -> None:
    path = log("one")
    since = place(reader)
    log("two")
    path.rename(path.with_name("notifier.log.1"))
    log("three")
    found = reader.added("notifier", since, 10)
    assert texts(found.lines) == ["two", "three"]
    assert found.place
    assert reader.added("notifier", found.place, 10).lines == []


@pytest.mark.parametrize("lines", [["new"], ["new and longer than what was there before", "x"]])
def test_a_log_that_was_emptied_is_read_from_its_start(
    reader: LogReader, log: WriteLog, lines: list[str]
) -> None:
    log("one", "two")
    since = place(reader)
    log(*lines, mode="w")
    assert texts(reader.added("notifier", since, 10).lines) == lines


def test_a_log_that_is_gone_has_no_lines(reader: LogReader, log: WriteLog) -> None:
    since_path = log("one")
    since = place(reader)
    since_path.unlink()
    assert reader.end("notifier", 10).lines == []
    assert reader.added("notifier", since, 10).place == since


def test_a_pipe_is_not_awaited(reader: LogReader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "notifier.log")
    assert reader.end("notifier", 10).lines == []
    assert end_of_file(tmp_path / "notifier.log", 100) == b""


def test_only_the_end_of_a_very_long_log_is_read(
    reader: LogReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notifier.log"
    with path.open("wb") as file:
        file.truncate(50_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    taken: list[int] = []
    pread = os.pread

    def counted(descriptor: int, length: int, at: int) -> bytes:
        taken.append(length)
        return pread(descriptor, length, at)

    monkeypatch.setattr(os, "pread", counted)
    found = reader.end("notifier", 10)
    assert (texts(found.lines), found.skipped) == (["last"], True)
    assert sum(taken) <= TAIL_BYTES
    assert reader.search("notifier", "nowhere", "DEBUG", 10, time.monotonic() + 60) == ([], False)
    assert sum(taken) <= TAIL_BYTES + SEARCH_BYTES


def test_an_endless_line_is_passed_over(reader: LogReader, log: WriteLog) -> None:
    path = log("x" * (TAIL_BYTES + 1000))
    with path.open("a") as file:
        file.write("y" * (TAIL_BYTES + 1000))
    found = reader.end("notifier", 10)
    assert found.lines == []
    assert found.place
    with path.open("a") as file:
        file.write("\nafter\n")
    assert texts(reader.added("notifier", found.place, 10).lines) == ["after"]


def test_a_search_finds_all_cases_in_rotated_files_too(reader: LogReader, log: WriteLog) -> None:
    path = log(f"{HEAD} INFO app: old Needle", *(f"{HEAD} INFO app: {n}" for n in range(5000)))
    path.rename(path.with_name("notifier.log.1"))
    log(f"{HEAD} ERROR app: new NEEDLE", f"{HEAD} INFO app: hay")
    until_s = time.monotonic() + 60
    found, all_read = reader.search("notifier", "needle", "DEBUG", 10, until_s)
    assert [text.rpartition(": ")[2] for text in texts(found)] == ["old Needle", "new NEEDLE"]
    assert all_read
    found, _ = reader.search("notifier", "needle", "WARNING", 10, until_s)
    assert [line.level for line in found] == ["ERROR"]
    assert reader.search("notifier", ".*", "DEBUG", 10, until_s)[0] == []


def test_a_search_does_not_find_what_is_hidden(reader: LogReader, log: WriteLog) -> None:
    log(f"the password is {SECRET}")
    assert reader.search("notifier", SECRET[:7], "DEBUG", 10, time.monotonic() + 60)[0] == []


def test_a_search_ends_in_time(reader: LogReader, log: WriteLog) -> None:
    log(*("line " * 20 for _ in range(3000)))
    found, all_read = reader.search("notifier", "line", "DEBUG", 100_000, time.monotonic() - 1)
    assert found
    assert not all_read


@pytest.mark.parametrize("text", ["", "1", "1.", "a.b", "1.2.3", "-1.2", "1.٣", "9" * 30 + ".1"])
def test_what_is_no_place_is_none(text: str) -> None:
    assert LogPlace.of(text) is None


def test_a_place_is_written_and_read_again() -> None:
    assert LogPlace.of(str(LogPlace(12, 34))) == LogPlace(12, 34)
