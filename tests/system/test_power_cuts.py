"""Covers several modules: power cuts, after which Redis has forgotten the last second.

In the second after Slack has accepted a message, all is killed, and the last second of Redis' log
is cut off. No message appears twice, and none is missing.

    WHOS_THERE_CUTS=50 WHOS_THERE_SEED=7 pytest tests/system/test_power_cuts.py

cuts more often, and at other moments, than the suite has time for.
"""

import os
import random
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import protocol
from app.protocol import EventRecord, Fact, ReplyTo, Request
from app.state import Latest
from tests.daemons.notifier.daemon_harness import DaemonHarness, picture_of
from tests.servers.redis_server import RedisServer
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_requests import ALERTS, OWNER
from tests.waiting import until

CUTS = int(os.environ.get("WHOS_THERE_CUTS", "4"))
SEED = int(os.environ.get("WHOS_THERE_SEED", "1"))
#: What a power cut takes from Redis' log, which is synced once a second.
LOST_S = 1.0
#: What the repair of a damaged log takes, here.
CHECKED_LOST_S = 2.5
#: The time for which a camera's spool keeps a fact after Redis has accepted it.
SPOOL_S = 3.0
CONFIG = """
notify: {{digest_after_s: 20}}
slack: {{api_url: {url!r}, bot_token: {token}, allowed_users: [{owner}], alerts_channel: {channel}}}
"""


class LogWatcher:
    """Remembers how long Redis' log was at each moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: deque[tuple[float, int]] = deque(maxlen=2000)
        self._left = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        return next(self._folder.rglob("*.incr.aof"))

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            for path in self._folder.rglob("*.incr.aof"):
                self._sizes.append((time.monotonic(), path.stat().st_size))

    def cut(self, at_s: float) -> None:
        """Cut off what was written after *at_s*, but nothing that an earlier cut has left."""
        size = max((size for moment, size in self._sizes if moment <= at_s), default=self._left)
        os.truncate(self.path, size)
        self._left = size
        self._sizes.clear()

    def close(self) -> None:
        self._over.set()
        self._thread.join()


class House(DaemonHarness):
    """A notifier with a Slack, and a Redis that forgets."""

    def __init__(self, folder: Path, server: RedisServer, slack: SlackServer) -> None:
        super().__init__(folder, server)
        self.slack = slack
        self.watcher = LogWatcher(server.folder)
        self.facts: list[Fact] = []
        self.published_s: dict[str, float] = {}
        access = {"url": slack.api_url, "token": BOT_TOKEN, "owner": OWNER, "channel": ALERTS}
        self.write_config(CONFIG.format(**access))

    def add(self, *facts: Fact) -> None:
        """Remember facts that the harness has published."""
        self.facts.extend(facts)
        for fact in facts:
            self.published_s[fact.id] = time.monotonic()

    def cut(self, *, notifier_too: bool) -> None:
        """Kill all at once, or only Redis, whose log then loses more, as by redis-check-aof.

        The spool publishes again what is young.
        """
        now_s = time.monotonic()
        self.server.kill()
        if notifier_too:
            self.program.kill()
        self.watcher.cut(now_s - (LOST_S if notifier_too else CHECKED_LOST_S))
        self.server.start()
        for fact in self.facts:
            if now_s - self.published_s[fact.id] < SPOOL_S:
                opens = protocol.opened_event(fact)
                record = EventRecord("front", fact.at, score=0.9) if opens else None
                self.state.publish(fact, record, picture_of(fact) if opens else None)
        if notifier_too:
            self.program.start()

    def shown(self) -> Counter[str]:
        """Return how often Slack shows each fact, alone or in a digest."""
        found: Counter[str] = Counter()
        short = {f"{zlib.crc32(key.encode()):08x}": key for key in map(key_of, self.facts)}
        for message in self.slack.seen():
            if message.metadata:
                payload = message.metadata["event_payload"]
                found[payload["key"]] += 1
                found.update(short[member] for member in payload.get("members", "").split())
        for file in self.slack.files.values():
            if file.name.endswith(".mp4"):
                found[file.name.removesuffix(".mp4")] += len(file.shares)
        return found

    def close(self) -> None:
        self.watcher.close()
        super().close()


def key_of(fact: Fact) -> str:
    return protocol.opened_event(fact) or fact.id


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, durable_redis_server: RedisServer, slack: SlackServer) -> Iterator[House]:
    made = House(tmp_path, durable_redis_server, slack)
    yield made
    made.close()


def publish_alert(house: House) -> None:
    house.add(house.publish())


def publish_lost_camera(house: House) -> None:
    house.add(house.publish("camera_lost"))


def publish_while_slack_is_away(house: House) -> None:
    house.slack.away = True
    house.add(house.publish(), house.publish())
    time.sleep(1.5)
    house.slack.away = False


def publish_old_alerts(house: House) -> None:
    house.add(*(house.publish(ago_s=60 - number) for number in range(4)))


def publish_clip(house: House) -> None:
    opener = house.publish()
    house.add(opener)
    until(lambda: house.are_delivered(opener, by="slack"), "the alert is there")
    house.add(house.publish_clip(opener))


def ask_for_picture(house: House) -> None:
    at = datetime.now(UTC)
    house.state.set_latest("front", Latest(b"a picture", at))
    reply_to = ReplyTo(house.slack.new_response_url(), ALERTS)
    house.state.add_request(Request("last_image", at, "anna", "front", OWNER, reply_to=reply_to))


Scene = Callable[[House], None]
SCENES: tuple[Scene, ...] = (
    publish_while_slack_is_away,
    publish_alert,
    publish_clip,
    publish_old_alerts,
    ask_for_picture,
    publish_lost_camera,
)


def run_cuts(house: House, scenes: Sequence[Scene], chance: random.Random) -> None:
    """Cut the power once in each of *scenes*, soon after Slack has accepted a message."""
    house.start()
    for number, scene in enumerate(scenes):
        before = len(house.slack.messages)
        scene(house)
        until(lambda before=before: len(house.slack.messages) > before, "Slack accepts", 60.0)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, LOST_S))
        house.cut(notifier_too=number % 4 != 3)
    until(house.is_all_acknowledged, "nothing waits", 120.0)
    missing = [fact for fact in house.facts if key_of(fact) not in house.shown()]
    assert [(fact, house.marks(fact)) for fact in missing] == []
    house.program.stop()


def test_no_power_cut_shows_anything_twice(house: House) -> None:
    chance = random.Random(SEED)
    run_cuts(house, [SCENES[number % len(SCENES)] for number in range(CUTS)], chance)
    assert [key for key, times in house.shown().items() if times > 1] == []


def test_without_a_journal_slack_is_asked(house: House) -> None:
    house.data_dir.mkdir()
    (house.data_dir / "notifier").write_text("a file stands where the journal should be")
    scenes = (publish_while_slack_is_away, publish_alert)
    run_cuts(house, scenes[:CUTS], random.Random(SEED))
    assert [key for key, times in house.shown().items() if times > 1] == []
