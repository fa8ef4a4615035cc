"""Sees people by what they do to the structure of the picture, which light leaves alone.

A solid thing hides the texture behind it; light keeps it. Each picture's local contrast is compared
with a learned one (`contrast`, `scene_model`). What has changed becomes blobs (`blobs`) and tracks
(`tracks`), and a track is somebody when no rule speaks against it (`rules`): it lasts, hides what
is behind it, has edges, is darker somewhere, and has gone somewhere. Changes of the light
(`light_change`) and of the camera (`shake`) restart the evidence. Nothing is learned under
somebody; what lies still for long becomes part of the room (`life`).

docs/design/seeing.md says what each part is worth, and what did not help.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import cv2
import numpy as np

from app.frames import Box, Image
from app.motion.background import visible_mask
from app.motion.base import (
    Comparison,
    Contour,
    MotionModel,
    MotionSettings,
    Polygon,
    Sighting,
    Zone,
)
from app.motion.blobs import Blob, BlobFinder, traits_of
from app.motion.contrast import Contrast, unit_px
from app.motion.life import Life
from app.motion.light_change import LightChange
from app.motion.rules import HUGE, MUCH_TEXTURE, SOME_TEXTURE, Judgement, Objection, Rules
from app.motion.scene_model import (
    USUAL_QUARTILE,
    ModelParts,
    Region,
    SceneModel,
    region_of,
)
from app.motion.shake import Shake
from app.motion.shrink import Shrink
from app.motion.tracks import Track
from app.motion.zones import Zones
from app.protocol import Evidence

#: Seconds in which a new scene is learned quickly and nothing is judged: the most, and how long
#: nothing must change until it is known well enough.
CALIBRATION_S, _QUIET_S = 6.0, 1.5
#: Faster sources are judged at this pace.
MOST_PICTURES_S = 15.0
#: While nothing happens, at least one picture in so many seconds is looked at.
_DOZE_S = 0.35
#: The change of luma that ends the doze: grey levels, times the median noise, and in how many
#: pixels.
_WAKE_LEVELS, _WAKE_NOISE, _WAKE_PIXELS = 5.0, 5.0, 10
#: The share of changed pixels from which the noise, and then the whole picture, is examined.
_NOISE_SHARE, _UPSET_SHARE = 0.005, 0.04
#: How far the noise must be above its usual level for a higher limit, and to be an upset.
_NOISE_RISES, _NOISE_UPSET = 1.15, 1.5
#: The whole picture is upset when so many of its blocks have changed pixels, in a share over this.
_BLOCKS, _BLOCK_SHARE, _UPSET_BLOCKS = (8, 6), 0.04, 0.7
#: Seconds of an upset in which a shift is looked for, and after which all is learned again.
_SHIFT_TRIES_S, _NOISY_TRIES_S, _RELEARN_AFTER_S, _ADAPT_AFTER_S = 0.3, 0.6, 0.35, 0.6
_ADAPT_PER_S = 2.2
#: Seconds after a shift in which young tracks are dropped.
_SETTLE_S = 1.0
#: A track that keeps this share of the texture is light, and is learned at this rate a second: all
#: but a thirtieth in 2 s.
_LIGHT_KEPT, _LIGHT_PER_S = 0.7, 1.6
#: Seconds that a track lives unseen, and that an unconfirmed one may take.
_LINGER_S, _YOUNG_LINGER_S, _YOUNG_S = 1.9, 0.5, 4.0
#: Seconds in which nothing is learned under a young track.
_FRESH_S = 2.5
_REACH_PX = 3.0
_LOOK_FOR_LIFE_S = 0.28
#: Seconds without life after which it is looked again whether a track hides anything.
_STILL_S = 3.0
#: A blob that is so many times as large as a confirmed track is looked at again.
_SAME_SIZE = 3.0
_USUAL_PICTURE_S = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the method that can be switched off, to see what each is worth."""

    rules: Rules = field(default_factory=Rules)
    model: ModelParts = field(default_factory=ModelParts)
    light_pause: bool = True
    noise_bursts: bool = True
    shift: bool = True
    put_back: bool = True
    doze: bool = True


#: The names of all parts, as `without` takes them.
PART_NAMES = tuple(
    one.name
    for kind in (Rules, ModelParts, Parts)
    for one in fields(kind)
    if one.name not in ("rules", "model")
)


