"""A camera and its recorder without the daemon: a video is played and recorded."""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.cameras import make_camera
from app.cameras.base import CameraSettings
from app.clock import FakeClock
from app.errors import CameraEnded
from app.frames import Frame, Packet
from app.recording.base import RecordingSettings
from app.recording.recorder import ReadyClip, Recorder
from tests.recording.videos import FPS

Action = Callable[[Frame], object]


@dataclass
class RecorderHarness:
    """A recorder with *settings*, its clock, and what it reported.

    *refused* is the reason why nothing may be written.
    """

    settings: RecordingSettings
    ready: list[ReadyClip] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: str | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.recorder = Recorder(
            self.settings,
            self.clock,
            self.ready.append,
            lambda _folder, purpose, error: self.failed.append(f"{purpose}: {error}"),
            lambda _folder: self.refused,
        )

    def play(
        self,
        source: str | Path,
        actions: Mapping[int, Action],
        *,
        write_every: int = 3,
        last: int | None = None,
        **camera: object,
    ) -> None:
        """Play *source* as fast as possible, and write after every *write_every* frames.

        *actions* are called with the frames of these numbers. Frame *last* is the last one.
        """
        usual: dict[str, object] = {"source": str(source), "fps": FPS, "resolution": (320, 240)}
        settings = CameraSettings(**(usual | camera))  # type: ignore[arg-type]
        opened = make_camera("test", settings, self.clock, "fast")
        opened.sink = self._add_packet
        with closing(opened), suppress(CameraEnded):
            opened.open()
            while True:
                frame = opened.read()
                self.recorder.add_frame(frame)
                actions.get(frame.number, id)(frame)
                if frame.number % write_every == 0:
                    self.recorder.step()
                if frame.number == last:
                    break

    def record(
        self, source: str | Path, folder: Path, start_s: float, end_s: float, **how: object
    ) -> list[Path]:
        """The files that are made of *source* for an event from *start_s* to *end_s*.

        *how* are further arguments of `play`.
        """

        def begin(frame: Frame) -> None:
            start_s = frame.at_s - self.settings.pre_roll_s
            clip = self.recorder.begin_clip(folder, start_s, "purpose")
            clip.end(end_s + self.settings.post_roll_s)

        self.play(source, {round(start_s * FPS): begin}, **how)  # type: ignore[arg-type]
        self.finish()
        return [one.clip for one in self.ready]

    def finish(self) -> None:
        """Close the camera, and write everything that it gave."""
        self.recorder.stop_clips()
        self.write_all()

    def write_all(self) -> None:
        """Write until there is nothing left to write."""
        while self.recorder.step() == 0.0:
            pass

    def _add_packet(self, packet: Packet) -> None:
        self.recorder.add_packet(packet)
        assert self.recorder.ring.used_bytes <= self.settings.preroll_mb * 1_000_000
