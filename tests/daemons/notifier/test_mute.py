"""Reasons to hold alerts back, by what Redis says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.daemons.notifier.mute import Mute
from app.protocol import FactKind
from tests.daemons.notifier.outbox_harness import AT, FACT, clip_fact

LATER = (AT + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize("kind", ["motion_started", "camera_lost", "process_silent"])
def test_with_notifications_off_everything_is_held(kind: FactKind) -> None:
    fact = replace(FACT, kind=kind)
    assert Mute().reason(fact, AT, "False", None) == "camera_notifications is False"
    assert Mute().reason(fact, AT, "True", None) is None
    assert Mute().reason(fact, AT, None, None) is None


def test_a_snooze_holds_motion_and_its_clips_only() -> None:
    mute = Mute()
    again: tuple[FactKind, ...] = ("motion_confirmed", "motion_reconfirmed")
    for fact in (FACT, clip_fact(), *(replace(FACT, kind=kind) for kind in again)):
        assert mute.reason(fact, AT, "True", LATER) == f"snoozed until {LATER}"
    kinds: tuple[FactKind, ...] = ("camera_lost", "process_silent", "disk_low", "left_open")
    assert [mute.reason(replace(FACT, kind=kind), AT, "True", LATER) for kind in kinds] == [
        None
    ] * 4


def test_a_snooze_ends_at_its_time() -> None:
    until = AT.isoformat()
    assert Mute().reason(FACT, AT - timedelta(seconds=1), "True", until)
    assert Mute().reason(FACT, AT, "True", until) is None


def test_a_snooze_without_a_zone_is_in_utc() -> None:
    found = LATER.removesuffix("+00:00")
    assert Mute().reason(FACT, AT, "True", found) == f"snoozed until {LATER}"


def test_unreadable_values_hold_nothing_and_are_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mute = Mute()
    for _ in range(3):
        assert mute.reason(FACT, AT, "yes", "after lunch") is None
    assert caplog.text.count("snoozed_until is 'after lunch' in Redis") == 1
    assert caplog.text.count("camera_notifications is 'yes' in Redis") == 1


def test_a_snooze_from_a_clock_that_was_ahead_is_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ahead = (AT + timedelta(days=400)).isoformat()
    assert Mute().reason(FACT, AT, "True", ahead) is None
    assert "must be a UTC time of the next 24 hours" in caplog.text
