"""Each picture of the drawn video has its number in it, through H.264 and JPEG."""

import av
import cv2
import numpy as np
import pytest

from app.benchmarks.house.drawn_video import VideoPart, drawn_video, read_number, write_number
from app.benchmarks.rtsp_server import is_key


def test_the_numbers_survive_both_encoders() -> None:
    video = drawn_video(VideoPart((640, 480), 10, (0.0, 0.9)))
    assert is_key(video[0])
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    numbers = []
    for units in [*video, None]:
        data = b"".join(b"\0\0\0\1" + unit for unit in units) if units else None
        for frame in decoder.decode(av.Packet(data) if data else None):
            encoded = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1]
            numbers.append(read_number(encoded.tobytes()))
    assert numbers == list(range(9))


@pytest.mark.parametrize("number", [0, 1, 79, 119, 255])
def test_a_number_is_read_as_it_was_drawn(number: int) -> None:
    picture = np.full((32, 96, 3), 128, np.uint8)
    write_number(picture, number)
    assert read_number(cv2.imencode(".jpg", picture)[1].tobytes()) == number


def test_one_cell_changes_from_picture_to_picture() -> None:
    before, after = (np.zeros((8, 64, 3), np.uint8) for _ in range(2))
    write_number(before, 63)
    write_number(after, 64)
    assert np.count_nonzero((before != after).any(axis=2)) == 64


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        read_number(b"no picture")
