"""What tests of several parts need: the footage, and a Redis of their own."""

import contextlib
import gc
import importlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from app.state import State
from tests.servers.redis_server import RedisServer

if TYPE_CHECKING:
    from gpiozero.pins.mock import MockFactory

    from tests.servers.s3 import Bucket, S3Server

REPO = Path(__file__).resolve().parent.parent

# Each test process, and each program that a test starts, would compile all modules for itself.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# While thousands of tests are collected nothing is garbage.
gc.disable()

_PRIORITY, _UMASK, _FOLDER = os.getpriority(os.PRIO_PROCESS, 0), os.umask(0o022), Path.cwd()
os.umask(_UMASK)
#: Glances counts every program of the suite on this machine, so tests that start a whole house take
#: turns.
HOUSES = (
    "test_evaluation.py",
    "test_glances.py",
    "test_in_a_browser.py",
    "test_install_service.py",
    "test_launch.py",
    "test_profiles.py",
    "test_slack_program.py",
    "test_socket_mode.py",
    "test_start.py",
    "test_whole_suite.py",
)


#: Folders whose tests wait most. They start first, so that no process is left with them at the end,
#: which has short ones.
SLOW = (
    "tests/system/",
    "tests/daemons/",
    "tests/scripts/",
    "tests/launcher/",
    "tests/evaluation/",
    "tests/web/",
    "tests/benchmarks/",
    "tests/recording/",
    "tests/uploads/",
    "tests/cli/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import this process's share of the test files first, when several processes run all tests.

    Each then finds compiled what the others began with: a fresh checkout is compiled only once.
    """
    worker = getattr(session.config, "workerinput", None)
    if not worker or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    files = sorted((REPO / "tests").rglob("test_*.py"))
    first = int(worker["workerid"].removeprefix("gw"))
    for file in files[first :: worker["workercount"]]:
        with contextlib.suppress(Exception):  # its collection fails too, and reports it
            importlib.import_module(".".join(file.relative_to(REPO).with_suffix("").parts))


def scope_of(nodeid: str) -> str:
    """Return what runs in one process, test after test: a file, or all whole houses."""
    file = nodeid.partition("::")[0]
    return "houses" if Path(file).name in HOUSES else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest tests first: whole houses, then the folders in `SLOW`."""

    def rank(item: pytest.Item) -> int:
        if scope_of(item.nodeid) == "houses":
            return 0
        slow = (number for number, folder in enumerate(SLOW, 1) if item.nodeid.startswith(folder))
        return next(slow, len(SLOW) + 1)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but never look again at what all these tests are."""
    gc.freeze()
    gc.enable()


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives all tests of a file to one process, so that their fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Schedule tests in several processes; xdist's marks for groups do nothing with pytest 9.2."""
    config.option.loadscopereorder = False  # it would put files with few tests last
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """This process has its first priority, umask and folder again before and after the test.

    Programs change them for themselves, also when a fixture of several tests runs one here: the
    encoder its priority, all of them the umask.
    """
    _restore()
    yield
    _restore()


def _restore() -> None:
    os.umask(_UMASK)
    os.chdir(_FOLDER)
    if os.getpriority(os.PRIO_PROCESS, 0) != _PRIORITY:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the house's time zone, which is UTC until then."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    set_zone("UTC")
    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder with the real videos."""
    folder = Path(os.environ.get("WHOS_THERE_DATA", REPO.parent / "shared" / "data"))
    missing = [
        name
        for name in ("one-by-one-person-detection.mp4", "car-detection.mp4")
        if not (folder / name).is_file()
    ]
    if missing:
        pytest.fail(
            f"the footage is missing: no {' and no '.join(missing)} in {folder}; set "
            "WHOS_THERE_DATA to the folder that has it"
        )
    return folder


@pytest.fixture(scope="session")
def model_files() -> Path:
    """The folder with the published files of person models."""
    folder = Path(os.environ.get("WHOS_THERE_MODELS", REPO.parent / "shared" / "model-files"))
    names = ("yolox_nano.onnx", "FastestDet.onnx", "MobileNetSSD_deploy.prototxt")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        pytest.fail(
            f"person models are missing: no {' and no '.join(missing)} in {folder}; set "
            "WHOS_THERE_MODELS to the folder that has them"
        )
    return folder


@pytest.fixture
def pins() -> "Iterator[MockFactory]":
    """A Pi's pins, which a test drives high and low."""
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory

    factory = MockFactory()
    Device.pin_factory = factory
    yield factory
    factory.reset()
    Device.pin_factory = None


@pytest.fixture
def root_logger_as_before() -> Iterator[None]:
    """The root logger, which has its handlers and its level of now again after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis server that runs, is empty, and keeps nothing on disk."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def state(redis_server: RedisServer) -> Iterator[State]:
    """The state that programs share, in that server."""
    opened = State(redis_server.url)
    yield opened
    opened.close()


@pytest.fixture
def durable_redis_server() -> Iterator[RedisServer]:
    """A Redis server that runs, is empty, and has again after a crash what it had before."""
    with (
        tempfile.TemporaryDirectory(prefix="redis-") as folder,
        RedisServer(Path(folder), appendonly=True) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def s3_server() -> "Iterator[S3Server]":
    """An S3 server, for as long as the tests run; each test makes a bucket of its own."""
    from tests.servers.s3 import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: "S3Server") -> "Bucket":
    """A bucket of a test's own, empty."""
    return s3_server.bucket()
