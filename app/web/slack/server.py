"""The Slack server as gunicorn runs it: its settings, its pulse, and how it takes over a changed
configuration.

`gunicorn.conf` asks for `current` at the start and, in the master, at each SIGHUP; the workers that
follow serve what that has found. A configuration that turns out wrong is reported, and the last
good one stays.
"""

import logging
import os
import sys
import threading
from datetime import datetime

from flask import Flask
from gunicorn import glogging

from app import protocol
from app.clock import SystemClock
from app.config import Config, load_config
from app.daemon import BEAT_S
from app.errors import ConfigError, ProtocolError, StateUnavailable
from app.logs import set_up_logs
from app.programs import SLACK_SERVER
from app.protocol import Heartbeat, Trouble
from app.state import State
from app.web.slack.app import SlackEndpoint, create_app

_log = logging.getLogger(__name__)


class _Served:
    """What the master has found; the workers inherit it."""

    config: Config | None = None
    trouble: Trouble | None = None


def current() -> Config:
    """The configuration as it is now, or the last good one. Ends the process when there has been
    none.
    """
    try:
        config = load_config()
        create_app(config)
        set_up_logs(config.folder, config.secrets())
    except ConfigError as error:
        if _Served.config is None:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        _log.error("the configuration is wrong, the last good one stays:\n%s", error)
        _Served.trouble = Trouble(SystemClock().now(), f"wrong configuration: {error.problems[0]}")
    else:
        _Served.config, _Served.trouble = config, None
    return _Served.config


def application() -> Flask:
    """The app of the configuration that `current` has found."""
    return create_app(_Served.config or current())


class Logger(glogging.Logger):  # type: ignore[misc]
    """gunicorn's messages go where all others go, without secrets; requests are not logged."""

    def setup(self, cfg: object) -> None:
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.disabled = True

    def reopen_files(self) -> None:
        """There are none."""


class Pulse(threading.Thread):
    """Beats the heart of the server whose *door* it is, in the name of gunicorn's master."""

    def __init__(self, door: SlackEndpoint, config: Config) -> None:
        super().__init__(name="pulse", daemon=True)
        self._door = door
        self._clock = SystemClock()
        self._state = State(config.redis.url)
        self._key = protocol.heartbeat_key(SLACK_SERVER, protocol.host_name())
        self._started_at = self._clock.now()
        self._over = threading.Event()
        self._failed = False

    def run(self) -> None:
        wait_s = 0.0
        while not self._over.wait(wait_s):
            now = self._clock.now()
            self._beat(now)
            wait_s = BEAT_S - now.timestamp() % BEAT_S

    def stop(self) -> None:
        """Beat no more."""
        self._over.set()

    def _beat(self, now: datetime) -> None:
        door = self._door
        counters: dict[str, int | float | str | bool | None] = {
            "requests": door.requests,
            "refused": door.refused,
            "errors": door.errors,
            "last_request": door.last_request.isoformat(timespec="seconds")
            if door.last_request
            else None,
        }
        try:
            self._state.send_heartbeat(
                self._key, Heartbeat(os.getppid(), self._started_at, now, counters, _Served.trouble)
            )
        except (StateUnavailable, ProtocolError) as error:
            if not self._failed:
                _log.warning("no heartbeat: %s", error)
            self._failed = True
        else:
            self._failed = False


def start_pulse(app: Flask) -> None:
    """Beat the heart of *app* from now on, until this process ends."""
    Pulse(app.extensions["door"], _Served.config or current()).start()
