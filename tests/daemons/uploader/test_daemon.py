"""The uploader as a process, with a real Redis, an S3 and a Dropbox on loopback, real files and
real signals.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import protocol
from app.protocol import EventRecord, Fact
from tests.servers.dropbox import APP_SECRET, REFRESH_TOKEN, DropboxServer
from tests.servers.programs import REPO
from tests.servers.redis_server import RedisServer
from tests.servers.s3 import SECRET, Bucket, Fault, FaultyProxy, S3Server, faulty_proxy
from tests.servers.small_disk import SmallDisk
from tests.servers.upload_house import UploadHouse
from tests.uploads.events import age, make_event, set_label
from tests.waiting import until


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer) -> Iterator[UploadHouse]:
    made = UploadHouse(tmp_path, redis_server)
    yield made
    made.uploader.__exit__()
    made.close()


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.bucket()


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server) as running:
        yield running


@pytest.fixture
def dropbox() -> Iterator[DropboxServer]:
    with DropboxServer() as running:
        yield running


def test_all_of_an_event_goes_to_its_place_and_the_house_knows_where(
    house: UploadHouse, bucket: Bucket
) -> None:
    folder = house.event(
        5, "clip.mp4", "clip-2.mp4", "snapshot.jpg", "sample.tar", "event.json", label="occupied"
    )
    event, content = folder.name, {path.name: path.read_bytes() for path in folder.iterdir()}
    house.configure(bucket.yaml())
    house.start()
    keys = [
        f"clips/{event}-2.mp4",
        f"clips/{event}.jpg",
        f"clips/{event}.mp4",
        f"labels/{event}.json",
        f"training/{event}.tar",
    ]
    until(lambda: bucket.keys() == keys, "all is in the bucket")
    assert [bucket.content(key) for key in keys] == [
        content[name]
        for name in ("clip-2.mp4", "snapshot.jpg", "clip.mp4", "label.json", "sample.tar")
    ]
    assert {bucket.head(key)["ServerSideEncryption"] for key in keys} == {"AES256"}
    until(lambda: not (folder / "sample.tar").exists(), "the sample is gone")
    until(
        lambda: "s3:clip.mp4" in house.state.event_fields(event), "the event says where its clip is"
    )
    marks = {
        name: value
        for name, value in house.state.event_fields(event).items()
        if name.startswith("s3:")
    }
    assert marks == {
        "s3:clip.mp4": f"clips/{event}.mp4",
        "s3:clip-2.mp4": f"clips/{event}-2.mp4",
        "s3:snapshot.jpg": f"clips/{event}.jpg",
    }
    house.await_beat(lambda: house.counter("s3_uploaded") == 5, "the heartbeat counts them")
    assert (
        house.counter("s3_waiting"),
        house.counter("s3_waiting_mb"),
        house.counter("s3_trouble"),
    ) == (0, 0, None)
    datetime.fromisoformat(str(house.counter("s3_last")))
    assert house.trouble() == ""


def test_what_comes_later_is_uploaded_and_what_is_labelled_anew_again(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy
) -> None:
    house.configure(bucket.yaml(proxy.url))
    house.start()
    folder = house.event(5, "sample.tar", "event.json")
    key = f"labels/{folder.name}.json"

    def await_label(label: str | None) -> None:
        until(
            lambda: key in set(bucket.keys()) and json.loads(bucket.content(key))["label"] == label,
            f"the label is {label}",
        )

    house.look()
    until(
        lambda: bucket.keys() == [f"training/{folder.name}.tar"],
        "the sample is there without a label",
    )
    for label in ("occupied", "unoccupied"):
        set_label(folder, label)
        house.look()
        await_label(label)
    (folder / "label.json").unlink()
    house.look()
    await_label(None)
    until(
        lambda: [path.name for path in folder.iterdir()] == ["event.json"], "nothing is left behind"
    )
    assert len(proxy.puts()) == 4


def test_without_a_store_it_says_so_once_and_loads_no_sdk(house: UploadHouse) -> None:
    house.configure("")
    house.event(5, "clip.mp4", "sample.tar")
    house.start()
    house.look()
    until(lambda: "read again" in house.uploader.log, "it has looked twice")
    assert house.uploader.stop() == 0
    assert house.uploader.log.count("no store is configured") == 1
    assert len(list(house.data_dir.rglob("sample.tar"))) == 1
    loaded = (
        "import sys, app.daemons.uploader; print({'boto3', 'botocore', 'dropbox', 'requests', "
        "'cv2'} & set(sys.modules))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", loaded], cwd=REPO, capture_output=True, text=True, check=True
        ).stdout
        == "set()\n"
    )


def test_stills_go_to_dropbox_at_once_and_are_deleted(
    house: UploadHouse, dropbox: DropboxServer
) -> None:
    house.configure(dropbox.yaml + "uploads: {upload_every_s: 3600}\n")
    house.start()
    content = {
        f"/cameras/front/{path.name}".lower(): path.read_bytes()
        for path in map(house.still, range(3))
    }
    until(
        lambda: {path: kept.content for path, kept in dropbox.files.items()} == content,
        "all are in Dropbox",
    )
    until(lambda: not list((house.data_dir / "stills").iterdir()), "none is here")


def test_a_folder_gets_a_copy_and_a_sample_stays_until_all_stores_have_it(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy
) -> None:
    nas = house.data_dir.parent / "nas"
    nas.mkdir()
    folder = house.event(5, "sample.tar", "clip.mp4")
    content = (folder / "sample.tar").read_bytes()
    proxy.faults.append(Fault(about="training/", status=500, code="InternalError"))
    house.configure(bucket.yaml(proxy.url) + f"uploads: {{folder: {nas}}}\n")
    house.start()
    until((nas / "training" / f"{folder.name}.tar").exists, "the folder has the sample")
    until(lambda: len(bucket.keys()) == 2, "S3 has it too")
    assert (
        (nas / "training" / f"{folder.name}.tar").read_bytes()
        == content
        == bucket.content(f"training/{folder.name}.tar")
    )
    until(lambda: not (folder / "sample.tar").exists(), "the sample is gone")
    assert set(json.loads((folder / ".clip.mp4.uploaded").read_text())) == {"s3", "folder"}


@pytest.fixture
def share(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk elsewhere, with a folder for us on it."""
    with SmallDisk(tmp_path / "share", 2) as disk:
        (disk.path / "camera").mkdir()
        yield disk


