"""The newest pictures of the cameras, and what the cameras are to do."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from app import protocol
from app.protocol import CameraKey, Request
from app.state import scripts
from app.state.base_state import BaseState
from app.state.changes import Changes
from app.state.connection import TIMEOUT_S, talking
from app.state.streams import decoded, is_before
from app.state.subscription import Subscription
from app.state.views import CameraControls, Latest, latest_of, text_of, time_of

#: The value of the keys that say that somebody looks; any other means nothing.
WATCHED = b"1"

#: Requests that a camera reads at once.
_REQUESTS = 100


class CameraState(BaseState):
    """The part of the state about cameras."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._set_latest = self._redis.register_script(scripts.SET_LATEST)
        self._set_in_memory = self._redis.register_script(scripts.SET_IN_MEMORY)

    def set_latest(self, camera: str, latest: Latest) -> None:
        """Store *latest* as the newest picture of *camera*."""
        key = protocol.camera_key(camera, "latest")
        taken_at = latest.taken_at.isoformat()
        words: list[bytes | str | int] = [latest.jpeg, taken_at, protocol.LATEST_LIFE_S]
        self._write([key], lambda: self._set_latest(keys=[key], args=words))

    def latest(self, camera: str) -> Latest | None:
        """Return the newest picture of *camera*, None when there is none from the last day."""
        key = protocol.camera_key(camera, "latest")
        raw = self._fields(key)
        return latest_of(raw)

    def latest_taken_at(self, camera: str) -> datetime | None:
        """Return when the newest picture of *camera* was taken, None when there is none."""
        key = protocol.camera_key(camera, "latest")
        return time_of(
            self._foreign.read(key, lambda: cast(bytes | None, self._redis.hget(key, "taken_at")))
        )

    def forget_latest(self, camera: str, before: datetime) -> None:
        """Remove the newest picture of *camera* if it was taken earlier than *before*."""
        taken_at = self.latest_taken_at(camera)
        if taken_at and taken_at < before:
            with talking():
                self._redis.delete(protocol.camera_key(camera, "latest"))

    def publish_frame(self, camera: str, picture: bytes) -> None:
        """Send *picture*, a JPEG, to everybody who watches *camera* now."""
        with talking():
            self._redis.publish(protocol.camera_key(camera, "frames"), picture)

    def publish_detector(self, camera: str, picture: bytes) -> None:
        """Send *picture*, the detector's header line and JPEG, to everybody who watches it now."""
        with talking():
            self._redis.publish(protocol.camera_key(camera, "detector"), picture)

    def watch(self, cameras: Collection[str], *, detector: bool = False) -> None:
        """Ask *cameras* for live pictures, or for those of the *detector* instead.

        They publish them for `WATCHED_LIFE_S` seconds, so repeat this while somebody looks. Takes
        one round trip for all cameras.
        """
        key: CameraKey = "detector_watched" if detector else "watched"
        if not cameras:
            return
        names = [protocol.camera_key(camera, key) for camera in cameras]
        with talking():
            self._set_in_memory(keys=names, args=[WATCHED, protocol.WATCHED_LIFE_S])

    def subscription(self, *channels: str) -> Subscription:
        """Return a subscription to *channels*, at least one, as `camera_key` names them."""
        return Subscription(self._redis, channels, self._timeout_s)

    def control_changes(self, camera: str) -> Changes:
        """Return the changes of what `camera_controls` reads."""
        return self.changes(*_control_names(camera), "requests")

    def camera_controls(self, camera: str, after: str) -> CameraControls:
        """Return the wanted state of *camera*, and the requests after the entry *after*.

        When the stream has not come as far as *after*, it is another stream, since Redis was
        emptied. Its requests are then returned from the beginning.
        """

        def ask() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.mget(_control_names(camera))
                pipe.xrevrange("requests", count=1)
                return pipe.execute()

        (status, target, watched, detector), last = self._write(["requests"], ask)
        newest = last[0][0].decode() if last else "0-0"
        entries = []
        if newest != after:
            start = after if is_before(after, newest) else "0-0"
            with talking():
                entries = cast(
                    Any, self._redis.xrange("requests", min=f"({start}", count=_REQUESTS)
                )
            newest = entries[-1][0].decode() if entries else "0-0"
        asked = tuple(decoded(Request, stored.get(b"request"), "requests") for _, stored in entries)
        return CameraControls(
            text_of(status),
            text_of(target),
            watched == WATCHED,
            asked,
            newest,
            detector_watched=detector == WATCHED,
        )


def _control_names(camera: str) -> tuple[str, ...]:
    return (
        "camera_status",
        protocol.camera_key(camera, "target"),
        protocol.camera_key(camera, "watched"),
        protocol.camera_key(camera, "detector_watched"),
    )