def without(*names: str) -> Parts:
    """Return all parts but *names*."""
    unknown = set(names) - set(PART_NAMES)
    if unknown:
        raise ValueError(f"no such part: {', '.join(unknown)}; there are: {', '.join(PART_NAMES)}")

    def off(kind: type[Rules] | type[ModelParts] | type[Parts]) -> dict[str, bool]:
        return {one.name: False for one in fields(kind) if one.name in names}

    own = off(Parts)
    return Parts(rules=Rules(**off(Rules)), model=ModelParts(**off(ModelParts)), **own)


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
        self._at_s = 0.0
        #: How many pictures and tracks were no motion, by reason.
        self.counts: Counter[str] = Counter()
        #: What is known of the scene; None before the first picture.
        self.scene: SceneWatch | None = None

    def judge(self, luma: Image, span: int = 255, at_s: float | None = None) -> Sighting:
        self._at_s = self._at_s + _USUAL_PICTURE_S if at_s is None else at_s
        scene = self.scene
        if scene is None or scene.picture_shape != luma.shape or scene.span != span:
            rows, columns = luma.shape
            scene = SceneWatch(
                *((rows, columns), span, self._settings, self._masks, self._parts),
                zones=self._zones,
                counts=self.counts,
            )
            self.scene = scene
        return scene.judge(luma, self._at_s)

    def comparison(self) -> Comparison | None:
        return self.scene.comparison() if self.scene else None

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
        self.shape = self.shrink.shape
        self._pixels = self.shape[0] * self.shape[1]
        self._scale = settings.frame_width / self.shape[1]
        self._reach_px = _REACH_PX * unit_px(self.shape)
        self._visible = visible_mask(masks, self.shape) if masks else None
        self.contrast = Contrast(self.shape, span)
        self.model = SceneModel(self.shape, parts.model)
        self.finder = BlobFinder(self.shape, settings.min_size * self._pixels)
        self.light = LightChange(self.shape)
        self._shake = Shake(self.shape)
        self._life = Life(settings.absorb_s)
        self._zones = Zones(zones, self.shape)
        self.tracks: list[Track] = []
        self._counts = counts
        #: The last reason why something in the last picture is no motion.
        self.objection: Objection | None = None
        self._last = np.zeros(self.shape, np.uint8)
        self._luma_change = np.zeros(self.shape, np.uint8)
        self._began_s: float | None = None
        self._busy_s = 0.0
        self._is_calibrating = True
        self._at_s = self._looked_s = 0.0
        self._dt_s = _USUAL_PICTURE_S
        self._wake_levels = _WAKE_LEVELS
        self._upset_s = 0.0
        self._settled_s = -math.inf
        self._life_s = -math.inf
        self._numbers = 0
        self._sighting = Sighting(motion=False, area_px=0.0, boxes=(), learning=True)

    # --- one picture ---

    def judge(self, luma: Image, at_s: float) -> Sighting:
        """Judge the next picture, taken at *at_s* on the clock of the source."""
        if self._began_s is not None and at_s - self._looked_s < 1 / MOST_PICTURES_S - 1e-6:
            return self._sighting
        small = self.shrink(luma)
        if self._dozes(small, at_s):
            return self._sighting
        self._take(small, at_s)
        self._look(small)
        self._sighting = self._sight()
        return self._sighting

    def _dozes(self, small: Image, at_s: float) -> bool:
        """Return whether nothing has moved since the last picture that was looked at."""
        if self._is_calibrating or self.tracks or self._upset_s or not self._parts.doze:
            return False
        if at_s - self._looked_s >= _DOZE_S:
            return False
        cv2.absdiff(small, self._last, dst=self._luma_change)
        cv2.threshold(
            self._luma_change, self._wake_levels, 255, cv2.THRESH_BINARY, dst=self._luma_change
        )
        return cv2.countNonZero(self._luma_change) < _WAKE_PIXELS

    def _take(self, small: Image, at_s: float) -> None:
        self._last[:] = small
        self.contrast.take(small)
        if self._began_s is None or at_s <= self._looked_s:
            self._dt_s = _USUAL_PICTURE_S
        else:
            self._dt_s = min(at_s - self._looked_s, 1.0)
        self._at_s = self._looked_s = at_s

    def _look(self, small: Image) -> None:
        self.objection = None
        if self._began_s is None:
            self._began_s = self._busy_s = self._at_s
            self.model.begin(self.contrast)
            return
        self.light.take(small, self.contrast, self._at_s)
        self.contrast.weigh(small)
        changed = self._compare()
        if self._is_calibrating:
            self._calibrate(changed)
            return
        beyond_noise = self._allow_for_noise(changed)
        if beyond_noise is None:
            return
        if beyond_noise < self.finder.least_px / 3:
            self._upset_s = 0.0
            self._follow([])
        elif not self._is_upset(beyond_noise):
            self._upset_s = max(0.0, self._upset_s - self._dt_s)
            self._follow(self.finder.find(self.model.changed))

    def _calibrate(self, changed: int) -> None:
        age_s = self._at_s - (self._began_s or 0.0)
        self.model.calibrate(self.contrast, age_s, self._dt_s, self._at_s)
        if changed >= self.finder.least_px / 3:
            self._busy_s = self._at_s
        self._is_calibrating = age_s < CALIBRATION_S and self._at_s - self._busy_s < _QUIET_S
        if not self._is_calibrating:
            self._wake()

    def _compare(self) -> int:
        """Mark the changed pixels outside the masks, and return their number."""
        return self._outside_masks(self.model.compare(self.contrast))

    def _outside_masks(self, changed: int) -> int:
        if self._visible is None:
            return changed
        cv2.bitwise_and(self.model.changed, self._visible, dst=self.model.changed)
        return cv2.countNonZero(self.model.changed)

    # --- the whole picture ---

    def _allow_for_noise(self, changed: int) -> int | None:
        """Return the changed pixels beyond the noise of this picture; None when it is unusable."""
        if not self._parts.noise_bursts or changed <= _NOISE_SHARE * self._pixels:
            return changed
        rise = self.model.quartile() / USUAL_QUARTILE
        if rise > _NOISE_UPSET and changed > _UPSET_SHARE * self._pixels:
            self._upset_s += self._dt_s
            if self._upset_s <= _NOISY_TRIES_S and self._has_shifted(changed):
                return None
            if self._upset_s >= _ADAPT_AFTER_S:
                self._adapt()
        if rise > _NOISE_RISES:
            changed = self._outside_masks(self.model.raise_limit(rise))
            if changed < self.finder.least_px / 3:
                self._object(Objection.NOISE)
        return changed

    def _is_upset(self, changed: int) -> bool:
        """Return whether the whole picture has changed, or has just settled: nothing to judge."""
        if changed > _UPSET_SHARE * self._pixels and self._changed_blocks() > _UPSET_BLOCKS:
            self._upset_s += self._dt_s
            self._object(Objection.SHAKE)
            if self._upset_s <= _SHIFT_TRIES_S and self._has_shifted(changed):
                return True
            if self._upset_s >= _RELEARN_AFTER_S:
                self._begin_again()
            else:
                self.model.raise_noise()
            return True
        if self._at_s < self._settled_s:
            self.tracks = self._confirmed()
            if not self.tracks:
                self._object(Objection.SHAKE)
                self._adapt()
                return True
        return False

    def _changed_blocks(self) -> float:
        """Return the share of blocks of the picture in which pixels have changed."""
        blocks = cv2.resize(self.model.changed, _BLOCKS, interpolation=cv2.INTER_AREA)
        return np.count_nonzero(blocks > 255 * _BLOCK_SHARE) / blocks.size

    def _has_shifted(self, changed: int) -> bool:
        """Return whether a move of the camera explains the change; the background then follows."""
        if not self._parts.shift or self._is_somebody(changed):
            return False
        shift = self._shake.shift(self.contrast, self.model, changed)
        if shift is None:
            return False
        self.model.shift(shift.contrast, shift.log, self.contrast, shift.rim)
        self._settled_s = self._at_s + _SETTLE_S
        self._object(Objection.SHAKE)
        return True

    def _is_somebody(self, changed: int) -> bool:
        """Return whether half of the *changed* pixels are under confirmed tracks."""
        under = np.zeros(self.shape, np.bool_)
        for region in self._regions(self._confirmed(), 3):
            under[region] = True
        return int(np.count_nonzero(self.model.changed[under])) > changed / 2

    def _adapt(self) -> None:
        self.model.hurry(
            self.contrast, self._regions(self._confirmed(), 3), self._share(_ADAPT_PER_S)
        )
        self._wake()

    def _share(self, per_s: float) -> float:
        """Return the share of this picture that is learned at the rate *per_s*."""
        return 1 - math.exp(-per_s * self._dt_s)

    def _begin_again(self) -> None:
        """Take the picture for the background: the scene is another one."""
        self.model.begin(self.contrast)
        self.tracks = self._confirmed()
        self._upset_s = 0.0
        self._wake()

    def _wake(self) -> None:
        noise = self.model.noise[::4, ::4].ravel()
        middle = noise.size // 2
        self._wake_levels = max(
            _WAKE_LEVELS, _WAKE_NOISE * float(np.partition(noise, middle)[middle])
        )

    # --- tracks ---

    def _confirmed(self) -> list[Track]:
        return [track for track in self.tracks if track.confirmed]

    def _regions(self, tracks: list[Track], margin: int) -> list[Region]:
        return [region_of(track.box, self.shape, margin) for track in tracks]

    def _follow(self, blobs: list[Blob]) -> None:
        for track in self.tracks:
            track.looks += 1
        lights = [blob.box for blob in blobs if not self._belongs(blob)]
        if self._parts.light_pause and self.light.is_changing(self._at_s, blobs, self.model):
            self._restart_evidence()
        looks_for_life = self._at_s - self._life_s >= _LOOK_FOR_LIFE_S
        if looks_for_life:
            self._life_s = self._at_s
        for track in self.tracks:
            if track.seen_s == self._at_s:
                track.move(self.shape)
                if not track.confirmed:
                    self._decide(track)
                else:
                    self._enter_zone(track)
                    if looks_for_life:
                        self._watch(track)
        self.tracks = [track for track in self.tracks if self._lives_on(track)]
        self._learn(lights)

    def _belongs(self, blob: Blob) -> bool:
        """Add *blob* to its track, or to a new one; return False when it is light."""
        track = self._nearest(blob)
        is_known = track and track.confirmed and blob.area_px <= _SAME_SIZE * track.area_px
        if track and is_known:
            if self._is_still(track):
                track.add_traits(traits_of(blob, self.contrast, self.model))
            track.see(blob, self._at_s)
            return True
        traits = traits_of(blob, self.contrast, self.model)
        textured = traits.textured / self._pixels
        if textured > SOME_TEXTURE and traits.kept_share > _LIGHT_KEPT:
            self._object(Objection.TEXTURE_KEPT)
            return False
        if track:
            track.see(blob, self._at_s)
            track.add_traits(traits)
        else:
            self._numbers += 1
            self.tracks.append(Track(self._numbers, blob.box, blob.area_px, self._at_s, traits))
        return True

    def _nearest(self, blob: Blob) -> Track | None:
        slow = min(max(self._dt_s / _USUAL_PICTURE_S, 1.0), 4.0)
        reach = math.ceil(self._reach_px * slow - 0.1)
        near = [track for track in self.tracks if track.touches(blob.box, reach)]
        return max(near, key=lambda track: (track.confirmed, track.sights), default=None)

    def _restart_evidence(self) -> None:
        self._object(Objection.LIGHT)
        for track in self.tracks:
            if not track.confirmed and not self._hides_plainly(track):
                track.restart(self._at_s)

    def _hides_plainly(self, track: Track) -> bool:
        traits = track.traits
        return (
            track.area_px > HUGE * self._pixels
            and traits.textured > 3 * MUCH_TEXTURE * self._pixels
            and traits.kept_share < 0.35
        )

    def _decide(self, track: Track) -> None:
        zone = self._zones.of(track.box)
        objection = (
            self._objection_of(zone, track)
            or Judgement(track, self._at_s, self.model, self._parts.rules).objection()
        )
        track.objection = objection
        if objection:
            self._object(objection)
            return
        track.confirmed_s = track.alive_s = self._at_s
        track.evidence = self._evidence(track, zone)
        track.alerts = zone is None or zone.then == "alert"
        if self._parts.put_back:
            self.model.put_back(region_of(track.box, self.shape, 3))

    def _enter_zone(self, track: Track) -> None:
        """Let a track that was only recorded alert when it comes to where it may."""
        if not track.alerts:
            zone = self._zones.of(track.box)
            if zone is None or zone.then == "alert":
                track.alerts = True
                track.evidence = self._evidence(track, zone)

    def _objection_of(self, zone: Zone | None, track: Track) -> Objection | None:
        if zone is None:
            return None
        if zone.then == "ignore":
            return Objection.IGNORED
        is_small = track.area_px < (zone.min_size or 0.0) * self._pixels
        return Objection.TOO_SMALL if is_small else None

    def _evidence(self, track: Track, zone: Zone | None) -> Evidence:
        rows, columns = self.shape
        traits = track.traits
        return Evidence(
            box=self._whole(track.box),
            size=round(track.area_px / self._pixels, 4),
            height=round(track.box.height / rows, 3),
            lasted_s=round(self._at_s - track.first_s, 2),
            travelled=round(track.travel_px / columns, 3),
            hidden=round(1 - traits.kept_share, 2) if traits.textured else None,
            darker=round(1 - math.exp(min(traits.darkest, 0.0)), 2),
            entered=track.entered(self.shape),
            zone=zone.name if zone else None,
        )

    def _is_still(self, track: Track) -> bool:
        return self._at_s - track.alive_s > _STILL_S

    def _is_left_over(self, track: Track) -> bool:
        """Return whether somebody has left *track*, under whom the light has changed."""
        judgement = Judgement(track, self._at_s, self.model, self._parts.rules)
        return self._is_still(track) and judgement.looks_like_light()

    def _watch(self, track: Track) -> None:
        is_over = self._life.is_over(
            track, self.contrast, self.model, self.finder.closed, self._at_s
        )
        if is_over or self._is_left_over(track):
            self.model.absorb(self.contrast, region_of(track.box, self.shape, 2))
            track.seen_s = -math.inf

    def _lives_on(self, track: Track) -> bool:
        unseen_s = self._at_s - track.seen_s
        if unseen_s >= (_LINGER_S if track.confirmed else _YOUNG_LINGER_S) - 1e-6:
            return False
        return track.confirmed or self._at_s - track.born_s < _YOUNG_S

    def _learn(self, lights: list[Box]) -> None:
        fresh = [
            track
            for track in self.tracks
            if not track.confirmed and self._at_s - track.first_s < _FRESH_S
        ]
        frozen = self._regions(self._confirmed(), 3) + self._regions(fresh, 2)
        with self.model.kept(frozen):
            refreshed = self.model.learn(self.contrast, self._dt_s, self._at_s)
            light = self._share(_LIGHT_PER_S)
            for box in lights:
                self.model.hurry_in(self.contrast, region_of(box, self.shape, 1), light)
        if refreshed:
            self._wake()

    # --- results ---

    def _object(self, reason: Objection) -> None:
        self._counts[str(reason)] += 1
        self.objection = reason

    def _sight(self) -> Sighting:
        seen = [track for track in self._confirmed() if track.seen_s == self._at_s]
        area_px = max((track.area_px for track in seen), default=0.0) * self._scale**2
        boxes = tuple(self._whole(track.box) for track in seen)
        largest = max(seen, key=lambda track: track.area_px, default=None)
        return Sighting(
            motion=bool(seen),
            area_px=area_px,
            boxes=boxes,
            learning=self._is_calibrating,
            evidence=largest.evidence if largest else None,
            objection=None if seen else self.objection,
            alert=not seen or any(track.alerts for track in seen),
        )

    def _whole(self, box: Box) -> Box:
        return Box(*(self.shrink.factor * side for side in box))

    def comparison(self) -> Comparison | None:
        """Return how the last picture was judged; None while the scene is learned."""
        if self._is_calibrating:
            return None
        background = np.exp(self.model.log / 108.0) - 8.0
        return Comparison(
            np.clip(background * self.span / 255, 0, 255).astype(np.uint8),
            np.clip(4 * self.model.change, 0, 255).astype(np.uint8),
            tuple(self._contour(track) for track in self.tracks),
        )

    def _contour(self, track: Track) -> Contour:
        return Contour(
            self._whole(track.box),
            track.area_px * self._scale**2,
            track.confirmed,
            None if track.confirmed else track.objection,
            track.number,
            self._evidence(track, self._zones.of(track.box)),
            track.seen_s == self._looked_s,
        )
