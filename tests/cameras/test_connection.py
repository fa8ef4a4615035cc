"""The end of a read from another thread, by the connection of libav."""

import socket

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.cameras.connection import Connections
from app.cameras.live import FrameUser, LiveCamera
from app.clock import SystemClock
from tests.servers.rtsp_server import RtspServer
from tests.waiting import patience, until


def _connected(server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new connection to *server*; waiting for data has a limit."""
    ours = socket.create_connection(server.getsockname())
    ours.settimeout(patience(5))
    theirs, _ = server.accept()
    return ours, theirs


def test_only_new_connections_to_the_address_are_shut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera, socket.create_server(("", 0)) as redis:
        earlier, to_earlier = _connected(camera)
        with Connections(f"rtsp://127.0.0.1:{camera.getsockname()[1]}/stream") as connections:
            ours, to_ours = _connected(camera)
            other, to_other = _connected(redis)
        connections.shut()
        assert ours.recv(1) == b""
        ours.sendall(b"bye")
        assert to_ours.recv(3) == b"bye"
        for kept, end in ((earlier, to_earlier), (other, to_other)):
            end.sendall(b"x")
            assert kept.recv(1) == b"x"
        ours.close()
        connections.close()
        assert to_ours.recv(1) == b""
        for one in (earlier, to_earlier, other, to_other, to_ours):
            one.close()


def test_an_address_with_a_wrong_port_is_left_to_libav() -> None:
    with Connections("rtsp://camera:port/") as connections:
        pass
    connections.shut()


def test_a_silent_network_camera_is_closed_at_once() -> None:
    frames = list[int]()

    def take(taken: object) -> bool:
        frames.append(1)
        return False

    with RtspServer(30, fps=30) as server:
        settings = CameraSettings(source=f"rtsp://{server.address}/stream", fps=30, stall_s=300)
        camera = make_camera("front", settings, SystemClock())
        one = LiveCamera(camera, SystemClock(), 300, FrameUser(take))
        one.start()
        until(lambda: len(frames) > 20, "pictures have come")
        one.stop()
        one.thread.join(patience(10))
        assert not one.thread.is_alive()
        until(lambda: len(server.ended_at_s) == 1, "the camera has seen the end")
