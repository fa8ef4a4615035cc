"""Watches the notifier, which watches all other programs, and reports when it does not work.

The uploader does that, since it runs beside every notifier. Its reports cannot go through Redis:
only the notifier would read them there.
"""

import re
from pathlib import Path

from app.clock import Clock
from app.config import Config
from app.emergency.reporter import EmergencyReporter
from app.programs import why_stuck
from app.protocol import HEARTBEAT_LIFE_S, Heartbeat
from app.state import State
from app.state.switches import Switches
from app.times import format_time_s

#: The time for which the notifier must be silent or stuck, and then for which it must work.
REPORT_AFTER_S = 30.0
OVER_AFTER_S = 30.0
#: The time that a notifier has besides to begin, when the uploader begins with it.
START_S = 60.0
_SUBJECT = "notifier"
_SWITCH = "camera_notifications"


class NotifierWatch:
    """Judges the heartbeats of this machine's notifier, and reports by *reporter*.

    Nothing is reported while alerts are switched off, and on a machine that has no notifier.
    """

    def __init__(
        self, config: Config, state: State, clock: Clock, reporter: EmergencyReporter
    ) -> None:
        self._logs_dir = config.logs_dir
        self._state = state
        self._clock = clock
        self._reporter = reporter
        self._switches = Switches()
        #: Whether a notifier works on this machine.
        self.is_expected = _is_started_with_us(config)
        self._pid: int | None = None
        self._seen_at = clock.now()
        self._is_bad: bool | None = None
        self._since_s = clock.monotonic()
        # None: an earlier run may have reported it.
        self._reported: bool | None = None

    def interrupted(self) -> None:
        """Take into account that Redis was away, and may have lost the heartbeat."""
        if self._is_bad:
            self._since_s = self._clock.monotonic() + HEARTBEAT_LIFE_S

    def judge(self, heartbeat: Heartbeat | None) -> None:
        """Judge the present *heartbeat* of the notifier; None when there is none."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        if heartbeat:
            self.is_expected = True
            self._pid, self._seen_at = heartbeat.pid, heartbeat.step_at
        if not self.is_expected:
            return
        reason = why_stuck(heartbeat, now) if heartbeat else "it sends no heartbeats"
        if (reason is not None) != self._is_bad:
            self._is_bad, self._since_s = reason is not None, now_s
        lasts_s = now_s - self._since_s
        report_after_s = REPORT_AFTER_S if self._pid else REPORT_AFTER_S + START_S
        if reason and lasts_s >= report_after_s and not self._reported and self._wants_alerts():
            self._reported = True
            self._reporter.begin(_SUBJECT, self._text(reason), self._seen_at)
        elif not reason and lasts_s >= OVER_AFTER_S and self._reported is not False:
            self._reported = False
            self._reporter.end(_SUBJECT, "The notifier works again, after {lasted}.")

    def _wants_alerts(self) -> bool:
        return self._switches.read(_SWITCH, *self._state.read_strings(_SWITCH))

    def _text(self, reason: str) -> str:
        since = format_time_s(self._seen_at, self._clock.now())
        return (
            f"The notifier has not worked since {since} ({reason}). "
            "No alerts are delivered, and nobody watches the other programs. "
            f"{_process(self._pid)} Look at scripts/status.sh and at "
            f"{self._logs_dir / 'notifier.log'}."
        )


def _is_started_with_us(config: Config) -> bool:
    """Return whether the last scripts/start.sh on this machine has started a notifier."""
    try:
        text = (config.run_dir / "supervisord.conf").read_text(encoding="utf-8")
    except OSError:
        return False
    return "[program:notifier]" in text


def _process(pid: int | None) -> str:
    """Return a sentence on the process *pid* and what to do with it."""
    if pid is None:
        return "scripts/stop.sh and scripts/start.sh start everything again."
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return f"Its process {pid} has ended."
    if re.search(r"^State:\s+[Tt]", status, re.MULTILINE):
        return f"Its process {pid} is stopped: “kill -CONT {pid}” lets it continue."
    return f"Its process {pid} hangs: “kill -9 {pid}” ends it, and it is started again."
