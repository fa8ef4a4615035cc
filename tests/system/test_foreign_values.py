"""Covers several modules: no foreign value in Redis stops a program, an alert or a command.

Every key that a running suite has, and one of each row of the protocol, gets a value of a wrong
type, and then hostile bytes.
"""

import json
import os
import signal
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from app import protocol
from app.protocol import KEYS, EventRecord, Fact
from app.protocol.keys import Key
from app.state import State
from tests.servers.ports import free_port
from tests.servers.router import Phone
from tests.servers.router_openwrt import PASSWORD, USER, OpenwrtServer
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER, SIGNING_SECRET
from tests.servers.suite import Suite
from tests.system.redis_watcher import rows_of
from tests.waiting import until

ANNA = "aa:aa:aa:aa:aa:aa"
PROGRAMS = ("security_system", "notifier", "who_is_home", "uploader", "slack_server")
HOSTILE = (b"\xff\0[" * 50, b"[" * 50_000, b"0001-01-01T00:00:00+00:00", b'{"pid": NaN}', b"-1")

FUTURE = "9000-01-01T00:00:00Z"
LIES = {
    protocol.keys.PRESENCE: f'{{"home": true, "since": "{FUTURE}", "last_seen": "{FUTURE}"}}',
    protocol.keys.HABITS: '{"gaps_s": {"": [], "aa:aa:aa:aa:aa:aa": [[[999999999, -1e308]], []]}}',
    protocol.keys.ROUTER: f'{{"answering": false, "since": "{FUTURE}", "told": true}}',
    protocol.keys.SNOOZED_UNTIL: FUTURE,
    protocol.keys.ARMED_BY: f'{{"by": "", "at": "{FUTURE}", "why": "\\u0000"}}',
    protocol.keys.CAMERA_CLIP: f'{{"asked_at": "{FUTURE}", "event": "x", "file": "x", "host": ""}}',
}
MARK = json.dumps(
    {"announced": "unsteady", "losses": -5, "episode_s": -1e308, "since": FUTURE, "began": FUTURE}
)


