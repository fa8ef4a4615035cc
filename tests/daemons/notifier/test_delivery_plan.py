"""The queues that deliver a fact, and the alert that its clip belongs to."""

import pytest

from app.daemons.notifier.delivery_plan import DeliveryPlan, plan_for
from app.notify import MemoryNotifier, Notifier, Topic
from app.protocol import Fact
from tests.daemons.notifier.outbox_harness import FACT, LOST, ThreadNotifier, clip_fact

LEFT_OPEN = clip_fact(kind="left_open")


@pytest.mark.parametrize("fact", [FACT, LOST])
@pytest.mark.parametrize("notifier", [MemoryNotifier(), ThreadNotifier()], ids=str)
def test_what_has_no_clip_is_delivered_at_once(fact: Fact, notifier: Notifier) -> None:
    assert plan_for(fact, notifier) == DeliveryPlan(("alerts",))


@pytest.mark.parametrize(
    ("topics", "clip_of"), [(("alert", "clip"), "event"), (("clip", "left_open"), None)]
)
def test_a_clip_belongs_to_an_alert_that_is_delivered(
    topics: tuple[Topic, ...], clip_of: object
) -> None:
    notifier = MemoryNotifier()
    notifier.when = frozenset(topics)
    plan = plan_for(clip_fact(), notifier)
    assert (plan.queues, plan.clip_of, plan.is_urgent) == (("clips",), clip_of, False)


def test_left_open_goes_ahead_where_its_clip_can_follow() -> None:
    expected = DeliveryPlan(("alerts", "clips"), clip_of="fact")
    assert plan_for(LEFT_OPEN, ThreadNotifier()) == expected


def test_left_open_is_urgent_where_it_comes_with_its_clip() -> None:
    assert plan_for(LEFT_OPEN, MemoryNotifier()) == DeliveryPlan(("clips",), is_urgent=True)
