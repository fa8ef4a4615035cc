"""Covers several modules: what a whole suite keeps in Redis is declared, and all declared is used.

The suite goes through an event, commands, tags, uploads and outages, while a watcher remembers each
key, field and counter that Redis holds. What happens seldom is provoked: some deliveries run in the
test's own process, with the same Redis and services that misbehave.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.machine_monitor import MachineMonitor
from app.daemons.notifier.progress import DeliveryProgress
from app.daemons.notifier.tag_handler import REMOVE_AFTER
from app.daemons.uploader.redis_disk import CHECK_EVERY_S, RedisDisk
from app.errors import DeliveryError
from app.notify import Message, Notifier, SlackSettings, TwilioSettings
from app.notify.apprise import AppriseNotifier
from app.notify.slack.notifier import SlackNotifier
from app.notify.twilio.notifier import TwilioNotifier
from app.protocol import COUNTERS, KEYS, EventRecord, Fact, FactKind, Request
from app.protocol.counters import Counter
from app.state import State
from tests.cameras.pictures import write_video
from tests.servers.dropbox import DropboxServer
from tests.servers.json_hook import JsonHook
from tests.servers.ports import free_port
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.router import Phone
from tests.servers.router_openwrt import PASSWORD, USER, OpenwrtServer
from tests.servers.s3 import Bucket, S3Server
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER, SIGNING_SECRET
from tests.servers.slack_socket import SocketServer
from tests.servers.small_disk import SmallDisk
from tests.servers.suite import Suite
from tests.servers.tricks import refused
from tests.servers.twilio import ACCOUNT, FROM, TOKEN, TwilioServer
from tests.servers.twilio import OWNER as PHONE
from tests.system.redis_watcher import RedisWatcher, Seen, rows_of
from tests.waiting import until

ANNA = "aa:aa:aa:aa:aa:aa"
HOUSE = """
cameras:
  {{front: {{source: demo, resolution: [320, 240], pantilt: {{backend: mock}}, pir_pin: 17}}}}
events:
  {{motion_classification_store_cnt: 4, event_gap_s: 1, min_notify_seconds: 0, train: true,
    frame_store_cnt: 8, min_save_seconds: 5}}
