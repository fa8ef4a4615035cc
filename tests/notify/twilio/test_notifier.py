"""Text messages, with a Twilio on loopback that fetches pictures and clips as the real one."""

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.clock import FakeClock
from app.errors import DeliveryError
from app.notify import Digest, Message, Topic, TwilioSettings
from app.notify.twilio.notifier import TwilioNotifier
from app.times import format_time
from tests.cameras.pictures import write_video
from tests.notify.progress import Killed, KilledAfter, MemoryProgress, deliver_until_done
from tests.servers.media import MediaServer
from tests.servers.ports import free_port
from tests.servers.tricks import Trick, answer_lost, broken, refused, reset, too_many
from tests.servers.twilio import ACCOUNT, FROM, OWNER, TOKEN, TwilioServer

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)
EVENT = "20261120T101503.000Z-front"
ALERT = Message(EVENT, AT, "Motion in front of camera front.", "front", event=EVENT)
TEXT = f"Motion in front of camera front. ({AT.astimezone():%H:%M:%S})"


@pytest.fixture
def media() -> Iterator[MediaServer]:
    with MediaServer() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.now(UTC))


def notifier_of(settings: TwilioSettings, clock: FakeClock, **more: Any) -> TwilioNotifier:
    return TwilioNotifier(replace(settings, **more), OWNER, clock)


@pytest.fixture
def notifier(settings: TwilioSettings, clock: FakeClock) -> TwilioNotifier:
    return notifier_of(settings, clock)


@pytest.fixture
def clip(media: MediaServer, tmp_path: Path) -> Message:
    """A message with a clip, which is in S3 too, as is the picture of its event."""
    text = "Your fridge was opened on Friday, November 20 2026 at 10:15AM for 34 seconds."
    clip = write_video(tmp_path / "clip.mp4", 10)
    message = Message(f"{EVENT}-clip_ready", AT, text, "fridge", topic="clip", clip=clip)
    return replace(
        message,
        clip_link=media.put("clip.mp4", clip.read_bytes()),
        picture_link=media.put("snapshot.jpg", b"a picture"),
    )


def test_an_alert_is_a_text_with_its_time_and_its_picture(
    twilio: TwilioServer, media: MediaServer, notifier: TwilioNotifier
) -> None:
    notifier.deliver(
        replace(ALERT, picture_link=media.put("snapshot.jpg", b"a picture")), MemoryProgress()
    )
    (text,) = twilio.arrived()
    assert (text.sender, text.body) == (FROM, TEXT)
    assert text.media == [("image/jpeg", b"a picture")]


def test_an_alert_without_a_picture_is_only_words(
    twilio: TwilioServer, notifier: TwilioNotifier
) -> None:
    notifier.deliver(ALERT, MemoryProgress())
    (text,) = twilio.arrived()
    assert (text.body, text.media) == (TEXT, [])


def test_a_clip_comes_with_only_the_words_of_its_event(
    twilio: TwilioServer, media: MediaServer, notifier: TwilioNotifier, clip: Message
) -> None:
    notifier.deliver(clip, MemoryProgress())
    (text,) = twilio.arrived()
    assert (
        text.body == "Your fridge was opened on Friday, November 20 2026 at 10:15AM for 34 seconds."
    )
    assert text.media == [("video/mp4", media.files["clip.mp4"])]


@pytest.mark.parametrize("where", ["large", "on another machine"])
def test_a_clip_too_large_to_fetch_is_a_link_beside_the_picture(
    twilio: TwilioServer, notifier: TwilioNotifier, clip: Message, where: str
) -> None:
    if where == "large":
        os.truncate(clip.clip or "", 5_000_000)
    else:
        clip = replace(clip, clip=None)
    notifier.deliver(clip, MemoryProgress())
    (text,) = twilio.arrived()
    assert text.body == f"{clip.text}\n{clip.clip_link}"
    assert text.media == [("image/jpeg", b"a picture")]


