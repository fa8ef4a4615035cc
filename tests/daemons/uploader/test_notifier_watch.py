"""A notifier that is silent or stuck, as the uploader sees it and reports it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.config import load_config
from app.daemons.uploader.notifier_watch import NotifierWatch
from app.emergency.reporter import EmergencyReporter
from app.protocol import Heartbeat
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.waiting import until


class WatchedNotifier:
    """A watch on a clock that stands still, and the reports in the folder for alerts."""

    def __init__(self, folder: Path, redis_url: str, state: State) -> None:
        self.config = load_config(write_config(folder, redis_url))
        self.clock = FakeClock()
        self.state = state
        self.restart()

    def restart(self) -> None:
        self.reporter = EmergencyReporter(self.config, self.clock)
        self.watch = NotifierWatch(self.config, self.state, self.clock, self.reporter)

    def heartbeat(self, pid: int = os.getpid()) -> Heartbeat:
        now = self.clock.now()
        return Heartbeat(pid, now, now, {})

    def beats(self, times: int, heartbeat: Heartbeat | None = None) -> None:
        for _ in range(times):
            now = self.clock.now()
            self.watch.judge(replace(heartbeat, step_at=now) if heartbeat else None)
            self.clock.advance(15)

    def reports(self) -> list[str]:
        until(self.reporter.is_idle, "all is delivered")
        folder = self.config.data_dir / "alerts"
        return [path.read_text() for path in sorted(folder.rglob("*.txt"))]


@pytest.fixture
def watched(tmp_path: Path, redis_server: RedisServer, state: State) -> WatchedNotifier:
    return WatchedNotifier(tmp_path, redis_server.url, state)


@pytest.fixture
def stopped() -> Iterator[int]:
    """The pid of a process that is stopped."""
    with subprocess.Popen(["sh", "-c", "kill -STOP $$; sleep 60"]) as process:
        until(lambda: "T (stopped)" in Path(f"/proc/{process.pid}/status").read_text(), "it stops")
        yield process.pid
        process.kill()


def test_silence_is_reported_once_and_so_is_the_return(
    watched: WatchedNotifier, stopped: int
) -> None:
    watched.beats(3, watched.heartbeat(stopped))
    watched.beats(2)
    assert watched.reports() == []
    watched.beats(5)
    (report,) = watched.reports()
    assert "The notifier has not worked since" in report
    assert "(it sends no heartbeats)" in report
    assert f"“kill -CONT {stopped}” lets it continue" in report
    watched.beats(4, watched.heartbeat())
    assert "The notifier works again, after 2 min." in watched.reports()[1]
    watched.beats(4, watched.heartbeat())
    assert len(watched.reports()) == 2


def test_a_thread_that_hangs_while_the_loop_beats_is_reported(watched: WatchedNotifier) -> None:
    late = {"thread_step_s": {"channel slack": 150.0}, "thread_late_s": {"channel slack": 30.0}}
    watched.beats(4, replace(watched.heartbeat(), counters=late))
    (report,) = watched.reports()
    assert "(the thread channel slack has been busy for 150 s)" in report
    assert f"“kill -9 {os.getpid()}” ends it" in report


def test_a_machine_without_a_notifier_does_not_miss_it(watched: WatchedNotifier) -> None:
    watched.beats(20)
    assert watched.reports() == []


def test_a_restarted_uploader_knows_that_there_is_a_notifier(watched: WatchedNotifier) -> None:
    watched.config.run_dir.mkdir(parents=True)
    (watched.config.run_dir / "supervisord.conf").write_text("[program:notifier]\n")
    watched.restart()
    watched.beats(6)
    assert watched.reports() == [], "it may still begin"
    watched.beats(3)
    assert "scripts/stop.sh and scripts/start.sh" in watched.reports()[0]
    watched.restart()
    watched.beats(9)
    assert len(watched.reports()) == 1
    watched.beats(4, watched.heartbeat())
    assert "works again" in watched.reports()[1]


def test_heartbeats_that_redis_lost_are_not_silence(watched: WatchedNotifier) -> None:
    watched.beats(3, watched.heartbeat())
    watched.beats(2)
    watched.watch.interrupted()
    watched.beats(2)
    watched.beats(2, watched.heartbeat())
    assert watched.reports() == []


def test_nothing_is_reported_while_alerts_are_off(watched: WatchedNotifier, state: State) -> None:
    state.set_switch("camera_notifications", False)
    watched.beats(3, watched.heartbeat())
    watched.beats(9)
    assert watched.reports() == []
    state.set_switch("camera_notifications", True)
    watched.beats(1)
    assert len(watched.reports()) == 1


def test_a_stuck_step_is_not_working(watched: WatchedNotifier) -> None:
    beat = watched.heartbeat()
    for _ in range(8):
        watched.watch.judge(beat)
        watched.clock.advance(15)
    assert "(no step since " in watched.reports()[0]
    assert watched.clock.now() - beat.step_at >= timedelta(seconds=120)
