"""Clips on this disk, in S3 or on another machine, by a real Redis and real files."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.clip_files import ClipFiles, ClipLocation
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.errors import StoreError
from app.protocol import Counters, Heartbeat
from app.state import State
from tests.cameras.pictures import write_video

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
HERE = protocol.host_name()
Make = Callable[..., ClipFiles]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


@pytest.fixture
def make(state: State, clock: FakeClock, tmp_path: Path) -> Make:
    def made(links: bool = True, upload_every_s: float = 300.0) -> ClipFiles:
        signed = (lambda key: f"https://s3/{key}?signed") if links else None
        return ClipFiles(
            state, clock, tmp_path, signed, ClipShrinker(), upload_every_s=upload_every_s
        )

    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "events" / "2026-11-20" / EVENT
    folder.mkdir(parents=True)
    return write_video(folder / "clip.mp4", 20)


def mark_in_s3(state: State) -> None:
    """Record that the clip is in S3."""
    state.mark_event(EVENT, {"s3:clip.mp4": f"clips/{EVENT}.mp4"})


def send_heartbeat(state: State, counters: Counters) -> None:
    """Let the uploader here send a heartbeat."""
    state.send_heartbeat(protocol.heartbeat_key("uploader", HERE), Heartbeat(1, AT, AT, counters))


def test_a_clip_on_this_disk_is_that_file(make: Make, clip: Path) -> None:
    assert make().find(EVENT, "clip.mp4", AT, HERE) == ClipLocation(clip)


def test_a_clip_that_is_a_link_is_no_clip(make: Make, clip: Path, tmp_path: Path) -> None:
    clip.rename(tmp_path / "private.yml")
    clip.symlink_to(tmp_path / "private.yml")
    found = make(links=False).find(EVENT, "clip.mp4", AT, HERE)
    assert found is not None
    assert found.path is None


def test_for_a_link_s3_is_waited_for_and_the_file_is_known_too(
    make: Make, clip: Path, state: State, clock: FakeClock
) -> None:
    files = make()
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    mark_in_s3(state)
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(
        clip, f"https://s3/clips/{EVENT}.mp4?signed"
    )


@pytest.mark.parametrize(("upload_every_s", "patience_s"), [(60, 600), (300, 600), (900, 1800)])
def test_a_link_is_waited_for_twice_as_long_as_uploads_take(
    make: Make, state: State, clock: FakeClock, upload_every_s: float, patience_s: float
) -> None:
    files = make(upload_every_s=upload_every_s)
    clock.advance(patience_s - 1)
    send_heartbeat(state, {"store_trouble": {"s3": None}})
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    clock.advance(1)
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(
        remark="The clip is deleted already."
    )


@pytest.mark.parametrize(
    "counters", [{"store_trouble": {"s3": "the bucket does not answer"}}, {"free_gb": 3.0}, None]
)
def test_a_link_is_not_waited_for_while_uploads_fail(
    make: Make,
    clip: Path,
    state: State,
    clock: FakeClock,
    counters: Counters | None,
) -> None:
    if counters is not None:
        send_heartbeat(state, counters)
    files = make()
    clock.advance(19)
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) is None
    clock.advance(1)
    assert files.find(EVENT, "clip.mp4", AT, HERE, links_only=True) == ClipLocation(clip)


def test_an_urgent_alert_waits_20_s_for_a_link(
    make: Make, clip: Path, state: State, clock: FakeClock
) -> None:
    send_heartbeat(state, {"store_trouble": {"s3": None}})
    clock.advance(19)
    assert make().find(EVENT, "clip.mp4", AT, HERE, links_only=True, urgent=True) is None
    clock.advance(1)
    assert make().find(EVENT, "clip.mp4", AT, HERE, links_only=True, urgent=True) == ClipLocation(
        clip
    )


def test_a_clip_of_another_machine_is_a_link_when_s3_has_it(
    make: Make, state: State, clock: FakeClock
) -> None:
    files = make()
    assert files.find(EVENT, "clip.mp4", AT, "garage") is None
    clock.advance(599)
    assert files.find(EVENT, "clip.mp4", AT, "garage") is None
    mark_in_s3(state)
    assert files.find(EVENT, "clip.mp4", AT, "garage") == ClipLocation(
        None, f"https://s3/clips/{EVENT}.mp4?signed"
    )


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("garage", f"The clip is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"),
        (None, f"The clip is on another machine: events/2026-11-20/{EVENT}/clip.mp4"),
        (HERE, "The clip is deleted already."),
    ],
)
def test_a_remark_says_where_a_clip_is_that_does_not_come(
    make: Make, clock: FakeClock, host: str | None, said: str
) -> None:
    clock.advance(600)
    assert make().find(EVENT, "clip.mp4", AT, host) == ClipLocation(remark=said)


def test_without_a_bucket_nothing_is_waited_for(make: Make, state: State) -> None:
    mark_in_s3(state)
    assert make(links=False).find(EVENT, "clip.mp4", AT, "garage") == ClipLocation(
        remark=f"The clip is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"
    )


def test_links_that_cannot_be_made_are_logged_once(
    state: State, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(key: str) -> str:
        raise StoreError("the bucket needs keys")

    mark_in_s3(state)
    files = ClipFiles(state, clock, tmp_path, refuse, ClipShrinker(), upload_every_s=300.0)
    assert [files.link(EVENT, "clip.mp4") for _ in range(3)] == [None] * 3
    assert caplog.text.count("no links to files in S3 can be made: the bucket needs keys") == 1


def test_a_clip_that_is_small_enough_is_used_unchanged(make: Make, clip: Path) -> None:
    size = clip.stat().st_size
    assert [make().fitting(clip, limit, "slack") for limit in (None, size)] == [clip, clip]
    assert make().fitting(clip, size - 1, None) is None


def test_a_large_clip_has_one_rendition_until_it_is_released(
    make: Make, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrunk = []

    def shrink(_self: ClipShrinker, clip: Path, limit_bytes: int, rendition: Path) -> bool:
        shrunk.append((clip, limit_bytes))
        rendition.parent.mkdir(exist_ok=True)
        rendition.write_bytes(b"small")
        return True

    monkeypatch.setattr(ClipShrinker, "shrink", shrink)
    files = make()
    rendition = files.fitting(clip, 100, "slack")
    assert rendition
    assert rendition != clip
    assert files.fitting(clip, 100, "slack") == rendition
    assert shrunk == [(clip, 100)]
    files.release(rendition)
    files.release(clip)
    assert (rendition.exists(), clip.exists()) == (False, True)


def test_without_a_rendition_nothing_fits(
    make: Make, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClipShrinker, "shrink", lambda *_: False)
    assert make().fitting(clip, 100, "slack") is None


def test_renditions_of_a_killed_program_are_deleted(make: Make, tmp_path: Path) -> None:
    left = tmp_path / "smaller" / "1-slack-clip.mp4"
    left.parent.mkdir()
    left.touch()
    make().tidy()
    assert list(left.parent.iterdir()) == []
