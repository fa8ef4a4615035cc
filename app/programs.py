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


class Post(NamedTuple):
    """What one program does: its *kind*, and the camera it is for if it is for one."""

    kind: str
    camera: str | None = None

    @property
    def name(self) -> str:
        """What it is called in tables, logs and supervisord."""
        return f"{self.kind}-{self.camera}" if self.camera else self.kind


def posts(config: Config) -> list[Post]:
    """Every program that beats its heart in the house of *config*."""
    cameras = [Post(SECURITY_SYSTEM, camera) for camera in config.cameras]
    return [*cameras, *map(Post, HOUSE_DAEMONS), *_slack(config)]


def _slack(config: Config) -> Iterator[Post]:
    slack = config.slack
    if slack.mode == "http" and slack.signing_secret:
        yield Post(SLACK_SERVER)
    if slack.mode == "socket" and slack.app_token:
        yield Post(SLACK_SOCKET)


def post_of(heartbeat: str) -> tuple[Post, str]:
    """Whose pulse is under the key *heartbeat*, and on which machine."""
    _, kind, host, *camera = heartbeat.split(":")
    return Post(kind, camera[0] if camera else None), host


def heart(post: Post) -> str:
    """The key of the heartbeat of the one at *post* on this machine."""
    return protocol.heartbeat_key(post.kind, protocol.host_name(), post.camera)
