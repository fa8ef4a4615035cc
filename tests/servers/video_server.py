"""A network camera on loopback: pictures over HTTP, and everything that can be wrong with them."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from app.benchmarks.background_server import BackgroundServer
from tests.cameras.pictures import FPS, jpeg_of

FEW = 12


class VideoServer(BackgroundServer):
    """Serves these paths until it is left:

    /stream gives pictures without end, /stalls a few and then no more, /ends a few and then hangs
    up, /spoils a few and then only damaged ones; /unbounded gives pictures without end, the first
    without a boundary before it; /video the file *video*; /silent never answers,
    /page is no video, /locked asks for a password; all others are 404. The pictures come *fps*
    times a second, made by *draw*.
    """

    def __init__(
        self,
        video: Path | None = None,
        port: int = 0,
        *,
        draw: Callable[[int], bytes] = jpeg_of,
        fps: int = FPS,
    ) -> None:
        self.video = video
        self.draw = draw
        self.fps = fps
        super().__init__(partial(_PictureRequest, self), port)
        self.address = f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.address}/{path}"


class _PictureRequest(BaseHTTPRequestHandler):
    def __init__(self, camera: VideoServer, *args: Any) -> None:
        self._camera = camera
        super().__init__(*args)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.strip("/")
        try:
            if path in ("stream", "stalls", "ends", "spoils", "unbounded"):
                self._send_pictures(path)
            elif path == "silent":
                self._camera.over.wait()
            elif path == "locked":
                self.send_error(401)
            elif path == "page":
                self._send_whole(b"<html><body>Please log in</body></html>" * 50)
            elif path == "video" and self._camera.video is not None:
                self._send_whole(self._camera.video.read_bytes())
            else:
                self.send_error(404)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send_whole(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_pictures(self, path: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        boundary = b"--frame\r\n"
        if path != "unbounded":
            self.wfile.write(boundary)
        for picture in _pictures(path, self._camera.draw):
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n" + boundary)
            if self._camera.over.wait(1 / self._camera.fps):
                return
        if path == "stalls":
            self._camera.over.wait()


def _pictures(path: str, draw: Callable[[int], bytes]) -> Iterator[bytes]:
    yield from (draw(number) for number in range(FEW))
    number = FEW
    while path in ("stream", "spoils", "unbounded"):
        yield draw(number) if path != "spoils" else b"\xff\xd8 this is no picture \xff\xd9"
        number += 1
