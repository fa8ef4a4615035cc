"""Films in Slack: each is uploaded, and shared once, in the thread of its alert.

The stages that are noted: the film is with Slack (`file`), it is being shared (`posting`), it is
there (`posted`). Slack shares at its leisure, and may say yes and never do it; so it is asked where
the film is shown, also after a crash or a lost answer. A film that is not shown after a while is
deleted there, so that it cannot turn up late, and brought anew.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from app.clock import Clock
from app.errors import DeliveryError
from app.notify.base import Progress
from app.notify.slack import blocks
from app.notify.slack.api import Refused, Unfit
from app.notify.slack.blocks import Block
from app.notify.slack.posts import GONE, Draft, Posted, SlackPosts, on_its_way, shown_in

#: How often a film is brought anew before it is said that Slack does not show it.
TRIES = 2
_NO_FILES = ("missing_scope", "no_permission")


@dataclass(frozen=True, slots=True)
class Reel:
    """A film to show in *channel*, in the thread *thread_ts* if there is one, with *text* in
    Slack's mrkdwn.

    It is in the file *path*; else at *link*, or where *remark* says. In Slack it is called
    *file_name*, if that is given, and else as *key*; both without an ending.
    """

    key: str
    channel: str
    thread_ts: str | None
    text: str
    path: Path | None
    link: str | None
    remark: str | None
    file_name: str | None = None

    @property
    def name(self) -> str:
        """What the film is called in Slack."""
        return f"{self.file_name or self.key}.mp4"


class SlackFilms:
    """Shows films by means of *posts*."""

    def __init__(self, posts: SlackPosts, clock: Clock) -> None:
        self._posts = posts
        self._api = posts.api
        self._clock = clock

    def show(self, reel: Reel, progress: Progress) -> None:
        """Show *reel*, once; if Slack takes no file, post why. `Unfit` in `GONE` when the thread is
        not there.
        """
        if progress.get("posted"):
            return
        remark = self._bring(reel, reel.path, progress) if reel.path else reel.remark
        if progress.get("posted"):
            return

        def compose(_file: str | None, more: str | None) -> list[Block]:
            return blocks.film(reel.text, None if reel.path else reel.link, more)

        self._posts.post_once(
            Draft(reel.key, reel.channel, reel.text, compose, reel.thread_ts),
            None,
            remark,
            progress,
        )

    def _bring(self, reel: Reel, path: Path, progress: Progress) -> str | None:
        """Share the film at *path*; returns why that was given up, None when it is shown."""
        given_up = progress.get("given up")
        if given_up:
            return given_up
        try:
            self._share(reel, path, progress)
        except (Unfit, Refused) as error:
            if not costs_the_file(error) or error.error in GONE:
                raise
            self._posts.say_once(str(error), "films are not shown in Slack: %s", error)
            given_up = f"The film is kept at home, not shown here: {error}"
            progress.set("given up", given_up)
            progress.set("posting", "")
            return given_up
        return None

    def _share(self, reel: Reel, path: Path, progress: Progress) -> None:
        file = progress.get("file")
        if not file:
            file = self._upload(reel, path)
            progress.set("file", file)
            progress.set("posting", "")
        if not progress.get("posting"):
            self._complete(reel, file, progress)
        ts = self._shown(reel, file, progress)
        progress.set("posted", Posted(reel.channel, ts, reel.text, file).dumps())

    def _upload(self, reel: Reel, path: Path) -> str:
        try:
            return self._api.upload(reel.name, path)
        except FileNotFoundError as error:
            raise Unfit("the film", "it was deleted meanwhile") from error

    def _complete(self, reel: Reel, file: str, progress: Progress) -> None:
        """Have *file* shared."""
        self._posts.keep_pace(reel.channel)
        try:
            with on_its_way(progress, self._clock):
                self._api.call(
                    "files.completeUploadExternal",
                    files=[{"id": file, "title": reel.name}],
                    channel_id=reel.channel,
                    thread_ts=reel.thread_ts,
                    initial_comment=reel.text,
                )
        except Unfit as error:
            if error.error != "file_not_found":
                raise
            self._begin_anew(progress, error)
        progress.set("taken", "yes")

    def _shown(self, reel: Reel, file: str, progress: Progress) -> str:
        """The ts of the message that shows *file*, which is waited for; if there will be none, all
        begins anew with a `DeliveryError`.
        """
        begun = datetime.fromisoformat(progress.get("posting") or "")
        try:
            return self._posts.patiently(
                lambda: self._place(reel, file, progress), begun, "the film"
            )
        except Unfit as error:
            self._withdraw(file)
            self._begin_anew(progress, error)

    def _begin_anew(self, progress: Progress, error: Unfit) -> NoReturn:
        """Have the film brought again, but not for ever."""
        tries = int(progress.get("tries") or 0) + 1
        progress.set("tries", str(tries))
        progress.set("taken", "")
        progress.set("file", "")
        if tries > TRIES:
            raise error
        raise DeliveryError("Slack does not show a film, which is brought anew", 0.0) from error

    def _place(self, reel: Reel, file: str, progress: Progress) -> str | None:
        try:
            return shown_in(self._api.call("files.info", file=file), reel.channel)
        except Unfit:
            return None
        except Refused as error:
            if error.error not in _NO_FILES:
                raise
            self._posts.say_once(
                "files:read of films", "it cannot be seen whether Slack shows a film: %s", error
            )
            return "unknown" if progress.get("taken") else None

    def _withdraw(self, file: str) -> None:
        """Delete *file* in Slack, so that it is not shown later all the same."""
        try:
            self._api.call("files.delete", file=file)
        except (Unfit, Refused) as error:
            if error.error not in ("file_not_found", "file_deleted"):
                self._posts.say_once("withdraw", "a film may appear twice in Slack: %s", error)


def costs_the_file(error: Unfit | Refused) -> bool:
    """Whether *error* is about a file that Slack does not take, so that the message goes
    without.
    """
    return isinstance(error, Unfit) or error.error in _NO_FILES
