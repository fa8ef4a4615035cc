"""The uploader with a real Redis, an S3 and a Dropbox on loopback, and real files.

Most tests let it take its steps in this process; two start the program.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import protocol
from app.daemons.uploader import workers
from app.protocol import EventRecord, Fact
from app.uploads import disk_guard
from tests.servers.dropbox import APP_SECRET, REFRESH_TOKEN, DropboxServer
from tests.servers.programs import REPO
from tests.servers.redis_server import RedisServer
from tests.servers.s3 import SECRET, Bucket, Fault, FaultyProxy, S3Server, faulty_proxy
from tests.servers.small_disk import SmallDisk
from tests.servers.uploader_scene import UploaderProcess, UploaderScene
from tests.uploads.events import age, make_event, set_label
from tests.waiting import until

# The Dropbox SDK reads the time in a way that Python 3.12 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
NINE_DAYS = 60 * 24 * 9
KEEP_SEVEN_DAYS = "disk: {keep_days: 7, min_free_gb: 0}\n"


@pytest.fixture
def scene(tmp_path: Path, redis_server: RedisServer) -> Iterator[UploaderScene]:
    with closing(UploaderScene(tmp_path, redis_server)) as made:
        yield made


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server) as running:
        yield running


@pytest.fixture
def dropbox() -> Iterator[DropboxServer]:
    with DropboxServer() as running:
        yield running


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    """A folder that gets copies."""
    (tmp_path / "nas").mkdir()
    return tmp_path / "nas"


@pytest.fixture
def share(tmp_path: Path) -> Iterator[SmallDisk]:
    """Another disk of 2 MB, with a folder for copies."""
    with SmallDisk(tmp_path / "share", 2) as disk:
        (disk.path / "camera").mkdir()
        yield disk


def test_the_program_uploads_all_files_of_an_event(scene: UploaderScene, bucket: Bucket) -> None:
    names = ("clip.mp4", "clip-2.mp4", "snapshot.jpg", "sample.tar", "event.json")
    folder = scene.event(5, *names, label="occupied")
    event = folder.name
    uploaded = {
        f"clips/{event}.mp4": "clip.mp4",
        f"clips/{event}-2.mp4": "clip-2.mp4",
        f"clips/{event}.jpg": "snapshot.jpg",
        f"labels/{event}.json": "label.json",
        f"training/{event}.tar": "sample.tar",
    }
    content = {key: (folder / name).read_bytes() for key, name in uploaded.items()}
    scene.configure(bucket.yaml())
    with UploaderProcess(scene) as program:
        program.wait_until_beating(scene.server.url)
        program.await_beat(lambda: program.counter("store_uploaded", "s3") == 5, "all is uploaded")
        counters = [
            program.counter(f"store_{name}", "s3") for name in ("waiting", "waiting_mb", "trouble")
        ]
        assert counters == [0, 0, None]
        datetime.fromisoformat(str(program.counter("store_last", "s3")))
        assert program.stop() == 0
    assert bucket.keys() == sorted(content)
    assert {key: bucket.content(key) for key in content} == content
    assert {bucket.head(key)["ServerSideEncryption"] for key in content} == {"AES256"}
    assert not (folder / "sample.tar").exists()
    fields = scene.state.event_fields(event)
    assert {name: value for name, value in fields.items() if name.startswith("s3:")} == {
        "s3:clip.mp4": f"clips/{event}.mp4",
        "s3:clip-2.mp4": f"clips/{event}-2.mp4",
        "s3:snapshot.jpg": f"clips/{event}.jpg",
    }


def test_the_program_ends_soon_when_a_store_hangs(
    scene: UploaderScene, bucket: Bucket, proxy: FaultyProxy, dropbox: DropboxServer, nas: Path
) -> None:
    proxy.faults.append(Fault(hang=True, times=99))
    ancient = scene.event(NINE_DAYS, "event.json")
    folder = scene.event(5, "clip.mp4")
    scene.still(1)
    uploads = f"uploads: {{folder: {nas}, upload_every_s: 5}}\n"
    scene.configure(bucket.yaml(proxy.url) + dropbox.yaml + uploads, KEEP_SEVEN_DAYS)
    with UploaderProcess(scene) as program:
        until(proxy.puts, "S3 hangs")
        until(lambda: dropbox.files, "Dropbox has the still")
        until((nas / "clips" / f"{folder.name}.mp4").exists, "the folder has the clip")
        until(lambda: not ancient.exists(), "the old event is deleted")
        assert program.stop(10) == 0


def test_without_a_store_the_program_loads_no_sdk() -> None:
    code = (
        "import sys, app.daemons.uploader.daemon; "
        "print({'boto3', 'botocore', 'dropbox', 'requests', 'cv2'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_without_a_store_everything_stays(
    scene: UploaderScene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scene.configure("")
    folder = scene.event(5, "clip.mp4", "sample.tar")
    scene.start()
    scene.reload()
    scene.until(lambda: scene.counter("free_gb"), "the disk is checked")
    assert caplog.text.count("no store is configured") == 1
    assert (folder / "sample.tar").exists()


def test_a_later_or_changed_label_is_uploaded(
    scene: UploaderScene, bucket: Bucket, proxy: FaultyProxy
) -> None:
    scene.configure(bucket.yaml(proxy.url))
    scene.start()
    folder = scene.event(5, "sample.tar", "event.json")
    key = f"labels/{folder.name}.json"

    def await_label(label: str | None, number: int) -> None:
        scene.reload()
        scene.until(
            lambda: scene.counter("store_uploaded", "s3") == number, f"the label {label} is there"
        )
        assert json.loads(bucket.content(key))["label"] == label

    scene.reload()
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 1, "the sample is uploaded")
    assert bucket.keys() == [f"training/{folder.name}.tar"]
    set_label(folder, "occupied")
    await_label("occupied", 2)
    set_label(folder, "unoccupied")
    await_label("unoccupied", 3)
    (folder / "label.json").unlink()
    await_label(None, 4)
    assert [path.name for path in folder.iterdir()] == ["event.json"]
    assert len(proxy.puts()) == 4


def test_stills_go_to_dropbox_at_once_and_are_deleted(
    scene: UploaderScene, dropbox: DropboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "STILLS_EVERY_S", 0.5)
    scene.configure(dropbox.yaml + "uploads: {upload_every_s: 3600}\n")
    scene.start()
    stills = [scene.still(number) for number in range(3)]
    content = {f"/cameras/front/{path.name}".lower(): path.read_bytes() for path in stills}
    scene.until(lambda: scene.counter("store_uploaded", "dropbox") == 3, "all are uploaded")
    assert {path: stored.content for path, stored in dropbox.files.items()} == content
    assert not list((scene.data_dir / "stills").iterdir())


def test_a_sample_stays_until_every_store_has_it(
    scene: UploaderScene, bucket: Bucket, proxy: FaultyProxy, nas: Path
) -> None:
    folder = scene.event(5, "sample.tar", "clip.mp4")
    content = (folder / "sample.tar").read_bytes()
    proxy.faults.append(Fault(about="training/", status=500, code="InternalError"))
    scene.configure(bucket.yaml(proxy.url) + f"uploads: {{folder: {nas}}}\n")
    scene.start()
    copy = nas / "training" / f"{folder.name}.tar"
    scene.until(copy.exists, "the folder has the sample")
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 2, "S3 has it too")
    assert copy.read_bytes() == content == bucket.content(f"training/{folder.name}.tar")
    scene.until(lambda: not (folder / "sample.tar").exists(), "the sample is deleted")
    assert set(json.loads((folder / ".clip.mp4.uploaded").read_text())) == {"s3", "folder"}


def test_a_full_folder_gets_the_rest_when_there_is_room(
    scene: UploaderScene, share: SmallDisk
) -> None:
    share.fill()
    folder = scene.event(5, "clip.mp4", "sample.tar")
    content = (folder / "sample.tar").read_bytes()
    scene.configure(f"uploads: {{folder: {share.path / 'camera'}}}\n")
    scene.start()
    full = "accepts nothing: No space left on device"
    scene.until(lambda: full in scene.trouble(), "the folder is full")
    assert not [path for path in (share.path / "camera").rglob("*") if path.is_file()]
    share.empty()
    scene.reload()
    scene.until(lambda: not (folder / "sample.tar").exists(), "the sample is copied")
    copy = share.path / "camera" / "training" / f"{folder.name}.tar"
    assert copy.read_bytes() == content


def test_a_missing_share_is_announced_and_not_written_to(
    scene: UploaderScene, share: SmallDisk
) -> None:
    scene.configure(f"uploads: {{folder: {share.path / 'camera'}}}\n")
    scene.start()
    share.pull()
    folder = scene.event(5, "clip.mp4")
    scene.reload()
    (fact,) = scene.until(lambda: scene.facts("store_refused"), "it is announced")
    assert fact.text.endswith("it is not there; mount it, or correct uploads.folder.")
    assert not list(share.path.iterdir())
    share.put_back()
    (share.path / "camera").mkdir()
    scene.reload()
    copy = share.path / "camera" / "clips" / f"{folder.name}.mp4"
    scene.until(copy.exists, "the folder has the clip")
    scene.until(lambda: scene.facts("store_back"), "that is announced")


def test_new_settings_do_not_wait_for_a_store_that_hangs(
    scene: UploaderScene, bucket: Bucket, proxy: FaultyProxy
) -> None:
    proxy.faults.append(Fault(hang=True, times=99))
    folder = scene.event(5, "clip.mp4")
    scene.configure(bucket.yaml(proxy.url))
    scene.start()
    scene.until(proxy.puts, "S3 hangs")
    scene.configure(bucket.yaml())
    scene.reload()
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 1, "the clip is uploaded directly")
    assert bucket.keys() == [f"clips/{folder.name}.mp4"]
    proxy.released.set()


def test_with_new_settings_no_two_threads_write_a_copy(scene: UploaderScene, nas: Path) -> None:
    ancient, _ = scene.event(NINE_DAYS, "event.json"), scene.event(60, "event.json")
    clip = scene.event(5) / "clip.mp4"
    os.mkfifo(clip)
    copy = nas / "clips" / f"{clip.parent.name}.mp4"
    unfinished = copy.with_name(f".{copy.name}.part")
    scene.configure(f"uploads: {{folder: {nas}}}\n")
    scene.start()
    with clip.open("wb", buffering=0) as source:
        source.write(b"clip" * 1000)
        source.write(b"clip" * 1000)
        scene.until(unfinished.exists, "the copy has begun")
        begun = unfinished.stat().st_ino, unfinished.stat().st_mtime_ns
        scene.configure(f"uploads: {{folder: {nas}}}\n", KEEP_SEVEN_DAYS)
        scene.reload()
        scene.until(lambda: not ancient.exists(), "the new threads work")
        assert (unfinished.stat().st_ino, unfinished.stat().st_mtime_ns) == begun
        whole = clip.with_name("whole")
        whole.write_bytes(b"clip" * 2000)
        whole.replace(clip)  # a thread that opens a FIFO again waits for a writer without end
    scene.until(copy.exists, "the copy is there")
    assert copy.read_bytes() == b"clip" * 2000


def test_a_wrong_bucket_is_announced_once_over_a_restart(
    scene: UploaderScene, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    folder = scene.event(5, "clip.mp4", "snapshot.jpg")
    missing = f"{bucket.name}-missing"
    scene.configure(bucket.yaml().replace(bucket.name, missing))
    scene.start()
    (fact,) = scene.until(lambda: scene.facts("store_refused"), "it is announced")
    refusal = (
        f"the bucket {missing} refuses (NoSuchBucket): there is no such bucket: create it, or "
        "correct s3.bucket"
    )
    assert fact.text == f"Uploads must wait: {refusal}."
    scene.start()
    scene.until(lambda: "NoSuchBucket" in scene.trouble(), "the next run finds it too")
    scene.configure(bucket.yaml())
    scene.reload()
    (back,) = scene.until(lambda: scene.facts("store_back"), "the end is announced")
    assert back.text == "Uploads to s3 work again."
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 2, "all is in the right bucket")
    assert len(scene.facts("store_refused")) == 1
    assert caplog.text.count(f"{refusal}; trying again") == 2
    assert (folder / ".clip.mp4.uploaded").exists()


def test_a_refusing_store_that_is_removed_is_announced(
    scene: UploaderScene, bucket: Bucket
) -> None:
    scene.event(5, "clip.mp4")
    scene.configure(bucket.yaml().replace(bucket.name, f"{bucket.name}-missing"))
    scene.start()
    scene.until(lambda: scene.facts("store_refused"), "the refusal is announced")
    scene.configure("")
    scene.reload()
    (back,) = scene.until(lambda: scene.facts("store_back"), "the end is announced")
    assert back.text == "Uploads to s3 are no longer configured."


def test_a_store_that_asks_for_a_pause_gets_all_files_later(
    scene: UploaderScene, bucket: Bucket, proxy: FaultyProxy
) -> None:
    proxy.faults.append(Fault(status=503, code="SlowDown", headers={"retry-after": "1"}))
    scene.event(5, "clip.mp4", "snapshot.jpg")
    scene.configure(bucket.yaml(proxy.url))
    scene.start()
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 2, "all is uploaded")
    assert (len(proxy.puts()), scene.counter("store_failures", "s3")) == (3, 1)


def test_with_texts_clips_and_pictures_are_urgent(scene: UploaderScene, bucket: Bucket) -> None:
    scene.configure(
        bucket.yaml() + "uploads: {upload_every_s: 3600}\n"
        f"twilio: {{to: ['+15550100'], from: '+15550101', account_sid: AC{1:032}, auth_token: x}}\n"
    )
    scene.start()
    scene.until(lambda: scene.counter("store_waiting", "s3") == 0, "the first search is over")
    folder = scene.event(0, "snapshot.jpg")
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 1, "the picture is uploaded")
    event, at = folder.name, datetime.now(UTC)
    (folder / "clip.mp4").write_bytes(b"clip")
    fact = Fact(f"{event}-clip_ready", "clip_ready", at, "Clip.", "front", event, file="clip.mp4")
    scene.state.publish(fact)
    scene.until(lambda: "s3:clip.mp4" in scene.state.event_fields(event), "the clip is uploaded")
    assert bucket.keys() == [f"clips/{event}.jpg", f"clips/{event}.mp4"]


def test_an_upload_without_redis_is_published_later(scene: UploaderScene, bucket: Bucket) -> None:
    scene.configure(bucket.yaml() + "uploads: {upload_every_s: 1}\n")
    scene.start()
    scene.redis.close()
    scene.server.stop()
    at = datetime.now(UTC) - timedelta(minutes=1)
    event = protocol.event_id(at, "front")
    make_event(scene.data_dir, event, "clip.mp4")
    scene.until(lambda: scene.counter("store_uploaded", "s3") == 1, "the clip is uploaded")
    scene.server.start()
    fact = Fact(f"{event}-x", "motion_started", at, "Motion.", "front", event)
    scene.state.publish(fact, EventRecord("front", at))
    scene.until(
        lambda: "s3:clip.mp4" in scene.state.event_fields(event), "the event says where its clip is"
    )


def test_a_full_disk_is_announced_once_over_a_restart(scene: UploaderScene) -> None:
    scene.configure("", "disk: {min_free_gb: 1000000}\n")
    scene.start()
    (fact,) = scene.until(lambda: scene.facts("disk_low"), "it is announced")
    assert "less than the 1e+06 GB of disk.min_free_gb" in fact.text
    scene.start()
    scene.until(lambda: scene.counter("disk_low"), "the next run finds it too")
    scene.configure("")
    scene.reload()
    scene.until(lambda: scene.facts("disk_ok"), "the end is announced")
    assert len(scene.facts("disk_low")) == 1
    assert scene.counter("disk_low") is False


def test_a_read_only_card_is_announced_and_so_is_its_end(
    scene: UploaderScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_guard, "CHECK_EVERY_S", 0.2)
    card = SmallDisk(scene.data_dir, 16)
    card.put_back()
    try:
        card.let_write(False)
        scene.configure("")
        scene.start()
        (fact,) = scene.until(lambda: scene.facts("disk_low"), "it is announced")
        assert f"Read-only file system: '{scene.data_dir}'." in fact.text
        assert "the disk is worn out or loose: replace it." in fact.text
        card.let_write(True)
        scene.until(lambda: scene.facts("disk_ok"), "the end is announced")
    finally:
        scene.stop()
        card.pull()


def test_no_secret_is_logged(
    scene: UploaderScene,
    bucket: Bucket,
    proxy: FaultyProxy,
    dropbox: DropboxServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy.faults.append(Fault(status=403, code="SignatureDoesNotMatch"))
    dropbox.linked = False
    scene.event(5, "clip.mp4")
    scene.still(1)
    scene.configure(bucket.yaml(proxy.url) + dropbox.yaml)
    scene.start()
    scene.until(lambda: "SignatureDoesNotMatch" in caplog.text, "S3 refuses")
    scene.until(lambda: "dropbox-link" in caplog.text, "Dropbox refuses")
    for secret in (SECRET, APP_SECRET, REFRESH_TOKEN):
        assert secret not in caplog.text


def test_an_old_event_is_deleted_logged_and_counted(
    scene: UploaderScene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = scene.event(NINE_DAYS, "event.json", "clip.mp4")
    scene.event(5, "clip.mp4")
    age(folder, datetime.now(UTC) - timedelta(days=9))
    scene.configure("", KEEP_SEVEN_DAYS)
    scene.start()
    scene.until(lambda: scene.counter("deleted") == 1, "it is deleted")
    assert not folder.exists()
    assert f"deleted {folder}" in caplog.text
