"""What a command or a click is asked of, who asks, and what is answered."""

from dataclasses import dataclass, field
from datetime import datetime

from app.clock import Clock
from app.commands.machine import Machine
from app.config import Config
from app.protocol import ArmedBy, ReplyTo
from app.state import State
from app.state.switches import Switches

REDIS_AWAY = (
    "Redis is not reachable just now, so this cannot be done. Please try again in a moment."
)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What commands know of: the settings, the shared state, the time, and the machine they run
    on.
    """

    config: Config
    state: State
    clock: Clock
    machine: Machine = field(default_factory=Machine)
    switches: Switches = field(default_factory=Switches)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What somebody asked for. *text* is what follows the command, *user* the id of who asks, and
    *by* the name that others read.
    """

    text: str
    user: str
    by: str
    at: datetime
    reply_to: ReplyTo | None = None

    def changed(self, why: str) -> ArmedBy:
        """The record of a change that is made for this, *why*."""
        return ArmedBy(self.by, self.at, why)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, for none but who asked: *text* in Slack's mrkdwn, in lines that a phone shows
    whole.
    """

    text: str


def is_allowed(user: str, config: Config) -> bool:
    """Whether the person with the id *user* may ask for anything."""
    return user in config.slack.allowed_users


def plain(text: str) -> str:
    """*text*, which somebody else wrote, on one line and so that it is shown as it is."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """*text* so that Slack finds no link, no mention and no end of a block in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
