"""Recognises what is wrong with the camera itself: covered, turned away, out of focus, frozen.

Once a second, the picture's fine edges and coarse structure are compared with those of the last
minute or so. Noise is not the same in two pictures, so products of two pictures are free of it. The
structure is a difference from the local mean, so lamps, clouds and exposure scale it and do not
change its pattern. A fault must last for seconds, over nearly the whole picture: people, headlights
and flashes do not.

What it cannot see: a fault that was there when the scene was learned; a covered lens where the
scene had no structure, or an unfocused one where it had no sharp edges. A cap on the lens and the
last lamp that goes off look the same where the camera's pictures are quite black in the dark: that
is a fault, unless it was dark within the last hour. A lamp that leaves anything of the room's
structure is none. A frozen picture is recognised only where all the picture had noise before: an
encoder at a low bit rate repeats what stands still.
"""

import math
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.frames import Image

CameraFault = Literal["covered", "turned", "unfocused", "frozen", "dark", "blinded"]
Floats = NDArray[np.float32]

#: The least seconds between two pictures that are looked at: 1 second at most usual frame rates;
#: after a longer pause nothing has lasted.
LOOK_EVERY_S, LONGEST_PAUSE_S = 0.95, 3.0
#: Seconds of pictures with structure from which a scene is learned, and the time constant, in s, of
#: what is learned later.
LEARN_S, FORGET_S = 10.0, 60.0
_LEARN_EVERY_S = 4.0
#: The seconds that a fault must last, and that the picture must be good again: three looks.
HOLD_S, OVER_S = 2.6, 2.6
#: The seconds after which another view is the usual one.
ACCEPT_S = 600.0
_SAMPLE_WIDTH = 160
#: The distance of the two pixels whose difference is an edge, in smooth means.
_EDGE_PX = 4
_CELLS = (8, 6)
#: By how much two pictures of a camera that trembles are shifted, in pixels of the sample.
_TREMBLE_PX = 3
#: The least coarse structure of a scene that can be judged, and the least fine one that can be out
#: of focus: their mean squares, in grey levels.
_LEAST_STRUCTURE, _LEAST_FINE = 4.0, 0.5
#: The grey levels above black up to which a picture is dark, and from which its mean is light.
_DARK_LEVELS, _LIT_LEVELS = 10.0, 20.0
#: Light that goes out within the first number of seconds is no dusk. Where it was dark less than
#: the second number ago, it is a lamp.
_SUDDEN_S, _LAMP_S = 3.0, 3600.0
#: A pixel is white from so many grey levels below white; the share of such pixels that blinds.
#: A picture whose mean is below the last number blinds nobody, and is not searched.
_WHITE_LEVELS, _BLINDED_SHARE, _BRIGHT_LEVELS = 5.0, 0.8, 150.0
#: The structure is gone when the learned one is weaker than this share of the light, or than the
#: second number, and when the picture has less than the third of its own, by its mean square.
_GONE, _LEAST_GONE, _PLAIN = 0.1, 0.004, 0.08
#: A view is another one when the edges of one direction correlate less than this in so many cells.
#: They are not looked at where the whole coarse structure correlates more than the third number.
_CELL_KEPT, _LOST_CELLS, _ALIKE = 0.5, 0.77, 0.8
#: The correlation of another view with its first picture while it stands still.
_STEADY_VIEW = 0.8
#: Out of focus: the shares of the fine edges that are left, learned ones and any, measured by the
#: coarse structure; and the least correlation of the coarse structure.
_FINE_KEPT, _FINE_OWN, _COARSE_KEPT = 0.25, 0.12, 0.4
#: The standard deviations by which noise may change a mean product.
_DEVIATIONS = 2.5
#: The least share of pixels that always change, for a picture that can freeze; the share of it that
#: may change in a frozen picture; and the share of the cells that count, so that a clock does not.
_LEAST_NOISE, _FROZEN_NOISE, _FROZEN_CELLS = 0.1, 0.1, 0.9
_NOISE_UP, _NOISE_DOWN = 0.02, 0.2


class _View(NamedTuple):
    """One picture: a *sample* of its pixels, *smooth* means of them, and its structure.

    *fine* is the difference of the sample from its nearest pixels, *coarse* that of the means from
    a wider area. *level* is the mean, in grey levels above black.
    """

    sample: Image
    smooth: Floats
    fine: Floats
    coarse: Floats
    level: float


