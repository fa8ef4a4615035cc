"""The parts of every command: the context it runs in, its invocation, and its reply."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from app.clock import Clock
from app.commands.machine import Machine
from app.config import Config
from app.notify.slack.response_url import is_slacks
from app.protocol import ArmedBy, ReplyTo
from app.state import State, Survey
from app.state.switches import Switches

_log = logging.getLogger(__name__)

REDIS_AWAY = (
    "Redis is not reachable just now, so this cannot be done. Please try again in a moment."
)
#: The reply to somebody whom the settings do not name.
NOT_ALLOWED = (
    "You may not use commands here. The people who may are listed in the settings, under "
    "slack.allowed_users."
)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The settings, the shared state, the time, and the machine for the commands."""

    config: Config
    state: State
    clock: Clock
    machine: Machine = field(default_factory=Machine)
    switches: Switches = field(default_factory=Switches)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One use of a command or a button, at the time *at*.

    *text* is the text after the command, *user* is the id of the person, and *by* is the name that
    others read.
    """

    text: str
    user: str
    by: str
    at: datetime
    reply_to: ReplyTo | None = None

    def changed(self, why: str) -> ArmedBy:
        """Return the record of a change by this person; *why* is the reason."""
        return ArmedBy(self.by, self.at, why)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to the person who asked, which nobody else gets.

    *text* is in Slack's mrkdwn, in lines that are short enough for a phone.
    """

    text: str


#: A command: it does what the invocation asks, and returns the text of the reply.
Run = Callable[[Invocation, CommandContext, Survey], str]


def is_allowed(user: str, config: Config) -> bool:
    """Return whether the person with the id *user* may use the commands."""
    return user in config.slack.allowed_users


def address(response_url: str | None, channel: str | None, config: Config) -> ReplyTo:
    """Return the address of a reply to a command or a click.

    A *response_url* at another place than Slack is logged and left out: it is never called.
    """
    if response_url and not is_slacks(response_url, config.slack.api_url):
        _log.warning(
            "a response_url is not Slack's, so the reply goes to the channel: %.60r", response_url
        )
        response_url = None
    return ReplyTo(response_url or None, channel)
