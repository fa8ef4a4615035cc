"""The run loop of every program: `open`, then `step` again and again, `close` always.

A signal handler only queues its signal, and the wait on that queue is the loop's only sleep. Other
threads end that sleep with `Daemon.wake`.
SIGTERM and SIGINT mean "finish this step"; SIGHUP means "read the configuration again". A failure
of the world (an `OSError`) is logged once and tried again, with a growing delay. A mistake of our
own ends the process, and the supervisor starts it again. The dead-man's timer ends a step that
hangs, and leaves the stack in the log.
"""

import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from app import protocol
from app.backoff import Backoff
from app.clock import Clock, SystemClock
from app.config import FOLDER_VARIABLE, PROFILE_VARIABLE, Config, config_warnings, load_config
from app.emergency.supervisor_watch import SupervisorWatch
from app.errors import ConfigError
from app.logs import set_up_logs
from app.protocol import Figure, Heartbeat, Trouble
from app.state import TIMEOUT_S, State
from app.worker import steps_in_progress

if TYPE_CHECKING:
    import argparse

#: The time between two heartbeats. All programs send them at the same multiples of it, so the disk
#: wakes up once for all of them.
BEAT_S = 15
#: The time until a failed heartbeat is tried again, since a program that works must not seem
#: silent; and the least time between two heartbeats when a trouble comes or goes.
BEAT_RETRY_S = 1.0
BACKOFF_MAX_S = 60.0
#: A heartbeat shows the steps of threads that last longer than this.
SHOWN_STEP_S = 3.0
#: The time between two restarts of the dead-man's timer: each makes a thread.
_ARM_EVERY_S = 5.0
#: What `Daemon.wake` queues; no signal has this number.
_WAKE = 0

_log = logging.getLogger(__name__)

#: Counters of a heartbeat while they are collected; see `app.protocol.counters`.
Counters = dict[str, Figure | Mapping[str, Figure]]