class _Likeness(NamedTuple):
    """A picture's structure, measured by the learned one.

    *fine* and *coarse* are the strength of the learned structure in it, *own_fine* and *own_coarse*
    the mean squares of its own; each is 1 as usual. *lit* is its level, 1 as usual. *lost* is the
    share of the cells in which the edges of one direction are others; it is 0 unless the coarse
    structure differs, and *own_fine* is 1 unless the fine edges are weak: they cost time.
    """

    fine: float
    own_fine: float
    coarse: float
    own_coarse: float
    lit: float
    lost: float

    @property
    def is_gone(self) -> bool:
        """Return whether nothing of the scene is left, nor anything else to see."""
        least = max(_GONE * min(self.lit, 1.0), _LEAST_GONE)
        return self.coarse < least and self.own_coarse < _PLAIN

    @property
    def is_other(self) -> bool:
        """Return whether something else is to be seen."""
        return self.lost >= _LOST_CELLS and self.own_coarse >= _PLAIN

    @property
    def is_blurred(self) -> bool:
        """Return whether only the fine edges of the scene are gone."""
        return (
            self.fine < _FINE_KEPT * self.coarse
            and self.own_fine < _FINE_OWN * self.own_coarse
            and self.coarse > _COARSE_KEPT * math.sqrt(self.own_coarse)
        )


class CameraFaults:
    """Follows the pictures of one camera, and knows its present fault."""

    def __init__(self) -> None:
        #: The fault that lasts; None without one.
        self.present: CameraFault | None = None
        self._look_at_s = self._lit_at_s = self._dark_at_s = -math.inf
        self.relearn()

    def relearn(self) -> None:
        """Learn the scene again, as after a commanded turn; a present fault stays until then."""
        self._scene = _Scene()
        self._noise = _Noise()
        self._before: _View | None = None
        self._first: _View | None = None
        self._suspect: CameraFault | None = None
        self._since_s = self._good_since_s = self._at_s = -math.inf

    @property
    def learned(self) -> bool:
        """Return whether the scene is learned, so that faults are recognised."""
        return self._scene.learned_s >= LEARN_S

    @property
    def suspects(self) -> bool:
        """Return whether the last picture showed a fault, even if it has not lasted yet."""
        return self._suspect is not None

    @property
    def shown(self) -> CameraFault | None:
        """Return the fault that lasts, if the last picture shows it; else None."""
        return self.present if self._suspect else None

    def is_due(self, at_s: float) -> bool:
        """Return whether it is time to look at a picture that was taken at *at_s*."""
        return not 0.0 <= at_s - self._look_at_s < LOOK_EVERY_S

    def look(self, luma: Image, span: int, at_s: float) -> CameraFault | None:
        """Look at the picture taken at *at_s*, if it is time to; returns the fault that lasts.

        *luma* is (rows, columns) uint8, in which white is *span* above black.
        """
        if not self.is_due(at_s):
            return self.present
        self._look_at_s = at_s
        black = 0 if span == 255 else 16
        view = _view_of(luma, black)
        if min(view.smooth.shape) <= _EDGE_PX:
            return None
        if self._before and self._before.sample.shape != view.sample.shape:
            self.relearn()
        passed_s = at_s - self._at_s
        if not 0.0 <= passed_s <= LONGEST_PAUSE_S:
            self._before, self._suspect, self._good_since_s = None, None, at_s
        if self._before:
            self._judge(view, self._before, luma, black + span, passed_s)
        self._before, self._at_s = view, at_s
        return self.present

    def _judge(self, view: _View, before: _View, luma: Image, white: int, passed_s: float) -> None:
        at_s = self._at_s + passed_s
        still = self._noise.stands_still(view, before, self.learned)
        seen = None
        if self.learned:
            seen = self._fault(view, before, luma, white) or ("frozen" if still else None)
        if view.level >= _LIT_LEVELS:
            self._lit_at_s = at_s
        elif view.level < _DARK_LEVELS and seen is None:
            self._dark_at_s = at_s
        if seen is None:
            self._scene.learn(view, before, passed_s)
            self._see_none(at_s)
        else:
            self._see(seen, view, at_s)

    def _fault(
        self, view: _View, before: _View, luma: Image, white: int
    ) -> Literal["covered", "turned", "unfocused", "dark", "blinded"] | None:
        if view.level >= _BRIGHT_LEVELS:
            white_pixels = np.count_nonzero(view.smooth >= white - _WHITE_LEVELS)
            if white_pixels >= _BLINDED_SHARE * view.smooth.size:
                return "blinded"
        likeness = self._scene.likeness(view, before)
        if view.level < _DARK_LEVELS:
            is_gone = likeness is None or likeness.is_gone
            return "dark" if is_gone and self._went_dark() else None
        if likeness is None:
            return None
        if likeness.is_gone:
            # What moves in front of the lens shows no structure that two pictures share.
            return None if self._scene.is_structured(view, luma) else "covered"
        if likeness.is_blurred:
            return "unfocused"
        return "turned" if likeness.is_other else None

    def _went_dark(self) -> bool:
        """Return whether the light went out at once, and it was not dark here shortly before."""
        if "dark" in (self._suspect, self.present):
            return True
        return self._at_s - self._lit_at_s < _SUDDEN_S and self._at_s - self._dark_at_s >= _LAMP_S

    def _see(self, fault: CameraFault, view: _View, at_s: float) -> None:
        if self._suspect is None or (fault == "turned" and not self._is_steady(view)):
            self._since_s, self._first = at_s, view
        self._suspect = fault
        lasted_s = at_s - self._since_s
        if self.present is None and lasted_s >= HOLD_S:
            self.present = fault
        if fault == "turned" and lasted_s >= ACCEPT_S:
            self.relearn()

    def _see_none(self, at_s: float) -> None:
        if self._suspect:
            self._suspect, self._good_since_s = None, at_s
        if self.learned and at_s - self._good_since_s >= OVER_S:
            self.present = None

    def _is_steady(self, view: _View) -> bool:
        """Return whether another view, already found, stands still, as nobody does at the lens."""
        if self.present or self._first is None:
            return True
        one, other = view.coarse, self._first.coarse
        return _shared(one, other) >= _STEADY_VIEW * math.sqrt(
            _shared(one, one) * _shared(other, other)
        )


