"""Sees people by what they do to the structure of the picture, which light leaves alone.

A solid thing hides the texture behind it; light keeps it. Each picture's local contrast is compared
with a learned one (`contrast`, `scene_model`). Where the whole picture has changed, by noise or a
push of the camera, the model follows (`whole_picture`, `shake`). Otherwise, what has changed
becomes blobs (`blobs`) and tracks (`tracker`, `tracks`), and a track is somebody when no rule
speaks against it (`rules`): it lasts, hides what is behind it, has edges, is darker somewhere, and
has gone somewhere. Changes of the light restart the evidence (`light_change`). Nothing is learned
under somebody; what lies still for long becomes part of the room (`life`).

docs/design/seeing.md says what each part is worth, and what did not help.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from app.frames import Image, Polygon
from app.motion.background import visible_mask
from app.motion.base import (
    Comparison,
    Contour,
    MotionModel,
    MotionSettings,
    Sighting,
    Zone,
)
from app.motion.blobs import Blob, BlobFinder
from app.motion.contrast import Contrast, unit_px
from app.motion.light_change import LightChange
from app.motion.parts import Parts
from app.motion.rules import Objection, Objections
from app.motion.scene_model import SceneModel
from app.motion.shrink import Shrink
from app.motion.specks import SMALLEST, Speck, Specks
from app.motion.tracker import USUAL_PICTURE_S, Tracker
from app.motion.tracks import Track
from app.motion.whole_picture import WholePicture
from app.motion.zones import Zones

#: Faster sources are judged at this pace.
MOST_PICTURES_S = 15.0
#: While nothing happens, at least one picture in so many seconds is looked at.
_DOZE_S = 0.35
#: The seconds between two looks while all that is followed is somebody for sure, and has moved
#: within the second number. With 0.39 in place of 0.29, four times as many verdicts are others.
_SURE_S, _LIVELY_S = 0.29, 1.0
#: The way of a speck from one picture to the next, in pixels of the reference.
_SPECK_REACH_PX = 3.0
#: The change of luma that ends the doze: grey levels, times the median noise, and in how many
#: pixels.
_WAKE_LEVELS, _WAKE_NOISE, _WAKE_PIXELS = 5.0, 5.0, 10


class StructureMotion(MotionModel):
    """Judges by structure, with the rules of *zones*. *masks* are areas that are never judged."""

    confirms = True

    def __init__(
        self,
        settings: MotionSettings,
        masks: tuple[Polygon, ...] = (),
        zones: tuple[Zone, ...] = (),
        parts: Parts | None = None,
    ) -> None:
        self._settings = settings
        self._masks = masks
        self._zones = zones
        self._parts = parts or Parts()
        self._assisted = False
        self._at_s = 0.0
        #: How many pictures and tracks were no motion, by reason.
        self.counts: Counter[str] = Counter()
        #: What is known of the scene; None before the first picture.
        self.scene: SceneWatch | None = None

    @property
    def rests(self) -> bool:
        return self.scene is not None and self.scene.rests

    def worth_judging(self, times_s: Sequence[float], luma: Image) -> Sequence[float]:
        if self.scene is None or self.scene.picture_shape != luma.shape:
            return times_s
        return self.scene.worth_judging(times_s, luma)

    def judge(self, luma: Image, span: int = 255, at_s: float | None = None) -> Sighting:
        self._at_s = self._at_s + USUAL_PICTURE_S if at_s is None else at_s
        scene = self.scene
        if scene is None or scene.picture_shape != luma.shape or scene.span != span:
            rows, columns = luma.shape
            scene = SceneWatch(
                *((rows, columns), span, self._settings, self._masks, self._parts),
                zones=self._zones,
                counts=self.counts,
            )
            if self._assisted:
                scene.assist()
            self.scene = scene
        return scene.judge(luma, self._at_s)

    def comparison(self) -> Comparison | None:
        return self.scene.comparison() if self.scene else None

    def contours(self) -> Sequence[Contour]:
        return self.scene.contours() if self.scene else ()

    def confirm(self, number: int) -> None:
        if self.scene:
            self.scene.confirm(number)

    def assist(self) -> None:
        if not self._assisted and self.scene:
            self.scene.assist()
        self._assisted = True

    def objections(self) -> Mapping[str, int]:
        return self.counts

    def relearn(self) -> None:
        self.scene = None


class SceneWatch:
    """Watches the scene of one camera, in pictures of one *picture_shape*, (rows, columns)."""

    def __init__(
        self,
        picture_shape: tuple[int, int],
        span: int,
        settings: MotionSettings,
        masks: tuple[Polygon, ...],
        parts: Parts,
        *,
        zones: tuple[Zone, ...],
        counts: Counter[str],
    ) -> None:
        self.picture_shape, self.span = picture_shape, span
        self._parts = parts
        self.shrink = Shrink(picture_shape)
        self._factor, shape = self.shrink.factor, self.shrink.shape
        self._scale = settings.frame_width / shape[1]
        self.contrast = Contrast(shape, span)
        self.model = SceneModel(shape, parts.model)
        least_px = settings.min_size * shape[0] * shape[1]
        self.finder = BlobFinder(shape, least_px)
        #: What is too small for motion alone; None where no person model assists.
        self._specks: Specks | None = None
        self.light = LightChange(shape)
        self._objections = Objections(counts)
        self.tracker = Tracker(
            *(self.contrast, self.model, self.finder),
            zones=Zones(zones, shape),
            objections=self._objections,
            parts=parts,
            absorb_s=settings.absorb_s,
            factor=self._factor,
        )
        self.whole = WholePicture(
            *(self.contrast, self.model, self.tracker),
            objections=self._objections,
            parts=parts,
            least_px=least_px / 3,
            visible=visible_mask(masks, shape) if masks else None,
        )
        #: The newest picture, and what it is in small.
        self._small_of: Image | None = None
        self._small, self._last = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self._luma_change = np.zeros(shape, np.uint8)
        #: The time of the last picture that was looked at.
        self._looked_s = -math.inf
        self._sighting = Sighting(motion=False, area_px=0.0, boxes=(), learning=True)
        #: Whether nothing is followed of which somebody could become.
        self.rests = False
        self._pause_s = 1 / MOST_PICTURES_S

    def assist(self) -> None:
        """Follow also what is too small for motion alone."""
        self._specks = Specks(math.ceil(_SPECK_REACH_PX * unit_px(self.model.shape)))
        self.finder.smallest_px = SMALLEST * self.finder.least_px
        self.whole.least_px = self.finder.smallest_px / 3

    # --- one picture ---

    def judge(self, luma: Image, at_s: float) -> Sighting:
        """Judge the next picture, taken at *at_s* on the clock of the source."""
        if 0 <= at_s - self._looked_s < self._pause_s - 1e-6:
            return self._sighting
        small = self._shrunk(luma)
        if not self._dozes(small, at_s):
            self._look(small, at_s)
            self._sighting = self._sight()
            self.rests = self._rests()
            self._pause_s = _SURE_S if self._is_sure(at_s) else 1 / MOST_PICTURES_S
        return self._sighting

    def _shrunk(self, luma: Image) -> Image:
        if self._small_of is not luma:
            self._small, self._small_of = self.shrink(luma), luma
        return self._small

    def _rests(self) -> bool:
        """Return whether all that is followed is somebody for sure, who alerts."""
        if not self.whole.is_calm or (self._specks and self._specks.any):
            return False
        return all(track.confirmed and track.alerts for track in self.tracker.tracks)

    def _is_sure(self, at_s: float) -> bool:
        tracks = self.tracker.tracks
        is_lively = all(at_s - track.alive_s < _LIVELY_S for track in tracks)
        return self._parts.doze and self.rests and bool(tracks) and is_lively

    def worth_judging(self, times_s: Sequence[float], luma: Image) -> Sequence[float]:
        """Return which of the pictures taken at *times_s*, of which the last is *luma*, to judge.

        Somebody is followed, and is looked at in his time; or else nothing was, and a change that
        the last picture does not show is too short for somebody.
        """
        if not (self.rests and self._parts.doze):
            return times_s
        if not self.tracker.tracks:
            return () if self._is_as_before(self._shrunk(luma)) else times_s
        due, looked_s = [], self._looked_s
        for at_s in times_s:
            if at_s - looked_s >= self._pause_s - 1e-6:
                due.append(at_s)
                looked_s = at_s
        return due

    def _dozes(self, small: Image, at_s: float) -> bool:
        """Return whether nothing has moved since the last picture that was looked at."""
        if self.tracker.tracks or not (self.rests and self._parts.doze):
            return False
        return at_s - self._looked_s < _DOZE_S and self._is_as_before(small)

    def _is_as_before(self, small: Image) -> bool:
        cv2.absdiff(small, self._last, dst=self._luma_change)
        levels = max(_WAKE_LEVELS, _WAKE_NOISE * self.model.median_noise)
        cv2.threshold(self._luma_change, levels, 255, cv2.THRESH_BINARY, dst=self._luma_change)
        return cv2.countNonZero(self._luma_change) < _WAKE_PIXELS

    def _look(self, small: Image, at_s: float) -> None:
        passed_s = at_s - self._looked_s
        dt_s = min(passed_s, 1.0) if 0 < passed_s < math.inf else USUAL_PICTURE_S
        self._looked_s = at_s
        self._last[:] = small
        self._objections.last = None
        self.contrast.take(small)
        self.contrast.weigh(small)
        self.light.take(small, self.contrast, at_s)
        changed = self.whole.judge(at_s, dt_s)
        if changed is not None:
            blobs = self.finder.find(self.model.changed) if changed else []
            is_new_light = self._parts.light_pause and self.light.is_changing(
                at_s, blobs, self.contrast, self.model
            )
            if self._specks:
                specks = self.finder.small if changed else []
                blobs = blobs + self._follow_specks(self._specks, specks, at_s)
            self.tracker.follow(blobs, at_s, dt_s, is_new_light=is_new_light)

    def _follow_specks(self, specks: Specks, small: list[Blob], at_s: float) -> list[Blob]:
        """Follow the *small* blobs; return those that are somebody who is known already."""
        known = [blob for blob in small if self.tracker.of_somebody(blob)]
        specks.follow(small, self.tracker.tracks, at_s)
        return known

    def confirm(self, number: int) -> None:
        """Let the track or the speck *number* be somebody, unless a zone speaks against it."""
        speck = self._specks.take(number) if self._specks else None
        if speck:
            self.tracker.adopt(speck)
        else:
            self.tracker.confirm(number)

    # --- results ---

    def _sight(self) -> Sighting:
        changed = [track for track in self.tracker.tracks if track.seen_s == self._looked_s]
        seen = [track for track in changed if track.confirmed]
        largest = max(seen, key=_area_px, default=None)
        shown = largest or max(changed, key=_area_px, default=None)
        return Sighting(
            motion=bool(seen),
            area_px=largest.area_px * self._scale**2 if largest else 0.0,
            boxes=tuple(track.box.scaled(self._factor) for track in seen),
            learning=self.whole.is_calibrating,
            evidence=largest.evidence if largest else None,
            objection=None if seen else self._objections.last,
            alert=not seen or any(track.alerts for track in seen),
            changed_px=shown.area_px * self._scale**2 if shown else 0.0,
            hidden=shown.traits.hidden_share if shown else None,
        )

    def comparison(self) -> Comparison | None:
        """Return how the last picture was judged; None while the scene is learned."""
        if self.whole.is_calibrating:
            return None
        return Comparison(
            self.contrast.picture_of(self.model.log),
            np.clip(4 * self.model.change, 0, 255).astype(np.uint8),
            tuple(self._contour(track) for track in self.tracker.tracks),
        )

    def contours(self) -> Sequence[Contour]:
        """Return the tracks, of which only somebody has his evidence, and the specks."""
        tracks = [
            self._contour(track) if track.confirmed else self._outline(track)
            for track in self.tracker.tracks
        ]
        specks = self._specks.offered(self._looked_s) if self._specks else []
        return tracks + [self._speck(one) for one in specks]

    def _speck(self, one: Speck) -> Contour:
        box, area_px = one.blob.box.scaled(self._factor), one.blob.area_px * self._scale**2
        return Contour(box, area_px, False, Objection.TOO_SMALL, one.number)

    def _contour(self, track: Track) -> Contour:
        evidence = self.tracker.evidence(track, self._looked_s)
        return replace(self._outline(track), evidence=evidence)

    def _outline(self, track: Track) -> Contour:
        return Contour(
            track.box.scaled(self._factor),
            track.area_px * self._scale**2,
            track.confirmed,
            None if track.confirmed else track.objection,
            track.number,
            seen=track.seen_s == self._looked_s,
        )


def _area_px(track: Track) -> float:
    return track.area_px
