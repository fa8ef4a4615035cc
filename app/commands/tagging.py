"""Tags of events: a person says that the room was occupied or unoccupied, or withdraws that."""

from dataclasses import dataclass

from app.commands.context import CommandContext, Invocation
from app.protocol import Label, Request
from app.state import Tag
from app.times import format_time

UNKNOWN_EVENT = (
    "This event is no longer known, so it cannot be tagged; events are kept for 30 days."
)
_NOTHING_TO_UNDO = "Nobody has tagged this event, so there is nothing to undo."


@dataclass(frozen=True, slots=True)
class TagOutcome:
    """The result of one tagging.

    *label* is the requested label, None to remove the label. *before* is the tag that the event
    had, None when the event is no longer known.
    """

    label: Label | None
    before: Tag | None

    @property
    def changed(self) -> bool:
        """Return whether the event has another label now than before."""
        return self.before is not None and self.before.label != self.label


def tag_event(
    event: str, label: Label | None, invocation: Invocation, context: CommandContext
) -> TagOutcome:
    """Give *event* the *label*, or remove its label if None, and ask the notifier to show that.

    An event that has the label already stays as it is. Raises `StateUnavailable` when Redis is
    away or slow.
    """
    request = Request(
        "tag",
        invocation.at,
        invocation.by,
        user=invocation.user,
        event=event,
        label=label,
        reply_to=invocation.reply_to,
    )
    return TagOutcome(label, context.state.tag(request))


def explanation(outcome: TagOutcome, invocation: Invocation) -> str | None:
    """Return what to tell the person about *outcome*, in addition to the label, or None.

    The text is plain: it holds names of other people, which the caller must escape.
    """
    before, label = outcome.before, outcome.label
    if before is None:
        return UNKNOWN_EVENT
    if before.label is None:
        return None if outcome.changed else _NOTHING_TO_UNDO
    is_own = before.by == invocation.by
    who = before.by or "Somebody"
    when = format_time(before.at, invocation.at) if before.at else "some time ago"
    if not outcome.changed:
        return f"{'You' if is_own else who} said {label} already, {when}."
    if is_own:
        return None
    return f"{who} had said {before.label} {when}; now it is {label or 'not tagged'}."
