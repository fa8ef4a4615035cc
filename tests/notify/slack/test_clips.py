"""Films in Slack: below their alerts, once, whatever goes wrong."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.errors import DeliveryRefused
from app.notify import Message, SlackSettings
from app.notify.slack.notifier import SlackNotifier
from tests.cameras import scenery
from tests.notify.noted import Killed, KilledAfter, Noted, deliver_until_done
from tests.servers.slack import (
    ALERTS,
    BOT_TOKEN,
    SCOPES,
    SlackServer,
    Trick,
    answer_lost,
    broken,
    refused,
    reset,
    too_many,
)

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
    """A fake clock, with sleeps that take a little real time, in which Slack gets on."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        threading.Event().wait(0.05)


@pytest.fixture
def notifier(slack: SlackServer, clock: FakeClock) -> SlackNotifier:
    return SlackNotifier(SlackSettings(slack.api_url, SecretStr(BOT_TOKEN), ALERTS), clock)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenery.film(tmp_path_factory.mktemp("film") / "clip.mp4", 10)


def post_alert(notifier: SlackNotifier) -> str:
    """Post the alert; returns what is noted of where it is."""
    noted = Noted()
    notifier.deliver(ALERT, noted)
    return noted.stages["posted"]


def message_of(film: Path | None, below: str | None, part: int = 1, **more: object) -> Message:
    return replace(
        Message(
            f"{EVENT}-clip_ready-{part}",
            AT,
            f"The clip <{part}>.",
            "front",
            topic="clip",
            clip=film,
            parent=below,
        ),
        **more,  # type: ignore[arg-type]
    )


def test_a_film_comes_into_the_thread_of_its_alert_with_its_words(
    slack: SlackServer, notifier: SlackNotifier, film: Path
) -> None:
    notifier.deliver(message_of(film, post_alert(notifier)), Noted())
    alert = slack.seen()[0]
    assert slack.films(alert.ts) == [film.read_bytes()]
    (reply,) = slack.thread(alert.ts)
    assert (reply.text, reply.channel) == ("The clip &lt;1&gt;.", ALERTS)
    assert slack.files[reply.attached[0]].name == f"{EVENT}-clip_ready-1.mp4"
    assert len(slack.messages) == 2


def test_the_parts_of_a_long_film_come_into_the_same_thread_in_order(
    slack: SlackServer, notifier: SlackNotifier, film: Path
) -> None:
    below = post_alert(notifier)
    for part in (1, 2, 3):
        notifier.deliver(message_of(film, below, part), Noted())
    assert [reply.text for reply in slack.thread(slack.seen()[0].ts)] == [
        f"The clip &lt;{part}&gt;." for part in (1, 2, 3)
    ]


def test_a_film_without_an_alert_is_a_message_of_its_own(
    slack: SlackServer, notifier: SlackNotifier, film: Path
) -> None:
    notifier.deliver(message_of(film, None), Noted())
    assert slack.films() == [film.read_bytes()]


@pytest.mark.parametrize(
    "fault",
    [
        (method, trick)
        for method in STAGES
        for trick in (too_many(7), broken(500), broken(503), reset(), answer_lost())
    ],
    ids=str,
)
def test_whatever_stage_fails_the_film_is_there_once(
    slack: SlackServer,
    notifier: SlackNotifier,
    clock: FakeClock,
    film: Path,
    fault: tuple[str, Trick],
) -> None:
    below, noted = post_alert(notifier), Noted()
    slack.trick(*fault)
    assert deliver_until_done(notifier, message_of(film, below), noted, clock) >= 1
    notifier.deliver(message_of(film, below), noted)
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]
    assert len(slack.messages) == 2


@pytest.mark.parametrize("stage", ["file", "posting", "taken", "posted"])
def test_killed_after_any_stage_another_process_goes_on_and_the_film_is_there_once(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path, stage: str
) -> None:
    below, noted = post_alert(notifier), KilledAfter(stage)
    with pytest.raises(Killed):
        notifier.deliver(message_of(film, below), noted)
    deliver_until_done(
        SlackNotifier(notifier.settings, clock), message_of(film, below), noted.afterwards(), clock
    )
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]


def test_a_film_that_slack_takes_its_time_with_is_waited_for(
    slack: SlackServer, notifier: SlackNotifier, film: Path
) -> None:
    below = post_alert(notifier)
    slack.file_ready_after_s = 0.3
    SlackNotifier(notifier.settings, Unhurried(AT)).deliver(message_of(film, below), Noted())
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]
    assert len(slack.called("files.info")) > 3


def test_a_film_that_slack_said_yes_to_and_never_shows_is_deleted_there_and_brought_anew(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below = post_alert(notifier)
    slack.forgets = 1
    deliver_until_done(notifier, message_of(film, below), Noted(), clock)
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]
    assert sum(file.deleted for file in slack.files.values()) == 1


