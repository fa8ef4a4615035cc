"""The notifier as a process with a Slack on loopback: nothing lost, nothing twice, whatever is
killed or misbehaves.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import protocol
from app.protocol import EventRecord, Fact, FactKind, ReplyTo, Request
from app.state import Latest, State
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import (
    ALERTS,
    BOT_TOKEN,
    OWNER,
    SlackServer,
    answer_late,
    answer_lost,
    broken,
    hang,
    refused,
    reset,
    too_many,
)
from tests.waiting import until


class House:
    """A notifier, its Redis, and its Slack."""

    def __init__(self, folder: Path, server: RedisServer, slack: SlackServer) -> None:
        self.server = server
        self.slack = slack
        self.state = State(server.url)
        self.alerts = folder / "data" / "alerts"
        self.config = write_config(folder, server.url)
        self.configure()
        self.notifier = Program("app.daemons.notifier", self.config)
        self._number = 0

    def configure(self, notify: str = "{}", channel: str = ALERTS) -> None:
        slack = (
            f"{{api_url: {self.slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}], "
            f"alerts_channel: {channel}}}"
        )
        write_config(self.config.parent, self.server.url, f"notify: {notify}\nslack: {slack}\n")

    def start(self) -> None:
        self.notifier.start()

    def publish(self, kind: FactKind = "motion_started") -> Fact:
        """Let something happen now."""
        self._number += 1
        at = datetime.now(UTC)
        event = protocol.event_id(at, f"cam{self._number}") if kind == "motion_started" else None
        key = event or protocol.new_fact_id(at)
        fact = Fact(f"{key}-{kind}", kind, at, f"Fact {self._number}.", "front", event)
        record = EventRecord("front", at, score=0.9) if event else None
        self.state.publish(fact, record, b"picture %d" % self._number if event else None)
        return fact

    def marks(self, fact: Fact) -> dict[str, str]:
        return self.state.delivery_marks(fact)

    def await_told(self, *facts: Fact, within_s: float = 60.0) -> None:
        until(
            lambda: all(self._is_told(fact) for fact in facts),
            f"{len(facts)} alerts are told",
            within_s,
        )

    def _is_told(self, fact: Fact) -> bool:
        return "delivered:slack" in self.marks(fact)

    def message_keys(self, fact: Fact) -> list[str]:
        """The keys of the messages that show *fact*: its own, and its digest's."""
        own = [fact.event or fact.id, self.marks(fact).get("slack:digest")]
        posted = self.slack.keys()
        return [key for key in posted if key in own]

    def trouble(self) -> str:
        beat = self.notifier.heartbeat(self.server.url)
        return beat.last_error.what if beat and beat.last_error else ""

    def close(self) -> None:
        self.notifier.__exit__()
        self.state.close()


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, durable_redis_server: RedisServer, slack: SlackServer) -> Iterator[House]:
    made = House(tmp_path, durable_redis_server, slack)
    yield made
    made.close()


def test_an_alert_is_in_slack_with_its_picture_and_its_buttons_soon_after_it_happened(
    house: House,
) -> None:
    house.start()
    house.notifier.wait_until_beating(house.server.url)
    fact = house.publish()
    house.await_told(fact)
    (message,) = house.slack.seen()
    assert house.slack.files[message.files[0]].content == b"picture 1"
    assert "person 90%" in message.words
    assert len(message.buttons) == 3
    assert not house.alerts.exists()
    assert BOT_TOKEN not in house.notifier.log


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_with_a_slack_that_misbehaves_every_alert_is_posted_once(
    house: House, seed: int
) -> None:
    dice = random.Random(seed)
    tricks = (
        too_many(1),
        broken(500),
        broken(503),
        reset(),
        answer_lost(),
        refused("internal_error"),
    )
    methods = (
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
        "files.info",
        "chat.postMessage",
        "chat.postMessage",
    )
    house.slack.file_ready_after_s = 0.1
    facts = []
    house.start()
    for _ in range(5):
        facts += [house.publish() for _ in range(dice.randint(1, 2))]
        house.slack.trick(dice.choice(methods), dice.choice(tricks))
        time.sleep(dice.uniform(0.0, 1.0))
        if dice.random() < 0.4:
            house.server.kill()
            time.sleep(dice.uniform(0.0, 0.3))
            house.server.start()
        else:
            house.notifier.kill()
            house.start()
    house.await_told(*facts)
    assert Counter(house.slack.keys()) == Counter(fact.event for fact in facts)
    assert all(message.files for message in house.slack.seen())


