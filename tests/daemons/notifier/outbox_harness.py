"""An outbox on a fake clock, and notifiers that remember what they have delivered."""

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
from app.errors import DeliveryError, DeliveryRefused
from app.notify import Digest, MemoryNotifier, Message, Progress, Topic
from app.protocol import EventRecord, Fact, FactKind, Heartbeat, Stage
from app.state import State

AT = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
EVENT = "20261120T101500.000Z-front"
FACT = Fact(f"{EVENT}-motion_started", "motion_started", AT, "Motion.", "front", EVENT)
LOST = Fact("lost", "camera_lost", AT, "Lost.", "front")
HERE = protocol.host_name()
DELIVERED = {"delivered:threading": "then"}


def event_after(seconds: float) -> str:
    """Return the id of an event *seconds* after `EVENT`."""
    return protocol.event_id(AT + timedelta(seconds=seconds), "front")


def alert_fact(number: int, seconds: float | None = None) -> Fact:
    """Return the alert *number*, which began *seconds*, or else *number* seconds, after `AT`."""
    event = event_after(number if seconds is None else seconds)
    at = protocol.event_started_at(event)
    return Fact(
        f"{event}-motion_started", "motion_started", at, f"Motion {number}.", "front", event
    )


def clip_fact(
    part: int = 1, event: str = EVENT, seconds: float = 10.0, kind: FactKind = "clip_ready"
) -> Fact:
    """Return the fact that *part* of the clip of *event* is there, *seconds* after `AT`."""
    file = "clip.mp4" if part == 1 else f"clip-{part}.mp4"
    at = AT + timedelta(seconds=seconds)
    return Fact(
        f"{event}-{kind}-{part}",
        kind,
        at,
        f"Clip {part}.",
        "front",
        event,
        file=file,
        host=HERE,
    )


class DigestNotifier(MemoryNotifier):
    """Makes digests: *digested* has the texts of each."""

    name = "digesting"
    makes_digests = True

    def __init__(self) -> None:
        super().__init__()
        self.digested: list[list[str]] = []

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:  # noqa: ARG002 (one step)
        self.digested.append([message.text for message in digest.messages])


class ThreadNotifier(DigestNotifier):
    """Puts clips below earlier messages, as Slack does; says where it has put each message.

    *pictured* are the messages of the last digest that had pictures.
    """

    name = "threading"
    clips_in_threads = True

    def __init__(self) -> None:
        super().__init__()
        self.pictured: list[str] = []

    def deliver(self, message: Message, progress: Progress) -> None:
        super().deliver(message, progress)
        progress.set(Stage.POSTED, f"place of {message.key}")

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        super().deliver_digest(digest, progress)
        self.pictured = [message.text for message in digest.messages if message.picture]
        progress.set(Stage.POSTED, f"place of {digest.key}")


class LinkNotifier(DigestNotifier):
    """Takes links only, as text messages do."""

    name = "linking"
    links_only = True


class StagedNotifier(DigestNotifier):
    """Takes two stages for a message, and fails after a stage *failures* times."""

    name = "staged"

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.stages: list[str] = []
        self._failures = failures

    def deliver(self, message: Message, progress: Progress) -> None:
        self._run_stages(message.key, progress)

    def deliver_digest(self, digest: Digest, progress: Progress) -> None:
        if not progress.get(Stage.POSTED):
            super().deliver_digest(digest, progress)
        self._run_stages("digest", progress)

    def fail_stages(self, failures: int) -> None:
        """Fail after each of the next *failures* stages."""
        self._failures = failures

    def _run_stages(self, key: str, progress: Progress) -> None:
        for stage in (Stage.FILE, Stage.POSTED):
            if progress.get(stage) is None:
                self.stages.append(f"{key} {stage}")
                progress.set(stage, "done")
                if self._failures:
                    self._failures -= 1
                    raise DeliveryError("the connection was lost")


