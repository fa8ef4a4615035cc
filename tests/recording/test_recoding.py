"""Encoding what cannot be copied: a film is at its end as good as at its beginning."""

import av
import cv2
import numpy as np
import pytest

from app.frames import Footage, Packet
from app.recording.recoding import Recoding

SIZE = (640, 480)


@pytest.mark.parametrize("fps", [5, 15])
def test_a_film_of_half_a_minute_does_not_fade(fps: int) -> None:
    chance = np.random.default_rng(1)
    room = np.kron(chance.integers(20, 235, (SIZE[1] // 4, SIZE[0] // 4, 1)), np.ones((4, 4, 3)))
    noise = chance.normal(0, 4, room.shape)
    footage = Footage("mjpeg", *SIZE, "yuvj420p")
    recoding = Recoding(footage, 0.0)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    worst = 0.0
    for number in range(30 * fps):
        picture = np.clip(room + np.roll(noise, number * 37, axis=1), 0, 255).astype(np.uint8)
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        for packet in recoding.recoded(Packet(jpeg, number / fps, number / fps, True, footage)):
            for shown in decoder.decode(av.Packet(packet.data)):
                worst = max(worst, float(np.abs(shown.to_ndarray(format="bgr24").astype(np.int16) - picture).mean()))
    assert worst < 10


def test_a_film_asks_no_more_of_a_decoder_than_phones_can_do() -> None:
    footage = Footage("mjpeg", *SIZE, "yuvj420p")
    jpeg = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), 99, np.uint8))[1].tobytes()
    recoding = Recoding(footage, 0.0)
    first = [*recoding.recoded(Packet(jpeg, 0.0, 0.0, True, footage)), *recoding.rest()][0]
    _profile, _constraints, level = first.data.split(b"\0\0\1\x67")[1][:3]
    assert level <= 31  # 3.1, enough for 1280x720 at 30 pictures a second
