"""The security system as a real process, on drawn rooms and real footage, with a real Redis."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app.daemons.security_system.daemon import SecuritySystem
from app.errors import ConfigError
from app.files import is_unfinished
from app.protocol import Heartbeat, Position, Request, RequestKind
from app.state import Latest
from tests.conftest import REPO
from tests.daemons.security_system.conftest import Front
from tests.display.screens import press, screen
from tests.servers.programs import Program, write_config
from tests.waiting import patience, until

QUICK = "events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}\n"
MOUNT = "pantilt: {backend: mock, home: [10, 5], park: [-80, 40], settle_s: 0.5}"
HOME, PARK = Position(10, 5), Position(-80, 40)


class EmptyRoom:
    """The program in front of an empty room, with a mount; it was disarmed when it started."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.state = front.state
        self.state.set_switch("camera_status", False)
        self.program = front.start("synthetic:empty", f"{QUICK}cameras: {{front: {{{MOUNT}}}}}\n")
        until(lambda: self.position() == PARK, "it turns away")
        self.program.signal(signal.SIGHUP)
        # Until Redis has answered, a camera counts as armed.
        self.disarmed = until(
            lambda: beat if (beat := self.beat()) and not beat.counters["armed"] else None, "a beat"
        )
        self.disarmed_log = self.program.log
        self.state.set_switch("camera_status", True)
        front.wait_for_picture()
        until(lambda: self.position() == HOME, "it looks home")

    def position(self) -> Position | None:
        return self.state.get("camera:front:position", Position)

    def beat(self) -> Heartbeat | None:
        return self.front.heartbeat(self.program)

    def picture_since(self, moment: datetime) -> Latest | None:
        """The newest picture, if it was taken since *moment*."""
        latest = self.state.latest("front")
        return latest if latest and latest.taken_at >= moment else None

    def ask_for_picture(self) -> datetime:
        """Ask for a picture taken now; returns the time of asking."""
        asked_at = datetime.now(UTC)
        self.state.add_request(Request("last_image", asked_at, "anna", "front"))
        return asked_at


@pytest.fixture(scope="module")
def empty_room(shared_front: Front) -> Iterator[EmptyRoom]:
    yield EmptyRoom(shared_front)


def decoded(jpeg: bytes) -> np.ndarray[Any, Any]:
    found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def test_a_disarmed_camera_is_turned_away_and_closed(empty_room: EmptyRoom) -> None:
    assert empty_room.disarmed.counters["camera"] == "closed"
    assert "camera opens" not in empty_room.disarmed_log


def test_a_requested_picture_comes_within_a_second(empty_room: EmptyRoom) -> None:
    for _ in range(3):
        asked_at = empty_room.ask_for_picture()
        empty_room.program.obeys(
            partial(empty_room.picture_since, asked_at), "a new picture", within_s=1.0
        )


def test_live_pictures_are_sent_only_while_somebody_watches(empty_room: EmptyRoom) -> None:
    state, raw = empty_room.state, empty_room.front.raw
    live, detector = "camera:front:frames", "camera:front:detector"
    with closing(state.subscription(live, detector)) as pictures:
        assert pictures.read(0.6) is None
        for of_detector, channel in ((False, live), (True, detector)):
            state.watch(["front"], detector=of_detector)
            found = until(lambda: pictures.read(0.2), "a picture")
            assert found[0] == channel
            picture = found[1].partition(b"\n")[2] if of_detector else found[1]
            assert decoded(picture).shape == ((360, 1448, 3) if of_detector else (480, 640, 3))
            raw.delete(f"camera:front:{'detector_' * of_detector}watched")
            until(lambda: pictures.read(0.6) is None, "the pictures end")
        state.watch(["front"])
        until(lambda: pictures.read(0.2), "a picture")
        state.set_switch("camera_status", False)
        until(lambda: pictures.read(0.6) is None, "a closed camera has no pictures")
        state.set_switch("camera_status", True)
    until(partial(empty_room.picture_since, empty_room.ask_for_picture()), "it sees again")


def test_the_camera_obeys_its_switch_within_a_second(empty_room: EmptyRoom) -> None:
    program = empty_room.program
    opened, closed = program.log.count("the camera opens"), program.log.count("the camera closes")
    empty_room.state.set_switch("camera_status", False)
    program.obeys(
        lambda: program.log.count("disarmed: the camera closes") == closed + 1, "it closes", 1.0
    )
    empty_room.state.set_switch("camera_status", True)
    program.obeys(lambda: program.log.count("armed: the camera opens") > opened, "it opens", 1.0)
    until(partial(empty_room.picture_since, empty_room.ask_for_picture()), "it sees again")
    assert empty_room.position() == HOME


@pytest.mark.parametrize(("kind", "mode"), [("silencer_on", "on"), ("silencer_off", "off")])
def test_the_silencer_is_switched_within_a_second(
    empty_room: EmptyRoom, kind: RequestKind, mode: str
) -> None:
    empty_room.state.add_request(Request(kind, datetime.now(UTC), "anna", "front"))

    def is_switched() -> bool:
        beat = empty_room.beat()
        return beat is not None and beat.counters["silencer"] == mode

    empty_room.program.obeys(is_switched, f"its heartbeat says {mode}", within_s=1.0)
    files = list(empty_room.front.folder.rglob("silencer-front.on"))
    assert len(files) == (mode == "on")


