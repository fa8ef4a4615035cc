"""Clips in Slack: each once in the thread of its alert, whatever goes wrong."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import DeliveryRefused
from app.notify import Message
from app.notify.slack.notifier import SlackNotifier
from tests.cameras.pictures import write_video
from tests.notify.progress import Killed, KilledAfter, MemoryProgress, deliver_until_done
from tests.servers.slack import SCOPES, SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
ALERT = Message(EVENT, AT, "Motion in front of camera front.", "front", b"a picture", EVENT, 0.93)
STAGES = (
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
    "conversations.history",
)


class Unhurried(FakeClock):
    """A fake clock whose sleeps take a little real time, in which Slack gets on."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        threading.Event().wait(0.05)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 10)


def post_alert(notifier: SlackNotifier) -> str:
    """Post the alert, and return the mark with its place."""
    progress = MemoryProgress()
    notifier.deliver(ALERT, progress)
    return progress.stages["posted"]


def message_of(clip: Path | None, parent: str | None, part: int = 1, **more: object) -> Message:
    return replace(
        Message(
            f"{EVENT}-clip_ready-{part}",
            AT,
            f"The clip <{part}>.",
            "front",
            topic="clip",
            clip=clip,
            parent=parent,
        ),
        **more,  # type: ignore[arg-type]
    )


def test_a_clip_is_posted_in_the_thread_of_its_alert(
    slack: SlackServer, notifier: SlackNotifier, clip: Path
) -> None:
    notifier.deliver(message_of(clip, post_alert(notifier)), MemoryProgress())
    alert = slack.seen()[0]
    assert slack.clips(alert.ts) == [clip.read_bytes()]
    (reply,) = slack.thread(alert.ts)
    assert (reply.text, reply.channel) == ("The clip &lt;1&gt;.", ALERTS)
    assert slack.files[reply.attached[0]].name == f"{EVENT}-clip_ready-1.mp4"
    assert len(slack.messages) == 2


def test_the_parts_of_a_clip_are_in_one_thread_in_order(
    slack: SlackServer, notifier: SlackNotifier, clip: Path
) -> None:
    parent = post_alert(notifier)
    for part in (1, 2, 3):
        notifier.deliver(message_of(clip, parent, part), MemoryProgress())
    assert [reply.text for reply in slack.thread(slack.seen()[0].ts)] == [
        f"The clip &lt;{part}&gt;." for part in (1, 2, 3)
    ]


def test_a_clip_without_an_alert_is_a_message_of_its_own(
    slack: SlackServer, notifier: SlackNotifier, clip: Path
) -> None:
    notifier.deliver(message_of(clip, None), MemoryProgress())
    assert slack.clips() == [clip.read_bytes()]


@pytest.mark.parametrize(
    "fault",
    [
        (method, trick)
        for method in STAGES
        for trick in (too_many(7), broken(500), broken(503), reset(), answer_lost())
    ],
    ids=str,
)
def test_a_clip_is_shown_once_whatever_fails(
    slack: SlackServer,
    notifier: SlackNotifier,
    clock: FakeClock,
    clip: Path,
    fault: tuple[str, Trick],
) -> None:
    parent, progress = post_alert(notifier), MemoryProgress()
    slack.trick(*fault)
    assert deliver_until_done(notifier, message_of(clip, parent), progress, clock) >= 1
    notifier.deliver(message_of(clip, parent), progress)
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]
    assert len(slack.messages) == 2


@pytest.mark.parametrize("stage", ["file", "posting", "taken", "posted"])
def test_killed_after_any_stage_the_clip_is_shown_once(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path, stage: str
) -> None:
    parent, progress = post_alert(notifier), KilledAfter(stage)
    with pytest.raises(Killed):
        notifier.deliver(message_of(clip, parent), progress)
    deliver_until_done(
        SlackNotifier(notifier.settings, clock),
        message_of(clip, parent),
        progress.afterwards(),
        clock,
    )
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]


def test_a_clip_that_slack_shows_late_is_awaited(
    slack: SlackServer, notifier: SlackNotifier, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.file_ready_after_s = 0.3
    SlackNotifier(notifier.settings, Unhurried(AT)).deliver(
        message_of(clip, parent), MemoryProgress()
    )
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]
    assert len(slack.called("files.info")) > 3


def test_a_clip_that_is_never_shown_is_uploaded_again(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.forgets = 1
    deliver_until_done(notifier, message_of(clip, parent), MemoryProgress(), clock)
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]
    assert sum(file.deleted for file in slack.files.values()) == 1


