"""The lens of a camera with autofocus, such as the Camera Module 3.

Continuous autofocus hunts, and each hunt looks like motion. So the lens moves only when it must: to
a set distance, or once to where a sweep finds the picture sharpest. It then stays locked. Distances
are metres; the camera counts dioptres, 1 / metres.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.cameras.base import Focus
from app.errors import WorldError
from app.files import write_atomic

#: The values of libcamera's AfMode, AfTrigger and AfState.
_MANUAL, _AUTO, _START = 0, 1, 0
_FOCUSED, _FAILED = 2, 3
#: A sweep that takes longer is given up; the sweep of a Camera Module 3 takes 1 to 2 s.
SWEEP_S = 6.0
#: The lens needs so long to come to rest.
SETTLE_S = 0.5
#: With less light a sweep finds only noise.
LEAST_LUX = 20.0
#: The time until the next sweep, after one that failed or was not possible.
RETRY_S = 600.0
#: A picture is blurred when its sharpness is below this share of that after the last sweep, and a
#: new sweep begins when that lasts. Somebody close to the lens or a headlight goes away sooner.
_BLURRED, _BLURRED_S = 0.4, 180.0
#: How fast the sharpness after a sweep is learned, and from how many pictures.
_PICTURES = 20

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sharpness:
    """The usual sharpness since the last sweep, and since when the picture is blurred."""

    pictures: int = 0
    usual: float = 0.0
    blurred_since_s: float | None = None

    def is_lost(self, value: float, at_s: float) -> bool:
        """Take the *value* of a picture; return whether pictures are blurred for minutes."""
        if self.pictures < _PICTURES:
            self.pictures += 1
            self.usual += (value - self.usual) / self.pictures
            return False
        if value >= _BLURRED * self.usual:
            self.blurred_since_s = None
            return False
        if self.blurred_since_s is None:
            self.blurred_since_s = at_s
        return at_s - self.blurred_since_s >= _BLURRED_S


class Lens:
    """Focuses *camera*, a running picamera2 camera, as *focus* says; its *name* is for the log.

    *focus* is "auto", a distance in metres, or None: then the lens is left alone. *file* keeps the
    position of the last sweep for later openings; with None nothing is kept.
    """

    def __init__(self, camera: Any, name: str, focus: Focus, file: Path | None) -> None:
        self._camera = camera
        self._name = name
        self._file = file
        self._wants_auto = focus == "auto"
        self._state: Literal["locked", "sweeping", "settling"] = "locked"
        self._until_s = -math.inf
        self._sweep_at_s = math.inf
        self._sharpness = _Sharpness()
        self._asked = False
        #: Whether the lens can be moved.
        self.movable = "AfMode" in camera.camera_controls
        #: The number of times that the lens came to rest: pictures look different after each.
        self.moves = 0
        #: The distance in metres to which the lens is set; None when it is not known.
        self.distance_m: float | None = None
        self._begin(focus)

    @property
    def moving(self) -> bool:
        """Return whether the lens moves, so that pictures change without motion."""
        return self._state != "locked"

    def refocus(self) -> None:
        """Sweep again at the next picture, if the lens can; any thread may call it."""
        self._asked = True

    def step(self, metadata: Mapping[str, Any], at_s: float) -> None:
        """Follow the lens by the *metadata* of a picture, taken at *at_s*."""
        if not self.movable:
            return
        if self._state == "sweeping":
            self._follow_sweep(metadata, at_s)
        elif self._state == "settling":
            if at_s >= self._until_s:
                self._state = "locked"
                self._sharpness = _Sharpness()
                self.moves += 1
        elif self._asked or (self._wants_auto and self._is_due(metadata, at_s)):
            self._sweep(metadata, at_s)

    def _begin(self, focus: Focus) -> None:
        if focus is None:
            return
        if not self.movable:
            _log.warning("%s has no lens that moves; its focus is not set", self._name)
            return
        kept = self._kept() if self._wants_auto else 1 / float(focus)
        if kept is None:
            self._sweep_at_s = -math.inf
        else:
            self._lock(kept)

    def _is_due(self, metadata: Mapping[str, Any], at_s: float) -> bool:
        if at_s >= self._sweep_at_s:
            return True
        sharpness = metadata.get("FocusFoM")
        is_light = _lux(metadata) >= LEAST_LUX
        return bool(sharpness and is_light and self._sharpness.is_lost(float(sharpness), at_s))

    def _sweep(self, metadata: Mapping[str, Any], at_s: float) -> None:
        self._asked = False
        if _lux(metadata) < LEAST_LUX:
            _log.warning("%s: it is too dark to focus; trying again later", self._name)
            self._sweep_at_s = at_s + RETRY_S
            return
        _log.info("%s: the lens looks for the sharpest picture", self._name)
        self._sweep_at_s = math.inf
        self._state, self._until_s = "sweeping", at_s + SWEEP_S
        self._camera.set_controls({"AfMode": _AUTO, "AfTrigger": _START})

    def _follow_sweep(self, metadata: Mapping[str, Any], at_s: float) -> None:
        state, position = metadata.get("AfState"), metadata.get("LensPosition")
        if state == _FOCUSED and position is not None:
            self._lock(float(position))
            self._keep(float(position))
            _log.info("%s: the lens is focused at %s", self._name, self.words)
        elif state == _FAILED or at_s >= self._until_s:
            self._lock(self._kept() or self._usual())
            self._sweep_at_s = at_s + RETRY_S
            _log.warning("%s: no sharp picture was found; focused at %s", self._name, self.words)
        else:
            return
        self._state, self._until_s = "settling", at_s + SETTLE_S

    @property
    def words(self) -> str:
        """The focus in words; "" when the lens does not move."""
        if not self.movable:
            return ""
        if self.distance_m is None:
            return "as the camera has it"
        return "infinity" if math.isinf(self.distance_m) else f"{self.distance_m:.2g} m"

    def _lock(self, position: float) -> None:
        least, most, _ = self._camera.camera_controls["LensPosition"]
        position = min(max(position, least), most)
        self._camera.set_controls({"AfMode": _MANUAL, "LensPosition": position})
        self.distance_m = 1 / position if position > 0 else math.inf

    def _usual(self) -> float:
        return float(self._camera.camera_controls["LensPosition"][2] or 0.0)

    def _kept(self) -> float | None:
        """Return the position of the last sweep that worked, None without one."""
        try:
            kept = float(self._file.read_bytes()[:40]) if self._file else math.nan
        except (OSError, ValueError):
            return None
        return kept if 0 <= kept < math.inf else None

    def _keep(self, position: float) -> None:
        if self._file is None:
            return
        try:
            write_atomic(self._file, f"{position:.4f}\n".encode())
        except (OSError, WorldError) as error:
            _log.warning("%s: the focus is not kept for later: %s", self._name, error)


def _lux(metadata: Mapping[str, Any]) -> float:
    """Return the light in lux; a camera that does not say it has enough."""
    lux = metadata.get("Lux")
    return math.inf if lux is None else float(lux)