class RefusingNotifier(ThreadNotifier):
    """Refuses messages whose text is in *refused*; *tried* has every text that it was given.

    A failure names *retry_after_s* if that is given.
    """

    def __init__(self, *refused: str) -> None:
        super().__init__()
        self.tried: list[str] = []
        self.refused = refused
        self.retry_after_s: float | None = None

    def deliver(self, message: Message, progress: Progress) -> None:
        self.tried.append(message.text)
        if message.text in self.refused:
            raise DeliveryError("400 Bad Request", self.retry_after_s)
        super().deliver(message, progress)


class ClosedNotifier(MemoryNotifier):
    """Refuses everything while it *is_closed*, and says what the owner must do."""

    is_closed = True

    def deliver(self, message: Message, progress: Progress) -> None:
        if self.is_closed:
            raise DeliveryRefused("not in the channel: invite me", 60)
        super().deliver(message, progress)


@dataclass
class OutboxHarness:
    """An outbox, whose channels a test lets take one step after another."""

    outbox: Outbox
    state: State
    clock: FakeClock
    data_dir: Path
    clip_files: ClipFiles
    acknowledged: list[str]

    @property
    def alerts(self) -> Channel:
        """The queue `alerts` of the first notifier."""
        return self.outbox.channels[0]

    @property
    def clips(self) -> Channel:
        """The queue `clips` of the first notifier."""
        return self.outbox.channels[len(self.outbox.notifiers)]

    @property
    def messages(self) -> list[Message]:
        """What the first notifier has delivered."""
        notifier = self.outbox.notifiers[0]
        assert isinstance(notifier, MemoryNotifier)
        return notifier.messages

    def texts(self) -> list[str]:
        return [message.text for message in self.messages]

    def parents(self) -> list[str | None]:
        return [message.parent for message in self.messages]

    def write_clip(self, event: str, file: str) -> Path:
        """Write a clip where the camera writes it."""
        path = self.data_dir / "events" / "2026-11-20" / event / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a clip")
        return path

    def add(self, *facts: Fact, clip_here: bool = True) -> None:
        """Publish *facts*, each with its clip if that is *clip_here*, and have them delivered."""
        for fact in facts:
            if fact.file and clip_here:
                self.write_clip(fact.event or "", fact.file)
            record = EventRecord("front", fact.at, score=0.5) if fact.event else None
            self.state.publish(fact, record, b"a picture" if fact.event else None)
            self.outbox.enqueue(fact.id, fact, self.outbox.channels_for(fact))

    def add_clip_of_delivered(self, event: str = EVENT, part: int = 1) -> Fact:
        """Have a clip delivered, whose alert was delivered before; returns its fact."""
        self.state.mark_event(event, DELIVERED | {"threading:posted": f"place of {event}"})
        fact = clip_fact(part, event)
        self.add(fact)
        return fact

    def let_uploads_succeed(self) -> None:
        heartbeat = Heartbeat(1, AT, AT, {"store_trouble": {"s3": None}})
        self.state.send_heartbeat(protocol.heartbeat_key("uploader", HERE), heartbeat)

    def run_and_wait(self, channel: Channel) -> None:
        """Let *channel* do all it can do now, then let the time pass that it would wait."""
        self.clock.advance(run(channel))


def run(channel: Channel) -> float:
    """Let *channel* do all it can do now; returns how long it would wait then, in seconds."""
    wait_s = 0.0
    while wait_s == 0:
        wait_s = channel.step()
    return wait_s


def make_harness(
    state: State, data_dir: Path, *notifiers: MemoryNotifier, when: Iterable[Topic] = ()
) -> OutboxHarness:
    """Return a harness of *notifiers*, which deliver *when*, or everything."""
    for notifier in notifiers:
        notifier.when = frozenset(when) or notifier.when
    clock = FakeClock(AT)
    clip_files = ClipFiles(
        state,
        clock,
        data_dir,
        lambda key: f"https://s3/{key}",
        ClipShrinker(),
        upload_every_s=300.0,
    )
    acknowledged: list[str] = []
    outbox = Outbox(
        notifiers,
        Composer(state, clock, clip_files),
        120.0,
        lambda *entries: acknowledged.extend(entries),
    )
    return OutboxHarness(outbox, state, clock, data_dir, clip_files, acknowledged)
