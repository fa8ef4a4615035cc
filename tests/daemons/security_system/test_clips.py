"""What the house is told of a camera's films."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from app.clock import SystemClock
from app.config import Config
from app.daemons.security_system.clip_deadlines import Owed
from app.daemons.security_system.clips import MOST_ASKED, Clips
from app.daemons.security_system.publisher import Link, News, Wishes
from app.daemons.security_system.spool import Spool
from app.detector import Event
from app.frames import Frame
from app.protocol import ClipAsked, Fact
from app.recording.event_folder import EventFolders
from app.state import State
from tests.recording.videos import numbered, numbers
from tests.servers.redis_server import RedisServer
from tests.waiting import until

SETTINGS = {
    "recording": {"pre_roll_s": 1, "post_roll_s": 1, "max_clip_s": 5},
    "disk": {"min_free_gb": 0},
}
NAME = "20261120T101500.000Z-front"


@pytest.fixture
def raw(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def link(state: State, tmp_path: Path) -> Iterator[Link]:
    opened = Link("front", state, EventFolders(tmp_path), Spool(tmp_path / "spool"), SystemClock())
    opened.open()
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def zero_s() -> float:
    """When the camera took its first picture."""
    return SystemClock().monotonic() - 3


@pytest.fixture
def owed(link: Link) -> Owed:
    return Owed(link.tell, SystemClock())


@pytest.fixture
def clips(link: Link, owed: Owed, tmp_path: Path, zero_s: float) -> Iterator[Clips]:
    """Those of the camera front, which has been open for some seconds."""
    filmed = Clips(
        "front",
        Config.model_validate(SETTINGS),
        EventFolders(tmp_path),
        link,
        SystemClock(),
        owed=owed,
    )
    filmed.open()
    show(filmed, range(30), zero_s)
    yield filmed
    filmed.close()


def show(clips: Clips, these: range, zero_s: float) -> None:
    """Show the camera's pictures of these numbers, ten a second since *zero_s*."""
    for number in these:
        picture = numbered(number)
        at_s = zero_s + number / 10
        clips.frame(
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


def told(raw: redis.Redis) -> list[dict[str, Any]]:
    entries: Any = raw.xrange("events")
    return [json.loads(stored[b"fact"]) for _, stored in entries]


def asking(count: int, at: datetime | None = None, *, armed: bool = True) -> Wishes:
    return Wishes(armed, clips_asked=count, clip_asked_at=at or datetime.now(UTC))


def test_each_part_of_a_long_film_is_told_and_the_last_one_tells_how_long_all_are(
    clips: Clips, raw: redis.Redis, tmp_path: Path, zero_s: float
) -> None:
    clips.opened(NAME, event(zero_s + 2.5))
    show(clips, range(30, 130), zero_s)
    clips.closed(zero_s + 10.25)
    until(lambda: len(told(raw)) == 2, "both are told")
    first, second = told(raw)
    assert (first["id"], first["file"], first["text"]) == (
        f"{NAME}-clip_ready",
        "clip.mp4",
        "Film of camera front, to be continued: 5 seconds.",
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


@pytest.mark.parametrize("late", [False, True])
def test_of_an_opening_one_sentence_is_told_also_when_its_film_comes_late(
    clips: Clips, owed: Owed, raw: redis.Redis, zero_s: float, late: bool
) -> None:
    clips.configure(Config.model_validate(SETTINGS | {"motion": {"trigger": "light"}}))
    clips.opened(NAME, event(zero_s + 2.5))
    show(clips, range(30, 50), zero_s)
    owed.owe(
        NAME,
        News(
            Fact(f"{NAME}-closed", "clip_ready", datetime.now(UTC), "It was opened.", "front", NAME)
        ),
        0.0 if late else 30.0,
    )
    owed.step()
    clips.closed(zero_s + 4.5)
    until(lambda: [one for one in told(raw) if one["file"]], "the film is ready")
    assert [one["alert"] for one in told(raw)] == ([True, False] if late else [True])


@pytest.mark.parametrize(
    ("wishes", "seeing", "why"),
    [
        (asking(1, armed=False), True, "Camera front is off."),
        (asking(1), False, "Camera front gives no pictures just now."),
    ],
)
def test_who_asks_for_what_cannot_be_filmed_is_told_why(
    clips: Clips, state: State, wishes: Wishes, seeing: bool, why: str
) -> None:
    clips.follow(wishes, seeing)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked == ClipAsked(asked.asked_at, why=why)


def test_who_asks_for_a_film_of_a_time_that_is_not_kept_any_more_is_told_so(
    clips: Clips, state: State, zero_s: float
) -> None:
    clips.follow(asking(1, datetime.now(UTC) - timedelta(seconds=25)), True)
    show(clips, range(30, 40), zero_s)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked == ClipAsked(
        asked.asked_at, why="The film cannot be written: the camera gave no picture at that time"
    )


def test_a_request_is_followed_once(clips: Clips, raw: redis.Redis) -> None:
    wishes = asking(1)
    for _ in range(5):
        clips.follow(wishes, True)
    clips.cut()
    until(lambda: told(raw), "the film is told of")
    clips.close()
    assert len(told(raw)) == 1


def test_no_more_films_are_made_at_once_than_memory_and_disk_bear(
    clips: Clips, state: State
) -> None:
    for number in range(1, MOST_ASKED + 2):
        clips.follow(asking(number, datetime.now(UTC) - timedelta(milliseconds=10 * number)), True)
    asked = until(lambda: state.get("camera:front:clip", ClipAsked), "the answer")
    assert asked.why == f"{MOST_ASKED} clips are being made already; ask again in some seconds."


def test_a_folder_that_is_no_events_is_left_alone(
    clips: Clips, link: Link, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = tmp_path / "events" / "2026-11-20" / "20269999T101500.000Z-front"
    odd.mkdir(parents=True)
    (odd / ".clip.mp4.part").write_bytes(b"something")
    clips.close()
    clock = SystemClock()
    again = Clips(
        "front",
        Config.model_validate(SETTINGS),
        EventFolders(tmp_path),
        link,
        clock,
        owed=Owed(link.tell, clock),
    )
    again.open()
    until(lambda: "a clip is left alone" in caplog.text, "it is said")
    again.check()
    again.close()
    assert (odd / ".clip.mp4.part").exists()
