"""A file arrives whole or not at all, from a server that cuts, lies and stalls."""

import fcntl
import os
import random
from pathlib import Path

import pytest

from app.errors import ModelError
from app.people.fetching import copy, fetch
from app.people.published import PublishedFile
from tests.servers.file_server import PART, Fault, FileServer
from tests.servers.small_disk import SmallDisk

CONTENT = random.Random(3).randbytes(200_000)


def get(part: PublishedFile, folder: Path, read_s: float = 30) -> bool:
    return fetch(part, folder, lambda _have, _total: None, read_s)


def leftovers(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    with FileServer(CONTENT) as server:
        folder = tmp_path / "new" / "folder"
        assert fetch(server.published(), folder, lambda have, total: seen.append((have, total)))
        assert not get(server.published(), folder)
    assert server.asked == [None]
    assert (folder / "model.onnx").read_bytes() == CONTENT
    assert leftovers(folder) == ["model.onnx"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("faults", "asked"),
    [
        (["cut", "cut"], [None, f"bytes={PART}-", f"bytes={2 * PART}-"]),
        (["end"] * 3, [None, f"bytes={PART}-", f"bytes={2 * PART}-", f"bytes={3 * PART}-"]),
        (["silent", "stall", "silent"], [None, None, f"bytes={PART}-", f"bytes={PART}-"]),
        (["refuse", "unavailable"], [None, None, None]),
        (["cut", "no range"], [None, f"bytes={PART}-"]),
        (["cut", "other range"], [None, f"bytes={PART}-", None]),
        (["cut", "wrong"], [None, f"bytes={PART}-", None]),
        (["cut", "long"], [None, f"bytes={PART}-", "give up"]),
    ],
    ids=str,
)
def test_an_interrupted_download_goes_on(
    tmp_path: Path, faults: list[Fault], asked: list[str | None]
) -> None:
    with FileServer(CONTENT, *faults) as server:
        part = server.published()
        if asked[-1] == "give up":
            with pytest.raises(ModelError, match="200004 bytes instead of 200000"):
                get(part, tmp_path)
            return
        assert get(part, tmp_path, read_s=1 if "stall" in faults else 30)
    assert server.asked == asked
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [0, 1, PART, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 5])
def test_a_killed_run_is_continued(tmp_path: Path, size: int) -> None:
    (tmp_path / ".model.onnx.part").write_bytes((CONTENT + b"extra")[:size])
    with FileServer(CONTENT) as server:
        assert get(server.published(), tmp_path)
    assert leftovers(tmp_path) == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("html", "answers with a web page"),
        ("pointer", "git-LFS's pointer"),
        ("wrong", "the content is not that with sha256"),
        ("gone", "answers 404"),
        ("long", "200004 bytes instead of 200000"),
        ("silent", "no answer for 0.5 s"),
        ("refuse", "closed connection without response"),
        ("unavailable", "answers 503"),
    ],
)
def test_what_is_not_the_file_is_named_and_not_kept(
    tmp_path: Path, fault: Fault, said: str
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"an older one")
    with (
        FileServer(CONTENT, *[fault] * 9) as server,
        pytest.raises(ModelError, match=rf"{server.url}/model.onnx: .*({said})"),
    ):
        get(server.published(), tmp_path, read_s=0.5)
    assert (tmp_path / "model.onnx").read_bytes() == b"an older one"
    assert len(server.asked) <= 5


def test_the_next_address_is_asked(tmp_path: Path) -> None:
    with FileServer(CONTENT, "cut") as good, FileServer(CONTENT, "cut", "gone") as bad:
        part = bad.published(f"{good.url}/model.onnx")
        assert get(part, tmp_path)
    assert good.asked == [f"bytes={PART}-", f"bytes={2 * PART}-"]
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT


def test_a_file_of_unknown_size_is_taken_whole(tmp_path: Path) -> None:
    with FileServer(CONTENT, "cut") as server:
        assert get(server.published(sized=False), tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == CONTENT


def test_without_a_network_the_reason_is_short(tmp_path: Path) -> None:
    part = PublishedFile("model.onnx", ("http://127.0.0.1:9/model.onnx",), 3, "abc")
    with pytest.raises(ModelError, match=r"127.0.0.1:9/model.onnx: \[Errno 111\] Connection ref"):
        get(part, tmp_path)
    assert leftovers(tmp_path) == []


def test_a_name_that_nobody_knows_is_a_whole_sentence(tmp_path: Path) -> None:
    part = PublishedFile("model.onnx", ("http://nowhere.invalid/model.onnx",), 3, "abc")
    with pytest.raises(ModelError, match=r"Failed to resolve 'nowhere.invalid' \(.+\)$"):
        get(part, tmp_path)


def test_a_full_disk_keeps_nothing(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk", 1) as disk, FileServer(CONTENT * 9) as server:
        with pytest.raises(OSError, match="No space left"):
            get(server.published(), disk.path)
        assert leftovers(disk.path) == []


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    with FileServer(CONTENT) as server, (tmp_path / ".model.onnx.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="another fetch-models is writing"):
            get(server.published(), tmp_path)


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / ".model.onnx.part").symlink_to(victim)
    with FileServer(CONTENT) as server, pytest.raises(OSError, match="symbolic links"):
        get(server.published(), folder)
    assert victim.read_bytes() == b"precious"


def test_a_copy_is_checked(tmp_path: Path) -> None:
    stick, folder = tmp_path / "stick", tmp_path / "models"
    stick.mkdir()
    with FileServer(CONTENT) as server:
        part = server.published()
    with pytest.raises(ModelError, match="is not there"):
        copy(part, stick, folder)
    (stick / "model.onnx").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match="is not the published file, which has sha256"):
        copy(part, stick, folder)
    assert not folder.exists()
    (stick / "model.onnx").write_bytes(CONTENT)
    assert copy(part, stick, folder)
    assert not copy(part, stick / "model.onnx", folder)
    assert (folder / "model.onnx").read_bytes() == CONTENT
    assert leftovers(folder) == ["model.onnx"]
    assert os.stat(folder / "model.onnx").st_mode & 0o777 == 0o644  # noqa: PTH116
