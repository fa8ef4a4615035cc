"""The rules by which a track is somebody: the first rule that refuses it gives the reason."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.motion.base import SOONEST_S
from app.motion.blobs import SOME_TEXTURE
from app.motion.contrast import unit_px
from app.motion.scene_model import SceneModel, region_of
from app.motion.tracks import Track

#: Shares of the picture's pixels. Above `_LARGE` a track needs fewer sights, below `_SMALL` it may
#: be an insect, above `HUGE` it may be somebody close to the camera.
_LARGE, _SMALL, HUGE = 0.0104, 0.0118, 0.05
#: Seconds, and the least number of pictures, in which a track must have been seen.
_LARGE_LASTS_S, _LASTS_S, _LEAST_SIGHTS = SOONEST_S, 0.4, 3
_SEEN_SHARE = 0.6
#: The share of the picture that is textured, from which texture can be judged well.
MUCH_TEXTURE = 0.0069
#: The largest share of the background's texture that may be kept.
KEPT, _KEPT_SMALL, _KEPT_GOER, _KEPT_PLAIN, _KEPT_RESTLESS = 0.42, 0.30, 0.50, 0.25, 0.27
#: The same of the finest texture, and for what is darker nowhere.
_FINE_KEPT, _FINE_KEPT_BRIGHT = 0.5, 0.35
#: The share of the picture below which somebody who stands is far: much of the blob is its rim,
#: where the texture beside it shows.
_FAR = 0.02
#: Sharp pixels for each pixel of width plus height.
_SHARPNESS = 0.4
#: Natural logarithms of picture over background: how much darker something must be, at least this
#: share of how much brighter it is, and what is too faint either way.
_DARKER, _DARKER_SHARE, _FAINT = 0.07, 0.25, 0.1
#: The seconds after which something that is darker nowhere is somebody in white all the same.
_WHITE_AFTER_S = 4.9
#: How far both sides must have gone: pixels of the reference, and shares of the track's side.
_TRAVEL, _TRAVEL_SHARE, _TRAVEL_SHARE_HUGE = 4.0, 0.25, 0.08
#: Whoever walks to the camera goes nowhere, but grows by a factor between these, in this time. What
#: only becomes visible grows faster, as its parts join.
_GROWS, _GROWS_MOST, _GROWS_S = 1.25, 3.0, 0.9
#: Small things: the seconds before they are judged, the most sizes a second, how straight they go,
#: and their height over their width. A small person stands; an insect is as wide as tall.
_INSECT_LASTS_S, _SIZES_A_SECOND, _STRAIGHT, _TALLNESS = 0.9, 1.6, 0.6, 1.15
#: A goer: small, but straight and slow, and further than its own size.
_GOER_LASTS_S, _GOER_WAY, _GOER_STRAIGHT, _GOER_STEP_S = 1.4, 0.8, 0.75, 0.19
#: A place never rests where its noise is so many times that of the picture's quieter quarter.
_RESTLESS, _RESTLESS_LASTS_S = 2.0, 0.7
_STEP_S = 0.09


class Objection(StrEnum):
    """Why a picture, or something that changed in it, is not somebody."""

    TOO_SMALL = "too small"
    BRIEF = "not seen for long enough"
    TEXTURE_KEPT = "the background shows through"
    SOFT = "no sharp edges"
    BRIGHTER = "only brighter"
    FAINT = "too faint"
    DID_NOT_TRAVEL = "did not travel"
    INSECT = "moves like an insect"
    RESTLESS = "a restless place"
    LIGHT = "the light is changing"
    SHAKE = "the camera moves"
    NOISE = "noise"
    IGNORED = "in a zone that is ignored"


class Objections:
    """The objections to what has changed in the pictures of a camera, counted in *counts*."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        #: The last one in the last picture; None without one.
        self.last: Objection | None = None

    def add(self, reason: Objection) -> None:
        self._counts[str(reason)] += 1
        self.last = reason


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that may be switched off, to see what each is worth."""

    darker: bool = True
    sharp_edges: bool = True
    texture: bool = True
    travel: bool = True
    growth: bool = True
    gait: bool = True
    rest: bool = True


class Judgement:
    """Judges one *track* at *at_s* seconds against the *model* of the scene."""

    def __init__(self, track: Track, at_s: float, model: SceneModel, rules: Rules) -> None:
        self._track = track
        self._traits = track.traits
        self._model = model
        self._rules = rules
        self._unit_px = unit_px(model.shape)
        self._pixels = float(model.shape[0] * model.shape[1])
        self._lasted_s = round(at_s - track.born_s, 6)
        textured = self._traits.textured / self._pixels
        self._some_texture = textured >= SOME_TEXTURE
        self._much_texture = textured >= MUCH_TEXTURE
        self._kept = self._traits.kept_share if self._some_texture else 0.0
        some_fine = self._traits.fine >= SOME_TEXTURE * self._pixels
        self._fine_kept = self._traits.fine_kept_share if some_fine else 0.0

    def objection(self) -> Objection | None:
        """Return the first reason against the track; None when it is somebody."""
        return next((reason for reason, applies in self._tests() if applies()), None)

    def looks_like_light(self) -> bool:
        """Return whether the track, which was somebody, hides nothing any more."""
        self._small, self._goer = self._track.area_px < _SMALL * self._pixels, False
        return self._keeps_texture() or self._is_soft() or self._is_faint()

    def _tests(self) -> Iterator[tuple[Objection, Callable[[], bool]]]:
        rules = self._rules
        yield Objection.BRIEF, self._is_brief
        self._measure()
        if rules.texture:
            yield Objection.TEXTURE_KEPT, self._keeps_texture
        if rules.sharp_edges:
            yield Objection.SOFT, self._is_soft
        if rules.darker:
            yield Objection.BRIGHTER, self._is_only_brighter
        yield Objection.FAINT, self._is_faint
        if rules.travel:
            yield Objection.DID_NOT_TRAVEL, self._stays
        if rules.gait:
            yield Objection.INSECT, self._is_insect
        if rules.rest:
            yield Objection.RESTLESS, self._is_in_restless_place

    def _measure(self) -> None:
        """Find out which of the exceptions the track may have."""
        track = self._track
        area_px = track.mean_area_px(0.45)
        self._small = area_px < _SMALL * self._pixels
        self._goer = self._small and self._lasted_s >= _GOER_LASTS_S and self._goes()
        self._stands = track.gait().tallness >= _TALLNESS
        self._is_far = self._stands and not self._small and area_px < _FAR * self._pixels
        self._huge = (
            track.area_px > HUGE * self._pixels
            and self._traits.textured > 3 * MUCH_TEXTURE * self._pixels
            and self._kept < _KEPT_PLAIN
        )

    def _is_brief(self) -> bool:
        track = self._track
        is_large = track.area_px >= _LARGE * self._pixels
        lasts_s = _LARGE_LASTS_S if is_large else _LASTS_S
        return (
            self._lasted_s < lasts_s
            or track.sights < _LEAST_SIGHTS
            or track.sights < _SEEN_SHARE * track.looks
        )

    def _keeps_texture(self) -> bool:
        most = _KEPT_GOER if self._goer else _KEPT_SMALL if self._small else KEPT
        return self._kept > most or self._fine_kept > _FINE_KEPT

    def _is_soft(self) -> bool:
        return not self._much_texture and self._traits.sharpness < _SHARPNESS

    def _is_only_brighter(self) -> bool:
        traits = self._traits
        if -traits.darkest >= max(_DARKER, _DARKER_SHARE * traits.brightest):
            return False
        hides = (
            self._much_texture
            and self._kept < _KEPT_PLAIN
            and (self._is_far or self._fine_kept < _FINE_KEPT_BRIGHT)
        )
        return not hides and self._lasted_s < _WHITE_AFTER_S

    def _is_faint(self) -> bool:
        return self._traits.darkest > -_FAINT and self._traits.brightest < _FAINT

    def _stays(self) -> bool:
        large = self._huge and self._lasted_s > 0.45
        share = _TRAVEL_SHARE_HUGE if large else _TRAVEL_SHARE
        least_px = max(_TRAVEL * self._unit_px, share * self._track.side_px)
        return self._track.travel_px < least_px and not self._comes_closer()

    def _comes_closer(self) -> bool:
        """Return whether it stands, hides what is behind it, and grows steadily."""
        if not self._rules.growth or self._small or not self._stands or self._lasted_s < _GROWS_S:
            return False
        hides = self._much_texture and self._kept <= _KEPT_SMALL
        return hides and _GROWS < self._track.growth() < _GROWS_MOST

    def _goes(self) -> bool:
        gait = self._track.gait(2.5, _GOER_STEP_S)
        return (
            gait.way > _GOER_WAY * gait.size
            and gait.straightness > _GOER_STRAIGHT
            and gait.sizes_a_second < _SIZES_A_SECOND
        )

    def _is_insect(self) -> bool:
        if not self._small:
            return False
        gait = self._track.gait(step_s=_STEP_S)
        if gait.tallness < _TALLNESS:
            return True
        if self._goer:
            return False
        flutters = gait.sizes_a_second >= _SIZES_A_SECOND or gait.straightness <= _STRAIGHT
        return flutters or self._lasted_s < _INSECT_LASTS_S

    def _is_in_restless_place(self) -> bool:
        if self._huge or self._goer:
            return False
        region = region_of(self._track.box, self._model.shape)
        noise = float(self._model.noise[region].mean())
        if noise <= _RESTLESS * self._model.usual_noise():
            return False
        plain = self._much_texture and self._kept <= _KEPT_RESTLESS
        return not plain or self._lasted_s < _RESTLESS_LASTS_S
