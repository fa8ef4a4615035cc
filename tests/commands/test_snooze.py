"""The snooze, on a real Redis."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import redis

from app import protocol
from app.clock import FakeClock
from app.commands.context import CommandContext, Invocation
from app.commands.snooze import snooze_for, snoozed_until
from app.protocol import Request
from app.times import utc_time
from tests.commands.conftest import NOW, ask

ANNA = Invocation("", "U1", "anna", NOW)


@pytest.mark.parametrize(
    ("text", "until", "shown"),
    [
        ("30m", NOW + timedelta(minutes=30), "10:45"),
        ("2h", NOW + timedelta(hours=2), "12:15"),
        ("1h30m", NOW + timedelta(minutes=90), "11:45"),
        ("90 min", NOW + timedelta(minutes=90), "11:45"),
        ("24h", NOW + timedelta(hours=24), "Sat 10:15"),
        ("until 18:00", NOW.replace(hour=18, minute=0), "18:00"),
        ("until 9", NOW.replace(day=21, hour=9, minute=0), "Sat 09:00"),
        ("UNTIL 10:15", NOW.replace(day=21), "Sat 10:15"),
    ],
)
def test_alerts_are_snoozed_for_a_while(
    context: CommandContext, raw: redis.Redis, text: str, until: datetime, shown: str
) -> None:
    assert f"snoozed until {shown}" in ask(context, f"/snooze {text}")
    assert datetime.fromisoformat(str(raw.get("snoozed_until"))) == until
    left_s = int(str(raw.ttl("snoozed_until")))
    assert 0 <= (until - NOW).total_seconds() - left_s < 60
    assert f"snoozed until {shown}" in ask(context, "/snooze")
    assert f"snoozed until {shown}" in ask(context, "/status")


@pytest.mark.parametrize(
    ("now", "text", "shown"),
    [
        ("2026-11-30T23:58:20", "until 23:59", "23:59 (40 s)"),
        ("2026-12-31T23:59:59.999", "until 0:00", "Fri 00:00 (1 s)"),
        ("2026-10-25T01:59:59", "until 2", "02:00 (1 s)"),
        ("2026-10-25T02:30:00", "until 2:30", "Mon 02:30 (24 h)"),
    ],
)
def test_a_time_of_day_may_come_soon(
    context: CommandContext, now: str, text: str, shown: str
) -> None:
    then = replace(context, clock=FakeClock(utc_time(now)))
    assert f"snoozed until {shown}" in ask(then, f"/snooze {text}")


def test_a_time_of_day_may_be_25_hours_away(
    context: CommandContext, in_zone: Callable[[str], None]
) -> None:
    in_zone("Europe/Berlin")
    before = replace(context, clock=FakeClock(utc_time("2026-10-24T08:15:00Z")))
    assert "snoozed until Sun 10:15 (25 h)" in ask(before, "/snooze until 10:15")
    assert "snoozed until Sun 10:15" in ask(before, "/status")


@pytest.mark.parametrize(
    "text",
    [
        "30",
        "0m",
        "25h",
        "1441m",
        "9999h",
        "until 24:00",
        "until 10:60",
        "until",
        "-5m",
        "2d",
        "forever",
        "m",
        "1m1h",
        "٣h",
    ],
)
def test_a_wrong_time_is_explained(context: CommandContext, raw: redis.Redis, text: str) -> None:
    assert "from one minute to 24 hours" in ask(context, f"/snooze {text}")
    assert raw.get("snoozed_until") is None


def test_snooze_off_ends_a_snooze(context: CommandContext, raw: redis.Redis) -> None:
    ask(context, "/snooze 2h")
    assert "no longer snoozed" in ask(context, "/snooze off")
    assert raw.get("snoozed_until") is None
    assert "Alerts are not snoozed" in ask(context, "/snooze")


def announced(raw: redis.Redis) -> list[str | None]:
    """Return the messages for the alerts channel so far."""
    entries: list[tuple[str, dict[str, str]]] = raw.xrange("requests")  # type: ignore[assignment]
    requests = [protocol.decode(Request, stored["request"]) for _, stored in entries]
    assert all(request.kind == "say" and request.reply_to is None for request in requests)
    return [request.text for request in requests]


def test_the_alerts_channel_learns_of_each_snooze(
    context: CommandContext, raw: redis.Redis
) -> None:
    ask(context, "/snooze 2h")
    snooze_for(timedelta(hours=3), ANNA, context)
    snooze_for(timedelta(hours=1), ANNA, context)
    ask(context, "/snooze", by="ben")
    ask(context, "/snooze off", by="ben <!channel>")
    ask(context, "/snooze off")
    assert announced(raw) == [
        "anna snoozed alerts until 12:15 (2 h). /snooze off ends that.",
        "anna snoozed alerts until 13:15 (3 h). /snooze off ends that.",
        "ben &lt;!channel&gt; ended the snooze. Alerts come again.",
    ]


def test_a_longer_snooze_is_not_shortened(context: CommandContext, raw: redis.Redis) -> None:
    assert snooze_for(timedelta(hours=1), ANNA, context) is None
    ask(context, "/snooze 8h")
    longer = raw.get("snoozed_until")
    reply = snooze_for(timedelta(hours=1), ANNA, context)
    assert reply == "Alerts are already snoozed until 18:15. /snooze off ends that."
    assert raw.get("snoozed_until") == longer


@pytest.mark.parametrize(
    ("stored", "until"),
    [
        (None, None),
        ("", None),
        ("nonsense", None),
        (NOW.isoformat(), None),
        ((NOW + timedelta(hours=1)).isoformat(), NOW + timedelta(hours=1)),
        ("2026-11-20T11:15:00", NOW + timedelta(hours=1)),
    ],
)
def test_only_a_time_to_come_is_a_snooze(stored: str | None, until: datetime | None) -> None:
    assert snoozed_until(stored, NOW) == until
