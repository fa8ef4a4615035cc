"""Which programs a house is made of, as its configuration wants it."""

from collections.abc import Iterator
from typing import NamedTuple

from app import protocol
from app.config import Config

SECURITY_SYSTEM = "security_system"
SLACK_SERVER = "slack_server"
SLACK_SOCKET = "slack_socket"
#: The daemons of which one runs, whatever the cameras.
HOUSE_DAEMONS = ("notifier", "who_is_home", "uploader")


class Program(NamedTuple):
    """What one program does: its *kind*, and the camera it is for if it is for one."""

    kind: str
    camera: str | None = None

    @property
    def name(self) -> str:
        """What it is called in tables, logs and supervisord."""
        return f"{self.kind}-{self.camera}" if self.camera else self.kind


def expected_programs(config: Config) -> list[Program]:
    """Every program that beats its heart in the house of *config*."""
    cameras = [Program(SECURITY_SYSTEM, camera) for camera in config.cameras]
    return [*cameras, *map(Program, HOUSE_DAEMONS), *_slack(config)]


def _slack(config: Config) -> Iterator[Program]:
    slack = config.slack
    if slack.mode == "http" and slack.signing_secret:
        yield Program(SLACK_SERVER)
    if slack.mode == "socket" and slack.app_token:
        yield Program(SLACK_SOCKET)


def program_of(heartbeat: str) -> tuple[Program, str]:
    """Whose pulse is under the key *heartbeat*, and on which machine."""
    _, kind, host, *camera = heartbeat.split(":")
    return Program(kind, camera[0] if camera else None), host


def heartbeat_key_of(program: Program) -> str:
    """The key of the heartbeat of the one at *program* on this machine."""
    return protocol.heartbeat_key(program.kind, protocol.host_name(), program.camera)
