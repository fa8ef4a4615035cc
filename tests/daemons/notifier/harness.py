"""An outbox with one way, on a fake clock, and ways that remember what they were given."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import protocol
from app.clock import FakeClock
from app.daemons.notifier.channel import Channel
from app.daemons.notifier.clip_files import ClipFiles
from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.daemons.notifier.composer import Composer
from app.daemons.notifier.outbox import Outbox
from app.notify import Digest, MemoryNotifier, Message, Progress, Topic
from app.protocol import EventRecord, Fact, FactKind, Heartbeat
from app.state import State

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
FACT = Fact(f"{EVENT}-motion_started", "motion_started", AT, "Motion.", "front", EVENT)
HERE = protocol.host_name()


def clip_fact(
    part: int = 1, event: str = EVENT, seconds: float = 10.0, kind: FactKind = "clip_ready"
) -> Fact:
    file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
    return Fact(
        f"{event}-{kind}-{part}",
        kind,
        AT + timedelta(seconds=seconds),
        f"Clip {part}.",
        "front",
        event,
        file=file,
        host=HERE,
    )


class Threading(MemoryNotifier):
    """A way whose films come below what was told before, as Slack's do; it says where it has put
    each message.
    """

    name = "threading"
    makes_digests = True
    clips_in_threads = True

    def __init__(self) -> None:
        super().__init__()
        self.digested: list[list[str]] = []
        self.pictured: list[str] = []

    def deliver(self, message: Message, progress: Progress) -> None:
        super().deliver(message, progress)
        progress.set("posted", f"place of {message.key}")

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        self.digested.append([message.key for message in digest.messages])
        self.pictured = [message.key for message in digest.messages if message.picture]
        progress.set("posted", f"place of {digest.key}")


class Linking(MemoryNotifier):
    """A way that takes links alone, as texts do."""

    name = "linking"
    makes_digests = True
    links_only = True

    def __init__(self) -> None:
        super().__init__()
        self.digested: list[list[str]] = []

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:  # noqa: ARG002 (the contract's)
        self.digested.append([message.text for message in digest.messages])


@dataclass
class Post:
    """An outbox with one way, on a fake clock; a test lets its two queues take one step after
    another.
    """

    way: Threading | Linking | MemoryNotifier
    outbox: Outbox
    state: State
    clock: FakeClock
    data_dir: Path
    films: ClipFiles
    acknowledged: list[str]

    @property
    def alerts(self) -> Channel:
        return self.outbox.channels[0]

    @property
    def clips(self) -> Channel:
        return self.outbox.channels[1]

    def film(self, event: str, file: str) -> Path:
        """Put a film where the camera puts it."""
        path = self.data_dir / "events" / "2026-11-20" / event / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a film")
        return path

    def add(self, fact: Fact, here: bool = True) -> None:
        """Publish *fact*, its film lying *here*, and have it told."""
        if fact.file and here:
            self.film(fact.event or "", fact.file)
        self.state.publish(
            fact,
            EventRecord("front", fact.at) if fact.event else None,
            b"a picture" if fact.event else None,
        )
        self.outbox.enqueue(fact.id, fact, self.outbox.channels_for(fact))

    def uploads_go_well(self) -> None:
        self.state.send_heartbeat(
            protocol.heartbeat_key("uploader", HERE), Heartbeat(1, AT, AT, {"s3_trouble": None})
        )

    def told(self) -> list[str]:
        return [message.text for message in self.way.messages]


def run(way: Channel) -> float:
    """Let *way* do all it has to do now; returns how long it would wait then."""
    wait_s = 0.0
    while wait_s == 0:
        wait_s = way.step()
    return wait_s


def post_of(
    state: State,
    data_dir: Path,
    way: Threading | Linking | MemoryNotifier,
    when: Iterable[Topic] = (),
) -> Post:
    """One whose *way* tells *when*, if that is not everything."""
    way.when = frozenset(when) or way.when
    clock = FakeClock(AT)
    films = ClipFiles(
        state,
        clock,
        data_dir,
        lambda key: f"https://s3/{key}",
        ClipShrinker(),
        upload_every_s=300.0,
    )
    acknowledged: list[str] = []
    outbox = Outbox([way], Composer(state, clock, films), 120.0, acknowledged.append)
    return Post(way, outbox, state, clock, data_dir, films, acknowledged)
