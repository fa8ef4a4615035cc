"""The last seconds in memory are limited, and readable from where a clip begins."""

from itertools import pairwise

import pytest

from app.frames import Packet, VideoFormat
from app.recording.pre_roll import Cursor, Ring

FORMAT = VideoFormat("h264", 640, 480, "yuv420p")


def packet(
    number: int, *, size: int = 1000, key_every: int = 10, video: VideoFormat = FORMAT
) -> Packet:
    return Packet(bytes(size), number / 10, number / 10, number % key_every == 0, video)


def filled(ring: Ring, numbers: range, **how: int) -> Ring:
    for number in numbers:
        ring.append(packet(number, **how))  # type: ignore[arg-type]
    return ring


def read_all(ring: Ring, cursor: Cursor) -> list[int]:
    found = []
    while packets := ring.read(cursor):
        found += [round(one.at_s * 10) for one in packets]
    return found


def test_it_keeps_its_seconds_and_what_decoding_needs() -> None:
    ring = filled(Ring(2.0, 1e9), range(100))
    assert read_all(ring, ring.open_cursor(0)) == list(range(70, 100))
    assert ring.kept_s == pytest.approx(2.9)


def test_it_starts_with_a_key_frame() -> None:
    ring = filled(Ring(60.0, 1e9), range(3, 30))
    assert read_all(ring, ring.open_cursor(0)) == list(range(10, 30))


@pytest.mark.parametrize(
    ("start_s", "begins_s", "first"),
    [(4.5, 4.5, 40), (4.53, 4.5, 40), (4.97, 5.0, 50), (0.0, 2.0, 20), (99.0, 5.9, 50)],
)
def test_a_cursor_begins_before_the_nearest_picture(
    start_s: float, begins_s: float, first: int
) -> None:
    ring = filled(Ring(3.0, 1e9), range(60))
    cursor = ring.open_cursor(start_s)
    assert cursor.start_s == pytest.approx(begins_s)
    assert read_all(ring, cursor)[0] == first


def read_until(ring: Ring, cursor: Cursor, before_s: float) -> int:
    """Read what is before *before_s*; returns how many packets are read in all."""
    while ring.read(cursor, before_s):
        pass
    return cursor.position


def test_what_a_clip_may_not_show_stays_unread() -> None:
    ring = filled(Ring(4.0, 1e9), range(30))
    cursor = ring.open_cursor(0.0)
    assert [read_until(ring, cursor, at_s) for at_s in (2.05, 2.55)] == [21, 26]
    filled(ring, range(30, 100))
    assert read_until(ring, cursor, 2.55) == pytest.approx(60, abs=1)
    ring.limit_bytes = ring.used_bytes * 1.5
    assert read_until(ring, cursor, 2.55) == 100


def test_unread_packets_stay_until_the_cursor_reads_them() -> None:
    ring = filled(Ring(1.0, 1e9), range(30))
    cursor = ring.open_cursor(2.5)
    filled(ring, range(30, 200))
    assert read_all(ring, cursor) == list(range(20, 200))
    assert cursor.gaps == 0
    filled(ring, range(200, 220))
    assert ring.kept_s < 3
    ring.release(cursor)


def test_another_cursor_can_continue_in_the_last_read() -> None:
    ring = filled(Ring(1.0, 1e9), range(30), key_every=5)
    cursor = ring.open_cursor(2.0)
    first = ring.read(cursor)
    filled(ring, range(30, 100), key_every=5)
    seam_s = first[len(first) // 2].at_s
    following = ring.open_cursor(seam_s)
    ring.release(cursor)
    assert following.start_s == seam_s
    there = read_all(ring, following)
    assert there == list(range(there[0], 100))
    assert there[0] <= seam_s * 10


def test_it_never_exceeds_its_limit() -> None:
    ring = Ring(60.0, 50_000)
    cursor = ring.open_cursor(0)
    for number in range(500):
        ring.append(packet(number))
        assert ring.used_bytes <= 50_000
    found = read_all(ring, cursor)
    assert cursor.gaps == 1
    assert found[0] % 10 == 0
    assert found[-1] == 499
    assert all(after == before + 1 for before, after in pairwise(found))


def test_a_group_over_the_limit_is_dropped_and_the_next_kept() -> None:
    ring = filled(Ring(60.0, 20_000), range(45), key_every=30)
    assert read_all(ring, ring.open_cursor(0)) == list(range(30, 45))


def test_after_a_camera_is_reopened_only_new_packets_are_read() -> None:
    ring = filled(Ring(60.0, 1e9), range(20))
    again = VideoFormat("h264", 640, 480, "yuv420p")
    for number in range(25, 45):
        ring.append(packet(number, key_every=5, video=again))
    assert read_all(ring, ring.open_cursor(1.0)) == list(range(25, 45))


def test_clearing_drops_everything() -> None:
    ring = filled(Ring(60.0, 1e9), range(25))
    ring.clear()
    assert (ring.used_bytes, ring.kept_s) == (0, 0.0)
    filled(ring, range(25, 35))
    assert read_all(ring, ring.open_cursor(0)) == list(range(30, 35))
