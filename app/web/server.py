"""The two web programs under one gunicorn: their configuration, log and heartbeats.

gunicorn's master has two workers: one for the Slack server and one for the dashboard. Each listens
only at the address of its own program. The workers are forked from the same process, so they share
most of their memory; neither delays the other.

`gunicorn.conf` calls `current` at the start and, in the master, at each SIGHUP; the workers that
start then serve that configuration. A wrong configuration is reported, and the last good one stays.
"""

import encodings.idna  # noqa: F401 - the first connection to Redis would import it
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from flask import Flask
from gunicorn import glogging

from app import protocol
from app.clock import SystemClock
from app.config import Config, load_config
from app.daemon import BEAT_RETRY_S, BEAT_S
from app.errors import ConfigError, ProtocolError, StateUnavailable
from app.launcher.forking import end_with_parent
from app.logs import set_up_logs
from app.programs import DASHBOARD, SLACK_SERVER, Program, expected_programs
from app.protocol import Heartbeat, Trouble
from app.state import State
from app.web import IDLE_WORK, STOPPING
from app.web.endpoint import ENDPOINT, Endpoint
from app.web.patient_worker import IDLE_S, PatientWorker

#: A request to Slack's address is short. One to the dashboard may last as long as a page is open.
SLACK_THREADS = 2
_DASHBOARD_THREADS = 60
#: Within this time after the start, the programs of a house are busy with their own beginning.
BUSY_S = 10.0

_log = logging.getLogger(__name__)


class Role(NamedTuple):
    """A web program for a worker: its name, its address, its threads, and its app.

    The master makes the app, so that its memory is shared.
    """

    program: str
    bind: str
    threads: int
    app: Flask


class _Served:
    """The configuration that the master has read; the workers inherit it."""

    config: Config | None = None
    roles: tuple[Role, ...] = ()
    trouble: Trouble | None = None
    #: The number of times that the configuration was read.
    reading = 0
    #: The role of this worker; None in the master.
    role: Role | None = None


def current() -> tuple[Role, ...]:
    """Return the roles of the present configuration, or of the last good one.

    Without a good one, the process ends.
    """
    try:
        config = load_config()
        roles = _roles(config)
        set_up_logs(config.folder, config.redactor())
    except ConfigError as error:
        if _Served.config is None:
            sys.stderr.write(f"{error}\n")
            sys.exit(2)
        problems = "; ".join(error.problems)
        _log.error("the configuration is wrong, the last good one stays: %s", problems)
        _Served.trouble = Trouble(SystemClock().now(), f"wrong configuration: {error.problems[0]}")
    else:
        _Served.config, _Served.roles, _Served.trouble = config, roles, None
    _Served.reading += 1
    return _Served.roles


def _roles(config: Config) -> tuple[Role, ...]:
    """Return the roles for *config*; `ConfigError` when there is none, or one cannot start."""
    programs = expected_programs(config)
    roles = []
    if Program(SLACK_SERVER) in programs:
        from app.web.slack.app import create_app as create_slack

        app = create_slack(config)
        roles.append(Role(SLACK_SERVER, config.slack.bind, SLACK_THREADS, app))
    if Program(DASHBOARD) in programs:
        from app.web.dashboard.app import create_app as create_dashboard

        app = create_dashboard(config)
        roles.append(Role(DASHBOARD, config.dashboard.bind, _DASHBOARD_THREADS, app))
    if not roles:
        raise ConfigError(
            [
                f"{config.folder}: there is nothing to serve: dashboard.enabled is false, and "
                "slack.signing_secret is missing"
            ]
        )
    for role in roles:
        _make_now(role.app)
    return tuple(roles)


def _make_now(app: Flask) -> None:
    """Make in the master what *app* would make at its first request, so that workers share it.

    Templates are compiled when somebody opens a page: only the dashboard's worker needs them.
    """
    protocol.prepare_records()
    app.url_map.update()


def assign_role(worker: PatientWorker, workers: Iterable[PatientWorker]) -> None:
    """Give *worker* the role that fewest of the other *workers* have, in the master.

    Workers that serve an earlier configuration do not count: they are about to end.
    """
    reading = _Served.reading
    taken = Counter(one.role for one in workers if one.reading == reading)
    worker.reading = reading
    worker.role = min(range(len(_Served.roles)), key=lambda number: taken[number])


def take_role(worker: PatientWorker) -> None:
    """Let *worker* listen only at the address of its role, in its own process.

    It ends with the master. If it held the address, no new master could start.
    """
    end_with_parent(signal.SIGTERM)
    _Served.role = _Served.roles[worker.role]
    worker.threads = _Served.role.threads
    for number, sock in enumerate(worker.sockets):
        if number != worker.role:
            sock.sock.close()
    worker.sockets = [worker.sockets[worker.role]]


def be_patient(arbiter: Any) -> None:
    """Let the master wait longer than gunicorn's second; a signal ends its wait."""
    wait = arbiter.wait_for_signals
    arbiter.wait_for_signals = lambda timeout: wait(max(timeout, IDLE_S))


def application() -> Flask:
    """Return the app of this worker's role."""
    if _Served.config is None or _Served.role is None:
        raise RuntimeError("only a worker of gunicorn, with a role, serves an application")
    return _Served.role.app


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
    """Sends the heartbeat of *program*, with the counters of *endpoint*, for gunicorn's master."""

    def __init__(self, program: str, endpoint: Endpoint, config: Config) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._endpoint = endpoint
        self._clock = SystemClock()
        self._state = State(config.redis.url)
        self._key = protocol.heartbeat_key(program, protocol.host_name())
        self._started_at = self._clock.now()
        self._failed = False

    def run(self) -> None:
        while True:
            now = self._clock.now()
            self._send(now)
            self._clock.sleep(BEAT_RETRY_S if self._failed else BEAT_S - now.timestamp() % BEAT_S)

    def _send(self, now: datetime) -> None:
        self._endpoint.refusals.sum_up()
        heartbeat = Heartbeat(
            os.getppid(), self._started_at, now, self._endpoint.counters(), _Served.trouble
        )
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
    if _Served.config is None or _Served.role is None:
        raise RuntimeError("only a worker of gunicorn, with a role, sends a heartbeat")
    endpoint: Endpoint = app.extensions[ENDPOINT]
    log = logging.getLogger("gunicorn.error")
    log.addFilter(endpoint.is_gunicorns)
    for one in (log, app.logger):
        one.addFilter(endpoint.is_bounded)
    HeartbeatSender(_Served.role.program, endpoint, _Served.config).start()


class IdleWorker(threading.Thread):
    """Does *work* once, after `BUSY_S`."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="idle-work", daemon=True)
        self._work = work

    def run(self) -> None:
        if not STOPPING.wait(BUSY_S):
            self._work()


def begin_idle_work(app: Flask) -> None:
    """Let a thread do what *app* keeps for the idle time after its start, if there is any."""
    if IDLE_WORK in app.extensions:
        IdleWorker(app.extensions[IDLE_WORK]).start()
