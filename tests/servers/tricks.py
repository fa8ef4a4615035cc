"""The ways in which a call of a service can fail, for the servers of Slack and Twilio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trick:
    """One failure of a call. With *after* the call is obeyed first, and only its answer fails."""

    status: int = 0
    retry_after_s: int | None = None
    error: str | None = None
    reset: bool = False
    hang_s: float = 0.0
    after: bool = False


def too_many(retry_after_s: int = 1) -> Trick:
    """Answer 429, with a pause of *retry_after_s*."""
    return Trick(status=429, retry_after_s=retry_after_s)


def broken(status: int = 500) -> Trick:
    """Answer with an HTTP error."""
    return Trick(status=status)


def refused(error: str) -> Trick:
    """Answer `ok: false` with *error*."""
    return Trick(error=error)


def reset() -> Trick:
    """Reset the connection before anything is done."""
    return Trick(reset=True)


def hang(seconds: float = 60.0) -> Trick:
    """Give no answer for *seconds*, then reset the connection; nothing is done."""
    return Trick(hang_s=seconds, reset=True)


def answer_lost() -> Trick:
    """Obey the call, but reset the connection in place of the answer."""
    return Trick(reset=True, after=True)


def answer_late(seconds: float = 60.0) -> Trick:
    """Obey the call, but give no answer for *seconds*, then reset the connection."""
    return Trick(hang_s=seconds, reset=True, after=True)