class House:
    """A suite with all programs and their services, and a client of its Redis."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.slack = stack.enter_context(SlackServer())
        router = stack.enter_context(OpenwrtServer())
        router.phones.append(Phone(ANNA, "annas-iphone"))
        self.port = free_port()
        private = (
            "cameras: {front: {source: demo, resolution: [320, 240], pantilt: {backend: mock}}}\n"
            "events: {motion_classification_store_cnt: 4, event_gap_s: 1}\n"
            "recording: {pre_roll_s: 1, post_roll_s: 1}\n"
            f"uploads: {{folder: '{folder / 'nas'}', upload_every_s: 1}}\n"
            "notify: {backends: [folder, slack], digest_after_s: 600}\n"
            f"slack: {{api_url: {self.slack.api_url!r}, bot_token: {BOT_TOKEN}, "
            f"allowed_users: [{OWNER}], alerts_channel: {ALERTS}, "
            f"bind: '127.0.0.1:{self.port}', signing_secret: {SIGNING_SECRET}}}\n"
            f"presence: {{people: {{anna: {{macs: ['{ANNA}']}}}}, router: {{backend: openwrt, "
            f"url: '{router.url}', username: {USER}, password: {PASSWORD}}}}}\n"
        )
        self.suite = stack.enter_context(Suite(folder, private))
        self.alerts = folder / "data" / "alerts"
        self.state = stack.enter_context(closing(State(self.suite.redis_url)))
        self.raw: Any = stack.enter_context(redis.Redis.from_url(self.suite.redis_url))

    def command(self, name: str) -> str:
        signed = self.slack.slash(f"/{name}", "")
        url = f"http://127.0.0.1:{self.port}/{name}"
        answer = requests.post(url, signed.body, headers=signed.headers, timeout=10)
        assert answer.status_code == requests.codes.ok, answer.text
        return answer.text

    def restart(self, *names: str) -> None:
        """Kill the programs *names*; supervisord starts them again."""
        for name, process in self.suite.processes().items():
            if name in names:
                os.kill(process.pid, signal.SIGKILL)

    def publish(self) -> str:
        """Publish an alert like a camera on another machine, and return a word of it."""
        at = datetime.now(UTC)
        event = protocol.event_id(at, "yard")
        fact = Fact(f"{event}-x", "motion_started", at, f"Alert {event}.", "yard", event)
        self.state.publish(fact, EventRecord("yard", at), b"a picture")
        return event

    def has(self, event: str) -> bool:
        texts = self.alerts.rglob("*.txt")
        in_slack = any(event in str(message) for message in self.slack.seen())
        return in_slack and any(event in path.read_text() for path in texts)

    def targets(self) -> dict[str, Key]:
        """Return all present keys that are ours, and one of each row, with their rows."""
        names = {name.decode() for name in self.raw.scan_iter(count=1000)}
        for row in KEYS:
            names.add(row.of(*("front" if "camera" in row.name else "x", "y", "front")))
        found = {name: rows_of(name)[0] for name in names if rows_of(name)}
        return {name: row for name, row in found.items() if row.type not in ("channel", "any")}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with ExitStack() as stack:
        made = House(tmp_path_factory.mktemp("foreign"), stack)
        made.suite.start(*PROGRAMS)
        event = made.publish()
        until(lambda: made.has(event), "an alert is delivered", 60.0)
        yield made


def put_wrong_type(raw: Any, name: str, row: Key) -> None:
    raw.delete(name)
    if row.type == "string":
        raw.rpush(name, "x")
    else:
        raw.set(name, "x")


def put_hostile_bytes(raw: Any, name: str, row: Key) -> None:
    raw.delete(name)
    for number, value in enumerate(HOSTILE):
        if row.type == "string":
            raw.set(name, HOSTILE[zlib.crc32(name.encode()) % len(HOSTILE)])
        elif row.type == "set":
            raw.sadd(name, value)
        elif row.type == "list":
            raw.rpush(name, value)
        elif row.type == "stream":
            raw.xadd(name, {row.fields[0]: value})
        else:
            raw.hset(name, value, value)
            marks = [mark.of("slack", "y", "front") for mark in row.marks]
            for field in [*row.fields, *marks][number :: len(HOSTILE)]:
                raw.hset(name, field, value)


def put_lies(raw: Any, name: str, row: Key) -> None:
    """Put a record that has the right form, but figures and times that cannot be."""
    if row in LIES:
        raw.set(name, LIES[row])
    elif row is protocol.keys.HEARTBEAT_MARKS:
        for field in raw.hkeys(name):
            raw.hset(name, field, MARK)
    elif row is protocol.keys.DELIVERY:
        raw.hset(name, mapping=dict.fromkeys(("disk", "store s3", "store folder"), MARK))


@pytest.mark.parametrize("put", [put_wrong_type, put_hostile_bytes, put_lies])
def test_foreign_values_stop_nothing(house: House, put: Any) -> None:
    """The second and third time, programs are started with what is there."""
    since = datetime.now(UTC)
    for name, row in house.targets().items():
        put(house.raw, name, row)
    if put is not put_wrong_type:
        house.restart("who_is_home", "uploader", "notifier", "security_system-front")
    event = house.publish()
    until(lambda: house.has(event), "an alert is delivered", 40.0)
    shown = json.loads(house.suite.verb("status", "--json").stdout)
    assert shown["programs"]
    assert "rmed*" in house.command("status")
    assert house.command("house_status")
    assert house.command("last_image")
    until(lambda: len(beating(house, since)) == len(PROGRAMS), "all programs beat", 60.0)
    for program in house.suite.processes():
        assert "a mistake in this program" not in house.suite.log(program), program


def beating(house: House, since: datetime) -> list[str]:
    beats = house.state.heartbeats()
    return [key for key, beat in beats.items() if beat.step_at > since]
