"""The state that the programs share, in Redis. Only this package imports redis."""

from app.state.changes import LOOK_S, Changes
from app.state.connection import TIMEOUT_S, within
from app.state.store import State
from app.state.streams import TAKE_OVER_AFTER_MS, Reader
from app.state.subscription import Subscription
from app.state.views import CameraControls, KnownEvent, Latest, Survey, Tag

__all__ = [
    "LOOK_S",
    "TAKE_OVER_AFTER_MS",
    "TIMEOUT_S",
    "CameraControls",
    "Changes",
    "KnownEvent",
    "Latest",
    "Reader",
    "State",
    "Subscription",
    "Survey",
    "Tag",
    "within",
]