@pytest.mark.parametrize(
    "trick", [answer_lost(), answer_late(), reset(), hang()], ids=["lost", "late", "reset", "hangs"]
)
def test_killed_while_a_message_is_on_its_way_it_finds_out_what_became_of_it(
    house: House, trick: object
) -> None:
    house.slack.trick("chat.postMessage", trick)  # type: ignore[arg-type]
    house.start()
    fact = house.publish()
    until(lambda: house.marks(fact).get("slack:posting"), "the message is on its way")
    house.notifier.kill()
    house.start()
    house.await_told(fact)
    assert house.slack.keys() == [fact.event]


def test_what_piled_up_while_slack_was_away_comes_as_one_digest_and_everything_once(
    house: House,
) -> None:
    house.configure("{digest_after_s: 1}")
    house.slack.away = True
    house.start()
    facts = [house.publish() for _ in range(8)]
    lost = house.publish("camera_lost")
    until(lambda: "Slack does not answer" in house.notifier.log, "it sees that Slack is away")
    time.sleep(1.1)
    house.slack.trick("chat.postMessage", answer_lost())
    house.slack.away = False
    house.await_told(*facts, lost)
    after = house.publish()
    house.await_told(after)
    assert [house.message_keys(fact) for fact in (*facts, lost, after)] == [
        [house.slack.keys()[0]]
    ] * 9 + [[after.event]]
    digest, single = house.slack.seen()
    assert digest.text == "9 alerts while you could not be reached"
    assert [house.slack.files[file].content for file in digest.files] == [
        b"picture %d" % number for number in (5, 6, 7, 8)
    ]
    assert len(single.buttons) == 3


def test_killed_at_random_over_digests_every_alert_is_in_exactly_one_message(house: House) -> None:
    dice = random.Random(100)
    house.configure("{digest_after_s: 1}")
    facts = []
    house.start()
    for _ in range(4):
        house.slack.away = True
        facts += [house.publish() for _ in range(dice.randint(2, 5))]
        time.sleep(dice.uniform(0.3, 1.5))
        house.slack.trick("chat.postMessage", dice.choice((answer_lost(), reset(), too_many(1))))
        house.slack.away = False
        time.sleep(dice.uniform(0.0, 1.5))
        house.notifier.kill()
        house.start()
    house.await_told(*facts)
    assert [len(house.message_keys(fact)) for fact in facts] == [1] * len(facts)
    assert len(house.slack.keys()) == len(set(house.slack.keys()))
    members = Counter(key for fact in facts for key in house.message_keys(fact))
    for message in house.slack.seen():
        assert message.metadata
        key = message.metadata["event_payload"]["key"]
        assert (
            f"{members[key]} alerts" in message.text
            if key.endswith("-digest")
            else members[key] == 1
        )


def test_what_is_refused_for_good_is_said_once_with_its_cure_and_tried_at_once_after_sighup(
    house: House,
) -> None:
    house.slack.channels[ALERTS].is_member = False
    house.start()
    house.notifier.wait_until_beating(house.server.url)
    facts = [house.publish() for _ in range(3)]
    until(lambda: "not_in_channel" in house.notifier.log, "it says what is wrong")
    house.notifier.signal(signal.SIGHUP)
    until(lambda: "type /invite" in house.trouble(), "the heartbeat says the cure")
    house.slack.channels[ALERTS].is_member = True
    house.notifier.signal(signal.SIGHUP)
    house.await_told(*facts, within_s=15)
    assert (
        house.notifier.log.count(
            "ERROR app.daemons.notifier.channel: Slack refuses chat.postMessage: not_in_channel"
        )
        == 1
    )
    assert house.slack.keys() == [fact.event for fact in facts]


