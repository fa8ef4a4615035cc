"""The number of alerts a second that the notifier writes to its folder."""

import os
import sys
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import protocol
from app.benchmarks.house.own_house import write_settings
from app.benchmarks.web_programs import running, until_up
from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE
from app.errors import SuiteError
from app.launcher.redis_server import find_redis_server
from app.protocol import EventRecord, Fact
from app.state import State

EVENTS = 300
_PICTURE_BYTES = 40_000
_LONGEST_S = 60.0


def measure_alerts(folder: Path, events: int = EVENTS) -> float:
    """Return the alerts a second, for *events* alerts with a picture that wait already."""
    folder.mkdir()
    url = f"unix://{folder}/s"
    settings = {
        "redis": {"url": url},
        "notify": {"backends": ["folder"]},
        "people": {"backend": "none"},
    }
    (folder / "config").mkdir()
    write_settings(folder / "config" / "config.yml", settings)
    environment = {name: value for name, value in os.environ.items() if name != PROFILE_VARIABLE}
    environment[FOLDER_VARIABLE] = str(folder / "config")
    redis = [str(find_redis_server()), "--port", "0", "--unixsocket", f"{folder}/s"]
    redis += ["--dir", str(folder), "--save", ""]
    notifier = [sys.executable, "-m", "app.daemons.notifier"]
    with ExitStack() as stack:
        stack.enter_context(running(redis, os.environ, folder / "redis.log"))
        until_up(lambda: publish(url, events))
        stack.enter_context(running(notifier, environment, folder / "notifier.log"))
        return _rate(folder / "data" / "alerts", events, folder / "notifier.log")


def publish(url: str, events: int) -> None:
    """Publish *events* alerts with a picture to the Redis at *url*."""
    picture, now = os.urandom(_PICTURE_BYTES), datetime.now(UTC)
    with closing(State(url)) as state:
        state.initialise_switches()
        for number in range(events):
            at = now - timedelta(milliseconds=10 * (events - number))
            event = protocol.event_id(at, "front")
            fact = Fact(f"{event}-started", "motion_started", at, "Motion.", "front", event)
            state.publish(fact, EventRecord("front", at), picture)


def _rate(folder: Path, events: int, log: Path) -> float:
    """Return the alerts a second, from the first text in *folder* to the last."""
    deadline_s = time.monotonic() + _LONGEST_S
    while len(texts := list(folder.glob("*/*.txt"))) < events:
        if time.monotonic() > deadline_s:
            said = log.read_text(encoding="utf-8", errors="replace")[-1000:]
            raise SuiteError(f"the notifier wrote {len(texts)} of {events} alerts:\n{said}")
        time.sleep(0.05)
    written_s = sorted(path.stat().st_mtime for path in texts)
    return round((events - 1) / (written_s[-1] - written_s[0]), 1)