def test_without_picture_messages_links_stand_in_the_text(
    twilio: TwilioServer, settings: TwilioSettings, clock: FakeClock, clip: Message
) -> None:
    plain = notifier_of(settings, clock, mms=False)
    plain.deliver(clip, MemoryProgress())
    plain.deliver(replace(ALERT, picture_link=clip.picture_link), MemoryProgress())
    assert [(text.body, text.media) for text in twilio.arrived()] == [
        (f"{clip.text}\n{clip.clip_link}", []),
        (f"{TEXT}\n{clip.picture_link}", []),
    ]


def test_a_clip_that_cannot_be_shown_is_mentioned(
    twilio: TwilioServer, notifier: TwilioNotifier
) -> None:
    message = Message(
        "k", AT, "The clip.", topic="clip", remark="The clip is on the machine garage: clip.mp4"
    )
    notifier.deliver(message, MemoryProgress())
    assert twilio.arrived()[0].body == "The clip.\nThe clip is on the machine garage: clip.mp4"


def test_long_words_are_cut(
    twilio: TwilioServer, settings: TwilioSettings, clock: FakeClock
) -> None:
    endless = replace(ALERT, text="x" * 5000, picture_link="https://example.org/" + "y" * 2000)
    notifier_of(settings, clock, mms=False).deliver(endless, MemoryProgress())
    assert len(twilio.texts[0].body) < 320


@pytest.mark.parametrize(
    "trick", [too_many(7), broken(500), broken(503), reset(), answer_lost(), broken(302)], ids=str
)
def test_a_text_is_sent_once_whatever_fails(
    twilio: TwilioServer,
    media: MediaServer,
    notifier: TwilioNotifier,
    clock: FakeClock,
    trick: Trick,
) -> None:
    progress = MemoryProgress()
    message = replace(ALERT, picture_link=media.put("snapshot.jpg", b"a picture"))
    twilio.trick(trick)
    assert deliver_until_done(notifier, message, progress, clock) == 1
    notifier.deliver(message, progress)
    assert [text.media for text in twilio.texts] == [[("image/jpeg", b"a picture")]]


def test_a_lost_text_is_found_though_its_link_has_changed(
    twilio: TwilioServer, settings: TwilioSettings, clock: FakeClock
) -> None:
    twilio.trial = True
    plain, progress = notifier_of(settings, clock, mms=False), MemoryProgress()
    twilio.trick(answer_lost())
    with pytest.raises(DeliveryError):
        plain.deliver(replace(ALERT, picture_link="https://s3/a?1"), progress)
    plain.deliver(replace(ALERT, picture_link="https://s3/a?2"), progress)
    assert len(twilio.texts) == 1


@pytest.mark.parametrize("trick", [broken(500), answer_lost()], ids=str)
def test_two_messages_with_the_same_words_are_two_texts(
    twilio: TwilioServer, notifier: TwilioNotifier, clock: FakeClock, trick: Trick
) -> None:
    notifier.deliver(ALERT, MemoryProgress())
    twilio.trick(trick)
    assert deliver_until_done(notifier, replace(ALERT, key="another"), MemoryProgress(), clock) == 1
    assert [text.body for text in twilio.texts] == [TEXT, TEXT]


def test_a_text_without_its_picture_is_not_the_one_lost_with_it(
    twilio: TwilioServer, media: MediaServer, notifier: TwilioNotifier, clock: FakeClock
) -> None:
    progress = MemoryProgress()
    media.away = True
    with pytest.raises(DeliveryError, match="error 11200"):
        notifier.deliver(
            replace(ALERT, picture_link=media.put("snapshot.jpg", b"a picture")), progress
        )
    twilio.trick(broken(500))
    assert deliver_until_done(notifier, ALERT, progress, clock) == 1
    assert [text.body for text in twilio.arrived()] == [TEXT]


