"""The same archive in a folder and in a bucket."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.evaluation.archive.files import ArchiveFiles, open_files
from app.uploads.base import S3Settings
from tests.servers.s3 import Bucket

CONTENT = {"labels/one.json": b"{}", "training/one.tar": b"tar", "other/two.txt": b"two"}


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Iterator[ArchiveFiles]:
    for name, content in CONTENT.items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        bucket.client.put_object(Bucket=bucket.name, Key=f"house/{name}", Body=content)
    place = {"folder": str(tmp_path / "copy"), "bucket": f"s3://{bucket.name}/house/"}
    with closing(open_files(place[request.param], bucket.settings())) as opened:
        yield opened


def test_every_file_is_named_and_can_be_read(files: ArchiveFiles) -> None:
    names = sorted(files.names())
    assert [name.removeprefix("house/") for name in names] == sorted(CONTENT)
    for name in names:
        with files.open(name, 100) as file:
            assert file.read() == CONTENT[name.removeprefix("house/")]
        with files.local(name, 100) as path:
            assert path.read_bytes() == CONTENT[name.removeprefix("house/")]


def test_a_file_that_is_too_large_is_not_read(files: ArchiveFiles) -> None:
    name = next(name for name in files.names() if name.endswith("one.tar"))
    with pytest.raises(OSError, match="too large"):
        files.open(name, 2)
    with pytest.raises(OSError, match="too large"), files.local(name, 2):
        pass


def test_links_are_skipped_and_named(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "event.json").write_text("{}")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "event.json").symlink_to(tmp_path / "elsewhere" / "event.json")
    (folder / "day").symlink_to(tmp_path / "elsewhere")
    files = open_files(str(folder), S3Settings())
    assert list(files.names()) == []
    assert files.skipped == {"event.json": "it is a link", "day": "it is a link"}


@pytest.mark.parametrize("place", ["s3://", "s3://X/y", "/no/such/folder"])
def test_a_place_that_cannot_be_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match=r"must be s3://|no such folder"):
        open_files(place, S3Settings())


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket) -> None:
    files = open_files("s3://not-there-at-all", bucket.settings())
    with closing(files), pytest.raises(OSError, match="no such bucket"):
        list(files.names())
