"""Covers several modules: after kills of the uploader, all files arrive once and complete."""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.dropbox import DropboxServer
from tests.servers.redis_server import RedisServer
from tests.servers.s3 import Bucket, FaultyProxy, S3Server, faulty_proxy
from tests.servers.uploader_scene import UploaderProcess, UploaderScene
from tests.uploads.events import set_label
from tests.waiting import until

#: The program is killed soon after so many requests to S3 of each of its runs.
KILLED_AFTER = (1, 2, 5)


class Recordings:
    """The recordings so far: *objects* by their keys in S3, and *stills* by their Dropbox paths."""

    def __init__(self, scene: UploaderScene) -> None:
        self.objects: dict[str, bytes] = {}
        self.stills: dict[str, bytes] = {}
        self._scene = scene
        self._unlabelled: list[Path] = []

    def record(self, number: int) -> None:
        """Make two events, one of them with only a sample, a still, and a label now and then."""
        names = ("clip.mp4", "snapshot.jpg", "sample.tar", "event.json")
        folder = self._scene.event(300 - 3 * number, *names)
        quiet = self._scene.event(299 - 3 * number, "sample.tar")
        event = folder.name
        self.objects[f"clips/{event}.mp4"] = (folder / "clip.mp4").read_bytes()
        self.objects[f"clips/{event}.jpg"] = (folder / "snapshot.jpg").read_bytes()
        self.objects[f"training/{event}.tar"] = (folder / "sample.tar").read_bytes()
        self.objects[f"training/{quiet.name}.tar"] = (quiet / "sample.tar").read_bytes()
        still = self._scene.still(number)
        self.stills[f"/cameras/front/{still.name}".lower()] = still.read_bytes()
        self._unlabelled.append(folder)
        if number % 2:
            labelled = self._unlabelled.pop(0)
            set_label(labelled, "occupied")
            self.objects[f"labels/{labelled.name}.json"] = (labelled / "label.json").read_bytes()

    def events_with_clips(self) -> list[str]:
        keys = [key for key in self.objects if key.endswith(".mp4")]
        return [key.removeprefix("clips/").removesuffix(".mp4") for key in keys]


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server) as running:
        yield running


def test_after_kills_everything_arrives_once_and_complete(
    tmp_path: Path, redis_server: RedisServer, bucket: Bucket, proxy: FaultyProxy
) -> None:
    chance = random.Random(5)
    with DropboxServer() as dropbox, closing(UploaderScene(tmp_path, redis_server)) as scene:
        scene.configure(bucket.yaml(proxy.url) + dropbox.yaml)
        recordings = Recordings(scene)
        program = UploaderProcess(scene)
        number = 0
        for killed_after in KILLED_AFTER:
            # Each run has enough to do for its requests: about two for each file.
            for _ in range(2):
                recordings.record(number)
                number += 1
            before = len(proxy.requests)
            with program:
                until(lambda: len(proxy.requests) >= before + killed_after, "it uploads")  # noqa: B023 (called at once)
                time.sleep(chance.uniform(0, 0.05))
        with program:
            await_all(recordings, proxy, bucket, dropbox)
            assert_nothing_is_left(scene, recordings)
        assert len(proxy.puts()) <= len(recordings.objects) + len(KILLED_AFTER)
        assert {stored.rev for stored in dropbox.files.values()} == {1}


def await_all(
    recordings: Recordings, proxy: FaultyProxy, bucket: Bucket, dropbox: DropboxServer
) -> None:
    objects, stills = recordings.objects, recordings.stills
    # Asking the proxy is cheap, and asking the store is not.
    until(lambda: len(set(proxy.puts())) == len(objects), "everything is uploaded", 60)
    until(lambda: bucket.keys() == sorted(objects), "the bucket has all keys and no other")
    until(
        lambda: {path: stored.content for path, stored in dropbox.files.items()} == stills,
        "Dropbox has all stills",
    )
    assert {key: bucket.content(key) for key in objects} == objects


def assert_nothing_is_left(scene: UploaderScene, recordings: Recordings) -> None:
    """Await that samples and stills are deleted, and that each event says where its clip is."""

    def left() -> list[Path]:
        return [path for name in ("sample.tar", "stills/*") for path in scene.data_dir.rglob(name)]

    def says_where(event: str) -> bool:
        return scene.state.event_fields(event).get("s3:clip.mp4") == f"clips/{event}.mp4"

    until(lambda: not left(), "no sample and no still waits")
    assert not list(scene.data_dir.rglob("*.part"))
    until(
        lambda: all(map(says_where, recordings.events_with_clips())),
        "every event says where its clip is",
    )