class _Scene:
    """The learned structure and level of a scene."""

    def __init__(self) -> None:
        self.learned_s = 0.0
        self._usual: _View | None = None
        self._strength = self._fine_strength = 0.0
        self._waits_s = 0.0

    def learn(self, view: _View, before: _View, passed_s: float) -> None:
        """Learn *view*, *passed_s* after *before*; a picture without structure begins no scene."""
        begins = self.learned_s < LEARN_S
        if begins and _shared(view.coarse, before.coarse) < _LEAST_STRUCTURE:
            return
        self.learned_s += passed_s
        self._waits_s += passed_s
        if not begins and self._waits_s < _LEARN_EVERY_S:
            return
        usual = self._usual or view
        share = self._waits_s / min(self.learned_s, FORGET_S)
        self._waits_s = 0.0
        smooth = cv2.addWeighted(usual.smooth, 1 - share, view.smooth, share, 0.0)
        self._usual = _View(
            view.sample,
            np.asarray(smooth, np.float32),
            np.asarray(cv2.addWeighted(usual.fine, 1 - share, view.fine, share, 0.0), np.float32),
            _coarse(np.asarray(smooth, np.float32)),
            usual.level * (1 - share) + view.level * share,
        )
        self._strength = _shared(self._usual.coarse, self._usual.coarse)
        self._fine_strength = _shared(self._usual.fine, self._usual.fine)

    def is_structured(self, view: _View, luma: Image) -> bool:
        """Return whether the pixels of *luma* between those of *view* show the same structure."""
        start = _step(luma) // 2
        between = _view_of(luma, 0, start).coarse if start else None
        if between is None or between.shape != view.coarse.shape:
            return False
        return _shared(view.coarse, between) >= _PLAIN * self._strength

    def likeness(self, view: _View, before: _View) -> _Likeness | None:
        """Return how like the scene *view* is; None where the scene has too little structure."""
        usual, strength, fine_strength = self._usual, self._strength, self._fine_strength
        if usual is None or strength < _LEAST_STRUCTURE:
            return None
        coarse = _shared(view.coarse, usual.coarse) / strength
        has_fine = fine_strength >= _LEAST_FINE
        fine = _shared(view.fine, usual.fine) / fine_strength if has_fine else coarse
        own_coarse = max(_shared(view.coarse, before.coarse) / strength, 0.0)
        is_weak = has_fine and fine < _FINE_KEPT * coarse
        differs = coarse < _ALIKE * math.sqrt(own_coarse)
        return _Likeness(
            fine,
            _surely_shared(view.fine, before.fine) / fine_strength if is_weak else 1.0,
            coarse,
            own_coarse,
            view.level / max(usual.level, 1.0),
            _lost(view.smooth, usual.smooth) if differs else 0.0,
        )


