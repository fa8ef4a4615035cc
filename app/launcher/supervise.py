"""supervisord, changed so that a full disk does not end it.

    python -m app.launcher.supervise -c supervisord.conf

When supervisord cannot write to a log, it reports that to standard error. If that is on the same
full disk, supervisord ends, and nobody restarts the programs. Here these lines are lost instead,
until there is room again.
"""

from contextlib import suppress
from pathlib import Path

from supervisor import loggers, supervisord

_roll_over = loggers.RotatingFileHandler.doRollover


def main() -> None:
    """Run supervisord."""
    loggers.Handler.handleError = _lose
    loggers.RotatingFileHandler.doRollover = _roll_over_if_possible
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
