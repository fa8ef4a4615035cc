"""Each poll reads the wanted state of a camera, and labels reach their events."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from app import protocol
from app.clock import SystemClock
from app.daemons.security_system.controls import Controls
from app.daemons.security_system.disk_writer import DiskWriter
from app.daemons.security_system.notes import Notes
from app.protocol import Label, Position, Request, RequestKind
from app.recording.event_folder import EventFolders
from app.state import State

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101507.000Z-front"


class Run:
    """One run of the camera front's program, which polls Redis when a test says so."""

    def __init__(self, state: State, data_dir: Path) -> None:
        spool = data_dir / "spool"
        self.disk = DiskWriter()
        self.notes = Notes(spool, self.disk, lambda write: write())
        self.controls = Controls(
            "front",
            state,
            EventFolders(data_dir),
            asked_file=spool / "asked-up-to",
            notes=self.notes,
            disk=self.disk,
            clock=SystemClock(),
        )
        self.controls.open()

    def poll(self) -> None:
        """Do what the publisher's thread does in one step."""
        self.controls.obey_again()
        self.controls.poll()


Start = Callable[[], Run]


@pytest.fixture
def start(state: State, tmp_path: Path) -> Start:
    return lambda: Run(state, tmp_path)


@pytest.fixture
def label(tmp_path: Path) -> Path:
    """The path of the label of `EVENT`, whose folder exists."""
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    return folder / "label.json"


def tag(state: State, event: str, label: Label | None, user: str = "U1") -> None:
    state.add_request(Request("tag", NOW, "anna", event=event, label=label, user=user))


