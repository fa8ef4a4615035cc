"""Covers several modules: the notifier with several services at once, and clips.

Each service gets its part once, and none waits for another.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from app.protocol import EventRecord, Fact, FactKind, ReplyTo, Request
from tests.cameras.pictures import write_video
from tests.daemons.notifier.daemon_harness import ServicesHarness, picture_of
from tests.servers.slack import BOT_TOKEN
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.tricks import answer_lost, broken, hang
from tests.servers.twilio import OWNER as PHONE
from tests.servers.twilio import TOKEN
from tests.waiting import until

DEBUG = """
version: 1
formatters: {plain: {format: "%(levelname)s %(name)s: %(message)s"}}
handlers: {console: {class: logging.StreamHandler, formatter: plain}}
root: {level: DEBUG, handlers: [console]}
"""
SLACK = "when: null"
APPRISE = "when: null"
EVERYTHING = "when: [alert, clip, left_open, camera, program, presence, disk, store]"
TWILIO = f"{EVERYTHING}, min_alert_seconds: 0"


def exceeds(count: Callable[[], int], least: int) -> bool:
    return count() > least


def test_clips_go_into_the_thread_and_to_all_services(services: ServicesHarness) -> None:
    services.configure(
        slack=SLACK, twilio=EVERYTHING, apprise=APPRISE, more="notify: {backends: auto}"
    )
    opener = services.publish()
    services.upload_picture(opener)
    facts = [services.publish_clip(opener, part, in_s3=True) for part in (1, 2, 3)]
    services.step_until_done(opener, *facts)
    picture, clips = picture_of(opener), [services.clip_of(fact) for fact in facts]
    alert = services.slack.seen()[0]
    assert services.slack.clips(alert.ts) == clips
    assert [reply.text for reply in services.slack.thread(alert.ts)] == [one.text for one in facts]
    assert [text.media for text in services.twilio.arrived()] == [
        [("image/jpeg", picture)],
        *([("video/mp4", clip)] for clip in clips),
    ]
    for hook in services.hooks:
        assert [one.files[0][2] for one in hook.received] == [picture, *clips]


def about(opener: Fact, kind: FactKind, text: str) -> Fact:
    """Return a later fact about the event of *opener*."""
    alert = kind != "motion_corrected"
    at = datetime.now(UTC)
    return replace(opener, id=f"{opener.event}-{kind}", kind=kind, at=at, text=text, alert=alert)


def test_a_confirmation_is_an_alert_and_a_correction_an_edit(services: ServicesHarness) -> None:
    services.configure(
        slack=SLACK,
        twilio=TWILIO,
        apprise=APPRISE,
        more="notify: {backends: [folder, slack, twilio, apprise]}",
    )
    held = EventRecord("front", datetime.now(UTC), decision="held")
    waiting = replace(held, decision="waiting")
    opener, never = (services.publish(alert=False, record=one) for one in (waiting, held))
    services.upload_picture(opener)
    person = about(opener, "motion_confirmed", "A person in front of camera front.")
    sent = replace(held, decision="sent", seen="person", person=True, score=0.9)
    services.state.publish(person, sent, picture_of(person))
    clip = services.publish_clip(opener, in_s3=True)
    cat = about(opener, "motion_corrected", "That was a cat.")
    again = about(opener, "motion_reconfirmed", "A person, really.")
    services.step_until_done(person, clip)
    services.state.publish(cat, replace(sent, seen="cat", person=False))
    services.step_until(lambda: "cat" in services.slack.seen()[0].words, "it is corrected")
    services.state.publish(again, sent, picture_of(again))
    services.step_until_done(again)
    assert services.posted()[:1] == [f"{person.text} {cat.text}"]
    assert services.posted()[-1:] == [again.text]
    alert, *_, last = services.slack.seen()
    assert (len(alert.buttons), len(last.buttons), alert.edits) == (3, 0, 1)
    assert services.slack.files[alert.files[0]].content == picture_of(person)
    assert services.slack.clips(alert.ts) == [services.clip_of(clip)]
    assert services.texted() == [person.text, clip.text, again.text]
    for hook in services.hooks:
        assert [one.message.splitlines()[0] for one in hook.received] == services.texted()
    assert services.in_folder() == sorted([opener.event or "", again.id, clip.id])
    assert "untold" not in services.marks(opener) | services.marks(never)


def test_after_an_outage_clips_go_into_the_digests_thread(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, apprise=APPRISE, more="notify: {digest_after_s: 1}")
    openers = [services.publish(ago_s=9 - number) for number in range(6)]
    facts = [services.publish_clip(opener) for opener in openers]
    services.step_until_done(*openers, *facts)
    clips = [services.clip_of(fact) for fact in facts]
    newest, digest = [one for one in services.slack.seen() if one.thread_ts is None]
    assert (newest.text, digest.text.partition(" while")[0]) == (openers[-1].text, "5 alerts")
    assert services.slack.clips(newest.ts) == clips[-1:]
    assert services.slack.clips(digest.ts) == clips[:-1]
    pictures = [picture_of(openers[-1]), picture_of(openers[-2])]
    for hook in services.hooks:
        shown = [one.files[0][2] for one in hook.received]
        assert [file for file in shown if file in pictures] == pictures
        assert sorted(file for file in shown if file not in pictures) == sorted(clips)


def test_nothing_secret_is_logged_at_debug(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, twilio=f"{EVERYTHING}, mms: false", apprise=APPRISE)
    (services.config / "logging.yml").write_text(DEBUG, encoding="utf-8")
    services.twilio.trick(answer_lost())
    services.start()
    opener = services.publish()
    services.upload_picture(opener)
    clip = services.publish_clip(opener, in_s3=True)
    url = services.slack.new_response_url()
    reply_to = ReplyTo(url, ALERTS)
    services.state.add_request(
        Request("say", datetime.now(UTC), "anna", "front", OWNER, reply_to=reply_to, text="Hello.")
    )
    until(lambda: services.are_done(opener, clip), "all is delivered", 60)
    until(lambda: services.slack.responses[url], "the person has the reply")
    signatures = [
        text.body.partition("X-Amz-Signature=")[2][:64] for text in services.twilio.arrived()
    ]
    assert [len(signature) for signature in signatures] == [64, 64]
    passwords = ("secret-path", "hush-hush")
    secrets = (BOT_TOKEN, TOKEN, PHONE.removeprefix("+"), url, *signatures, *passwords)
    assert not [secret for secret in secrets if secret in services.program.log]


def test_an_alert_is_delivered_while_a_clip_is_uploaded(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    first = services.publish()
    services.step_until_done(first)
    services.slack.trick("upload", hang(30))
    clip = services.publish_clip(first)
    uploads = "files.getUploadURLExternal"
    services.step_until(lambda: len(services.slack.called(uploads)) == 2, "the upload begins")
    second = services.publish()
    services.step_until(lambda: services.are_delivered(second, by="slack"), "it is posted", 8)
    assert not services.are_delivered(clip, by="slack_clips")
    assert services.posted() == ["Fact 1.", "Fact 2."]


def test_failing_services_delay_no_other_and_no_end(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, twilio=TWILIO, apprise=APPRISE)
    services.slack.always("files.getUploadURLExternal", hang(60))
    services.twilio.always(broken(503))
    services.hooks[0].statuses.extend([403] * 1000)
    services.start()
    opener = services.publish()
    facts = [opener, services.publish_clip(opener, in_s3=True)]
    until(lambda: len(services.hooks[1].received) == 2, "one service has everything", 10)
    expected = Counter(fact.text for fact in facts)
    assert Counter(one.message.partition("\n")[0] for one in services.hooks[1].received) == expected
    assert (services.hooks[0].received, services.texted(), services.posted()) == ([], [], [])
    assert services.program.stop(within_s=5) == 0
    services.slack.always("files.getUploadURLExternal", None)
    services.twilio.always(None)
    services.hooks[0].statuses.clear()
    services.step_until_done(*facts, within_s=60)
    assert Counter(services.posted()) == expected
    assert Counter(services.texted()) == expected
    assert len(services.hooks[0].received) == len(services.hooks[1].received) == 2


def test_killed_at_any_time_each_service_gets_all_once(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, twilio=TWILIO, apprise=APPRISE)
    moments: dict[str, Callable[[], int]] = {
        "a text": lambda: len(services.twilio.texts),
        "an upload of a clip": lambda: len(services.slack.called("files.completeUploadExternal")),
    }
    facts: list[Fact] = []
    services.program.start()
    for parts, (moment, count) in enumerate(moments.items(), 1):
        before = count()
        opener = services.publish()
        services.upload_picture(opener)
        clips = (services.publish_clip(opener, part, in_s3=True) for part in range(1, parts + 1))
        facts += [opener, *clips]
        until(partial(exceeds, count, before), moment)
        services.program.kill()
        services.program.start()
    until(lambda: services.are_done(*facts), "all is delivered", 90)
    expected = Counter(fact.text for fact in facts)
    assert Counter(services.posted()) == expected
    alerts = {message.text: message for message in services.slack.seen() if message.buttons}
    for fact in facts:
        if fact.kind == "clip_ready":
            alert = alerts[fact.text.split(" of ")[1]]
            assert fact.text in [reply.text for reply in services.slack.thread(alert.ts)]
    assert Counter(services.texted()) == expected
    for hook in services.hooks:
        got = Counter(one.message.partition("\n")[0] for one in hook.received)
        assert set(got) == set(expected)
        assert got.total() - expected.total() <= len(moments)


def test_an_opening_without_an_alert_has_its_clip_texted(services: ServicesHarness) -> None:
    services.configure(twilio="when: [clip, left_open]")
    opener = services.publish(alert=False)
    services.upload_picture(opener)
    open_still = services.publish_clip(opener, kind="left_open", in_s3=True)
    clip = services.publish_clip(opener, 2, in_s3=True)
    services.step_until_done(open_still, clip)
    assert services.texted() == [open_still.text, clip.text]
    kinds = [kind for text in services.twilio.arrived() for kind, _ in text.media]
    assert kinds == ["video/mp4", "video/mp4"]


def test_with_default_settings_few_texts_are_sent(services: ServicesHarness) -> None:
    services.configure(twilio="mms: true", more="notify: {digest_after_s: 3600}")
    openers = [services.publish() for _ in range(5)]
    for opener in openers:
        services.upload_picture(opener)
    clips = [services.publish_clip(opener) for opener in openers]
    lost = services.publish("camera_lost")
    left_open = services.publish_clip(openers[0], 2, kind="left_open", in_s3=True)
    services.step_until_done(*openers, left_open)
    assert Counter(services.texted()) == Counter([openers[0].text, left_open.text])
    assert not any(services.marks(fact) for fact in (*clips, lost))


def test_what_concerns_the_house_is_one_short_sentence(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    services.slack.channel_interval_s = 0.0
    kinds: tuple[FactKind, ...] = ("presence_changed", "router_silent", "disk_low", "store_refused")
    facts = [services.publish(kind) for kind in kinds]
    services.step_until_done(*facts)
    shown = [
        (message.text, message.buttons, message.files, len(message.blocks))
        for message in services.slack.seen()
    ]
    assert shown == [(fact.text, [], [], 1) for fact in facts]


def test_a_snooze_holds_motion_and_its_clips_only(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    before = services.publish()
    services.step_until_done(before)
    services.state.snooze(datetime.now(UTC) + timedelta(hours=1), 3600)
    opener = services.publish()
    held = [opener, services.publish_clip(opener), services.publish_clip(before)]
    others = [services.publish(kind) for kind in ("disk_low", "camera_lost", "process_silent")]
    services.step_until_done(*held, *others)
    services.state.end_snooze()
    later = services.publish_clip(opener, 2)
    services.step_until_done(later)
    assert services.posted() == [fact.text for fact in (before, *others)]
    assert ["held" in services.marks(fact) for fact in (*held, later)] == [True] * 3 + [False]


def test_a_clip_too_large_for_slack_comes_smaller(services: ServicesHarness) -> None:
    services.configure(slack=f"{SLACK}, max_clip_mb: 0.02")
    opener = services.publish()
    path = services.clip_path(opener.event or "", "clip.mp4")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, coder={"crf": "1", "g": "1"})
    assert path.stat().st_size > 20_000
    fact = services.publish_clip(opener)
    services.step_until_done(fact)
    (clip,) = services.slack.clips(services.slack.seen()[0].ts)
    assert clip
    assert 5_000 < len(clip) <= 20_000
    assert list((services.data_dir / "smaller").iterdir()) == []