def test_when_slack_never_shows_any_the_thread_says_that_the_film_is_kept_at_home(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below = post_alert(notifier)
    slack.forgets = 100
    deliver_until_done(notifier, message_of(film, below), Noted(), clock)
    (reply,) = slack.thread(slack.seen()[0].ts)
    assert "The clip is kept at home, not shown here: " in reply.words
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
def test_a_film_that_slack_refuses_costs_the_film_and_says_so_in_the_thread(
    slack: SlackServer, notifier: SlackNotifier, film: Path, method: str, trick: Trick
) -> None:
    below = post_alert(notifier)
    slack.trick(method, trick)
    notifier.deliver(message_of(film, below), Noted())
    (reply,) = slack.thread(slack.seen()[0].ts)
    assert reply.words.startswith(
        "The clip &lt;1&gt;.\nThe clip is kept at home, not shown here: Slack refuses"
    )


def test_what_says_that_the_film_is_kept_at_home_is_posted_once_too(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below = post_alert(notifier)
    slack.trick("files.getUploadURLExternal", refused("file_uploads_disabled"))
    slack.trick("chat.postMessage", answer_lost())
    deliver_until_done(notifier, message_of(film, below), Noted(), clock)
    assert len(slack.thread(slack.seen()[0].ts)) == 1
    assert slack.called("conversations.replies")


def test_below_a_message_that_somebody_has_deleted_there_is_no_film_but_in_the_channel(
    slack: SlackServer, notifier: SlackNotifier, film: Path
) -> None:
    below = post_alert(notifier)
    slack.messages.clear()
    notifier.deliver(message_of(film, below), Noted())
    (message,) = slack.seen()
    assert (message.thread_ts, message.text) == (
        None,
        "The clip &lt;1&gt;. (The message that it belongs to was deleted.)",
    )
    assert slack.films() == [film.read_bytes()]


def test_where_it_cannot_be_seen_whether_the_message_is_gone_the_thread_that_is_none_says_so(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below = post_alert(notifier)
    slack.messages.clear()
    slack.scopes = SCOPES - {"channels:history"}
    deliver_until_done(notifier, message_of(film, below), Noted(), clock)
    assert slack.films() == [film.read_bytes()]


def test_an_alert_in_a_channel_that_is_no_more_has_its_film_in_the_one_that_is_set_now(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below = post_alert(notifier)
    elsewhere = SlackNotifier(replace(notifier.settings, alerts_channel="G0PRIVATE1"), clock)
    del slack.channels[ALERTS]
    elsewhere.deliver(message_of(film, below), Noted())
    assert [message.channel for message in slack.messages if message.attached] == ["G0PRIVATE1"]


def test_without_the_scope_to_look_what_slack_said_yes_to_is_taken_for_shown(
    slack: SlackServer, notifier: SlackNotifier, film: Path, caplog: pytest.LogCaptureFixture
) -> None:
    below = post_alert(notifier)
    slack.scopes = SCOPES - {"files:read"}
    notifier.deliver(message_of(film, below), Noted())
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]
    assert "files:read" in caplog.text


def test_a_refusal_that_concerns_more_than_the_film_waits_for_its_cure(
    slack: SlackServer, notifier: SlackNotifier, clock: FakeClock, film: Path
) -> None:
    below, noted = post_alert(notifier), Noted()
    slack.trick("files.getUploadURLExternal", refused("token_revoked"))
    with pytest.raises(DeliveryRefused, match=r"slack\.bot_token"):
        notifier.deliver(message_of(film, below), noted)
    deliver_until_done(notifier, message_of(film, below), noted, clock)
    assert slack.films(slack.seen()[0].ts) == [film.read_bytes()]


def test_a_film_on_another_machine_is_a_link_or_a_sentence_in_the_thread(
    slack: SlackServer, notifier: SlackNotifier
) -> None:
    below = post_alert(notifier)
    notifier.deliver(
        message_of(None, below, clip_link="https://s3.example.org/clip.mp4?a=1&b=2"), Noted()
    )
    notifier.deliver(
        message_of(None, below, 2, remark="The film is on the machine garage: clip.mp4"), Noted()
    )
    link, where = slack.thread(slack.seen()[0].ts)
    assert (
        link.words
        == "The clip &lt;1&gt;.\n<https://s3.example.org/clip.mp4?a=1&amp;b=2|Watch the clip> (for an hour)"
    )
    assert where.words == "The clip &lt;2&gt;.\nThe film is on the machine garage: clip.mp4"


def test_a_film_that_was_deleted_at_home_meanwhile_is_spoken_of(
    slack: SlackServer, notifier: SlackNotifier, tmp_path: Path
) -> None:
    notifier.deliver(message_of(tmp_path / "gone.mp4", post_alert(notifier)), Noted())
    assert "it was deleted meanwhile" in slack.thread(slack.seen()[0].ts)[0].words
