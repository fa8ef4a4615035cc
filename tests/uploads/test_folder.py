"""The folder as a store: complete copies, and none on the card when the share is missing."""

import contextlib
import errno
import hashlib
import os
import resource
from pathlib import Path

import pytest

from app.errors import StoreError, StoreRefused
from app.uploads.base import Receipt
from app.uploads.folder import FolderStore
from tests.uploads.events import write_file

KEY = "training/20261120T101500.123Z-front.tar"


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    (tmp_path / "nas" / "camera").mkdir(parents=True)
    return tmp_path / "nas" / "camera"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_file(tmp_path / "sample.tar", os.urandom(3_000_000))


def test_a_file_is_copied_completely_under_its_key(nas: Path, sample: Path) -> None:
    receipt = FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert receipt == Receipt(3_000_000, hashlib.sha256(sample.read_bytes()).hexdigest())
    assert [path.read_bytes() for path in nas.rglob("*") if path.is_file()] == [sample.read_bytes()]
    assert (nas / KEY).is_file()


def test_a_link_that_leads_out_of_the_folder_is_refused(
    nas: Path, sample: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (nas / "training").symlink_to(outside)
    with pytest.raises(StoreRefused, match="is a link that leads out of it"):
        FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["{}", ".{}.part"])
def test_nothing_is_written_through_a_link(
    nas: Path, sample: Path, tmp_path: Path, name: str
) -> None:
    precious = write_file(tmp_path / "precious", b"precious")
    copy = nas / KEY
    copy.parent.mkdir()
    copy.with_name(name.format(copy.name)).symlink_to(precious)
    for _ in range(2):
        with contextlib.suppress(StoreError):
            FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert precious.read_bytes() == b"precious"
    assert copy.read_bytes() == sample.read_bytes()
    assert not copy.is_symlink()


def test_a_link_is_not_copied(nas: Path, sample: Path, tmp_path: Path) -> None:
    (tmp_path / "link.tar").symlink_to(sample)
    with pytest.raises(OSError, match="symbolic"):
        FolderStore(nas).put(tmp_path / "link.tar", KEY, "application/x-tar")
    assert not (nas / KEY).exists()


def test_the_same_key_again_is_one_file_with_new_content(nas: Path, sample: Path) -> None:
    FolderStore(nas).put(sample, KEY, "application/x-tar")
    sample.write_bytes(b"other")
    FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert [path.read_bytes() for path in nas.rglob("*") if path.is_file()] == [b"other"]


def test_a_half_copy_that_a_kill_left_is_overwritten(nas: Path, sample: Path) -> None:
    write_file(nas / "training" / ".20261120T101500.123Z-front.tar.part", b"half")
    FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert [path.name for path in (nas / "training").iterdir()] == [
        "20261120T101500.123Z-front.tar"
    ]


def test_a_missing_file_is_no_fault_of_the_store(nas: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FolderStore(nas).put(tmp_path / "gone.tar", KEY, "application/x-tar")


def test_a_missing_folder_is_refused_and_not_created(tmp_path: Path, sample: Path) -> None:
    with pytest.raises(
        StoreRefused, match=r"it is not there; mount it, or correct uploads\.folder"
    ):
        FolderStore(tmp_path / "away" / "camera").put(sample, KEY, "application/x-tar")
    assert not (tmp_path / "away").exists()


def test_a_share_that_is_not_mounted_is_refused(tmp_path: Path, nas: Path, sample: Path) -> None:
    share = f"//nas/share {nas.parent} cifs credentials=/x 0 0"
    fstab = write_file(tmp_path / "fstab", f"# {tmp_path} no\n{share}\nproc /proc proc\n".encode())
    with pytest.raises(StoreRefused, match=f"nothing is mounted at {nas.parent}"):
        FolderStore(nas, fstab).put(sample, KEY, "application/x-tar")
    assert not list(nas.iterdir())


def test_a_mounted_share_is_used(tmp_path: Path, nas: Path, sample: Path) -> None:
    root = next(place for place in nas.parents if place.is_mount())
    FolderStore(nas, write_file(tmp_path / "fstab", f"/dev/sda1 {root} ext4\n".encode())).put(
        sample, KEY, "application/x-tar"
    )
    assert (nas / KEY).is_file()


def test_a_full_folder_keeps_no_half_file(nas: Path, sample: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, usual[1]))
    try:
        with pytest.raises(StoreError, match=os.strerror(errno.EFBIG)) as failure:
            FolderStore(nas).put(sample, KEY, "application/x-tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert not isinstance(failure.value, StoreRefused)
    assert not [path for path in nas.rglob("*") if path.is_file()]


def test_a_copy_with_other_bytes_is_not_confirmed(
    nas: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(copy: int, *_: int) -> None:
        os.pwrite(copy, b"bad sector", 1_000)

    monkeypatch.setattr(os, "posix_fadvise", spoil)
    with pytest.raises(StoreError, match="with bytes other than were written"):
        FolderStore(nas).put(sample, KEY, "application/x-tar")
    assert not [path for path in nas.rglob("*") if path.is_file()]
