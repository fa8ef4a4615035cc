"""The RTSP camera on loopback, with a short video of its own."""

from collections.abc import Callable, Container

from app.benchmarks import rtsp_server
from app.benchmarks.rtsp_server import nal_units
from app.frames import Image
from tests.cameras.pictures import FPS, H264, SIZE, picture


class RtspServer(rtsp_server.RtspServer):
    """Plays *count* pictures, which are what *draw* draws, of *size*.

    The rest is as for the server of the benchmarks.
    """

    def __init__(
        self,
        count: int = 400,
        login: str | None = None,
        *,
        draw: Callable[[int], Image] = picture,
        size: tuple[int, int] = SIZE,
        fps: int = FPS,
        udp: bool = False,
        lost: Container[int] = (),
    ) -> None:
        drawn = (draw(number) for number in range(count))
        coder = H264(size, key_every=20)
        pictures = [nal_units(coder.encoded(one)[0]) for one in drawn]
        super().__init__(pictures, fps, login, udp=udp, lost=lost)
