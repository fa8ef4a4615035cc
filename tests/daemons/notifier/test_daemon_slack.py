"""Covers several modules: the notifier with a Slack on loopback that fails, whatever is killed."""

import signal
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from app import protocol
from app.protocol import ClipAsked, Fact, FactKind, Label, ReplyTo, Request
from app.state import Latest
from tests.cameras.pictures import write_video
from tests.daemons.notifier.daemon_harness import ServicesHarness, picture_of
from tests.servers.slack import BOT_TOKEN
from tests.servers.slack_requests import ALERTS, OWNER
from tests.servers.tricks import Trick, answer_late, answer_lost, broken, hang, reset
from tests.waiting import until

SLACK = "when: null"


def keys_of_messages(services: ServicesHarness, fact: Fact) -> list[str]:
    """Return the keys of the messages that show *fact*: its own, and its digest's."""
    keys = [fact.event or fact.id, services.marks(fact).get("slack:digest")]
    posted = services.slack.keys()
    return [key for key in posted if key in keys]


def is_called_again(services: ServicesHarness, method: str, calls: int) -> bool:
    """Return whether *method* was called more than *calls* times."""
    return len(services.slack.called(method)) > calls


def test_an_alert_is_in_slack_with_picture_and_buttons(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    fact = services.publish()
    services.step_until(lambda: services.are_delivered(fact, by="slack"), "it is delivered")
    (message,) = services.slack.seen()
    assert services.slack.files[message.files[0]].content == picture_of(fact)
    assert "person 90%" in message.words
    assert len(message.buttons) == 3
    assert not services.alerts.exists()


def test_killed_at_any_failure_every_alert_is_posted_once(services: ServicesHarness) -> None:
    rounds: tuple[tuple[str, Trick, str], ...] = (
        ("files.getUploadURLExternal", reset(), "notifier"),
        ("chat.postMessage", answer_late(), "notifier"),
        ("files.info", broken(503), "Redis"),
    )
    services.configure(slack=SLACK)
    facts: list[Fact] = []
    services.program.start()
    for method, trick, victim in rounds:
        calls = len(services.slack.called(method))
        services.slack.trick(method, trick)
        facts.append(services.publish())
        until(partial(is_called_again, services, method, calls), f"{method} fails")
        if victim == "Redis":
            services.server.kill()
            services.server.start()
        else:
            services.program.kill()
            services.program.start()
        until(lambda: services.are_delivered(*facts, by="slack"), "it is delivered", 30)
    services.slack.trick("chat.postMessage", hang())
    facts.append(services.publish())
    until(lambda: services.marks(facts[-1]).get("slack:posting"), "a message is on its way")
    services.program.kill()
    services.program.start()
    until(lambda: services.are_delivered(*facts, by="slack"), "it is delivered", 30)
    assert services.slack.keys() == [fact.event for fact in facts]
    assert all(message.files for message in services.slack.seen())


def correct(services: ServicesHarness, alert: Fact) -> None:
    """Publish that the event of *alert* was a cat."""
    kind: FactKind = "motion_corrected"
    fact_id = f"{alert.event}-{kind}"
    at = datetime.now(UTC)
    services.state.publish(
        replace(alert, id=fact_id, kind=kind, at=at, text="That was a cat.", alert=False)
    )


def is_corrected(services: ServicesHarness, number: int) -> bool:
    seen = services.slack.seen()
    return len(seen) > number and "*That was a cat.*" in seen[number].words


def test_killed_at_any_failure_each_alert_is_corrected(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    services.program.start()
    alerts = [services.publish() for _ in range(2)]
    until(lambda: services.are_delivered(*alerts, by="slack"), "both are delivered")
    services.slack.trick("chat.update", answer_late())
    correct(services, alerts[0])
    until(lambda: is_called_again(services, "chat.update", 0), "it is edited")
    services.program.kill()
    services.slack.away = True
    alerts.append(services.publish())
    correct(services, alerts[2])
    correct(services, alerts[1])
    services.program.start()
    until(lambda: services.pending() == 4, "all wait for Slack")
    services.server.kill()
    services.server.start()
    services.slack.away = False
    until(services.is_all_acknowledged, "all is done", 60)
    assert [is_corrected(services, number) for number in range(3)] == [True] * 3
    assert services.slack.keys() == [alert.event for alert in alerts]
    for message, alert in zip(services.slack.seen(), alerts, strict=True):
        assert message.words.count("That was a cat.") == 1
        assert message.text == f"{alert.text} That was a cat."
        assert (len(message.files), len(message.buttons)) == (1, 3)


def test_after_an_outage_one_digest_has_everything(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, more="notify: {digest_after_s: 1}")
    services.slack.away = True
    facts = [services.publish(ago_s=20 - number) for number in range(8)]
    lost = services.publish("camera_lost", ago_s=2)
    services.step_until(lambda: services.daemon.trouble, "it notices that Slack is away")
    services.slack.trick("chat.postMessage", answer_lost())
    services.slack.away = False
    services.step_until_done(*facts, lost)
    later = services.publish()
    services.step_until_done(later)
    newest_key, digest_key, later_key = services.slack.keys()
    found = [keys_of_messages(services, fact) for fact in (*facts[:-1], lost)]
    assert found == [[digest_key]] * 8
    assert (newest_key, later_key) == (facts[-1].event, later.event)
    newest, digest, single = services.slack.seen()
    assert digest.text.startswith("8 alerts")
    pictures = [services.slack.files[file].content for file in digest.files]
    assert pictures == [picture_of(fact) for fact in facts[:-1]]
    assert [len(message.buttons) for message in (newest, digest, single)] == [3, 14, 3]


def test_killed_over_a_digest_every_alert_is_in_one_message(services: ServicesHarness) -> None:
    services.configure(slack=SLACK, more="notify: {digest_after_s: 1}")
    facts = [services.publish(ago_s=9 - number) for number in range(3)]
    services.program.start()
    until(services.slack.seen, "the newest is posted")
    services.slack.trick("chat.postMessage", answer_late())
    until(partial(is_called_again, services, "chat.postMessage", 1), "the digest is posted")
    services.program.kill()
    facts += [services.publish(ago_s=4 - number) for number in range(2)]
    services.program.start()
    until(lambda: services.are_delivered(*facts, by="slack"), "all are delivered", 60)
    found = [keys_of_messages(services, fact) for fact in facts]
    assert [len(keys) for keys in found] == [1] * 5
    members = Counter(key for keys in found for key in keys)
    assert sorted(members.values()) == [1, 1, 1, 2]
    assert len(services.slack.keys()) == 4
    (digest,) = (one for one in services.slack.seen() if "alerts while" in one.text)
    assert digest.text.startswith("2 alerts")


def test_a_refusal_is_logged_with_its_cure_until_sighup(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    services.slack.channels[ALERTS].is_member = False
    services.start()
    facts = [services.publish() for _ in range(2)]
    until(lambda: "not_in_channel" in services.program.log, "it is refused")
    services.program.signal(signal.SIGHUP)
    until(lambda: "/invite" in services.trouble(), "the heartbeat says the cure")
    services.slack.channels[ALERTS].is_member = True
    services.program.signal(signal.SIGHUP)
    until(lambda: services.are_delivered(*facts, by="slack"), "both are delivered", 15)
    refusal = "ERROR app.daemons.notifier.channel: Slack refuses chat.postMessage: not_in_channel"
    assert services.program.log.count(refusal) == 1
    assert sorted(services.slack.keys()) == [fact.event for fact in facts]
    services.slack.channels[ALERTS].is_archived = True
    fact = services.publish()
    until(lambda: "is_archived" in services.program.log, "it is refused again")
    services.configure(slack=f"{SLACK}, alerts_channel: G0PRIVATE1")
    services.program.signal(signal.SIGHUP)
    until(lambda: services.are_delivered(fact, by="slack"), "the other channel has it")
    assert [message.channel for message in services.slack.messages[2:]] == ["G0PRIVATE1"]
    assert BOT_TOKEN not in services.program.log


def test_a_tag_is_shown_undone_and_shown_again(
    services: ServicesHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.daemons.notifier.tag_handler.REMOVE_AFTER", timedelta())
    services.configure(slack=SLACK)
    fact = services.publish()
    services.step_until(lambda: services.are_delivered(fact, by="slack"), "it is delivered")
    tags: tuple[tuple[Label | None, str], ...] = (
        ("occupied", "Tagged as occupied"),
        (None, "The picture was deleted"),
        ("unoccupied", "Tagged as unoccupied"),
    )
    for label, shown in tags:
        services.state.tag(
            Request(
                "tag",
                datetime.now(UTC),
                "anna",
                user=OWNER,
                event=fact.event,
                label=label,
                reply_to=ReplyTo(services.slack.new_response_url(), ALERTS),
            )
        )
        services.step_until(lambda text=shown: text in services.slack.seen()[0].words, shown)  # type: ignore[misc]
    file = services.slack.called("files.delete")[0].arguments["file"]
    assert services.slack.files[file].deleted


def ask(services: ServicesHarness, kind: protocol.RequestKind, at: datetime) -> None:
    """Ask for something of camera front."""
    reply_to = ReplyTo(services.slack.new_response_url(), ALERTS)
    services.state.add_request(Request(kind, at, "anna", "front", OWNER, reply_to=reply_to))


def test_requests_for_a_picture_and_a_clip_survive_a_kill(services: ServicesHarness) -> None:
    services.configure(slack=SLACK)
    services.start()
    services.slack.away = True
    at = datetime.now(UTC)
    event = protocol.event_id(at, "front")
    path = services.clip_path(event, "clip.mp4")
    path.parent.mkdir(parents=True)
    write_video(path, 10)
    asked = ClipAsked(at, event, "clip.mp4", host=protocol.host_name())
    services.state.put(protocol.camera_key("front", "clip"), asked)
    services.state.set_latest("front", Latest(b"a picture", at))
    services.state.set_switch("camera_status", False)
    ask(services, "last_image", at)
    ask(services, "clip", at)
    for kind in ("last_image", "clip"):
        text = f"{kind} of anna has no reply yet"
        until(lambda text=text: text in services.program.log, text)  # type: ignore[misc]
    services.program.kill()
    services.slack.away = False
    services.program.start()
    until(lambda: len(services.slack.seen()) == 2, "both are answered")
    assert services.slack.clips() == [path.read_bytes()]
    pictures = [file for message in services.slack.seen() for file in message.files]
    assert [services.slack.files[file].content for file in pictures] == [b"a picture"]
    assert "response/" not in services.program.log
