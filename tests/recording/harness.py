"""A camera and its recorder without a house: a film is played, and clips are made of it."""

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

Act = Callable[[Frame], object]


@dataclass
class Studio:
    """A recorder with *settings*, the clock that it goes by, and what it told. `refused` is why
    nothing may be written.
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
            lambda _folder, note, error: self.failed.append(f"{note}: {error}"),
            lambda _folder: self.refused,
        )

    def play(
        self,
        source: str | Path,
        acts: Mapping[int, Act],
        *,
        write_every: int = 3,
        last: int | None = None,
        **camera: object,
    ) -> None:
        """Play *source* as fast as it can be, write after every so many frames, and do what *acts*
        say with the frames of these numbers.
        """
        usual: dict[str, object] = {"source": str(source), "fps": FPS, "resolution": (320, 240)}
        settings = CameraSettings(**(usual | camera))  # type: ignore[arg-type]
        film = make_camera("studio", settings, self.clock, "fast")
        film.sink = self._packet
        with closing(film), suppress(CameraEnded):
            film.open()
            while True:
                frame = film.read()
                self.recorder.add_frame(frame)
                acts.get(frame.number, id)(frame)
                if frame.number % write_every == 0:
                    self.recorder.step()
                if frame.number == last:
                    break

    def film(
        self, source: str | Path, folder: Path, start_s: float, end_s: float, **camera: object
    ) -> list[Path]:
        """The files that are made of *source* when an event was seen from *start_s* to *end_s*."""

        def begin(frame: Frame) -> None:
            clip = self.recorder.begin_clip(folder, frame.at_s - self.settings.pre_roll_s, "note")
            clip.end(end_s + self.settings.post_roll_s)

        self.play(source, {round(start_s * FPS): begin}, **camera)  # type: ignore[arg-type]
        self.finish()
        return [one.clip for one in self.ready]

    def finish(self) -> None:
        """The camera is closed, and all that it gave is written."""
        self.recorder.stop_clips()
        self.write_all()

    def write_all(self) -> None:
        """Write until there is nothing left to be written."""
        while self.recorder.step() == 0.0:
            pass

    def _packet(self, packet: Packet) -> None:
        self.recorder.add_packet(packet)
        assert self.recorder.ring.used_bytes <= self.settings.preroll_mb * 1_000_000