class Daemon(ABC):
    """A long-running program; *name* is used in its heartbeat, its log and supervisord."""

    name: str
    #: The longest step; the dead-man's timer then ends the process.
    hang_s: float = 60.0
    #: The longest wait before a step is tried again that failed with an `OSError`.
    backoff_max_s: float = BACKOFF_MAX_S
    #: The longest wait for a Redis that hangs.
    redis_timeout_s: float = TIMEOUT_S
    #: Whether this program watches those that send no heartbeats.
    watches_others: bool = False

    def __init__(
        self, folder: Path | None = None, profile: str | None = None, clock: Clock | None = None
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.config: Config = load_config(folder, profile)
        self._profile = profile
        self.state = State(self.config.redis.url, self.redis_timeout_s)
        self.camera: str | None = None
        self.trouble: Trouble | None = None
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._started_at: datetime = self.clock.now()
        self._step_at: datetime = self._started_at
        self._next_beat_s = self._beat_s = 0.0
        self._opened = False
        self._backoff = Backoff(self.backoff_max_s)
        self._failure: Trouble | None = None
        self._next_arming_s = 0.0
        self._beat_failed = False
        self._config_trouble: Trouble | None = None
        self._supervisor_watch = SupervisorWatch(
            self.state, self.clock, others_too=self.watches_others
        )

    @abstractmethod
    def open(self) -> None:
        """Get ready. After an `OSError` it is called again, like `step`."""

    @abstractmethod
    def step(self) -> float:
        """Do the next piece of work; returns the seconds to wait after it, 0 for none."""

    @abstractmethod
    def close(self) -> None:
        """Finish open work and release everything. Called once, whatever has happened."""

    @abstractmethod
    def configure(self) -> None:
        """Take over the changed `config`."""

    def counters(self) -> Counters:
        """Return the progress figures for the heartbeat."""
        return {}

    def send_heartbeat(self, key: str, heartbeat: Heartbeat) -> None:
        """Write *heartbeat* to Redis."""
        self.state.send_heartbeat(key, heartbeat)

    def run(self) -> int:
        """Run until a signal ends the program; returns the exit code."""
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._queue_signal)
        self._log_doubts()
        sys.excepthook = _log_crash
        threading.excepthook = _log_thread_crash
        _log.info("%s starts, pid %d", self.name, os.getpid())
        try:
            while True:
                self._stay_alive()
                wait_s = self.attempt()
                if self._stop_asked(wait_s):
                    _log.info("%s stops", self.name)
                    return 0
        finally:
            faulthandler.dump_traceback_later(self.hang_s, exit=True, file=sys.stderr)
            self.close()
            self.state.close()
            faulthandler.cancel_dump_traceback_later()

    def attempt(self) -> float:
        """Do one step, and call `open` first if needed; returns the seconds to wait after it.

        An `OSError` is logged once, and the wait grows with each failure.
        """
        try:
            if not self._opened:
                self.open()
                self._opened = True
            wait_s = self.step()
        except OSError as error:
            return self._failed(error)
        self._succeeded()
        return wait_s

    def wake(self) -> None:
        """End the present wait, or else the next one; any thread may call it."""
        if self.signals.empty():
            self.signals.put_nowait(_WAKE)

    def beat_if_due(self) -> None:
        """Send the heartbeat at the next multiple of `BEAT_S`, or a failed heartbeat again."""
        if self.clock.monotonic() < self._next_beat_s:
            return
        now = self.clock.now()
        self._beat_s = self.clock.monotonic()
        self._next_beat_s = self._beat_s + BEAT_S - now.timestamp() % BEAT_S
        self.report_heartbeat()
        self._supervisor_watch.step()

    def report_heartbeat(self) -> None:
        """Send the heartbeat at once."""
        trouble = self.trouble or self._config_trouble
        counters = self.counters() | _thread_counters()
        heartbeat = Heartbeat(os.getpid(), self._started_at, self._step_at, counters, trouble)
        key = protocol.heartbeat_key(self.name, protocol.host_name(), self.camera)
        try:
            self.send_heartbeat(key, heartbeat)
        except OSError as error:
            if not self._beat_failed:
                _log.warning("no heartbeat: %s", error)
            self._beat_failed = True
            self._next_beat_s = min(self._next_beat_s, self.clock.monotonic() + BEAT_RETRY_S)
            return
        if self._beat_failed:
            # Redis is back: whatever has waited for it need not wait any longer.
            self.wake()
        self._beat_failed = False

    def report_trouble(self, what: str | None) -> None:
        """Put the present trouble, in words, into the heartbeat; None when there is none.

        When a trouble comes or goes, the heartbeat is due at once.
        """
        if (what is None) != (self.trouble is None):
            self._next_beat_s = min(self._next_beat_s, self._beat_s + BEAT_RETRY_S)
        if what is None:
            self.trouble = None
        elif self.trouble is None or self.trouble.what != what:
            self.trouble = Trouble(self.clock.now(), what)

    def _log_doubts(self) -> None:
        for doubt in config_warnings(self.config):
            _log.warning("%s", doubt)

    def reload(self) -> None:
        """Read the configuration again; a wrong one is reported, and the last good one stays."""
        try:
            config = load_config(self.config.folder, self._profile)
            set_up_logs(config.folder, config.redactor())
        except ConfigError as error:
            problems = "; ".join(error.problems)
            _log.error("the configuration is wrong, the last good one stays: %s", problems)
            self._config_trouble = Trouble(
                self.clock.now(), f"wrong configuration: {error.problems[0]}"
            )
        else:
            self.config = config
            self._config_trouble = None
            _log.info("the configuration was read again")
            self._log_doubts()
            self.configure()
        self.report_heartbeat()

    def _failed(self, error: OSError) -> float:
        if self.trouble is None or self.trouble.what != str(error):
            _log.warning("%s; trying again", error)
        self.report_trouble(str(error))
        self._failure = self.trouble
        self._step_at = self.clock.now()
        return self._backoff.failed()

    def _succeeded(self) -> None:
        if self._backoff.failures:
            _log.info("it works again")
            # The trouble stays if the step itself has just reported it.
            if self.trouble is self._failure:
                self.report_trouble(None)
        self._backoff.reset()
        self._step_at = self.clock.now()

    def _stay_alive(self) -> None:
        """Restart the dead-man's timer now and then; a step always has `hang_s` until it ends."""
        now_s = self.clock.monotonic()
        if now_s >= self._next_arming_s:
            every_s = min(_ARM_EVERY_S, self.hang_s / 4)
            self._next_arming_s = now_s + every_s
            faulthandler.dump_traceback_later(self.hang_s + every_s, exit=True, file=sys.stderr)

    def _queue_signal(self, signum: int, _frame: FrameType | None) -> None:
        self.signals.put_nowait(signum)

    def _stop_asked(self, wait_s: float) -> bool:
        """Wait *wait_s*, or until a signal arrives; returns whether the program should end.

        The wait has slices, short enough for the heartbeat and the dead-man's timer. After SIGHUP
        the next step follows at once: with the new configuration there may be no reason to wait.
        """
        until_s = self.clock.monotonic() + wait_s
        while True:
            self._stay_alive()
            left_s = max(until_s - self.clock.monotonic(), 0.0)
            slice_s = min(
                left_s, self.hang_s / 2, max(self._next_beat_s - self.clock.monotonic(), 0.0)
            )
            try:
                signum = self.signals.get(timeout=slice_s) if slice_s else self.signals.get_nowait()
            except queue.Empty:
                if self.clock.monotonic() < until_s:
                    # A program that waits as long as it wants to is not stuck.
                    self._step_at = self.clock.now()
                self.beat_if_due()
                if self.clock.monotonic() >= until_s and self.signals.empty():
                    return False
                continue
            if signum == _WAKE:
                self.beat_if_due()
                until_s = self.clock.monotonic()
                continue
            if signum != signal.SIGHUP:
                return True
            self.reload()
            return False


