"""Covers several modules: camera, notifier and uploader are killed while people come and go.

All parts of every event arrive, once and byte for byte.

    WHOS_THERE_KILLS=50 WHOS_THERE_SEED=7 pytest tests/system/test_kills.py

kills more often, and at other moments, than the suite has time for.
"""

import json
import os
import random
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import redis

from app.clock import SystemClock
from app.commands.buttons import handle_click, read_click
from app.commands.context import CommandContext
from app.config import load_config
from app.state import State
from tests.recording.videos import shown
from tests.recording.visits import EMPTY, FPS, LONG_VISIT, MOTION, SHORT_VISIT, visits_video
from tests.servers.programs import Program, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.s3 import Bucket, Fault, FaultyProxy, ReceivedRequest, S3Server
from tests.servers.slack import BOT_TOKEN, SlackServer
from tests.servers.slack_records import Posted
from tests.servers.slack_requests import ALERTS, OWNER
from tests.waiting import until

ROUNDS = int(os.environ.get("WHOS_THERE_KILLS", "8"))
SEED = int(os.environ.get("WHOS_THERE_SEED", "1"))
#: The long visit takes two clips.
CONFIG = """
events:
  {motion_classification_store_cnt: 4, event_gap_s: 0.4, min_notify_seconds: 0, train: true,
    frame_store_cnt: 8, min_save_seconds: 20}
recording: {pre_roll_s: 1.5, post_roll_s: 0.5, max_clip_s: 5}
uploads: {upload_every_s: 1}
disk: {min_free_gb: 0}
notify: {digest_after_s: 3600}
"""
SLACK = (
    f"bot_token: {BOT_TOKEN}, allowed_users: [{OWNER}], alerts_channel: {ALERTS}, "
    "delete_after_tag: false"
)


class Witness(FaultyProxy):
    """A proxy before S3 that keeps every sample that comes by under a second name, for the uploader
    deletes what has arrived.
    """

    def __init__(self, server: S3Server, events: Path, kept: Path) -> None:
        super().__init__(server)
        self._events = events
        self._kept = kept
        kept.mkdir()

    def next_fault(self, request: ReceivedRequest) -> Fault | None:
        method, path = request.method, request.path
        event = path.rpartition("/")[2].removesuffix(".tar")
        if method == "PUT" and "/training/" in path and not (self._kept / event).exists():
            os.link(next(self._events.glob(f"*/{event}/sample.tar")), self._kept / event)
        return super().next_fault(request)

    def samples(self) -> dict[str, Path]:
        """What was on disk of each sample, by its event."""
        return {path.name: path for path in self._kept.iterdir()}