def test_a_folder_whose_disk_runs_full_gets_the_rest_when_there_is_room(
    house: UploadHouse, share: SmallDisk
) -> None:
    share.fill()
    folder = house.event(5, "clip.mp4", "sample.tar")
    content = (folder / "sample.tar").read_bytes()
    house.configure(f"uploads: {{folder: {share.path / 'camera'}}}\n")
    house.start()
    until(lambda: "takes nothing: No space left on device" in house.uploader.log, "it runs full")
    assert not [path for path in (share.path / "camera").rglob("*") if path.is_file()]
    share.empty()
    house.look()
    copy = share.path / "camera" / "training" / f"{folder.name}.tar"
    until(lambda: copy.exists() and not (folder / "sample.tar").exists(), "it has the sample")
    assert copy.read_bytes() == content


def test_a_share_that_is_pulled_is_told_with_its_cure_and_nothing_is_written_in_its_place(
    house: UploadHouse, share: SmallDisk
) -> None:
    house.configure(f"uploads: {{folder: {share.path / 'camera'}}}\n")
    house.start()
    share.pull()
    folder = house.event(5, "clip.mp4")
    house.look()
    (fact,) = until(lambda: house.facts("store_refused"), "it is told")
    assert fact.text.endswith("it is not there; mount it, or correct uploads.folder.")
    assert not list(share.path.iterdir())
    share.put_back()
    (share.path / "camera").mkdir()
    house.look()
    until((share.path / "camera" / "clips" / f"{folder.name}.mp4").exists, "it has the clip")
    until(lambda: house.facts("store_back"), "that is told")


def test_a_store_that_hangs_delays_no_other_nor_the_disk_nor_the_end(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy, dropbox: DropboxServer
) -> None:
    proxy.faults.append(Fault(hang=True, times=99))
    nas = house.data_dir.parent / "nas"
    nas.mkdir()
    ancient = house.event(60 * 24 * 9, "event.json")
    folder = house.event(5, "clip.mp4")
    more = f"uploads: {{folder: {nas}, upload_every_s: 5}}\n"
    house.configure(
        bucket.yaml(proxy.url) + dropbox.yaml + more, "disk: {keep_days: 7, min_free_gb: 0}\n"
    )
    house.start()
    until(proxy.puts, "S3 hangs")
    house.still(1)
    until(lambda: dropbox.files, "Dropbox has the still")
    until((nas / "clips" / f"{folder.name}.mp4").exists, "the folder has the clip")
    until(lambda: not ancient.exists(), "the guard has done its work")
    assert house.uploader.stop(10) == 0


