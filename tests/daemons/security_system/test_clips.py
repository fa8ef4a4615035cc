"""The clips of a camera as files, and as published facts and answers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from app.clock import SystemClock
from app.config import Config
from app.daemons.security_system.clip_deadlines import ClipDeadlines
from app.daemons.security_system.clips import MOST_ASKED, Clips
from app.daemons.security_system.controls import ControlState
from app.daemons.security_system.publisher import Publisher
from app.daemons.security_system.spool import Publication
from app.detector import Event
from app.frames import Frame
from app.protocol import ClipAsked, Fact
from app.recording.event_folder import EventFolders
from app.state import State
from tests.daemons.facts import facts
from tests.daemons.security_system.publishing import publishing
from tests.recording.videos import numbered, numbers
from tests.waiting import until

SETTINGS = {
    "recording": {"pre_roll_s": 1, "post_roll_s": 1, "max_clip_s": 5},
    "disk": {"min_free_gb": 0},
}
NAME = "20261120T101500.000Z-front"


@pytest.fixture
def publisher(state: State, tmp_path: Path) -> Iterator[Publisher]:
    with publishing(state, tmp_path) as opened:
        yield opened


@pytest.fixture
def zero_s() -> float:
    """The time of the camera's first picture."""
    return SystemClock().monotonic() - 3


@pytest.fixture
def deadlines(publisher: Publisher) -> ClipDeadlines:
    return ClipDeadlines(publisher.publish, SystemClock(), lambda _: None)


@pytest.fixture
def clips(
    publisher: Publisher, deadlines: ClipDeadlines, tmp_path: Path, zero_s: float
) -> Iterator[Clips]:
    """The clips of the camera front, which has been open for some seconds."""
    opened = make_clips(publisher, deadlines, tmp_path)
    opened.open()
    show(opened, range(30), zero_s)
    yield opened
    opened.close()


def make_clips(publisher: Publisher, deadlines: ClipDeadlines, data_dir: Path) -> Clips:
    folders = EventFolders(data_dir)
    clock = SystemClock()
    return Clips("front", config(), folders, publisher, deadlines=deadlines, clock=clock)


def config(**sections: Any) -> Config:
    return Config.model_validate(SETTINGS | sections)


def show(clips: Clips, these: range, zero_s: float) -> None:
    """Show the camera's pictures of these numbers, ten a second since *zero_s*."""
    for number in these:
        picture = numbered(number)
        at_s = zero_s + number / 10
        clips.add_frame(
            Frame(
                np.ascontiguousarray(picture[:, :, 0]),
                at_s,
                datetime.now(UTC),
                number,
                lambda picture=picture: picture,  # type: ignore[misc]
            )
        )


def event(started_at_s: float) -> Event:
    return Event(1, started_at_s, None, 5000.0, (), alert=True)


def alert_without_clip() -> Publication:
    now = datetime.now(UTC)
    return Publication(Fact(f"{NAME}-closed", "clip_ready", now, "It was opened.", "front", NAME))


def asking(count: int, at: datetime | None = None, *, armed: bool = True) -> ControlState:
    return ControlState(armed, clips_asked=count, clip_asked_at=at or datetime.now(UTC))


def test_each_part_of_a_long_clip_is_published(
    clips: Clips, raw: redis.Redis, tmp_path: Path, zero_s: float
) -> None:
    clips.begin(NAME, event(zero_s + 2.5))
    show(clips, range(30, 130), zero_s)
    clips.end(zero_s + 10.25)
    until(lambda: len(facts(raw)) == 2, "both are published")
    first, second = facts(raw)
    assert (first["id"], first["file"], first["text"]) == (
        f"{NAME}-clip_ready",
        "clip.mp4",
        "Clip of camera front, to be continued: 5 seconds.",
    )
    assert (second["id"], second["file"], second["text"]) == (
        f"{NAME}-clip_ready-2",
        "clip-2.mp4",
        "The clip of camera front: 10 seconds.",
    )
    folder = tmp_path / "events" / "2026-11-20" / NAME
    there = numbers(folder / "clip.mp4") + numbers(folder / "clip-2.mp4")
    assert there == list(range(there[0], there[-1] + 1))
    assert len(there) == pytest.approx(98, abs=2)


def test_a_long_opening_by_light_is_one_alert(
    clips: Clips, raw: redis.Redis, zero_s: float
) -> None:
    clips.configure(config(motion={"trigger": "light"}))
    clips.begin(NAME, event(zero_s + 2.5))
    show(clips, range(30, 100), zero_s)
    clips.end(zero_s + 9.5)
    until(lambda: len(facts(raw)) == 2, "both are published")
    assert [(one["file"], one["alert"]) for one in facts(raw)] == [
        ("clip.mp4", False),
        ("clip-2.mp4", True),
    ]
    assert facts(raw)[1]["text"].endswith(" for 7 seconds.")


@pytest.mark.parametrize("late", [False, True])
def test_an_opening_by_light_is_one_alert_with_a_late_clip_too(
    clips: Clips, deadlines: ClipDeadlines, raw: redis.Redis, zero_s: float, late: bool
) -> None:
    clips.configure(config(motion={"trigger": "light"}))
    clips.begin(NAME, event(zero_s + 2.5))
    show(clips, range(30, 50), zero_s)
    deadlines.add(NAME, alert_without_clip(), 0.0 if late else 30.0)
    deadlines.step()
    clips.end(zero_s + 4.5)
    until(lambda: [one for one in facts(raw) if one["file"]], "the clip is ready")
    assert [one["alert"] for one in facts(raw)] == ([True, False] if late else [True])


