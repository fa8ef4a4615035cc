"""The few frames of a clip that are worth a picture."""

from dataclasses import replace

from app.detector import Verdict
from app.evaluation.key_frames import MOST_FRAMES, KeyFrame, KeyFrames
from tests.display.drawn import frame, verdict


def kept(count: int, opened: int) -> list[float]:
    """The times of the key frames of so many frames, of which one opens an event."""
    key_frames = KeyFrames()
    for number in range(count):
        judged: Verdict = replace(verdict(), changed_px=float(number % 50))
        if number == opened:
            judged = replace(judged, changed="opened")
        one = frame(number / 10, (12, 16))
        if key_frames.wants(one, judged):
            key_frames.add(KeyFrame(one, judged, None))
    return [round(one.frame.at_s, 1) for one in key_frames.frames()]


def test_each_part_has_the_frame_in_which_most_has_changed() -> None:
    times_s = kept(1_200, 703)
    assert MOST_FRAMES / 2 <= len(times_s) <= MOST_FRAMES
    assert times_s == sorted(times_s)
    assert 70.3 in times_s
    assert all(round(at_s * 10) % 50 == 49 for at_s in times_s if at_s != 70.3)


def test_a_short_clip_has_few_key_frames() -> None:
    assert kept(12, 4) == [0.4, 0.9, 1.1]
