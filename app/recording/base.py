"""What of the time around an event is kept as a film, and how much memory that may take."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """How clips are made; `config.yml` says what each key does."""

    clips: bool = True
    pre_roll_s: Annotated[float, Interval(ge=0, le=60)] = 5.0
    post_roll_s: Annotated[float, Interval(ge=0, le=300)] = 5.0
    max_clip_s: Annotated[float, Interval(ge=5, le=3600)] = 120.0
    preroll_mb: Annotated[float, Interval(ge=1, le=1024)] = 32.0
