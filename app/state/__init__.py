"""The state that the programs share, in Redis. Only this package imports redis."""

from app.state.store import (
    TAKE_OVER_AFTER_MS,
    TIMEOUT_S,
    CameraWishes,
    Latest,
    Reader,
    State,
    Survey,
    Tag,
    within,
)

__all__ = [
    "TAKE_OVER_AFTER_MS",
    "TIMEOUT_S",
    "CameraWishes",
    "Latest",
    "Reader",
    "State",
    "Survey",
    "Tag",
    "within",
]
