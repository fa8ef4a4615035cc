"""The RTSP server plays by one clock to all, and knows who comes and goes."""

from itertools import islice

import av
import pytest

from app.benchmarks.rtsp_server import RtspServer, is_key, nal_units
from tests.cameras.pictures import H264, SIZE, picture
from tests.waiting import until

FPS, COUNT = 20, 30


def video() -> list[list[bytes]]:
    coder = H264(SIZE, key_every=10)
    return [nal_units(coder.encoded(picture(number))[0]) for number in range(COUNT)]


def test_with_repeats_all_get_a_picture_at_the_same_time() -> None:
    with RtspServer(video(), FPS, repeats=True) as server:
        first, second = (list(islice(server.times(), 2 * COUNT)) for _ in range(2))
    assert is_key(first[0][2])
    assert [number for number, _, _ in first] == list(range(first[0][0], first[0][0] + 2 * COUNT))
    at_s = {number: at_s for number, at_s, _ in first}
    assert all(at_s[number] == one_s for number, one_s, _ in second if number in at_s)
    assert at_s[first[1][0]] - at_s[first[0][0]] == pytest.approx(1 / FPS)


def test_it_knows_when_a_player_came_and_went() -> None:
    with RtspServer(video(), FPS, repeats=True) as server:
        with av.open(server.url, options={"rtsp_transport": "tcp"}, timeout=20) as played:
            assert len(list(islice(played.decode(video=0), 5))) == 5
            assert len(server.began_at_s) == 1
            assert server.ended_at_s == []
        until(lambda: server.ended_at_s, "the end is noticed")
    assert server.ended_at_s[0] > server.began_at_s[0]
