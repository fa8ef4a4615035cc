"""The Slack server under gunicorn: its configuration, its log, and its heartbeat.

`gunicorn.conf` calls `current` at the start and, in the master, at each SIGHUP; the workers that
start then serve that configuration. A wrong configuration is reported, and the last good one stays.
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
from app.daemon import BEAT_S, Counters
from app.errors import ConfigError, ProtocolError, StateUnavailable
from app.logs import set_up_logs
from app.programs import SLACK_SERVER
from app.protocol import Heartbeat, Trouble
from app.state import State
from app.web.slack.app import ENDPOINT, SlackEndpoint, create_app

_log = logging.getLogger(__name__)


class _Served:
    """The configuration that the master has read; the workers inherit it."""

    config: Config | None = None
    trouble: Trouble | None = None


def current() -> Config:
    """Return the present configuration, or the last good one; without one, end the process."""
    try:
        config = load_config()
        create_app(config)
        set_up_logs(config.folder, config.redactor())
    except ConfigError as error:
        if _Served.config is None:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        problems = "; ".join(error.problems)
        _log.error("the configuration is wrong, the last good one stays: %s", problems)
        _Served.trouble = Trouble(SystemClock().now(), f"wrong configuration: {error.problems[0]}")
    else:
        _Served.config, _Served.trouble = config, None
    return _Served.config


def application() -> Flask:
    """Return the app of the configuration that `current` has read."""
    return create_app(_Served.config or current())


class Logger(glogging.Logger):  # type: ignore[misc]
    """Sends gunicorn's messages to the program's log, without secrets and without requests."""

    def setup(self, cfg: object) -> None:
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.disabled = True

    def reopen_files(self) -> None:
        """Do nothing: gunicorn's log has no files of its own."""


class HeartbeatSender(threading.Thread):
    """Sends the heartbeat of *endpoint* for gunicorn's master."""

    def __init__(self, endpoint: SlackEndpoint, config: Config) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._endpoint = endpoint
        self._clock = SystemClock()
        self._state = State(config.redis.url)
        self._key = protocol.heartbeat_key(SLACK_SERVER, protocol.host_name())
        self._started_at = self._clock.now()
        self._failed = False

    def run(self) -> None:
        while True:
            now = self._clock.now()
            self._send(now)
            self._clock.sleep(BEAT_S - now.timestamp() % BEAT_S)

    def _send(self, now: datetime) -> None:
        endpoint, last = self._endpoint, self._endpoint.last_request
        endpoint.refusals.sum_up()
        counters: Counters = {
            "requests": endpoint.requests,
            "refused": endpoint.refused,
            "errors": endpoint.errors,
            "last_request": last.isoformat(timespec="seconds") if last else None,
        }
        heartbeat = Heartbeat(os.getppid(), self._started_at, now, counters, _Served.trouble)
        try:
            self._state.send_heartbeat(self._key, heartbeat)
        except (StateUnavailable, ProtocolError) as error:
            if not self._failed:
                _log.warning("no heartbeat: %s", error)
            self._failed = True
        else:
            self._failed = False


def start_heartbeat(app: Flask) -> None:
    """Send the heartbeat of *app* from now on, until this process ends, and log its refusals."""
    endpoint: SlackEndpoint = app.extensions[ENDPOINT]
    logging.getLogger("gunicorn.error").addFilter(endpoint.is_gunicorns)
    HeartbeatSender(endpoint, _Served.config or current()).start()
