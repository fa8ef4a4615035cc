"""The plan of a delivery: the queues of a channel for a fact, and the alert of its clip."""

from dataclasses import dataclass
from typing import Literal

from app.notify import Notifier
from app.protocol import Fact

#: A channel's queues: for facts delivered at once, and for facts delivered with a clip.
QueueName = Literal["alerts", "clips"]
QUEUES: tuple[QueueName, ...] = ("alerts", "clips")


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The *queues* that deliver a fact, and the alert that its clip belongs to.

    *clip_of* is "event" when that alert is the alert of the clip's event. It is "fact" when that
    alert is the fact's own text, delivered first. It is None when clip and text are one message.
    *is_urgent* says that this text must not wait long for its clip.
    """

    queues: tuple[QueueName, ...]
    clip_of: Literal["event", "fact"] | None = None
    is_urgent: bool = False


def plan_for(fact: Fact, notifier: Notifier) -> DeliveryPlan:
    """Return the plan by which *notifier* delivers *fact*.

    An alert about something left open is urgent. Its text is delivered first where the clip can
    follow in a thread; elsewhere the text waits for the clip, but not long.
    """
    if fact.file is None:
        return DeliveryPlan(("alerts",))
    if fact.kind == "left_open" and notifier.clips_in_threads:
        return DeliveryPlan(QUEUES, clip_of="fact")
    if fact.kind == "left_open":
        return DeliveryPlan(("clips",), is_urgent=True)
    return DeliveryPlan(("clips",), clip_of="event" if "alert" in notifier.when else None)