def test_after_a_restart_an_earlier_text_is_not_the_lost_one(
    twilio: TwilioServer, settings: TwilioSettings, clock: FakeClock
) -> None:
    notifier_of(settings, clock).deliver(ALERT, MemoryProgress())
    twilio.texts[0].at -= timedelta(seconds=30)
    twilio.trick(broken(500))
    assert (
        deliver_until_done(
            notifier_of(settings, clock), replace(ALERT, key="another"), MemoryProgress(), clock
        )
        == 1
    )
    assert len(twilio.texts) == 2


def test_an_older_text_with_the_same_words_is_not_the_lost_one(
    twilio: TwilioServer, notifier: TwilioNotifier, clock: FakeClock
) -> None:
    notifier.deliver(ALERT, MemoryProgress())
    twilio.texts[0].at -= timedelta(minutes=10)
    progress = MemoryProgress()
    twilio.trick(reset())
    assert deliver_until_done(notifier, ALERT, progress, clock) == 1
    assert len(twilio.texts) == 2


def test_a_lost_text_is_found_on_a_later_page(
    twilio: TwilioServer, settings: TwilioSettings, notifier: TwilioNotifier, clock: FakeClock
) -> None:
    twilio.page_size = 1
    progress = MemoryProgress()
    twilio.trick(answer_lost())
    with pytest.raises(DeliveryError):
        notifier.deliver(ALERT, progress)
    notifier_of(settings, clock).deliver(
        replace(ALERT, key="another", text="Something else."), MemoryProgress()
    )
    notifier.deliver(ALERT, progress)
    assert [text.body for text in twilio.texts].count(TEXT) == 1


def test_a_lost_text_is_found_though_the_clock_is_wrong(
    twilio: TwilioServer, settings: TwilioSettings
) -> None:
    clock = FakeClock(datetime.now(UTC) + timedelta(days=3))
    twilio.trick(answer_lost())
    assert deliver_until_done(notifier_of(settings, clock), ALERT, MemoryProgress(), clock) == 1
    assert len(twilio.texts) == 1


@pytest.mark.parametrize("stage", ["posting", "sid", "posted"])
def test_killed_after_any_stage_the_text_is_sent_once(
    twilio: TwilioServer, notifier: TwilioNotifier, clock: FakeClock, stage: str
) -> None:
    progress = KilledAfter(stage)
    with pytest.raises(Killed):
        notifier.deliver(ALERT, progress)
    deliver_until_done(notifier, ALERT, progress.afterwards(), clock)
    assert len(twilio.texts) == 1


@pytest.mark.parametrize("code", ["21612", "21620", "29999"])
def test_a_text_refused_with_its_picture_is_sent_without_it(
    twilio: TwilioServer, media: MediaServer, notifier: TwilioNotifier, clock: FakeClock, code: str
) -> None:
    message = replace(ALERT, picture_link=media.put("snapshot.jpg", b"a picture"))
    twilio.trick(refused(code))
    assert deliver_until_done(notifier, message, MemoryProgress(), clock) == 1
    assert [(text.body, text.media) for text in twilio.arrived()] == [
        (f"{TEXT}\n{message.picture_link}", [])
    ]


@pytest.mark.parametrize("wrong", ["expired", "of another kind", "too large"])
def test_a_text_lost_for_its_clip_is_sent_again_without_it(
    twilio: TwilioServer, settings: TwilioSettings, media: MediaServer, clip: Message, wrong: str
) -> None:
    if wrong == "expired":
        media.away = True
    elif wrong == "of another kind":
        clip = replace(clip, clip_link=media.put("clip.json", b"{}"))
    else:
        media.put("clip.mp4", b"x" * 5_000_000)
    clock = FakeClock(datetime.now(UTC))
    assert deliver_until_done(notifier_of(settings, clock), clip, MemoryProgress(), clock) == 1
    assert [text.body for text in twilio.arrived()] == [f"{clip.text}\n{clip.clip_link}"]
    assert len(twilio.texts) == 2