class House:
    """A camera that plays *video*, a notifier, an uploader, and their services."""

    def __init__(
        self,
        folder: Path,
        video: Path,
        *,
        server: RedisServer,
        slack: SlackServer,
        proxy: Witness,
        bucket: Bucket,
    ) -> None:
        self.server = server
        self.slack = slack
        self.proxy = proxy
        self.bucket = bucket
        self.events = folder / "data" / "events"
        self.state = State(server.url)
        self.raw: Any = redis.Redis.from_url(server.url, decode_responses=True)
        config = write_config(
            folder,
            server.url,
            f"{MOTION}{CONFIG}slack: {{api_url: {slack.api_url!r}, {SLACK}}}\n"
            f"{bucket.yaml(proxy.url)}",
        )
        self._asked = CommandContext(load_config(config), self.state, SystemClock())
        self.programs = {
            "camera": Program("app.daemons.security_system", config, "--source", str(video)),
            "notifier": Program("app.daemons.notifier", config),
            "uploader": Program("app.daemons.uploader", config),
        }
        self.clicked: set[str] = set()
        self.kills = 0

    def start(self) -> None:
        for program in self.programs.values():
            program.start()

    def kill(self, *names: str) -> None:
        """End these as a crash does, all at once, and start them again."""
        for name in names:
            self.programs[name].kill()
        for name in names:
            self.programs[name].start()
        self.kills += len(names)

    def disarm(self) -> None:
        """Switch the camera off, and return when it has obeyed: until then an event may begin."""
        camera = self.programs["camera"]
        self.state.set_switch("camera_status", False)

        def obeyed() -> bool:
            beat = camera.heartbeat(self.server.url)
            return beat is not None and beat.counters["camera"] == "closed"

        until(obeyed, "the camera is closed", 30.0)

    def click(self, chance: random.Random) -> None:
        """Click on a button of an alert on which nobody has clicked yet, if there is one."""
        alerts = {
            event: alert
            for event, (alert, *_) in self.alerts().items()
            if alert.buttons and event not in self.clicked
        }
        if alerts:
            event, alert = chance.choice(sorted(alerts.items()))
            payload = self.slack.press_payload(
                alert, chance.choice(("tag_occupied", "tag_unoccupied"))
            )
            handle_click(read_click(payload, self._asked), self._asked)
            self.clicked.add(event)

    def moments(self) -> tuple[Callable[[], int], ...]:
        """Return counts of what a kill could spoil: events, clips, uploads, calls of Slack."""
        return (
            lambda: len(list(self.events.glob("*/*"))),
            lambda: len(list(self.events.glob("*/*/clip*.mp4"))),
            lambda: len(self.proxy.requests),
            lambda: len(self.slack.calls),
        )

    def recorded(self) -> dict[str, dict[str, Any]]:
        """Return the record on disk of each event."""
        return {
            path.parent.name: json.loads(path.read_text())
            for path in self.events.glob("*/*/event.json")
        }

    def files(self, pattern: str) -> dict[str, list[bytes]]:
        """Return the files of *pattern* by event, the parts of a clip in their order."""
        found = defaultdict(list)
        for path in sorted(
            self.events.glob(f"*/*/{pattern}"), key=lambda path: (len(path.name), path)
        ):
            found[path.parent.name].append(path.read_bytes())
        return dict(found)

    def alerts(self) -> dict[str, list[Posted]]:
        """Return the messages in Slack of each event.

        In the evening the silencer asks for tags too; the key of such a message names the house.
        """
        found = defaultdict(list)
        for message in self.slack.seen():
            key = message.metadata["event_payload"]["key"] if message.metadata else "Z-house"
            if "Z-house" not in key:
                found[key].append(message)
        return dict(found)

    def clips(self) -> dict[str, list[bytes | None]]:
        """The clips in the threads of each event's alerts, where there are any."""
        found = {
            event: list(chain(*(self.slack.clips(alert.ts) for alert in alerts)))
            for event, alerts in self.alerts().items()
        }
        return {event: clips for event, clips in found.items() if clips}

    def wanted(self) -> dict[str, bytes]:
        """Return the files that S3 must get, by key."""
        names = {
            "clip*.mp4": "clips/{}{}.mp4",
            "snapshot.jpg": "clips/{}.jpg",
            "label.json": "labels/{}.json",
        }
        found = {
            key.format(path.parent.name, path.stem.removeprefix("clip")): path.read_bytes()
            for pattern, key in names.items()
            for path in self.events.glob(f"*/*/{pattern}")
        }
        return found | {
            f"training/{event}.tar": path.read_bytes()
            for event, path in self.proxy.samples().items()
        }

    def published(self) -> list[dict[str, Any]]:
        """The facts on the stream."""
        return [json.loads(stored["fact"]) for _, stored in self.raw.xrange("events")]

    def late(self) -> set[str]:
        """Return the events that were published before their clips and samples were begun."""
        return self._logged("is published before its sample and clip") | self.cut_short()

    def cut_short(self) -> set[str]:
        """Return the events whose program was killed before their picture was on disk."""
        return self._logged("is published without its picture: the program was killed")

    def _logged(self, words: str) -> set[str]:
        """Return the events that the camera's log has in a line with *words*."""
        lines = [line for line in self.programs["camera"].log.splitlines() if words in line]
        return {event for event in self.recorded() if any(event in line for line in lines)}

    def close(self) -> None:
        for program in self.programs.values():
            program.__exit__()
        self.raw.close()
        self.state.close()


