"""supervisord, changed for a small machine.

    python -P -m app.launcher.supervise -c supervisord.conf

* It imports what the programs have in common, and forks them: they share that memory, and start
  sooner. Every other command is executed as usual.
* It waits up to a minute while nothing changes. supervisord itself looks around once a second.
* It reports to systemd that its loop works, where systemd has started it.
* A full disk does not end it. When supervisord cannot write to a log, it reports that to standard
  error. If that is on the same full disk, supervisord ends, and nobody restarts the programs. Here
  these lines are lost instead, until there is room again.

A program that it starts again runs the code that was on the disk when supervisord was started.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from supervisor import loggers, supervisord
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.process import ProcessStates, Subprocess
from supervisor.states import SupervisorStates

from app.launcher import forking, preload
from app.launcher.patient_poller import PatientPoller
from app.launcher.systemd import Systemd

_NOT_SHARED = (
    "the last start ended while it imported what the programs share, so each program imports it by "
    "itself this time, which takes more memory"
)
_roll_over = loggers.RotatingFileHandler.doRollover


class _Options(ServerOptions):  # type: ignore[misc]
    """supervisord's settings, and its calls to the system."""

    def __init__(self) -> None:
        super().__init__()
        self.poller = PatientPoller(self)

    def execve(self, filename: str, argv: list[str], env: Mapping[str, str]) -> None:
        """Turn this child of supervisord into the program *argv*."""
        if preload.is_ours(argv):
            forking.run_module(argv, env, preload.longest_start_s(argv))
        os.execve(filename, argv, env)  # noqa: S606


class _Supervisor(supervisord.Supervisor):  # type: ignore[misc]
    """supervisord's main loop."""

    def __init__(self, options: _Options) -> None:
        super().__init__(options)
        self._systemd = Systemd(os.environ)

    def run(self) -> None:
        commands = [
            process.command
            for group in self.options.process_group_configs
            for process in group.process_configs
        ]
        with preload.import_watched(Path.cwd()) as is_safe:
            troubles = preload.preload(commands) if is_safe else [_NOT_SHARED]
        for trouble in troubles:
            self.options.logger.warn(trouble)
        poller = self.options.poller
        poller.may_wait = self._may_wait
        poller.longest_wait_s = min(poller.longest_wait_s, self._systemd.longest_wait_s)
        super().run()

    def _may_wait(self) -> bool:
        """Return whether nothing happens until a process ends, writes, or somebody connects.

        It is called in each round of the loop.
        """
        self._systemd.report(is_stopping=self.options.mood < SupervisorStates.RUNNING)
        processes = (
            process
            for group in self.process_groups.values()
            for process in group.processes.values()
        )
        return (
            self.options.mood == SupervisorStates.RUNNING
            and len(asyncore.socket_map) == len(self.options.httpservers)
            and all(map(_is_settled, processes))
        )


def _is_settled(process: Subprocess) -> bool:
    """Return whether *process* stays as it is until something happens."""
    if process.get_state() == ProcessStates.STOPPED:
        return bool(process.laststart)  # otherwise it is about to be started
    return process.get_state() in (ProcessStates.RUNNING, ProcessStates.FATAL)


def main() -> None:
    """Run supervisord."""
    loggers.Handler.handleError = _lose
    loggers.RotatingFileHandler.doRollover = _roll_over_if_possible
    supervisord.ServerOptions = _Options
    supervisord.Supervisor = _Supervisor
    supervisord.main()


def _lose(_handler: loggers.Handler) -> None:
    """Drop the line: there is no place left to report that."""


def _roll_over_if_possible(handler: loggers.RotatingFileHandler) -> None:
    """Begin a new file when the old file is long enough; keep the old file when that fails."""
    try:
        _roll_over(handler)
    except (OSError, ValueError):  # ValueError when an earlier failure left it closed
        with suppress(OSError):
            handler.stream = Path(handler.baseFilename).open("ab")  # noqa: SIM115 (it stays open)


if __name__ == "__main__":
    main()
