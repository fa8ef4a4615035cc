"""The sources of the camera tests."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.cameras.pi_packages import pi_packages
from tests.cameras.pictures import write_video
from tests.servers.ports import free_port
from tests.servers.video_server import VideoServer


@pytest.fixture(scope="session")
def short_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 60 pictures of 160x120 at 40 a second."""
    return write_video(tmp_path_factory.mktemp("videos") / "short.mp4")


@pytest.fixture
def network(short_video: Path) -> Iterator[VideoServer]:
    """A camera on loopback."""
    with VideoServer(short_video) as server:
        yield server


@pytest.fixture
def pi() -> Iterator[dict[str, ModuleType]]:
    """Fakes of a Raspberry Pi's camera packages, which keep the rules of the real ones."""
    with pi_packages() as packages:
        yield packages


@pytest.fixture
def free_address() -> str:
    """An address of this machine without a server."""
    return f"127.0.0.1:{free_port()}"