@pytest.fixture(scope="module")
def video(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some minutes of an empty room into which somebody comes every few seconds, made of real
    pictures.
    """
    path = tmp_path_factory.mktemp("video") / "visits.mp4"
    return visits_video(footage, path, [*EMPTY, *SHORT_VISIT, *EMPTY, *LONG_VISIT])


@pytest.fixture
def house(
    tmp_path: Path,
    durable_redis_server: RedisServer,
    s3_server: S3Server,
    bucket: Bucket,
    video: Path,
) -> Iterator[House]:
    with (
        SlackServer() as slack,
        Witness(s3_server, tmp_path / "data" / "events", tmp_path / "samples") as proxy,
    ):
        made = House(
            tmp_path,
            video,
            server=durable_redis_server,
            slack=slack,
            proxy=proxy,
            bucket=bucket,
        )
        yield made
        made.close()


def test_whatever_is_killed_every_event_arrives_whole_and_once(
    house: House,
) -> None:
    chance = random.Random(SEED)
    house.start()
    until(house.alerts, "the first alert", 40.0)
    for _ in range(ROUNDS):
        time.sleep(chance.uniform(0.0, 1.2))
        await_moment(chance.choice(house.moments()), chance)
        house.kill(*chance.sample(sorted(house.programs), chance.choice((1, 1, 1, 2))))
        house.click(chance)
    settle(house)
    assert_all_is_in_slack(house)
    assert_all_is_in_s3(house)
    assert_nothing_is_left(house)
    facts = Counter((fact["kind"], fact["event"], fact["file"]) for fact in house.published())
    assert set(facts.values()) == {1}
    assert {
        event for kind, event, _ in facts if kind == "motion_started"
    } == house.recorded().keys()


def await_moment(count: Callable[[], int], chance: random.Random) -> None:
    """Wait until it counts up, for 3 s at most, and then for a moment more."""
    before, until_s = count(), time.monotonic() + 3.0
    while count() == before and time.monotonic() < until_s:
        time.sleep(0.001)
    time.sleep(chance.choice((0.0, 0.01, 0.05, 0.3)) * chance.random())


def settle(house: House) -> None:
    """Let nothing more happen, and wait until nobody has anything left to do."""
    for program in house.programs.values():
        program.wait_until_beating(house.server.url)
    house.disarm()
    until(
        lambda: all("ended_at" in one for one in house.recorded().values()),
        "all events are ended",
        30.0,
    )
    until(lambda: not list(house.events.rglob("*.part")), "all clips are finished", 30.0)
    until(lambda: house.files("label.json").keys() == house.clicked, "all labels are there")
    until(
        lambda: house.alerts().keys() >= house.recorded().keys(), "all alerts are in Slack", 120.0
    )
    until(
        lambda: house.clips().keys() >= house.files("clip*.mp4").keys(),
        "all clips are in Slack",
        120.0,
    )
    until(lambda: set(house.bucket.keys()) >= house.wanted().keys(), "all is in S3", 60.0)
    until(lambda: not house.files("sample.tar"), "no sample waits", 60.0)
    for program in house.programs.values():
        assert program.stop() == 0


def assert_all_is_in_slack(house: House) -> None:
    events, alerts, pictures = house.recorded().keys(), house.alerts(), house.files("snapshot.jpg")
    assert {event: len(posted) for event, posted in alerts.items()} == dict.fromkeys(events, 1)
    shows = {
        event: [house.slack.files[file].content for file in alert.files]
        for event, (alert,) in alerts.items()
    }
    assert shows == {event: pictures.get(event, []) for event in events}
    clips = house.files("clip*.mp4")
    assert events - clips.keys() <= house.late()
    assert house.clips() == clips
    assert house.slack.clips() == []
    assert all("ccupied by " in alerts[event][0].words for event in house.clicked)


def assert_all_is_in_s3(house: House) -> None:
    wanted, samples, events = house.wanted(), house.proxy.samples(), house.recorded().keys()
    assert house.bucket.keys() == sorted(wanted)
    assert [key for key, content in wanted.items() if house.bucket.content(key) != content] == []
    assert events - house.files("snapshot.jpg").keys() <= house.cut_short()
    assert events - samples.keys() <= house.late()
    for event, path in samples.items():
        with tarfile.open(path) as tar:
            assert json.load(tar.extractfile(tar.next()))["id"] == event  # type: ignore[arg-type]
    assert len(house.proxy.puts()) <= len(wanted) + house.kills


def assert_nothing_is_left(house: House) -> None:
    assert {path.name for path in house.events.glob("*/*")} == house.recorded().keys()
    assert not list(house.events.parent.rglob("*.part"))


@pytest.mark.parametrize("source", ["video", "drawn"])
def test_an_event_that_is_published_survives_a_kill_at_once(
    house: House, source: str, tmp_path: Path
) -> None:
    camera = house.programs["camera"]
    if source == "drawn":
        camera = house.programs["camera"] = Program(
            "app.daemons.security_system", tmp_path / "config", "--source", "demo"
        )
    camera.start()
    event = until(
        lambda: next(
            (fact["event"] for fact in house.published() if fact["event"] not in house.late()), None
        ),
        "an event is published",
        60.0,
    )
    camera.kill()
    folder = next(house.events.glob(f"*/{event}"))
    names = {path.name for path in folder.iterdir()}
    assert names >= {"event.json", "snapshot.jpg", "snapshot-clean.jpg", "sample.tar"}
    # On a busy machine the event may have ended before the kill.
    assert names & {".clip.mp4.part", ".clip.mp4.ready.part", "clip.mp4"}
    house.state.set_switch("camera_status", False)
    camera.start()
    until(lambda: not list(folder.glob("*.part")), "it is repaired")
    assert len(shown(folder / "clip.mp4")) >= FPS / 2
