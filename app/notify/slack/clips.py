"""Shows clips in Slack: each is uploaded, and shared once in the thread of its alert.

Stages: `file` is the id of the uploaded clip; `posting` and `posted` are as in `app.notify.once`.
Slack shares a file some time after it has accepted the request, and sometimes never. So Slack is
asked where the clip is shown, also after a crash or a lost answer. A clip that is not shown after a
while is deleted in Slack, since it might still appear later, and is uploaded again.
"""

from pathlib import Path
from typing import NoReturn

from app.clock import Clock
from app.errors import DeliveryError, DeliveryRefused
from app.notify.base import MessageRefused, Progress
from app.notify.once import posting, unconfirmed_since
from app.notify.slack.api import refusal
from app.notify.slack.posts import GONE, Draft, Posted, SlackPosts, shown_in
from app.protocol import Stage

#: The number of further uploads of a clip before its thread says that Slack does not show it.
RETRIES = 2
_NO_SCOPE = ("missing_scope", "no_permission")


class SlackClips:
    """Shows clips by *posts*."""

    def __init__(self, posts: SlackPosts, clock: Clock) -> None:
        self._posts = posts
        self._api = posts.api
        self._clock = clock

    def show(self, draft: Draft, clip: Path | None, remark: str | None, progress: Progress) -> None:
        """Show the file *clip* once, with the text and at the place of *draft*.

        Without a file, or if Slack accepts none, *draft* is posted with a remark: *remark*, or the
        reason why Slack shows no clip. Raises `MessageRefused` with a code in `GONE` if there is no
        such thread.
        """
        if progress.get(Stage.POSTED):
            return
        if clip:
            remark = self._share_or_give_up(draft, clip, progress)
        if not progress.get(Stage.POSTED):
            self._posts.post_once(draft, None, remark, progress)

    def _share_or_give_up(self, draft: Draft, clip: Path, progress: Progress) -> str | None:
        """Share the file *clip*; returns the reason of a final failure, None when it is shown."""
        given_up = progress.get(Stage.GIVEN_UP)
        if given_up:
            return given_up
        try:
            self._share(draft, clip, progress)
        except (MessageRefused, DeliveryRefused) as error:
            if not refuses_file(error) or error.code in GONE:
                raise
            self._posts.log_once(str(error), "clips are not shown in Slack: %s", error)
            given_up = f"The clip is stored at home, and not shown here: {error}"
            progress.set(Stage.GIVEN_UP, given_up)
            progress.set(Stage.POSTING, "")
            return given_up
        return None

    def _share(self, draft: Draft, clip: Path, progress: Progress) -> None:
        file = progress.get(Stage.FILE)
        if not file:
            file = self._upload(draft, clip)
            progress.set(Stage.FILE, file)
            progress.set(Stage.POSTING, "")
        if not progress.get(Stage.POSTING):
            self._complete(draft, file, progress)
        ts = self._await_shown(draft, file, progress)
        progress.set(Stage.POSTED, Posted(draft.channel, ts, draft.text, file).dumps())

    def _upload(self, draft: Draft, clip: Path) -> str:
        try:
            return self._api.upload(draft.file_called(".mp4"), clip)
        except FileNotFoundError as error:
            raise refusal("the clip", "it was deleted meanwhile") from error

    def _complete(self, draft: Draft, file: str, progress: Progress) -> None:
        """Ask Slack to share *file*."""
        self._posts.keep_pace(draft.channel)
        try:
            with posting(progress, self._clock):
                self._api.call(
                    "files.completeUploadExternal",
                    files=[{"id": file, "title": draft.file_called(".mp4")}],
                    channel_id=draft.channel,
                    thread_ts=draft.thread_ts,
                    initial_comment=draft.text,
                )
        except MessageRefused as error:
            if error.code != "file_not_found":
                raise
            self._upload_again(progress, error)
        progress.set(Stage.TAKEN, "yes")

    def _await_shown(self, draft: Draft, file: str, progress: Progress) -> str:
        """Wait for the message that shows *file*, and return its ts.

        If the wait is too long, a `DeliveryError` makes the delivery begin again with the upload.
        """
        begun = unconfirmed_since(progress) or self._clock.now()
        try:
            return self._posts.wait_for(
                lambda: self._place(draft, file, progress), begun, "the clip"
            )
        except MessageRefused as error:
            self._withdraw(file)
            self._upload_again(progress, error)

    def _upload_again(self, progress: Progress, error: MessageRefused) -> NoReturn:
        """Raise a `DeliveryError` to begin again with the upload, or *error* after `RETRIES`."""
        tries = int(progress.get(Stage.TRIES) or 0) + 1
        progress.set(Stage.TRIES, str(tries))
        progress.set(Stage.TAKEN, "")
        progress.set(Stage.FILE, "")
        if tries > RETRIES:
            raise error
        raise DeliveryError("Slack does not show a clip, which is uploaded again", 0.0) from error

    def _place(self, draft: Draft, file: str, progress: Progress) -> str | None:
        """Return the ts of the message that shows *file*, None when there is none yet."""
        try:
            return shown_in(self._api.call("files.info", file=file), draft.channel)
        except MessageRefused:
            return None
        except DeliveryRefused as error:
            if error.code not in _NO_SCOPE:
                raise
            self._posts.log_once(
                "files:read of clips",
                "Slack does not let the app ask whether it shows a clip: %s",
                error,
            )
            return "unknown" if progress.get(Stage.TAKEN) else None

    def _withdraw(self, file: str) -> None:
        """Delete *file* in Slack, since it might still appear there later."""
        try:
            self._api.call("files.delete", file=file)
        except (MessageRefused, DeliveryRefused) as error:
            if error.code not in ("file_not_found", "file_deleted"):
                self._posts.log_once("withdraw", "a clip may appear twice in Slack: %s", error)


def refuses_file(error: MessageRefused | DeliveryRefused) -> bool:
    """Return whether Slack refuses only a file; the message is then posted without it."""
    return isinstance(error, MessageRefused) or error.code in _NO_SCOPE
