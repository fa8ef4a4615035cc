"""Shows tags in Slack, and removes picture and clip there a minute after the tag.

The request for a tag is acknowledged when nothing is left to remove, so a restart in between
forgets nothing. Undo within the minute restores everything, since nothing was removed yet.
"""

from contextlib import suppress
from datetime import timedelta

from app import protocol
from app.clock import Clock
from app.daemons.notifier.retry_queue import PendingRequest
from app.daemons.notifier.shown_alerts import ShownAlert, ShownAlerts
from app.mrkdwn import escaped
from app.notify.base import MessageRefused
from app.notify.slack.posts import Posted
from app.notify.slack.replies import SlackReplies
from app.protocol import EventRecord, Request, Stage
from app.protocol.deliveries import stage_mark
from app.state import State

#: The time for which a tag can be withdrawn before picture and clip are removed.
REMOVE_AFTER = timedelta(minutes=1)
#: The time after which clips are looked for again: one may have been on its way to Slack.
LOOK_AGAIN_AFTER = timedelta(minutes=5)
_LONGEST_WAIT_S = LOOK_AGAIN_AFTER.total_seconds()


class TagHandler:
    """Shows tags by *slack*, and removes what it shows of a tagged event."""

    def __init__(self, state: State, clock: Clock, slack: SlackReplies) -> None:
        self._state = state
        self._clock = clock
        self._slack = slack
        self._alerts = ShownAlerts(state, slack)

    def reply(self, pending: PendingRequest) -> float:
        """Show the present tag of the event, later remove its picture and its clips.

        Returns 0 when nothing is left to do, else the seconds until the next step.
        """
        request = pending.request
        fields = self._state.event_fields(request.event or "")
        if not fields:
            text = f"{_confirmation(request)} The event is no longer known."
            self._slack.reply(request.reply_to, text)
            return 0.0
        tagged = self._alerts.find(request.event or "", fields)
        if tagged is None:
            self._slack.reply(request.reply_to, _confirmation(request))
            return 0.0
        if not pending.is_shown:
            self._show_or_reply(tagged, request)
            pending.is_shown = True
        if not self._removes(tagged.record, request):
            return 0.0
        return self._remove(tagged, request)

    def _show_or_reply(self, tagged: ShownAlert, request: Request) -> None:
        """Show the tag; if the message cannot be changed, the person gets a sentence."""
        removes = self._removes(tagged.record, request) and not tagged.is_removed
        try:
            self._alerts.show(tagged, request, removes=removes)
        except MessageRefused as error:
            reason = f"The message could not be changed: {escaped(error.code)}."
            self._slack.reply(request.reply_to, f"{_confirmation(request)} {reason}")

    def _removes(self, record: EventRecord, request: Request) -> bool:
        """Return whether *request* is the present tag, and its picture is to be removed."""
        is_present = record.label is not None and record.label_at == request.at
        return is_present and self._slack.delete_after_tag

    def _remove(self, tagged: ShownAlert, request: Request) -> float:
        """Remove picture and clips when they are due; returns as `reply` does."""
        age = self._clock.now() - request.at
        if age < REMOVE_AFTER:
            return min((REMOVE_AFTER - age).total_seconds(), _LONGEST_WAIT_S)
        if not tagged.is_removed:
            self._remove_picture(tagged, request)
        self._remove_clips(tagged.event)
        return max((LOOK_AGAIN_AFTER - age).total_seconds(), 0.0)

    def _remove_picture(self, tagged: ShownAlert, request: Request) -> None:
        """Show the message without the picture, then delete the picture."""
        with suppress(MessageRefused):  # the person knows that the message cannot be changed
            self._alerts.show(tagged.without_picture(), request)
        if tagged.file is None or self._slack.delete_file(tagged.event, tagged.file):
            mark = stage_mark(self._slack.name, Stage.DELETED)
            self._state.mark_event(tagged.event, {mark: tagged.file or "none"})

    def _remove_clips(self, event: str) -> None:
        """Delete all clips of *event* that Slack shows."""
        queue = f"{self._slack.name}_clips"
        part = 1
        while marks := self._state.delivery_marks(_clip_fact_id(event, part)):
            posted = marks.get(stage_mark(queue, Stage.POSTED))
            file = Posted.loads(posted).file if posted else None
            deleted = stage_mark(queue, Stage.DELETED)
            if file and deleted not in marks and self._slack.delete_file(event, file):
                self._state.mark_delivery(_clip_fact_id(event, part), {deleted: file})
            part += 1


def _clip_fact_id(event: str, part: int) -> str:
    file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
    return protocol.event_fact_id(event, "clip_ready", file)


def _confirmation(request: Request) -> str:
    return f"Noted: {request.label}." if request.label else "Noted: no longer tagged."
