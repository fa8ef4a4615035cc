"""The programs of a configuration, and the rule that decides whether a program is healthy."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from app import protocol
from app.config import Config
from app.protocol import Figure, Heartbeat, by_label
from app.times import format_time_s

SECURITY_SYSTEM = "security_system"
SLACK_SERVER = "slack_server"
SLACK_SOCKET = "slack_socket"
DASHBOARD = "dashboard"
#: The programs that one gunicorn runs, and the name of that process.
WEB_PROGRAMS = (SLACK_SERVER, DASHBOARD)
WEB_SERVER = "web_server"
#: The daemons that run once, for any number of cameras.
HOUSE_DAEMONS = ("notifier", "who_is_home", "uploader")
#: A program is stuck when its last step is older than this. Redis keeps a heartbeat for up to 30 s,
#: and the next one may be 15 s late.
STUCK_AFTER_S = 45.0
#: An alert that waits longer for a channel without trouble is stuck.
ALERT_WAIT_S = 120.0


class Program(NamedTuple):
    """A program: its *kind*, and the name of its camera if it works for one."""

    kind: str
    camera: str | None = None

    @property
    def name(self) -> str:
        """Return its name in tables, logs and supervisord."""
        return f"{self.kind}-{self.camera}" if self.camera else self.kind


def expected_programs(config: Config) -> list[Program]:
    """Return every program of *config* that sends heartbeats."""
    cameras = [Program(SECURITY_SYSTEM, camera) for camera in config.cameras]
    return [*cameras, *map(Program, HOUSE_DAEMONS), *_slack(config), *_dashboard(config)]


def _slack(config: Config) -> Iterator[Program]:
    slack = config.slack
    if slack.mode == "http" and slack.signing_secret:
        yield Program(SLACK_SERVER)
    if slack.mode == "socket" and slack.app_token:
        yield Program(SLACK_SOCKET)


def _dashboard(config: Config) -> Iterator[Program]:
    if config.dashboard.enabled:
        yield Program(DASHBOARD)


def program_of(key: str) -> tuple[Program, str]:
    """Return the program whose heartbeat is under *key*, and the name of its machine."""
    _, kind, host, *camera = key.split(":")
    return Program(kind, camera[0] if camera else None), host


def heartbeat_key_of(program: Program) -> str:
    """Return the key of the heartbeat that *program* sends on this machine."""
    return protocol.heartbeat_key(program.kind, protocol.host_name(), program.camera)


def step_age_s(heartbeat: Heartbeat, now: datetime) -> float:
    """Return the seconds since the program's last step; 0 when its clock is ahead of *now*."""
    return max((now - heartbeat.step_at).total_seconds(), 0.0)


def why_stuck(heartbeat: Heartbeat, now: datetime) -> str | None:
    """Return the reason why a program that sends heartbeats makes no progress; None if it does."""
    if step_age_s(heartbeat, now) >= STUCK_AFTER_S:
        return f"no step since {format_time_s(heartbeat.step_at, now)}"
    lasts_s = by_label(heartbeat.counters, "thread_step_s")
    for thread in by_label(heartbeat.counters, "thread_late_s"):
        return f"the thread {thread} has been busy for {_seconds(lasts_s.get(thread))}"
    troubles = by_label(heartbeat.counters, "channel_trouble")
    for channel, waited_s in by_label(heartbeat.counters, "channel_oldest_s").items():
        waits = isinstance(waited_s, int | float) and waited_s > ALERT_WAIT_S
        if waits and not troubles.get(channel):
            return f"an alert has waited for {channel} for {_seconds(waited_s)}"
    return None


def _seconds(figure: Figure) -> str:
    return f"{figure:.0f} s" if isinstance(figure, int | float) else "some time"


def is_stuck(heartbeat: Heartbeat, now: datetime) -> bool:
    """Return whether the program sends heartbeats, but makes no progress somewhere."""
    return why_stuck(heartbeat, now) is not None


def is_healthy(heartbeat: Heartbeat, now: datetime) -> bool:
    """Return whether the program makes progress and reports no trouble.

    A program without a heartbeat in Redis is never healthy.
    """
    return not is_stuck(heartbeat, now) and heartbeat.last_error is None