def test_broken_values_change_nothing(
    start: Start, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    raw.set("camera_status", "False")
    raw.set("camera:front:target", '{"pan_deg": 20, "tilt_deg": -10}')
    run = start()
    assert not run.controls.state.known
    run.poll()
    wanted = run.controls.state
    assert (wanted.known, wanted.armed, wanted.target) == (True, False, Position(20, -10))
    raw.set("camera_status", "maybe")
    raw.set("camera:front:target", '{"pan_deg": 200, "tilt_deg": 0}')
    raw.set("camera:front:watched", "1", ex=5)
    for _ in range(2):
        run.poll()
    wanted = run.controls.state
    assert (wanted.watched, wanted.armed, wanted.target) == (True, False, Position(20, -10))
    assert caplog.text.count("camera_status is 'maybe'") == 1
    assert caplog.text.count("pan_deg") == 1


def test_a_picture_is_asked_for_once_and_of_this_camera(start: Start, state: State) -> None:
    for camera in ("front", "back", None):
        state.add_request(Request("last_image", datetime.now(UTC), "anna", camera))
    state.add_request(Request("last_image", NOW, "anna", "front"))
    run = start()
    for _ in range(2):
        run.poll()
        assert run.controls.state.images_asked == 2


def test_a_focus_is_asked_for_once_and_of_this_camera(start: Start, state: State) -> None:
    for camera in ("front", "back"):
        state.add_request(Request("focus", datetime.now(UTC), "anna", camera))
    run = start()
    for _ in range(2):
        run.poll()
        assert (run.controls.state.focus_asked, run.controls.state.images_asked) == (1, 0)


def test_a_clip_is_asked_for_at_the_newest_requests_time(start: Start, state: State) -> None:
    now = datetime.now(UTC)
    for camera, at in (
        ("front", now - timedelta(seconds=2)),
        ("back", now),
        ("front", now - timedelta(seconds=1)),
        ("front", NOW),
    ):
        state.add_request(Request("clip", at, "anna", camera))
    run = start()
    for _ in range(2):
        run.poll()
        assert run.controls.state.clips_asked == 2
        assert run.controls.state.clip_asked_at == now - timedelta(seconds=1)
        assert run.controls.state.images_asked == 0


def test_a_label_is_written_replaced_and_removed(start: Start, state: State, label: Path) -> None:
    run = start()
    tag(state, "20261120T101507.000Z-back", "occupied")
    tag(state, EVENT, "occupied")
    run.poll()
    assert json.loads(label.read_text()) == {
        "label": "occupied",
        "user": "U1",
        "time": "2026-11-20T10:15:00+00:00",
        "event": EVENT,
    }
    tag(state, EVENT, "unoccupied")
    run.poll()
    assert "unoccupied" in label.read_text()
    tag(state, EVENT, None)
    run.poll()
    assert not label.exists()


def test_a_label_from_before_the_start_is_written_once(
    start: Start, state: State, label: Path
) -> None:
    tag(state, EVENT, "occupied")
    start().poll()
    assert label.exists()
    label.unlink()
    start().poll()
    assert not label.exists()


def test_a_wish_for_the_silencer_is_kept_until_it_is_done(start: Start, state: State) -> None:
    kinds: tuple[RequestKind, ...] = ("silencer_on", "silencer_off")
    for kind in kinds:
        state.add_request(Request(kind, NOW, "anna", "front"))
    state.add_request(Request("silencer_on", NOW, "anna", "garden"))
    start().poll()
    wishes: list[str] = []

    def obey(wish: Request) -> bool:
        wishes.append(wish.kind)
        return len(wishes) > 1

    run = start()
    run.controls.on_silencer_wish = obey
    for _ in range(3):
        run.poll()
    run = start()
    run.controls.on_silencer_wish = obey
    run.poll()
    assert wishes == ["silencer_off", "silencer_off"]


@pytest.mark.parametrize("restart", [False, True])
def test_labels_of_an_emptied_redis_are_written(
    start: Start, state: State, raw: redis.Redis, label: Path, restart: bool
) -> None:
    """The last request before it has an id in the future, since a clock was ahead then."""
    ahead = round((datetime.now(UTC) + timedelta(days=400)).timestamp() * 1000)
    request = Request("tag", NOW, "anna", event=EVENT, label="occupied")
    raw.xadd("requests", {"request": protocol.encode(request)}, id=f"{ahead}-0")
    run = start()
    run.poll()
    label.unlink()
    raw.flushall()
    if restart:
        run = start()
    for wanted in ("unoccupied", "occupied"):
        tag(state, EVENT, "occupied" if wanted == "occupied" else "unoccupied")
        run.poll()
        assert f'"{wanted}"' in label.read_text()


def test_requests_from_a_clock_that_was_ahead_take_no_picture(start: Start, state: State) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    state.add_request(Request("last_image", later, "anna", "front"))
    state.add_request(Request("clip", later, "anna", "front"))
    run = start()
    run.poll()
    assert (run.controls.state.images_asked, run.controls.state.clips_asked) == (0, 0)


@pytest.mark.parametrize("restart", [False, True])
def test_a_refused_label_is_written_later(
    start: Start, state: State, label: Path, restart: bool
) -> None:
    label.mkdir()
    tag(state, EVENT, "occupied")
    run = start()
    run.poll()
    label.rmdir()
    if restart:
        run = start()
    run.poll()
    assert label.is_file()


def test_a_tag_of_an_event_that_is_gone_is_logged(
    start: Start, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    tag(state, EVENT, "occupied")
    start().poll()
    assert f"event {EVENT} is tagged, but it is not on this disk any more" in caplog.text


@pytest.mark.parametrize(
    "event",
    [
        "..",
        "20261120T101507.000Z-front-",
        "20261120T101507.000Z-../../front",
        "20261320T101507.000Z-front",
    ],
)
def test_a_tag_of_no_event_writes_nothing(
    start: Start, raw: redis.Redis, tmp_path: Path, event: str
) -> None:
    request = {
        "kind": "tag",
        "at": "2026-11-20T10:15:00Z",
        "by": "x",
        "event": event,
        "label": "occupied",
    }
    raw.xadd("requests", {"request": json.dumps(request)})
    start().poll()
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"armed", "asked-up-to"}


def test_a_disarmed_camera_starts_disarmed_without_redis(start: Start, raw: redis.Redis) -> None:
    assert start().controls.state.armed
    raw.set("camera_status", "False")
    start().poll()
    wanted = start().controls.state
    assert (wanted.armed, wanted.known) == (False, False)


@pytest.mark.parametrize("stored", ["", "garbage", "1-", "\N{SNOWMAN}"])
def test_a_broken_file_of_requests_starts_from_the_beginning(
    start: Start, state: State, label: Path, tmp_path: Path, stored: str
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "asked-up-to").write_text(stored, encoding="utf-8")
    tag(state, EVENT, "occupied")
    start().poll()
    assert label.is_file()


def test_the_switch_is_noted_only_when_it_changes(
    start: Start, raw: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = start()
    run.poll()
    assert run.notes.read("armed") == "True"
    run.notes.keep("armed", None)
    run.poll()
    assert run.notes.read("armed") is None
    raw.set("camera_status", "False")
    run.poll()
    assert run.notes.read("armed") == "False"