recording: {{pre_roll_s: 1, post_roll_s: 1}}
uploads: {{upload_every_s: 1}}
disk: {{min_free_gb: {min_free_gb}}}
notify: {{backends: [slack, twilio, apprise], digest_after_s: 1}}
people: {{backend: scripted, model: {model}}}
"""
#: What the person model sees in each picture.
SEEN = [[{"kind": "person", "score": 0.9, "box": [0.2, 0.2, 0.5, 0.6]}]]


class House:
    """A suite, its services, and what they were asked to do wrong."""

    def __init__(self, folder: Path, bucket: Bucket, stack: ExitStack) -> None:
        self.slack = stack.enter_context(SlackServer())
        self.twilio = stack.enter_context(TwilioServer())
        self.dropbox = stack.enter_context(DropboxServer())
        self.router = stack.enter_context(OpenwrtServer())
        self.hook = stack.enter_context(JsonHook())
        self.port = free_port()
        self._model = folder / "seen.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._model.write_text(json.dumps(SEEN))
        self._common = f"{bucket.yaml()}{self.dropbox.yaml}{self._services()}"
        self.suite = stack.enter_context(Suite(folder, self._private(0)))
        self.state = stack.enter_context(closing(State(self.suite.redis_url)))
        self._numbers = count(1)

    def _services(self) -> str:
        access = (
            f"api_url: {self.slack.api_url!r}, bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}], "
            f"alerts_channel: {ALERTS}"
        )
        account = (
            f"api_url: '{self.twilio.url}', account_sid: {ACCOUNT}, auth_token: {TOKEN}, "
            f"from: '{FROM}', to: ['{PHONE}']"
        )
        return (
            f"slack: {{{access}, bind: '127.0.0.1:{self.port}', "
            f"signing_secret: {SIGNING_SECRET}}}\n"
            f"dashboard: {{enabled: true, bind: '127.0.0.1:{free_port()}'}}\n"
            f"twilio: {{{account}}}\n"
            f"apprise: {{urls: ['{self.hook.url()}']}}\n"
            f"presence: {{people: {{anna: {{macs: ['{ANNA}']}}}},"
            f" router: {{backend: openwrt, url: '{self.router.url}', username: {USER}, "
            f"password: {PASSWORD}}}}}\n"
        )

    def _private(self, min_free_gb: float) -> str:
        return HOUSE.format(min_free_gb=min_free_gb, model=self._model) + self._common

    def raise_disk_floor(self) -> None:
        """Configure more free room than any disk has, and let the uploader read that."""
        (self.suite.folder / "private.yml").write_text(self._private(1e6))
        self.suite.processes()["uploader"].send_signal(1)

    def command(self, name: str, text: str = "") -> str:
        signed = self.slack.slash(f"/{name}", text)
        return self._post(f"/{name}", signed.body, signed.headers)

    def press(self, message: Posted, action_id: str) -> None:
        signed = self.slack.press(message, action_id)
        self._post("/interactive", signed.body, signed.headers)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = requests.post(url, body, headers=headers, timeout=10)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.text

    def publish(self, kind: FactKind = "motion_started", *, alert: bool = True) -> Fact:
        """Publish a fact as a camera on another machine does."""
        at = datetime.now(UTC)
        event = protocol.event_id(at, f"yard{next(self._numbers)}")
        fact = Fact(f"{event}-{kind}", kind, at, f"Fact of {event}.", "front", event, alert)
        self.state.publish(fact, EventRecord("front", at), b"a picture")
        return fact

    def correct(self, alert: Fact) -> None:
        """Publish that the event of *alert* was nobody, as a camera on another machine does."""
        kind: FactKind = "motion_corrected"
        self.state.publish(replace(alert, id=f"{alert.event}-{kind}", kind=kind, alert=False))

    def marks(self, fact: Fact) -> dict[str, str]:
        return self.state.delivery_marks(fact)

    def await_mark(self, fact: Fact, mark: str) -> None:
        until(lambda: mark in self.marks(fact), f"{fact.id} has {mark}", 30.0)

    def await_skip(self) -> None:
        """Publish alerts one by one until Twilio skips one: it texts motion once in five minutes.

        On a busy machine an alert may go with a digest instead.
        """
        for _ in range(20):
            fact = self.publish()
            until(partial(self._is_done_by_twilio, fact), f"{fact.id} is done", 30.0)
            if any(mark.endswith(":skipped") for mark in self.marks(fact)):
                return
        raise AssertionError("Twilio skips no alert")

    def _is_done_by_twilio(self, fact: Fact) -> bool:
        return any(mark.startswith("delivered:twilio") for mark in self.marks(fact))


def run_commands(house: House) -> None:
    for name in ("notifications_off", "auto_detect_off", "pycam_off"):
        house.command(name)
    held = house.publish()
    house.await_mark(held, "held")
    house.correct(held)
    house.await_mark(held, "correction")
    house.command("initialize")
    house.command("rotate", "30 10")
    house.command("last_image")
    house.command("clip")
    house.command("silencer", "on")
    switch = house.suite.folder / "silencer-front.on"
    until(switch.exists, "the silencer is on")
    publish_silenced(house)
    house.state.count_login("192.0.2.1")  # as the dashboard does, and so are these
    for detector in (False, True):
        house.state.watch(["front"], detector=detector)
    house.state.count_login("127.0.0.1")


def publish_silenced(house: House) -> None:
    """Publish an event that was silenced, as a camera on another machine does."""
    at = datetime.now(UTC)
    event = protocol.event_id(at, "yard")
    record = EventRecord("yard", at, decision="silenced", would_silence=True, like=(event,))
    fact = Fact(event, "motion_started", at, "Motion.", "yard", event, alert=False)
    house.state.publish(fact, record)


def run_event(house: House) -> str:
    """Let an event of the camera go everywhere, and tag it; returns its id."""

    def alert() -> Posted | None:
        alerts = (one for one in house.slack.seen() if one.buttons and one.files)
        return next((one for one in alerts if "front" in one.buttons[0]["value"]), None)

    posted = until(alert, "an alert is in Slack", 60.0)
    event = str(json.loads(posted.buttons[0]["value"])["event"])
    until(lambda: any(one.attached for one in house.slack.seen()), "the clip is in Slack", 60.0)
    house.press(posted, "tag_occupied")
    wanted = {"s3:clip.mp4", "label"}
    until(lambda: wanted <= house.state.event_fields(event).keys(), f"{event} has all marks", 60.0)
    return event


def run_removal(house: House, event: str) -> None:
    """Correct the tag of *event* as of a minute ago, so that its picture is removed from Slack."""
    at = datetime.now(UTC) - REMOVE_AFTER
    house.state.tag(Request("tag", at, "anna", user=OWNER, event=event, label="unoccupied"))
    until(lambda: "slack:deleted" in house.state.event_fields(event), "it is removed", 30.0)


def run_outage(house: House) -> None:
    """Let Slack be away while facts pile up; they arrive as one digest."""
    never = house.publish(alert=False)
    house.await_mark(never, "untold")
    house.slack.away = True
    piled_up = [house.publish() for _ in range(3)]
    until(
        lambda: datetime.now(UTC) - piled_up[0].at > timedelta(seconds=1.5), "they are old enough"
    )
    house.slack.away = False
    house.await_mark(piled_up[0], "delivered:slack")
    assert "slack:digest" in house.marks(piled_up[0])
    house.await_skip()


def run_presence(house: House) -> None:
    house.router.phones.append(Phone(ANNA, "annas-iphone"))
    until(lambda: house.state.read_strings("home") == ["True"], "Anna is home", 60.0)


def run_foreign_value(house: House) -> None:
    """Write a mark where another program has put a list."""
    house.state._redis.rpush(protocol.delivery_key("foreign"), "x")
    house.state.mark_delivery("foreign", {"held": "for this test"})


def run_troubles(house: House) -> None:
    """Let a store and the disk be in trouble."""
    owner = f"uploader-{protocol.host_name()}"
    house.dropbox.linked = False
    house.dropbox.expire()
    until(lambda: "store dropbox" in house.state.delivery_marks(owner), "Dropbox refuses", 60.0)
    house.raise_disk_floor()
    until(lambda: "disk" in house.state.delivery_marks(owner), "the disk is in trouble", 30.0)


def deliver(notifier: Notifier, message: Message, state: State, clock: FakeClock) -> None:
    """Deliver like a channel, with its progress in Redis and pauses on *clock*."""
    progress = DeliveryProgress(state, notifier.name, message.key)
    for _ in range(60):
        progress.load()
        try:
            notifier.deliver(message, progress)
        except DeliveryError as error:
            clock.advance(error.retry_after_s or 1.0)
        else:
            return
    raise AssertionError(f"{message.key} was not delivered")


def run_seldom_stages(house: House, folder: Path) -> None:
    """Deliver to services that refuse pictures and clips, lose them, or are away."""
    clock, state = FakeClock(datetime.now(UTC)), house.state
    settings = SlackSettings(house.slack.api_url, SecretStr(BOT_TOKEN), ALERTS)
    slack = SlackNotifier(settings, clock)
    alert = Message("seldom-alert", clock.now(), "Motion.", "front", b"a picture", "E1")
    house.slack.always("chat.postMessage", refused("invalid_blocks"))
    with pytest.raises(DeliveryError):
        slack.deliver(alert, DeliveryProgress(state, "slack", alert.key))
    house.slack.always("chat.postMessage", None)
    deliver(slack, alert, state, clock)
    parent = state.delivery_marks(alert.key)["slack:posted"]

    clip = write_video(folder / "clip.mp4", 5)
    shown = replace(alert, key="seldom-clip", topic="clip", clip=clip, picture=None, parent=parent)
    house.slack.forgets = 1
    deliver(slack, shown, state, clock)
    house.slack.trick("files.getUploadURLExternal", refused("file_uploads_disabled"))
    deliver(slack, replace(shown, key="seldom-refused"), state, clock)
    house.slack.messages[:] = [one for one in house.slack.messages if one.ts not in parent]
    deliver(slack, replace(shown, key="seldom-orphan"), state, clock)

    house.hook.statuses.extend([400, 200])
    deliver(AppriseNotifier(house.hook.url(), 8.0), replace(alert, key="seldom-hook"), state, clock)

    account = TwilioSettings(
        house.twilio.url, ACCOUNT, SecretStr(TOKEN), FROM, (PHONE,), min_alert_seconds=0
    )
    house.twilio.losses.append(11200)
    text = replace(alert, key="seldom-text", picture=None, picture_link=f"{house.slack.url}/x")
    deliver(TwilioNotifier(account, PHONE, clock), text, state, clock)


def run_hot_machine(house: House, folder: Path) -> None:
    """Let a monitor of its own see a machine that is hot for many minutes."""
    clock = FakeClock(datetime.now(UTC))
    (folder / "temp").write_text("90000")
    monitor = MachineMonitor(house.state, clock, folder, thermal=folder / "temp")
    for _ in range(12):
        monitor.step()
        clock.advance(60)


def run_full_disk(seen: Seen) -> None:
    """Let a Redis of its own run on a disk that is full."""
    with (
        tempfile.TemporaryDirectory(prefix="disk-") as folder,
        SmallDisk(Path(folder) / "d", 24) as disk,
        RedisServer(disk.path, "--appendonly", "yes") as server,
        closing(State(server.url)) as state,
        RedisWatcher(server.url, seen),
    ):
        run_full_stream(state)
        clock = FakeClock()
        guard = RedisDisk(state, server.url, disk.path, clock)
        disk.fill()
        until(lambda: not takes_writes(state), "Redis refuses to write")
        state._redis.bgsave()
        until(lambda: snapshot_failed(state), "its snapshot fails")
        clock.advance(CHECK_EVERY_S)
        guard.step()
        assert len(state.delivery_marks(f"redis-{protocol.host_name()}")) == 2


def run_full_stream(state: State) -> None:
    """Trim a stream that may have hardly any bytes."""
    for number in range(3):
        at = datetime.now(UTC)
        state.publish(Fact(f"waiting-{number}", "camera_lost", at, "Lost.", "front"))
    assert state._trim(keys=["events", "dropped"], args=[1, 1, protocol.DROPPED_LIFE_S])


def takes_writes(state: State) -> bool:
    try:
        state.put("armed_by", protocol.ArmedBy("x" * 5000, datetime.now(UTC), "test"))
    except OSError:
        return False
    return True


def snapshot_failed(state: State) -> bool:
    return bool(state.server_facts()["rdb_last_bgsave_status"] == "err")


def run_other_programs(house: House, folder: Path, stack: ExitStack) -> None:
    """Start a camera with light as its trigger, and Socket Mode, with a configuration of theirs."""
    socket = stack.enter_context(SocketServer(house.slack))
    settings = {
        "mode": "socket",
        "api_url": house.slack.api_url,
        "app_token": APP_TOKEN,
        "bot_token": BOT_TOKEN,
        "allowed_users": [OWNER],
        "alerts_channel": ALERTS,
    }
    config = write_config(
        folder,
        house.suite.redis_url,
        "cameras: {fridge: {source: demo, resolution: [320, 240]}}\n"
        f"motion: {{trigger: light}}\nslack: {json.dumps(settings)}\n",
    )
    camera = stack.enter_context(Program("app.daemons.security_system", config))
    daemon = stack.enter_context(Program("app.daemons.slack_socket", config))
    socket.wait_until_opened()
    assert socket.slash("/help")
    camera.wait_until_beating(house.suite.redis_url)
    daemon.wait_until_beating(house.suite.redis_url)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Seen]:
    """All that Redis held while a suite went through an event, commands, tags and outages."""
    folder, found = tmp_path_factory.mktemp("declarations"), Seen()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("GPIOZERO_PIN_FACTORY", "mock")
        house = House(folder / "house", s3_server.bucket(), stack)
        house.suite.start(
            *("security_system", "notifier", "who_is_home", "uploader", "slack_server")
        )
        run_foreign_value(house)
        stack.enter_context(RedisWatcher(house.suite.redis_url, found))
        run_commands(house)
        house.command("snooze", "30m")
        run_other_programs(house, folder / "other", stack)
        house.command("snooze", "off")
        run_removal(house, run_event(house))
        run_outage(house)
        run_troubles(house)
        run_presence(house)
        run_seldom_stages(house, folder)
        run_hot_machine(house, folder)
        run_full_disk(found)
    yield found


def test_every_key_is_declared_once(seen: Seen) -> None:
    assert {name: rows_of(name) for name in seen.types if len(rows_of(name)) != 1} == {}


def test_every_key_has_the_type_and_the_life_of_its_row(seen: Seen) -> None:
    wrong = []
    for name, types in seen.types.items():
        (row,), life_s = rows_of(name), seen.lives_s[name]
        has_life = 0 < life_s <= row.life_s if row.life_s else life_s == -1
        has_type = row.type == "any" or types == {row.type}
        if not has_type or not (has_life or row.name == "snoozed_until"):
            wrong.append((name, types, life_s))
    assert wrong == []


def test_every_field_is_declared(seen: Seen) -> None:
    undeclared = []
    for name, fields in seen.fields.items():
        (row,) = rows_of(name)
        marks = fields - set(row.fields)
        undeclared += [(name, one) for one in marks if not any(m.matches(one) for m in row.marks)]
    assert undeclared == []


def test_every_counter_is_declared_with_its_unit_and_label(seen: Seen) -> None:
    rows = {(counter.program, counter.name): counter for counter in COUNTERS}
    assert seen.counters.keys() - rows.keys() == set()
    wrong = [
        (where, value)
        for where, values in seen.counters.items()
        for value in values
        if not rows[where].allows(value)
    ]
    assert wrong == []


def test_every_declared_key_was_seen(seen: Seen) -> None:
    assert [key.name for key in KEYS if not any(map(key.matches, seen.types))] == []


def test_every_declared_field_and_mark_was_seen(seen: Seen) -> None:
    fields = set().union(*seen.fields.values())
    declared = {name for key in KEYS for name in key.fields}
    assert declared - fields == set()
    marks = {mark.name: mark for key in KEYS for mark in key.marks}
    assert [name for name, mark in marks.items() if not any(map(mark.matches, fields))] == []


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda one: f"{one.program} {one.name}")
def test_every_declared_counter_was_seen(seen: Seen, counter: Counter) -> None:
    assert seen.counters[counter.program, counter.name]
