"""The things that the pages share: the settings, the state, and the commands."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from app.clock import Clock
from app.commands.context import CommandContext, Invocation
from app.config import Config
from app.protocol import ReplyTo
from app.state import State
from app.web.dashboard.events.index import EventIndex
from app.web.dashboard.live.pictures import LivePictures
from app.web.dashboard.live.updates import Updates

#: The name under which the app keeps its `Dashboard`.
DASHBOARD = "dashboard"
#: The person in records of changes that somebody made on the page.
SOMEBODY = "somebody at the dashboard"
#: The id of that person, where Slack has ids of members.
USER = "dashboard"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The settings, the shared state, the context of commands, and the events."""

    config: Config
    state: State
    clock: Clock
    commands: CommandContext
    live: LivePictures
    updates: Updates
    events: EventIndex

    def invocation(self, text: str = "") -> Invocation:
        """Return the use of a command or a tag by the person at the page, now."""
        return Invocation(text, USER, SOMEBODY, self.clock.now(), ReplyTo(page=True))


def dashboard() -> Dashboard:
    """Return the dashboard of the app that answers the present request."""
    return cast(Dashboard, current_app.extensions[DASHBOARD])