def test_a_full_disk_costs_the_clip_but_not_its_alert(
    clips: Clips, deadlines: ClipDeadlines, raw: redis.Redis, tmp_path: Path, zero_s: float
) -> None:
    clips.configure(config(disk={"min_free_gb": 1e6}))
    clips.begin(NAME, event(zero_s + 2.5))
    deadlines.add(NAME, alert_without_clip())
    show(clips, range(30, 50), zero_s)
    clips.end(zero_s + 3.5)
    until(lambda: clips.trouble, "the trouble is reported")
    assert "less than half of disk.min_free_gb" in str(clips.trouble)

    def published() -> list[dict[str, Any]]:
        deadlines.step()
        return facts(raw)

    until(published, "the alert is published")
    assert [one["file"] for one in facts(raw)] == [None]
    assert not list(tmp_path.glob("events/*/*/*.mp4"))


def test_the_part_so_far_goes_to_who_asked_for_it(
    clips: Clips, raw: redis.Redis, zero_s: float
) -> None:
    parts: list[tuple[str | None, float]] = []
    clips.split(lambda file, seconds: parts.append((file, seconds)))
    assert parts == [(None, 0.0)]
    (begun,) = clips.begin(NAME, event(zero_s + 2.5))
    show(clips, range(30, 50), zero_s)
    assert begun.wait(20)
    clips.split(lambda file, seconds: parts.append((file, seconds)))
    show(clips, range(50, 60), zero_s)
    until(lambda: len(parts) == 2, "the part is ready")
    show(clips, range(60, 90), zero_s)
    clips.end(zero_s + 7)
    until(lambda: len(facts(raw)) == 2, "both parts are published")
    assert parts[1][0] == "clip.mp4"
    assert [(one["file"], one["alert"]) for one in facts(raw)] == [
        ("clip.mp4", False),
        ("clip-2.mp4", True),
    ]


@pytest.mark.parametrize(
    ("wanted", "camera_open", "why"),
    [
        (asking(1, armed=False), True, "Camera front is off."),
        (asking(1), False, "Camera front gives no pictures just now."),
    ],
)
def test_a_request_that_gives_no_clip_is_answered_why(
    clips: Clips, state: State, wanted: ControlState, camera_open: bool, why: str
) -> None:
    clips.follow(wanted, camera_open)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked == ClipAsked(asked.asked_at, why=why)


def test_a_request_for_a_time_long_ago_is_answered_why(
    clips: Clips, state: State, zero_s: float
) -> None:
    clips.follow(asking(1, datetime.now(UTC) - timedelta(seconds=25)), True)
    show(clips, range(30, 40), zero_s)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked == ClipAsked(
        asked.asked_at, why="The clip cannot be written: the camera gave no picture at that time"
    )


def test_a_request_is_followed_once(clips: Clips, raw: redis.Redis) -> None:
    wanted = asking(1)
    for _ in range(5):
        clips.follow(wanted, True)
    clips.cut()
    until(lambda: facts(raw), "the clip is published")
    clips.close()
    assert len(facts(raw)) == 1


def test_only_some_requested_clips_are_made_at_once(clips: Clips, state: State) -> None:
    for number in range(1, MOST_ASKED + 2):
        clips.follow(asking(number, datetime.now(UTC) - timedelta(milliseconds=10 * number)), True)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked.why == f"{MOST_ASKED} clips are being made already; ask again in some seconds."


def test_a_folder_that_is_no_event_is_left_alone(
    clips: Clips, publisher: Publisher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = tmp_path / "events" / "2026-11-20" / "20269999T101500.000Z-front"
    odd.mkdir(parents=True)
    (odd / ".clip.mp4.part").write_bytes(b"something")
    clips.close()
    again = make_clips(
        publisher, ClipDeadlines(publisher.publish, SystemClock(), lambda _: None), tmp_path
    )
    again.open()
    until(lambda: "a clip is left as it is" in caplog.text, "it is logged")
    again.check()
    again.close()
    assert (odd / ".clip.mp4.part").exists()


def test_all_days_are_searched_for_unfinished_clips(
    publisher: Publisher, deadlines: ClipDeadlines, tmp_path: Path
) -> None:
    parts = []
    for day in range(20, 24):
        folder = tmp_path / "events" / f"2026-11-{day}" / f"202611{day}T101500.000Z-front"
        folder.mkdir(parents=True)
        parts.append(folder / ".clip.mp4.part")
        parts[-1].write_bytes(b"no video")
    clips = make_clips(publisher, deadlines, tmp_path)
    clips.open()
    until(lambda: not any(part.exists() for part in parts), "none is left")
    clips.close()


def test_a_request_whose_clip_a_kill_has_lost_gets_a_reply(
    clips: Clips, publisher: Publisher, state: State, tmp_path: Path
) -> None:
    asked_at = datetime.now(UTC)
    clips.follow(asking(1, asked_at), camera_open=True)
    until(lambda: publisher.notes.read("clips-asked"), "the request is noted")
    deadlines = ClipDeadlines(publisher.publish, SystemClock(), lambda _: None)
    again = make_clips(publisher, deadlines, tmp_path / "nothing")
    again.open()
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert (asked.asked_at, asked.event) == (asked_at, None)
    assert "was started again, so this clip was not made" in (asked.why or "")
    until(lambda: not publisher.notes.read("clips-asked"), "nothing is noted any more")
    again.close()