def test_a_turn_reaches_its_target_and_raises_no_alarm(empty_room: EmptyRoom) -> None:
    state = empty_room.state
    before = until(partial(empty_room.picture_since, empty_room.ask_for_picture()), "a picture")
    state.put("camera:front:target", Position(25, -5))
    empty_room.program.obeys(
        lambda: state.get("camera:front:position", Position) == Position(25, -5),
        "the target is reached",
        within_s=2.0,
    )
    time.sleep(2.5)  # longer than the picture needs to rest, to be learned and to be an alert
    after = until(partial(empty_room.picture_since, empty_room.ask_for_picture()), "a picture")
    assert np.abs(decoded(before.jpeg).astype(int) - decoded(after.jpeg)).mean() > 5
    assert empty_room.front.facts() == []


def test_a_changed_camera_is_reopened_while_the_program_runs(empty_room: EmptyRoom) -> None:
    program = empty_room.program
    opened = program.log.count("armed: the camera opens")
    empty_room.front.configure(f"{QUICK}cameras: {{front: {{hflip: true, {MOUNT}}}}}\n")
    program.signal(signal.SIGHUP)
    until(lambda: program.log.count("armed: the camera opens") > opened, "it is reopened")


def test_real_footage_gives_its_first_event_within_three_seconds(
    front: Front, footage: Path
) -> None:
    front.start(footage / "one-by-one-person-detection.mp4")
    front.wait_for_picture()
    beginning = front.state.latest("front")
    event = front.first_event()
    record = front.state.event(event)
    assert beginning
    assert record
    # The first visitor comes after 6.1 s, and is found in 3 s, unless the machine stands still.
    after_s = (record.started_at - beginning.taken_at).total_seconds()
    assert 5.4 <= after_s <= 6.1 + patience(8.0)
    folder = front.data / "events" / f"{record.started_at:%Y-%m-%d}" / event
    assert {path.name for path in folder.iterdir() if not is_unfinished(path.name)} == {
        "event.json",
        "snapshot.jpg",
        "snapshot-clean.jpg",
    }
    marked = decoded((folder / "snapshot.jpg").read_bytes())
    clean = decoded((folder / "snapshot-clean.jpg").read_bytes())
    assert marked.shape == clean.shape == (432, 768, 3)
    assert np.abs(marked.astype(int) - clean).max() > 100
    assert front.state.snapshot(event) == (folder / "snapshot.jpg").read_bytes()
    assert json.loads((folder / "event.json").read_text())["id"] == event
    x, y, width, height = (record.boxes or ())[0]
    assert 0 <= x < x + width <= 768
    assert 0 <= y < y + height <= 432


def test_a_missing_camera_is_reported_until_it_is_mended(front: Front) -> None:
    source = front.folder / "nothing.mp4"
    program = front.start(more=f"cameras: {{front: {{source: '{source}', lost_alert_s: 0.5}}}}\n")
    until(lambda: front.facts("camera_lost"), "the loss is published")
    assert "nothing.mp4" in front.facts("camera_lost")[0]["text"]
    beat = until(partial(troubled, front, program), "the heartbeat says it")
    assert beat.last_error
    assert "nothing.mp4" in beat.last_error.what
    assert beat.counters["frames"] == 0
    assert len(front.facts()) == 1
    front.configure("cameras: {front: {source: 'synthetic:empty', lost_alert_s: 0.5}}\n")
    program.signal(signal.SIGHUP)
    until(lambda: front.facts("camera_back"), "it is back")
    assert [one["kind"] for one in front.facts()] == ["camera_lost", "camera_back"]


@pytest.mark.parametrize(
    ("cameras", "chosen"), [("{front: {}}", "attic"), ("{front: {}, back: {}}", None)]
)
def test_an_unknown_camera_is_answered_with_all_names(
    tmp_path: Path, cameras: str, chosen: str | None
) -> None:
    config = write_config(tmp_path, "unix:///nowhere", f"cameras: {cameras}\n")
    with pytest.raises(ConfigError, match=f"must be one of front.*, not {chosen}"):
        SecuritySystem(chosen, folder=config)


def troubled(front: Front, program: Program) -> Heartbeat | None:
    beat = front.heartbeat(program)
    return beat if beat and beat.last_error else None


def test_nothing_of_the_display_is_imported_without_show() -> None:
    code = (
        "import sys, app.daemons.security_system.daemon as _\n"
        "print([name for name in sys.modules if name.startswith('app.display')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_program_continues_when_its_window_is_closed(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    with screen() as display:
        monkeypatch.setenv("DISPLAY", display)
        program = front.start("demo", options=["--show"])
        front.wait_for_picture()

        def is_closed() -> bool:
            press(display, "q")
            return "the window is closed" in program.log

        def frames() -> int:
            program.signal(signal.SIGHUP)  # it sends a heartbeat
            beat = front.heartbeat(program)
            count = beat.counters["frames"] if beat else 0
            assert isinstance(count, int)
            return count

        until(is_closed, "q closes the window")
        seen = frames()
        until(lambda: frames() > seen + 10, "it sees more frames")
    assert program.stop() == 0