def test_with_other_settings_nobody_waits_for_a_store_that_hangs(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy
) -> None:
    proxy.faults.append(Fault(hang=True, times=99))
    folder = house.event(5, "clip.mp4")
    house.configure(bucket.yaml(proxy.url))
    house.start()
    until(proxy.puts, "S3 hangs")
    house.configure(bucket.yaml())
    house.look()
    until(lambda: bucket.keys() == [f"clips/{folder.name}.mp4"], "the clip is there by another way")


def test_with_other_settings_no_two_write_the_same_copy(house: UploadHouse, tmp_path: Path) -> None:
    ancient, _ = house.event(60 * 24 * 9, "event.json"), house.event(60, "event.json")
    clip = house.event(5) / "clip.mp4"
    os.mkfifo(clip)
    copy, unfinished = (
        tmp_path / "nas" / "clips" / name
        for name in (f"{clip.parent.name}.mp4", f".{clip.parent.name}.mp4.part")
    )
    (tmp_path / "nas").mkdir()
    house.configure(f"uploads: {{folder: {tmp_path / 'nas'}}}\n")
    house.start()
    with clip.open("wb", buffering=0) as film:
        film.write(b"film" * 1000)
        film.write(b"film" * 1000)
        until(unfinished.exists, "the copy has begun")
        begun = unfinished.stat().st_ino, unfinished.stat().st_mtime_ns
        house.configure(
            f"uploads: {{folder: {tmp_path / 'nas'}}}\n", "disk: {keep_days: 7, min_free_gb: 0}\n"
        )
        house.look()
        until(lambda: not ancient.exists(), "those who come after are at work")
        assert (unfinished.stat().st_ino, unfinished.stat().st_mtime_ns) == begun
    until(copy.exists, "the copy is there")
    assert copy.read_bytes() == b"film" * 2000


def test_a_wrong_bucket_is_told_once_over_a_restart_too_and_once_when_it_is_mended(
    house: UploadHouse, bucket: Bucket
) -> None:
    folder = house.event(5, "clip.mp4", "snapshot.jpg")
    missing = f"{bucket.name}-missing"
    house.configure(bucket.yaml().replace(bucket.name, missing))
    house.start()
    (fact,) = until(lambda: house.facts("store_refused"), "it is told")
    assert fact.text == (
        f"Uploads wait: the bucket {missing} refuses (NoSuchBucket): there is no such bucket: "
        "create it, or correct s3.bucket."
    )
    house.await_beat(lambda: "NoSuchBucket" in house.trouble(), "the heartbeat says so")
    house.uploader.kill()
    house.start()
    house.await_beat(lambda: "NoSuchBucket" in house.trouble(), "the next one finds it too")
    house.configure(bucket.yaml())
    house.look()
    until(lambda: len(bucket.keys()) == 2, "all is in the right bucket")
    (back,) = until(lambda: house.facts("store_back"), "that is told")
    assert back.text == "Uploads to s3 go out again."
    assert len(house.facts("store_refused")) == 1
    assert (
        house.uploader.log.count(
            "NoSuchBucket): there is no such bucket: create it, or correct s3.bucket; trying again"
        )
        == 2
    )
    assert (folder / ".clip.mp4.uploaded").exists()


def test_a_store_in_trouble_that_is_wanted_no_more_is_told_as_such(
    house: UploadHouse, bucket: Bucket
) -> None:
    house.event(5, "clip.mp4")
    house.configure(bucket.yaml().replace(bucket.name, f"{bucket.name}-missing"))
    house.start()
    until(lambda: house.facts("store_refused"), "it is told")
    house.configure("")
    house.look()
    (back,) = until(lambda: house.facts("store_back"), "that is told")
    assert back.text == "Uploads to s3 are no longer configured."


def test_a_store_that_asks_for_a_pause_gets_it_and_loses_nothing(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy
) -> None:
    proxy.faults.append(Fault(status=503, code="SlowDown", headers={"retry-after": "2"}))
    house.event(5, "clip.mp4", "snapshot.jpg")
    house.configure(bucket.yaml(proxy.url))
    house.start()
    until(lambda: len(bucket.keys()) == 2, "all is in the bucket")
    assert len(proxy.puts()) == 3
    house.await_beat(lambda: house.counter("s3_failures") == 1, "the failure is counted")