def test_another_channel_is_taken_over_and_gets_what_waits(house: House) -> None:
    house.configure(channel="C0NOWHERE1")
    house.start()
    house.notifier.wait_until_beating(house.server.url)
    fact = house.publish()
    until(lambda: "channel_not_found" in house.notifier.log, "it says what is wrong")
    house.configure(channel="G0PRIVATE1")
    house.notifier.signal(signal.SIGHUP)
    house.await_told(fact)
    assert [message.channel for message in house.slack.messages] == ["G0PRIVATE1"]


def test_a_slack_that_hangs_delays_neither_another_way_nor_the_end(house: House) -> None:
    house.configure("{backends: [slack, folder]}")
    house.slack.always("files.getUploadURLExternal", hang())
    house.start()
    house.notifier.wait_until_beating(house.server.url)
    facts = [house.publish() for _ in range(3)]
    until(lambda: len(list(house.alerts.glob("*/*.txt"))) == 3, "the folder has them", within_s=5)
    assert house.notifier.stop(within_s=5) == 0
    house.slack.always("files.getUploadURLExternal", None)
    house.start()
    house.await_told(*facts)
    assert house.slack.keys() == [fact.event for fact in facts]
    assert len(list(house.alerts.glob("*/*.txt"))) == 3


def test_a_snooze_holds_back_motion_but_no_lost_camera(house: House) -> None:
    house.state.snooze(datetime(2100, 1, 1, tzinfo=UTC), 3600)
    house.start()
    motion, lost, silent = (
        house.publish(),
        house.publish("camera_lost"),
        house.publish("process_silent"),
    )
    house.await_told(lost, silent)
    assert "held" in house.marks(motion)
    assert house.slack.keys() == [lost.id, silent.id]


def test_a_tag_is_shown_undone_and_shown_again(house: House) -> None:
    house.start()
    fact = house.publish()
    house.await_told(fact)
    for label, shown in (
        ("occupied", "Tagged as occupied by"),
        (None, "The picture was deleted from Slack"),
        ("unoccupied", "Tagged as unoccupied by"),
    ):
        reply_to = ReplyTo(house.slack.new_response_url(), ALERTS)
        house.state.tag(
            Request(
                "tag",
                datetime.now(UTC),
                "anna",
                user=OWNER,
                event=fact.event,
                label=label,  # type: ignore[arg-type]
                reply_to=reply_to,
            )
        )
        until(lambda wanted=shown: wanted in house.slack.seen()[0].words, shown)  # type: ignore[misc]
    assert house.slack.files[house.slack.called("files.delete")[0].arguments["file"]].deleted


def test_requests_survive_a_kill(house: House) -> None:
    house.start()
    house.notifier.wait_until_beating(house.server.url)
    house.slack.away = True
    reply_to = ReplyTo(house.slack.new_response_url(), ALERTS)
    house.state.set_latest("front", Latest(b"a picture", datetime.now(UTC)))
    house.state.set_switch("camera_status", False)
    house.state.add_request(
        Request("last_image", datetime.now(UTC), "anna", "front", OWNER, reply_to=reply_to)
    )
    until(lambda: "is not answered yet" in house.notifier.log, "it tries to answer")
    house.notifier.kill()
    house.slack.away = False
    house.start()
    (message,) = until(house.slack.seen, "the answer")
    assert house.slack.files[message.files[0]].content == b"a picture"
    assert "response/" not in house.notifier.log
