"""`bench --viewers`: measures what viewers of the live picture cost.

It starts the web server and one camera with the drawn demo scene, and opens the page for each
viewer: its live picture and its changes of the state. The viewers are in a process of their own.
"""

import multiprocessing
import secrets
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.benchmarks.slack_load import request_for, send_all, shares_ms
from app.benchmarks.web_programs import Address, Served, pss_mb, running, server, until_up
from app.protocol import camera_key
from app.state import State, Subscription

CAMERA = "front"
COMMAND = "pycam_on"
#: The rounds in which each number of viewers has its turn, so that other work disturbs all alike.
ROUNDS = 5
ROUND_S = 10.0
REQUESTS, IN_FLIGHT = 300, 10
#: The time after which viewers have their pictures, or the camera has noticed that they are gone.
SETTLE_S = 7.0
_READ = 65_536


def measure_viewers(
    viewers: int, *, rounds: int = ROUNDS, round_s: float = ROUND_S, requests: int = REQUESTS
) -> dict[str, Any]:
    """Return the CPU time of the camera with nobody, one and *viewers*, in percent of one core;
    the milliseconds for Slack's answers without and with *viewers*; and the web server's memory.
    """
    turns = {number: _Turns() for number in (0, 1, viewers)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viewers-")))
        secret = secrets.token_hex(16)
        served = stack.enter_context(server(folder, secret))
        camera = stack.enter_context(_camera(served, folder))
        for _ in range(rounds):
            for number, turn in turns.items():
                with _viewers(served.dashboard, number) as pictures:
                    time.sleep(SETTLE_S)
                    turn.watch(camera, pictures, round_s)
                    commands = [request_for(COMMAND, secret) for _ in range(requests)]
                    turn.took_s += send_all(served.slack, commands, IN_FLIGHT)
                    turn.pss_mb = pss_mb(served.pid)
        is_idle = _is_idle(served)
    return {
        "viewers": viewers,
        "camera_percent": {n: turn.percent for n, turn in turns.items()},
        "kb_per_s": {n: turn.kb_per_s for n, turn in turns.items()},
        "slack": {n: shares_ms(turn.took_s) for n, turn in turns.items()},
        "pss_mb": {n: round(turn.pss_mb, 1) for n, turn in turns.items()},
        "is_idle_without_viewers": is_idle,
    }


@dataclass(slots=True)
class _Turns:
    """The measurements with one number of viewers: of *lasted_s* the camera was busy *busy_s*.

    *bytes* is the size of all pictures that the viewers got.
    """

    busy_s: float = 0.0
    lasted_s: float = 0.0
    bytes: int = 0
    took_s: list[float] = field(default_factory=list)
    pss_mb: float = 0.0

    @property
    def percent(self) -> float:
        """Return how busy the camera was, in percent of one core."""
        return round(100 * self.busy_s / self.lasted_s, 2)

    @property
    def kb_per_s(self) -> int:
        """Return how much all viewers together got."""
        return round(self.bytes / self.lasted_s / 1000)

    def watch(self, pid: int, pictures: Sequence[int], lasts_s: float) -> None:
        """Measure the process *pid* for *lasts_s*; *pictures* has the bytes of each viewer."""
        busy_s, got, began_s = _cpu_s(pid), sum(pictures), time.monotonic()
        time.sleep(lasts_s)
        self.busy_s += _cpu_s(pid) - busy_s
        self.bytes += sum(pictures) - got
        self.lasted_s += time.monotonic() - began_s


def viewers_table(figures: dict[str, Any]) -> str:
    """Return the figures of `measure_viewers` for people to read."""
    rows = [f"viewers  camera, % of a core  /{COMMAND} p50   p99 ms  web server, MB (PSS)"]
    percent = figures["camera_percent"]
    for number, share in percent.items():
        slack = figures["slack"][number]
        rows.append(
            f"{number:7}  {share:19.2f}  {slack['p50_ms']:13.1f} {slack['p99_ms']:8.1f}  "
            f"{figures['pss_mb'][number]:20.1f}"
        )
    ratio = percent[figures["viewers"]] / percent[1]
    rows.append(f"The camera is {ratio:.2f} times as busy with {figures['viewers']} as with one")
    return "\n".join(rows)


@contextmanager
def _camera(served: Served, folder: Path) -> Iterator[int]:
    """Run the camera's program with the demo scene; yields its process id."""
    command = [sys.executable, "-m", "app.daemons.security_system", "--camera", CAMERA]
    with running(command, served.environment, folder / "camera.log") as process:
        with closing(State(served.url)) as state:
            frames = state.subscription(camera_key(CAMERA, "frames"))
            with closing(frames):
                until_up(lambda: _expect_picture(state, frames))
        yield process.pid


def _expect_picture(state: State, frames: Subscription) -> None:
    """Raise `OSError` unless the camera publishes a picture within a second."""
    state.watch([CAMERA])
    if frames.read(1.0) is None:
        raise TimeoutError("the camera publishes no picture")


@contextmanager
def _viewers(address: Address, number: int) -> Iterator[Sequence[int]]:
    """Open the page *number* times; yields the bytes of live pictures that each has got so far."""
    got: Any = multiprocessing.Array("Q", max(number, 1))
    viewing = multiprocessing.get_context("fork").Process(
        target=_view, args=(address, number, got), daemon=True
    )
    viewing.start()
    try:
        yield got
    finally:
        viewing.terminate()
        viewing.join()


def _view(address: Address, number: int, got: Any) -> None:
    """Read the endless answers of *number* pages; *got* counts the bytes of pictures of each."""
    with selectors.DefaultSelector() as selector:
        for one in range(number):
            for path, counted in ((f"/live/{CAMERA}", one), ("/updates", None)):
                sock = socket.create_connection(address)
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                selector.register(sock, selectors.EVENT_READ, (sock, counted))
        while number:
            for key, _ in selector.select():
                sock, counted = key.data
                size = len(sock.recv(_READ))
                if counted is not None:
                    got[counted] += size


def _is_idle(served: Served) -> bool:
    """Return whether nobody asks the camera for pictures, soon after the last viewer has gone."""
    time.sleep(SETTLE_S)
    with closing(State(served.url)) as state:
        return state.read_strings(camera_key(CAMERA, "watched")) == [None]


def _cpu_s(pid: int) -> float:
    """Return the processor time of the process *pid* so far."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
