"""The notifier as a process with several ways at once, and films: each way tells its part once, and
none waits for another.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import protocol
from app.protocol import ClipAsked, EventRecord, Fact, FactKind, ReplyTo, Request
from app.state import State
from tests.cameras.pictures import write_video
from tests.servers.json_hook import JsonHook
from tests.servers.media import MediaServer
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.slack import ALERTS, BOT_TOKEN, OWNER, SlackServer, answer_lost, broken, hang
from tests.servers.twilio import ACCOUNT, FROM, TOKEN, TwilioServer
from tests.servers.twilio import OWNER as PHONE
from tests.waiting import until

DEBUG = """
version: 1
formatters: {plain: {format: "%(levelname)s %(name)s: %(message)s"}}
handlers: {console: {class: logging.StreamHandler, formatter: plain}}
root: {level: DEBUG, handlers: [console]}
"""
EVERYTHING = "[alert, clip, left_open, camera, program, presence, disk, store]"


class House:
    """A notifier, its Redis, its disk, and all that it tells by: Slack, Twilio with S3, and two
    services by Apprise.
    """

    def __init__(self, folder: Path, server: RedisServer, stack: ExitStack) -> None:
        self.server = server
        self.slack = stack.enter_context(SlackServer())
        self.twilio = stack.enter_context(TwilioServer())
        self.media = stack.enter_context(MediaServer())
        self.hooks = [stack.enter_context(JsonHook()) for _ in range(2)]
        self.twilio.undecided = 0
        self.data_dir = folder / "data"
        self.state = State(server.url)
        self.config = write_config(folder, server.url)
        self.notifier = Program("app.daemons.notifier", self.config)
        self._number = 0

    def configure(
        self, *, slack: str = "", twilio: str = "", apprise: str = "", more: str = ""
    ) -> None:
        """Set up those ways that are given more settings (or a blank), and *more* YAML."""
        parts = [more]
        if slack:
            access = (
                f"api_url: {self.slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: "
                f"[{OWNER}], alerts_channel: {ALERTS}"
            )
            parts.append(f"slack: {{{access}, {slack}}}")
        if twilio:
            access = (
                f"api_url: {self.twilio.url!r}, account_sid: {ACCOUNT}, auth_token: {TOKEN}, from: "
                f"{FROM!r}, to: [{PHONE!r}]"
            )
            parts.append(f"twilio: {{{access}, {twilio}}}")
        if apprise:
            urls = [
                hook.url(f"hooks/secret-path-{number}") for number, hook in enumerate(self.hooks)
            ]
            parts.append(f"apprise: {{urls: {urls}, {apprise}}}")
        endpoint = self.media.link("").partition("/?")[0]
        parts.append(
            f"s3: {{bucket: house, endpoint_url: {endpoint!r}, region: eu-central-1, "
            "access_key_id: A, secret_access_key: hush-hush}"
        )
        write_config(self.config.parent, self.server.url, "\n".join(parts) + "\n")

    def start(self) -> None:
        self.notifier.start()
        self.notifier.wait_until_beating(self.server.url)

    def happen(self, kind: FactKind = "motion_started", alert: bool = True) -> Fact:
        """Let something happen now."""
        self._number += 1
        at = datetime.now(UTC)
        event = protocol.event_id(at, f"cam{self._number}") if kind == "motion_started" else None
        fact = Fact(
            f"{event or protocol.new_fact_id(at)}-{kind}",
            kind,
            at,
            f"Fact {self._number}.",
            "front",
            event,
            alert,
        )
        self.state.publish(
            fact,
            EventRecord("front", at) if event else None,
            b"picture %d" % self._number if event else None,
        )
        return fact

    def film(
        self, opener: Fact, part: int = 1, kind: FactKind = "clip_ready", in_s3: bool = False
    ) -> Fact:
        """Let the camera have a film of what *opener* opened; returns the fact that says so."""
        event, file = opener.event or "", "clip.mp4" if part == 1 else f"clip-{part}.mp4"
        path = self.path(event, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, 5 + part)
        if in_s3:
            self.upload(event, file, path.read_bytes())
        text = f"Film {part} of {opener.text}"
        fact = Fact(
            f"{event}-{kind}-{part}",
            kind,
            datetime.now(UTC),
            text,
            "front",
            event,
            file=file,
            host=protocol.host_name(),
        )
        self.state.publish(fact)
        return fact

    def upload(self, event: str, file: str, content: bytes) -> None:
        """Have *content* in S3, and note that."""
        self.media.put(f"house/clips/{event}-{file}", content)
        self.state.mark_event(event, {f"s3:{file}": f"clips/{event}-{file}"})

    def path(self, event: str, file: str) -> Path:
        return (
            self.data_dir / "events" / f"{protocol.event_started_at(event):%Y-%m-%d}" / event / file
        )

    def await_done(self, *facts: Fact, within_s: float = 60.0) -> None:
        """Wait until nobody has anything to do with *facts* any more."""
        until(
            lambda: (
                self._unfinished() == 0 and all(self.state.delivery_marks(fact) for fact in facts)
            ),
            "all is told",
            within_s,
        )

    def _unfinished(self) -> int:
        info = self.state._redis.xinfo_groups("events")
        pending = self.state._redis.xpending("events", "notifier")
        return int(info[0]["lag"] or 0) + int(pending["pending"]) if info else 1

    def close(self) -> None:
        self.notifier.__exit__()
        self.state.close()


@pytest.fixture
def house(tmp_path: Path, durable_redis_server: RedisServer) -> Iterator[House]:
    with ExitStack() as stack:
        made = House(tmp_path, durable_redis_server, stack)
        yield made
        made.close()


def test_the_films_of_an_event_come_into_its_alerts_thread_in_order_and_the_other_ways_get_them_too(
    house: House,
) -> None:
    house.configure(
        slack="when: null",
        twilio=f"when: {EVERYTHING}",
        apprise="when: null",
        more="notify: {backends: auto}",
    )
    house.start()
    opener = house.happen()
    house.upload(opener.event or "", "snapshot.jpg", b"picture 1")
    films = [house.film(opener, part, in_s3=True) for part in (1, 2, 3)]
    house.await_done(opener, *films)
    contents = [house.path(opener.event or "", fact.file or "").read_bytes() for fact in films]
    alert = house.slack.seen()[0]
    assert house.slack.clips(alert.ts) == contents
    assert [reply.text for reply in house.slack.thread(alert.ts)] == [fact.text for fact in films]
    assert [text.media for text in house.twilio.arrived()] == [
        [("image/jpeg", b"picture 1")],
        *([("video/mp4", content)] for content in contents),
    ]
    for hook in house.hooks:
        assert [told.files[0][2] for told in hook.received] == [b"picture 1", *contents]
    log = house.notifier.log
    assert not [
        secret
        for secret in (BOT_TOKEN, TOKEN, PHONE, "secret-path", "hush-hush", "X-Amz-Signature")
        if secret in log
    ]


def test_after_an_outage_the_films_of_what_the_digest_shows_come_into_its_thread(
    house: House,
) -> None:
    house.configure(slack="when: null", apprise="when: null", more="notify: {digest_after_s: 1}")
    openers = [house.happen() for _ in range(6)]
    films = [house.film(opener) for opener in openers]
    time.sleep(
        max(0.0, 1.1 - (datetime.now(UTC) - openers[0].at).total_seconds())
    )  # until it has been an outage
    house.start()
    house.await_done(*openers, *films)
    contents = [house.path(film.event or "", film.file or "").read_bytes() for film in films[2:]]
    digest = house.slack.seen()[0]
    assert digest.text == "6 alerts while you could not be reached"
    assert house.slack.clips(digest.ts) == contents
    for hook in house.hooks:
        assert [told.files[0][2] for told in hook.received] == [b"picture 6", *contents]


def test_nothing_that_is_secret_is_logged_at_debug(house: House) -> None:
    house.configure(slack="when: null", twilio=f"when: {EVERYTHING}, mms: false")
    (house.config / "logging.yml").write_text(DEBUG, encoding="utf-8")
    house.twilio.trick(answer_lost())
    house.start()
    opener = house.happen()
    house.upload(opener.event or "", "snapshot.jpg", b"picture 1")
    film = house.film(opener, in_s3=True)
    said_at = house.slack.new_response_url()
    house.state.add_request(
        Request(
            "say",
            datetime.now(UTC),
            "anna",
            "front",
            OWNER,
            reply_to=ReplyTo(said_at, ALERTS),
            text="Hello.",
        )
    )
    house.await_done(opener, film)
    until(lambda: house.slack.responses[said_at], "it is said")
    signatures = [
        text.body.partition("X-Amz-Signature=")[2][:64] for text in house.twilio.arrived()
    ]
    assert [len(signature) for signature in signatures] == [64, 64]
    log = house.notifier.log
    assert not [
        secret
        for secret in (BOT_TOKEN, TOKEN, PHONE.removeprefix("+"), said_at, *signatures)
        if secret in log
    ]


def test_an_alert_is_told_at_once_while_a_film_is_still_being_brought(house: House) -> None:
    house.configure(slack="when: null")
    house.start()
    first = house.happen()
    house.await_done(first)
    house.slack.trick("upload", hang(30))
    film = house.film(first)
    until(
        lambda: len(house.slack.called("files.getUploadURLExternal")) == 2,
        "the film is being brought",
    )
    second = house.happen()
    until(
        lambda: "delivered:slack" in house.state.delivery_marks(second),
        "the next alert is told",
        within_s=8,
    )
    assert "delivered:slack_clips" not in house.state.delivery_marks(film)
    assert [message.text for message in house.slack.seen()] == ["Fact 1.", "Fact 2."]


def test_ways_that_are_down_delay_no_other(house: House) -> None:
    house.configure(
        slack="when: null", twilio=f"when: {EVERYTHING}, min_alert_seconds: 0", apprise="when: null"
    )
    house.slack.always("files.getUploadURLExternal", hang(60))
    house.twilio.always(broken(503))
    house.hooks[0].statuses.extend([403] * 1000)
    house.start()
    openers = [house.happen() for _ in range(3)]
    films = [house.film(opener, in_s3=True) for opener in openers]
    until(lambda: len(house.hooks[1].received) == 6, "one way has told all", within_s=10)
    assert Counter(told.message.partition("\n")[0] for told in house.hooks[1].received) == Counter(
        fact.text for fact in (*openers, *films)
    )
    assert (house.hooks[0].received, house.twilio.texts, house.slack.messages) == ([], [], [])
    assert house.notifier.stop(within_s=5) == 0
    house.slack.always("files.getUploadURLExternal", None)
    house.twilio.always(None)
    house.hooks[0].statuses.clear()
    house.start()
    house.await_done(*openers, *films)
    assert Counter(message.text for message in house.slack.seen()) == Counter(
        fact.text for fact in (*openers, *films)
    )
    assert Counter(text.body.partition(" (")[0] for text in house.twilio.arrived()) == Counter(
        fact.text for fact in (*openers, *films)
    )
    assert len(house.hooks[0].received) == len(house.hooks[1].received) == 6


def test_killed_at_random_every_alert_and_every_film_is_told_once_by_every_way(
    house: House,
) -> None:
    dice = random.Random(7)
    house.configure(
        slack="when: null", twilio=f"when: {EVERYTHING}, min_alert_seconds: 0", apprise="when: null"
    )
    house.slack.file_ready_after_s = 0.1
    facts: list[Fact] = []
    kills = 0
    house.notifier.start()
    for _ in range(6):
        opener = house.happen()
        house.upload(opener.event or "", "snapshot.jpg", b"a picture")
        facts += [
            opener,
            *(house.film(opener, part, in_s3=True) for part in range(1, dice.randint(2, 3))),
        ]
        time.sleep(dice.uniform(0.2, 2.0))
        house.notifier.kill()
        kills += 1
        house.notifier.start()
    house.await_done(*facts, within_s=90)
    expected = Counter(fact.text for fact in facts)
    assert Counter(message.text for message in house.slack.seen()) == expected
    alerts = {message.text: message for message in house.slack.seen() if message.buttons}
    for fact in facts:
        if fact.kind == "clip_ready":
            above = alerts[fact.text.split(" of ")[1]]
            assert fact.text in [reply.text for reply in house.slack.thread(above.ts)]
    assert Counter(text.body.partition(" (")[0] for text in house.twilio.arrived()) == expected
    for hook in house.hooks:
        told = Counter(one.message.partition("\n")[0] for one in hook.received)
        assert set(told) == set(expected)
        assert told.total() - expected.total() <= kills


def test_a_fridge_texts_each_opening_with_its_film_once_it_is_closed_and_what_stands_open(
    house: House,
) -> None:
    house.configure(twilio="when: [clip, left_open]")
    house.start()
    opener = house.happen(alert=False)
    house.upload(opener.event or "", "snapshot.jpg", b"a picture")
    open_still = house.film(opener, kind="left_open", in_s3=True)
    film = house.film(opener, 2, in_s3=True)
    house.await_done(open_still, film, within_s=20)
    assert [text.body for text in house.twilio.arrived()] == [open_still.text, film.text]
    assert [kind for text in house.twilio.arrived() for kind, _ in text.media] == [
        "video/mp4",
        "video/mp4",
    ]


def test_a_house_with_texts_and_no_other_settings_is_not_flooded(house: House) -> None:
    house.configure(twilio="mms: true", more="notify: {digest_after_s: 3600}")
    house.start()
    openers = [house.happen() for _ in range(5)]
    for opener in openers:
        house.upload(opener.event or "", "snapshot.jpg", b"a picture")
    films = [house.film(opener) for opener in openers]
    lost = house.happen("camera_lost")
    left = house.film(openers[0], 2, "left_open", in_s3=True)
    house.await_done(*openers, left)
    assert Counter(text.body.partition(" (")[0] for text in house.twilio.arrived()) == Counter(
        [openers[0].text, left.text]
    )
    assert not any(house.state.delivery_marks(fact) for fact in (*films, lost))


def test_what_concerns_the_house_is_a_short_sentence_without_buttons(house: House) -> None:
    house.configure(slack="when: null")
    house.start()
    kinds: tuple[FactKind, ...] = (
        "presence_changed",
        "router_silent",
        "router_back",
        "disk_low",
        "disk_ok",
        "store_refused",
        "store_back",
    )
    facts = [house.happen(kind) for kind in kinds]
    house.await_done(*facts)
    assert [
        (message.text, message.buttons, message.files, len(message.blocks))
        for message in house.slack.seen()
    ] == [(fact.text, [], [], 1) for fact in facts]


def test_a_snooze_holds_motion_and_its_films_back_and_nothing_else(house: House) -> None:
    house.configure(slack="when: null")
    told = house.happen()
    house.start()
    house.await_done(told)
    house.state.snooze(datetime(2100, 1, 1, tzinfo=UTC), 3600)
    opener = house.happen()
    films = [house.film(opener), house.film(told)]
    disk = house.happen("disk_low")
    house.await_done(opener, *films, disk)
    house.state.end_snooze()
    late = house.film(opener, 2)
    house.await_done(late)
    assert [message.text for message in house.slack.seen()] == [told.text, disk.text]
    assert ["held" in house.state.delivery_marks(fact) for fact in (opener, *films, late)] == [
        True,
        True,
        True,
        False,
    ]


def test_a_clip_that_was_asked_for_is_brought_also_after_a_kill(house: House) -> None:
    house.configure(slack="when: null")
    house.start()
    house.slack.away = True
    at = datetime.now(UTC)
    house.state.add_request(
        Request(
            "clip",
            at,
            "anna",
            "front",
            OWNER,
            reply_to=ReplyTo(house.slack.new_response_url(), ALERTS),
        )
    )
    event = protocol.event_id(at, "front")
    path = house.path(event, "clip.mp4")
    path.parent.mkdir(parents=True)
    write_video(path, 10)
    house.state.put(
        protocol.camera_key("front", "clip"),
        ClipAsked(at, event, "clip.mp4", host=protocol.host_name()),
    )
    until(lambda: "is not answered yet" in house.notifier.log, "it tries to answer")
    house.notifier.kill()
    house.slack.away = False
    house.start()
    until(lambda: house.slack.clips() == [path.read_bytes()], "the clip is brought")


def test_a_film_that_is_too_large_for_slack_comes_smaller_and_leaves_no_rendition(
    house: House, footage: Path
) -> None:
    house.configure(slack="max_clip_mb: 0.8")
    house.start()
    opener = house.happen()
    path = house.path(opener.event or "", "clip.mp4")
    path.parent.mkdir(parents=True)
    path.symlink_to(footage / "car-detection.mp4")
    fact = Fact(
        f"{opener.event}-clip_ready",
        "clip_ready",
        datetime.now(UTC),
        "Film.",
        "front",
        opener.event,
        file="clip.mp4",
    )
    house.state.publish(fact)
    house.await_done(fact)
    (film,) = house.slack.clips(house.slack.seen()[0].ts)
    assert film
    assert 100_000 < len(film) <= 800_000
    assert list((house.data_dir / "smaller").iterdir()) == []