def test_a_text_lost_later_is_logged_and_not_sent_again(
    twilio: TwilioServer, notifier: TwilioNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    twilio.losses.append(30034)
    notifier.deliver(ALERT, MemoryProgress())
    assert len(twilio.texts) == 1
    assert (
        "the text to the phone +15…010 was lost: Twilio's error 30034 "
        "(twilio.com/docs/api/errors/30034)" in caplog.text
    )


def test_an_undecided_text_is_watched_for_10_s_only(
    twilio: TwilioServer, notifier: TwilioNotifier, clock: FakeClock
) -> None:
    twilio.undecided = 10_000
    before_s = clock.monotonic()
    notifier.deliver(ALERT, MemoryProgress())
    assert clock.monotonic() - before_s == 10


def test_a_twilio_that_is_not_reached_has_no_text(clock: FakeClock) -> None:
    settings = TwilioSettings(
        f"http://127.0.0.1:{free_port()}", ACCOUNT, SecretStr(TOKEN), from_=FROM, to=(OWNER,)
    )
    progress = MemoryProgress()
    with pytest.raises(DeliveryError, match="Twilio does not answer: NewConnectionError"):
        TwilioNotifier(settings, OWNER, clock).deliver(ALERT, progress)
    assert progress.stages == {"posting": ""}


def test_motion_is_texted_only_so_often_and_all_else_always(
    twilio: TwilioServer, settings: TwilioSettings, clock: FakeClock
) -> None:
    notifier = notifier_of(settings, clock, min_alert_seconds=300.0)
    alerts = [
        replace(ALERT, key=f"a{number}", at=AT + timedelta(seconds=120 * number))
        for number in range(6)
    ]
    assert [notifier.skip_reason(alert) for alert in alerts] == [
        None,
        "motion was texted 120 s before",
        "motion was texted 240 s before",
        None,
        "motion was texted 120 s before",
        "motion was texted 240 s before",
    ]
    assert notifier.skip_reason(alerts[3]) is None
    others: tuple[Topic, ...] = ("clip", "left_open", "camera")
    assert [
        notifier.skip_reason(replace(alerts[4], key=topic, topic=topic)) for topic in others
    ] == [None] * 3


def test_a_digest_is_one_short_text(twilio: TwilioServer, notifier: TwilioNotifier) -> None:
    messages = tuple(
        replace(ALERT, key=f"a{number}", at=AT + timedelta(minutes=number)) for number in range(12)
    )
    progress = MemoryProgress()
    for _ in range(2):
        notifier.deliver_digest(Digest("d", messages), progress)
    (text,) = twilio.arrived()
    first, last = (format_time(one.at, messages[-1].at) for one in (messages[0], messages[-1]))
    assert text.body == (
        f"12 messages from {first} to {last} could not be texted. The last one: Motion "
        "in front of camera front."
    )


def test_no_token_no_whole_number_and_no_link_is_logged(
    twilio: TwilioServer,
    settings: TwilioSettings,
    media: MediaServer,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = notifier_of(settings, clock)
    twilio.trick(refused("21620"), reset())
    twilio.losses.append(30003)
    deliver_until_done(
        notifier,
        replace(ALERT, picture_link=media.put("snapshot.jpg", b"x")),
        MemoryProgress(),
        clock,
    )
    for secret in (TOKEN, OWNER, "X-Amz-Signature"):
        assert secret not in "".join(
            record.getMessage()
            for record in caplog.records
            if record.name.startswith(("app", "twilio"))
        )
    assert TOKEN not in f"{caplog.text}{notifier}{notifier!r}{settings!r}"


def test_texts_that_arrived_before_a_restart_are_found(
    notifier: TwilioNotifier, settings: TwilioSettings, clock: FakeClock
) -> None:
    sent = replace(ALERT, at=clock.now())
    notifier.deliver(sent, MemoryProgress())
    other = replace(ALERT, key=f"{EVENT}-2", at=clock.now() - timedelta(seconds=5))
    restarted = notifier_of(settings, clock)
    found = restarted.find_posted([other, sent], None)
    assert found is not None
    assert list(found) == [sent.key]