def daemon_parser(kind: type[Daemon]) -> "argparse.ArgumentParser":
    """Return the command line of *kind*: the options that every program has."""
    import argparse

    parser = argparse.ArgumentParser(
        prog=f"python -m app.daemons.{kind.name}",
        description=(kind.__doc__ or "").partition("\n")[0],
        epilog="It logs to standard error, and ends after its present step at Ctrl-C or SIGTERM. "
        "scripts/start.sh starts all programs.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        help=f"the configuration's folder; by default ${FOLDER_VARIABLE}, or config/",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help=f"the profile to lay over it, from its folder profiles/; by default "
        f"${PROFILE_VARIABLE}, or none",
    )
    return parser


def main(kind: type[Daemon]) -> int:
    """Run the daemon *kind* with the options of the command line; returns the exit code."""
    if not sys.argv[1:]:  # as supervisord starts it: the parser would take 1 MB
        return run_daemon(kind)
    options = daemon_parser(kind).parse_args()
    return run_daemon(lambda: kind(options.config, options.profile))


def run_daemon(make: Callable[[], Daemon]) -> int:
    """Make a daemon and run it; after a wrong configuration, which is printed, return 2.

    What it writes is readable by this user alone.
    """
    os.umask(0o077)
    try:
        daemon = make()
        set_up_logs(daemon.config.folder, daemon.config.redactor())
    except ConfigError as error:
        # Without a configuration there may be no log.
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return daemon.run()


def _thread_counters() -> Counters:
    """Return for how long the present step of each thread lasts, and how late it is."""
    now_s = time.monotonic()
    lasts_s: dict[str, Figure] = {}
    late_s: dict[str, Figure] = {}
    for step in steps_in_progress():
        age_s = round(now_s - step.since_s, 1)
        if age_s >= SHOWN_STEP_S:
            lasts_s[step.name] = age_s
        if age_s > step.limit_s:
            late_s[step.name] = round(age_s - step.limit_s, 1)
    return {"thread_step_s": lasts_s, "thread_late_s": late_s}


def _log_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    _log.critical("a mistake in this program ends it", exc_info=(kind, error, traceback))


def _log_thread_crash(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        _log.critical(
            "a mistake in this program ends the thread %s",
            args.thread and args.thread.name,
            exc_info=args.exc_value,
        )