def test_when_links_are_sent_clips_and_pictures_go_out_as_they_come(
    house: UploadHouse, bucket: Bucket
) -> None:
    house.configure(
        bucket.yaml() + "uploads: {upload_every_s: 3600}\n"
        f"twilio: {{to: ['+15550100'], from: '+15550101', account_sid: AC{1:032}, auth_token: x}}\n"
    )
    house.start()
    house.await_beat(lambda: house.counter("s3_waiting") == 0, "it has looked")
    folder = house.event(0, "snapshot.jpg")
    until(lambda: bucket.keys() == [f"clips/{folder.name}.jpg"], "the picture is there")
    (folder / "clip.mp4").write_bytes(b"clip")
    ready = Fact(
        f"{folder.name}-clip_ready",
        "clip_ready",
        datetime.now(UTC),
        "Clip.",
        "front",
        folder.name,
        file="clip.mp4",
    )
    house.state.publish(ready)
    until(
        lambda: house.state.event_fields(folder.name).get("s3:clip.mp4"),
        "the clip is there, and is said to be",
    )


def test_with_redis_away_it_uploads_and_says_where_when_redis_is_back(
    house: UploadHouse, bucket: Bucket
) -> None:
    house.configure(bucket.yaml() + "uploads: {upload_every_s: 1}\n")
    house.start()
    house.redis.close()
    house.server.stop()
    at = datetime.now(UTC) - timedelta(minutes=1)
    event = protocol.event_id(at, "front")
    make_event(house.data_dir, event, "clip.mp4")
    until(lambda: bucket.keys() == [f"clips/{event}.mp4"], "it is in the bucket")
    house.server.start()
    house.state.publish(
        Fact(f"{event}-x", "motion_started", at, "Motion.", "front", event),
        EventRecord("front", at),
    )
    until(
        lambda: house.state.event_fields(event).get("s3:clip.mp4"),
        "the event says where its clip is",
    )


def test_a_disk_that_others_fill_is_told_once_over_a_restart_too_and_once_when_there_is_room(
    house: UploadHouse,
) -> None:
    house.configure("", "disk: {min_free_gb: 1000000}\n")
    house.start()
    (fact,) = until(lambda: house.facts("disk_low"), "it is told")
    assert "less than the 1e+06 GB of disk.min_free_gb" in fact.text
    house.uploader.kill()
    house.start()
    house.await_beat(lambda: house.counter("disk_low"), "the next one finds it too")
    house.configure("")
    house.look()
    until(lambda: house.facts("disk_ok"), "that is told")
    assert len(house.facts("disk_low")) == 1
    house.await_beat(lambda: house.counter("disk_low") is False, "the heartbeat knows")


def test_a_card_that_can_only_be_read_any_more_is_told_and_once_when_it_is_well_again(
    house: UploadHouse,
) -> None:
    card = SmallDisk(house.data_dir, 2)
    card.put_back()
    try:
        card.let_write(False)
        house.configure("")
        house.start()
        (fact,) = until(lambda: house.facts("disk_low"), "it is told")
        assert (
            f"Read-only file system: '{house.data_dir}'. If that stays so, it is worn out or loose."
            in fact.text
        )
        card.let_write(True)
        until(lambda: house.facts("disk_ok"), "that is told")
    finally:
        card.pull()


def test_no_secret_is_in_the_log(
    house: UploadHouse, bucket: Bucket, proxy: FaultyProxy, dropbox: DropboxServer
) -> None:
    proxy.faults.append(Fault(status=403, code="SignatureDoesNotMatch"))
    dropbox.linked = False
    house.event(5, "clip.mp4")
    house.still(1)
    house.configure(bucket.yaml(proxy.url) + dropbox.yaml)
    house.start()
    until(
        lambda: (
            "SignatureDoesNotMatch" in house.uploader.log and "dropbox-link" in house.uploader.log
        ),
        "both refuse",
    )
    for secret in (SECRET, APP_SECRET, REFRESH_TOKEN):
        assert secret not in house.uploader.log


def test_what_was_deleted_by_age_is_logged(house: UploadHouse) -> None:
    folder = house.event(60 * 24 * 9, "event.json", "clip.mp4")
    house.event(5, "clip.mp4")
    age(folder, datetime.now(UTC) - timedelta(days=9))
    house.configure("", "disk: {keep_days: 7, min_free_gb: 0}\n")
    house.start()
    until(lambda: not folder.exists(), "it is gone")
    until(lambda: f"deleted {folder}" in house.uploader.log, "the log says so")
    house.await_beat(lambda: house.counter("deleted") == 1, "the heartbeat counts it")