class _Noise:
    """The share of pixels that change in any two pictures of a source: a low quantile of it."""

    def __init__(self) -> None:
        self._usual: float | None = None
        self._still_looks = 0

    def stands_still(self, view: _View, before: _View, learned: bool) -> bool:
        """Return whether *view* is the picture *before* again, although pictures always differ.

        Nothing stands still until the source is *learned*.
        """
        changed = cv2.absdiff(view.sample, before.sample)
        share = cv2.countNonZero(changed) / changed.size
        usual = share if self._usual is None else self._usual
        if share < usual / 2:
            counts = np.sort(_cells((changed > 0).astype(np.float32)), axis=None)
            share = float(counts[: round(_FROZEN_CELLS * counts.size)].mean())
        if learned and usual >= _LEAST_NOISE and share <= _FROZEN_NOISE * usual:
            self._still_looks += 1
            return True
        # What stood still and goes on does that by itself, and has less noise than it seemed.
        usual *= (1 - _NOISE_DOWN) ** self._still_looks
        self._still_looks = 0
        self._usual = usual + (share - usual) * (_NOISE_UP if share > usual else _NOISE_DOWN)
        return False


def _step(luma: Image) -> int:
    """Return the distance of the pixels that are looked at."""
    columns: int = luma.shape[1]
    return max(columns // _SAMPLE_WIDTH, 1)


def _view_of(luma: Image, black: int, start: int = 0) -> _View:
    step = _step(luma)
    sample = np.ascontiguousarray(luma[start::step, start::step])
    size = (max(sample.shape[1] // 2, 1), max(sample.shape[0] // 2, 1))
    small = cv2.resize(sample, size, interpolation=cv2.INTER_AREA)
    smooth = np.asarray(cv2.blur(small.astype(np.float32), (3, 3)), np.float32)
    # OpenCV converts slowly while it subtracts.
    fine = np.subtract(sample, cv2.blur(sample, (3, 3)), dtype=np.float32)
    level = float(cv2.mean(small)[0]) - black
    return _View(sample, smooth, fine, _coarse(smooth), level)


def _coarse(smooth: Floats) -> Floats:
    return np.asarray(cv2.subtract(smooth, cv2.blur(smooth, (15, 15))), np.float32)


def _lost(view: Floats, usual: Floats) -> float:
    """Return the share of the cells in which the edges of one direction are not the *usual* ones.

    Both are smooth pictures. A turn to the side leaves edges that run from side to side.
    """
    return max(_lost_edges(view, usual), _lost_edges(view.T, usual.T))


def _lost_edges(view: Floats, usual: Floats) -> float:
    view, usual = (one[_EDGE_PX:] - one[:-_EDGE_PX] for one in (view, usual))
    strength = _cells(usual * usual)
    kept = _cells(view * usual) > _CELL_KEPT * np.sqrt(strength * _cells(view * view))
    return float(np.mean(~kept[strength > strength.mean() / 4]))


def _cells(values: Floats) -> Floats:
    return np.asarray(cv2.resize(values, _CELLS, interpolation=cv2.INTER_AREA), np.float32)


def _shared(one: Floats, other: Floats) -> float:
    """Return the mean product of two structures: the mean square of what both have."""
    return float(np.vdot(one, other)) / one.size


def _surely_shared(one: Floats, other: Floats) -> float:
    """Return `_shared` at the best of small shifts, less what noise may make of it.

    The pictures of a camera that trembles are shifted.
    """
    inner = one[_TREMBLE_PX:-_TREMBLE_PX, _TREMBLE_PX:-_TREMBLE_PX]
    if not inner.size:
        return _shared(one, other)
    best = float(cv2.matchTemplate(other, inner, cv2.TM_CCORR).max()) / inner.size
    return best - _DEVIATIONS * _shared(one, one) / math.sqrt(one.size)