def test_the_thread_says_so_when_no_clip_is_ever_shown(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.forgets = 100
    deliver_until_done(notifier, message_of(clip, parent), MemoryProgress(), clock)
    (reply,) = slack.thread(slack.seen()[0].ts)
    assert "The clip is stored at home, and not shown here: " in reply.words
    assert slack.forgets == 97


@pytest.mark.parametrize(
    ("method", "trick"),
    [
        ("files.getUploadURLExternal", refused("file_uploads_disabled")),
        ("files.getUploadURLExternal", refused("storage_limit_reached")),
        ("files.getUploadURLExternal", refused("missing_scope")),
        ("upload", broken(413)),
        ("files.completeUploadExternal", refused("file_update_failed")),
    ],
)
def test_the_thread_says_that_a_clip_was_refused(
    slack: SlackServer, notifier: SlackNotifier, clip: Path, method: str, trick: Trick
) -> None:
    parent = post_alert(notifier)
    slack.trick(method, trick)
    notifier.deliver(message_of(clip, parent), MemoryProgress())
    (reply,) = slack.thread(slack.seen()[0].ts)
    assert reply.words.startswith(
        "The clip &lt;1&gt;.\nThe clip is stored at home, and not shown here: Slack refuses"
    )


def test_the_remark_about_a_refused_clip_is_posted_once(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.trick("files.getUploadURLExternal", refused("file_uploads_disabled"))
    slack.trick("chat.postMessage", answer_lost())
    deliver_until_done(notifier, message_of(clip, parent), MemoryProgress(), clock)
    assert len(slack.thread(slack.seen()[0].ts)) == 1
    assert slack.called("conversations.replies")


def test_a_clip_of_a_deleted_alert_is_posted_in_the_channel(
    slack: SlackServer, notifier: SlackNotifier, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.messages.clear()
    notifier.deliver(message_of(clip, parent), MemoryProgress())
    (message,) = slack.seen()
    assert (message.thread_ts, message.text) == (
        None,
        "The clip &lt;1&gt;. (The message that it belongs to is gone.)",
    )
    assert slack.clips() == [clip.read_bytes()]


def test_without_the_history_scope_a_missing_thread_is_noticed(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent = post_alert(notifier)
    slack.messages.clear()
    slack.scopes = SCOPES - {"channels:history"}
    deliver_until_done(notifier, message_of(clip, parent), MemoryProgress(), clock)
    assert slack.clips() == [clip.read_bytes()]


def test_a_clip_follows_to_the_channel_that_is_set_now(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent = post_alert(notifier)
    elsewhere = SlackNotifier(replace(notifier.settings, alerts_channel="G0PRIVATE1"), clock)
    del slack.channels[ALERTS]
    elsewhere.deliver(message_of(clip, parent), MemoryProgress())
    assert [message.channel for message in slack.messages if message.attached] == ["G0PRIVATE1"]


def test_without_files_read_an_accepted_clip_counts_as_shown(
    slack: SlackServer, notifier: SlackNotifier, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = post_alert(notifier)
    slack.scopes = SCOPES - {"files:read"}
    notifier.deliver(message_of(clip, parent), MemoryProgress())
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]
    assert "files:read" in caplog.text


def test_a_refusal_of_the_whole_app_waits_for_its_cure(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, clip: Path
) -> None:
    parent, progress = post_alert(notifier), MemoryProgress()
    slack.trick("files.getUploadURLExternal", refused("token_revoked"))
    with pytest.raises(DeliveryRefused, match=r"slack\.bot_token"):
        notifier.deliver(message_of(clip, parent), progress)
    deliver_until_done(notifier, message_of(clip, parent), progress, clock)
    assert slack.clips(slack.seen()[0].ts) == [clip.read_bytes()]


def test_a_clip_elsewhere_is_a_link_or_a_sentence(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    parent = post_alert(notifier)
    notifier.deliver(
        message_of(None, parent, clip_link="https://s3.example.org/clip.mp4?a=1&b=2"),
        MemoryProgress(),
    )
    notifier.deliver(
        message_of(None, parent, 2, remark="The clip is on the machine garage: clip.mp4"),
        MemoryProgress(),
    )
    link, where = slack.thread(slack.seen()[0].ts)
    assert (
        link.words == "The clip &lt;1&gt;.\n"
        "<https://s3.example.org/clip.mp4?a=1&amp;b=2|Watch the clip> (for an hour)"
    )
    assert where.words == "The clip &lt;2&gt;.\nThe clip is on the machine garage: clip.mp4"


def test_a_clip_deleted_at_home_is_mentioned(
    slack: SlackServer, notifier: SlackNotifier, tmp_path: Path
) -> None:
    notifier.deliver(message_of(tmp_path / "gone.mp4", post_alert(notifier)), MemoryProgress())
    assert "it was deleted meanwhile" in slack.thread(slack.seen()[0].ts)[0].words
