"""Settings for clips: the time around an event, and the limit of memory."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Settings for clips; `config.yml` explains each key."""

    clips: bool = True
    pre_roll_s: Annotated[float, Interval(ge=0, le=60)] = 5.0
    post_roll_s: Annotated[float, Interval(ge=0, le=300)] = 5.0
    max_clip_s: Annotated[float, Interval(ge=5, le=3600)] = 120.0
    preroll_mb: Annotated[float, Interval(ge=1, le=1024)] = 32.0
