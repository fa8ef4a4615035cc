"""Atomic files, which are complete or absent, and the free space of a disk."""

import os
import re
import resource
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import WorldError
from app.files import (
    GB,
    atomic_file,
    free_bytes,
    free_inodes,
    has_link,
    has_room,
    is_read_only,
    is_unfinished,
    open_unlinked,
    refusal,
    remove_if_empty,
    remove_unfinished,
    try_to_write,
    write_atomic,
    write_together,
)
from tests.servers.small_disk import SmallDisk


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b.txt", b"hello")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"hello"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_failure_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    write_atomic(tmp_path / "b.txt", b"old")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, usual[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(tmp_path / "b.txt", b"new" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert (tmp_path / "b.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_files_written_together_are_all_there(tmp_path: Path) -> None:
    files = [(tmp_path / folder / name, name.encode()) for folder in "ab" for name in "xyz"]
    write_together(files)
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*")} == dict(files)


def test_files_written_together_appear_in_order(tmp_path: Path) -> None:
    (tmp_path / "y").mkdir()
    with pytest.raises(IsADirectoryError):
        write_together([(tmp_path / name, b"content") for name in "xyz"])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["x", "y"]
    assert (tmp_path / "x").read_bytes() == b"content"


def test_nothing_is_left_after_any_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "b.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_only_what_a_killed_program_left_is_deleted(tmp_path: Path) -> None:
    (tmp_path / ".b.txt.part").touch()
    (tmp_path / "b.txt").touch()
    (tmp_path / ".kept.part").touch()
    remove_unfinished(tmp_path, but=re.compile(r"\.kept\.part"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".kept.part", "b.txt"]


def test_a_file_gets_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "b.txt") as file:
        file.write(b"one ")
        (unfinished,) = tmp_path.iterdir()
        assert is_unfinished(unfinished.name)
        file.write(b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        ("b.txt", b"one two")
    ]
    with pytest.raises(WorldError), atomic_file(tmp_path / "c.txt") as file:
        raise WorldError("not so")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_only_an_empty_folder_is_deleted(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    write_atomic(full / "b.txt", b"hello")
    for folder in (empty, full, tmp_path / "missing"):
        remove_if_empty(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_a_disk_that_can_be_written_to_is_not_read_only(tmp_path: Path) -> None:
    assert not is_read_only(tmp_path / "not" / "there" / "yet")


def test_the_inodes_that_are_left_are_counted(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 1, inodes=50) as disk:
        assert free_inodes(disk.path / "not" / "yet") == (49, 50)
        (disk.path / "file").touch()
        assert free_inodes(disk.path) == (48, 50)


def test_a_try_to_write_leaves_nothing_and_says_why_it_fails(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 1) as disk:
        try_to_write(disk.path, sync=True)
        assert (refusal(disk.path), list(disk.path.iterdir())) == (None, [])
        disk.let_write(False)
        with pytest.raises(OSError, match="Read-only file system"):
            try_to_write(disk.path, sync=False)
        assert refusal(disk.path) == "Read-only file system"
        disk.let_write(True)


def test_there_is_room_above_half_of_the_space_kept_free(tmp_path: Path) -> None:
    free_gb = free_bytes(tmp_path / "not" / "there" / "yet") / GB
    assert has_room(tmp_path, free_gb * 1.5)
    assert not has_room(tmp_path, free_gb * 2.5)


def test_a_link_below_the_root_is_found_and_not_opened(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "file").write_bytes(b"secret")
    root = tmp_path / "root"
    root.symlink_to(real)
    (real / "folder").symlink_to(real)
    (real / "link").symlink_to(real / "file")
    assert not has_link(root / "file", root)
    assert has_link(root / "link", root)
    assert has_link(root / "folder" / "file", root)
    with pytest.raises(OSError, match="symbolic"):
        open_unlinked(root / "link")
    with open_unlinked(root / "file") as file:
        assert file.read() == b"secret"


@pytest.mark.parametrize("name", ["note", ".note.part"])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / name).symlink_to(tmp_path / "precious")
    for _ in range(2):
        with suppress(OSError):
            write_atomic(tmp_path / "note", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "note").read_bytes() == b"new"


@pytest.fixture
def private_umask() -> Iterator[None]:
    """The umask of the suite's programs."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_as_open_as_the_folder_of_the_owner(tmp_path: Path, private_umask: None) -> None:
    share, own = tmp_path / "share", tmp_path / "own"
    share.mkdir()
    share.chmod(0o2755)
    own.mkdir()
    for folder in (share, own):
        clip, picture = folder / "2026-11-30" / "clips" / "a.mp4", folder / "b.jpg"
        write_together([(clip, b"clip"), (picture, b"picture")], like=folder)
    assert [mode(path) for path in (share / "2026-11-30", share / "2026-11-30" / "clips")] == [
        0o2755,
        0o2755,
    ]
    assert {mode(path) for path in share.rglob("*.*")} == {0o644}
    assert {mode(path) for path in own.rglob("*")} == {0o700, 0o600}
