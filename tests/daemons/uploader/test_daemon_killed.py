"""The uploader killed again and again: everything arrives, whole, once under its own name."""

import random
import time
from pathlib import Path

from tests.servers.dropbox import DropboxServer
from tests.servers.redis_server import RedisServer
from tests.servers.s3 import Bucket, FaultyProxy, S3Server, faulty_proxy
from tests.servers.upload_house import UploadHouse
from tests.uploads.events import set_label
from tests.waiting import until

ROUNDS = 20


class Deeds:
    """What happened in the house: *wanted* is what is to be under each key, *stills* what is to be
    in Dropbox.
    """

    def __init__(self, house: UploadHouse) -> None:
        self.wanted: dict[str, bytes] = {}
        self.stills: dict[str, bytes] = {}
        self._house = house
        self._unlabelled: list[Path] = []

    def happen(self, number: int) -> None:
        """An event, a sample of a quiet room, a still, and a label for an event of before."""
        folder = self._house.event(
            300 - 3 * number, "clip.mp4", "snapshot.jpg", "sample.tar", "event.json"
        )
        quiet = self._house.event(299 - 3 * number, "sample.tar")
        for name, key in (
            ("clip.mp4", "clips/{}.mp4"),
            ("snapshot.jpg", "clips/{}.jpg"),
            ("sample.tar", "training/{}.tar"),
        ):
            self.wanted[key.format(folder.name)] = (folder / name).read_bytes()
        self.wanted[f"training/{quiet.name}.tar"] = (quiet / "sample.tar").read_bytes()
        still = self._house.still(number)
        self.stills[f"/cameras/front/{still.name}".lower()] = still.read_bytes()
        self._unlabelled.append(folder)
        if number % 2:
            labelled = self._unlabelled.pop(0)
            set_label(labelled, "occupied")
            self.wanted[f"labels/{labelled.name}.json"] = (labelled / "label.json").read_bytes()


def test_killed_again_and_again_it_uploads_everything_once_and_whole(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    chance = random.Random(5)
    with S3Server() as server, faulty_proxy(server) as proxy, DropboxServer() as dropbox:
        bucket, house = server.bucket(), UploadHouse(tmp_path, redis_server)
        house.configure(bucket.yaml(proxy.url) + dropbox.yaml)
        deeds = Deeds(house)
        for number in range(ROUNDS):
            deeds.happen(number)
            uploads_again(house, proxy)
            time.sleep(chance.uniform(0, 0.15))
            house.uploader.kill()
        house.start()
        await_all(deeds, bucket, dropbox)
        assert_nothing_is_left(house, deeds)
        assert len(proxy.puts()) <= len(deeds.wanted) + ROUNDS
        assert {kept.rev for kept in dropbox.files.values()} == {1}
        house.uploader.__exit__()
        house.close()


def uploads_again(house: UploadHouse, proxy: FaultyProxy) -> None:
    """Start it, and wait until it asks S3 for something."""
    before = len(proxy.requests)
    house.uploader.start()
    until(lambda: len(proxy.requests) > before, "it uploads")


def await_all(deeds: Deeds, bucket: Bucket, dropbox: DropboxServer) -> None:
    until(
        lambda: bucket.keys() == sorted(deeds.wanted),
        "all keys are in the bucket, and no other",
        within_s=60,
    )
    until(
        lambda: {path: kept.content for path, kept in dropbox.files.items()} == deeds.stills,
        "all stills are in Dropbox",
    )
    assert {key: bucket.content(key) for key in deeds.wanted} == deeds.wanted


def assert_nothing_is_left(house: UploadHouse, deeds: Deeds) -> None:
    """What is only for the stores is gone, what was half written too, and the house knows where
    each clip is.
    """
    until(
        lambda: (
            not [path for name in ("sample.tar", "stills/*") for path in house.data_dir.rglob(name)]
        ),
        "nothing waits",
    )
    assert not list(house.data_dir.rglob("*.part"))
    clips = [
        key.removeprefix("clips/").removesuffix(".mp4")
        for key in deeds.wanted
        if key.endswith(".mp4")
    ]
    until(
        lambda: all(is_marked(house, event) for event in clips),
        "every event says where its clip is",
    )


def is_marked(house: UploadHouse, event: str) -> bool:
    return house.state.event_fields(event).get("s3:clip.mp4") == f"clips/{event}.mp4"
