"""Follows blobs as tracks, decides which are somebody, and learns the background around them."""

import math

from app.frames import Box
from app.motion.base import Zone
from app.motion.blobs import SOME_TEXTURE, Blob, BlobFinder, traits_of
from app.motion.contrast import Contrast, unit_px
from app.motion.life import Life
from app.motion.parts import Parts
from app.motion.rules import (
    HUGE,
    MUCH_TEXTURE,
    Judgement,
    Objection,
    Objections,
)
from app.motion.scene_model import Region, SceneModel, region_of
from app.motion.specks import Speck
from app.motion.tracks import Track, overlap
from app.motion.zones import Zones
from app.protocol import Evidence

#: The seconds between two pictures for which the reach of a track is meant.
USUAL_PICTURE_S = 0.1
#: A track that keeps this share of the texture is light, and is learned at this rate a second: all
#: but a thirtieth in 2 s.
_LIGHT_KEPT, _LIGHT_FINE_KEPT, _LIGHT_PER_S = 0.7, 0.6, 1.6
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
#: A blob that is so many times as large as a young track is another thing, which goes its own way.
_SWALLOWS = 3.0
#: A confirmed track whose box has less than this in common with its last one may be another thing,
#: which is not known to have gone anywhere.
_SAME_PLACE = 0.3


class Tracker:
    """The tracks of one scene, in which *zones* have rules of their own.

    *model* is compared with the last picture of *contrast*, and learned here. *finder* has found
    the blobs. Something put down is part of the room after *absorb_s*. *factor* is the side of a
    small pixel, in pixels of the frame.
    """

    def __init__(
        self,
        contrast: Contrast,
        model: SceneModel,
        finder: BlobFinder,
        *,
        zones: Zones,
        objections: Objections,
        parts: Parts,
        absorb_s: float,
        factor: int,
    ) -> None:
        self._contrast, self._model, self._finder = contrast, model, finder
        self._zones = zones
        self._objections = objections
        self._parts = parts
        self._factor = factor
        self._life = Life(absorb_s)
        self._pixels = model.shape[0] * model.shape[1]
        self._reach_px = _REACH_PX * unit_px(model.shape)
        self.tracks: list[Track] = []
        self._at_s = self._dt_s = 0.0
        self._life_s = -math.inf
        self._numbers = 0

    def follow(self, blobs: list[Blob], at_s: float, dt_s: float, *, is_new_light: bool) -> None:
        """Follow the *blobs* of the picture of *at_s*, *dt_s* after the last, and learn it.

        *is_new_light* is True while the light of the whole picture changes.
        """
        self._at_s, self._dt_s = at_s, dt_s
        for track in self.tracks:
            track.looks += 1
        before = [(track, track.box) for track in self.tracks if track.confirmed]
        lights = [blob.box for blob in blobs if not self._belongs(blob)]
        for track, box in before:
            if overlap(box, track.box) < _SAME_PLACE:
                track.begin_way()
        if is_new_light:
            self._restart_evidence()
        looks_for_life = at_s - self._life_s >= _LOOK_FOR_LIFE_S
        if looks_for_life:
            self._life_s = at_s
        for track in self.tracks:
            if track.seen_s == at_s:
                track.move(self._model.shape)
                if not track.confirmed:
                    self._decide(track)
                else:
                    self._enter_zone(track)
                    if looks_for_life:
                        self._watch(track)
        self.tracks = [track for track in self.tracks if self._lives_on(track)]
        self._learn(lights)

    def confirmed(self) -> list[Track]:
        return [track for track in self.tracks if track.confirmed]

    def of_somebody(self, blob: Blob) -> bool:
        """Return whether *blob*, which is small, is what is seen of somebody who is small."""
        reach = math.ceil(self._reach_px)
        return any(
            track.confirmed
            and track.largest_px < self._finder.least_px
            and track.touches(blob.box, reach)
            for track in self.tracks
        )

    def drop_young(self) -> None:
        """Drop the tracks that are not confirmed."""
        self.tracks = self.confirmed()

    def occupied(self) -> list[Region]:
        """Return where somebody is."""
        return self._regions(self.confirmed(), 3)

    def _regions(self, tracks: list[Track], margin: int) -> list[Region]:
        return [region_of(track.box, self._model.shape, margin) for track in tracks]

    # --- blobs ---

    def _belongs(self, blob: Blob) -> bool:
        """Add *blob* to its track, or to a new one; return False when it is light."""
        track = self._nearest(blob)
        is_known = track and track.confirmed and blob.area_px <= _SAME_SIZE * track.area_px
        if track and is_known:
            if self._is_still(track):
                track.add_traits(traits_of(blob, self._contrast, self._model))
            track.see(blob, self._at_s)
            return True
        traits = traits_of(blob, self._contrast, self._model)
        least = SOME_TEXTURE * self._pixels
        keeps = traits.textured > least and traits.kept_share > _LIGHT_KEPT
        if keeps or (traits.fine > least and traits.fine_kept_share > _LIGHT_FINE_KEPT):
            self._objections.add(Objection.TEXTURE_KEPT)
            return False
        if track:
            swallows = not track.confirmed and blob.area_px > _SWALLOWS * track.largest_px
            track.see(blob, self._at_s)
            track.add_traits(traits)
            if swallows:
                track.begin_way()
        else:
            self._numbers += 1
            self.tracks.append(Track(self._numbers, blob.box, blob.area_px, self._at_s, traits))
        return True

    def _nearest(self, blob: Blob) -> Track | None:
        slow = min(max(self._dt_s / USUAL_PICTURE_S, 1.0), 4.0)
        reach = math.ceil(self._reach_px * slow - 0.1)
        near = [track for track in self.tracks if track.touches(blob.box, reach)]
        return max(near, key=lambda track: (track.confirmed, track.sights), default=None)

    def _restart_evidence(self) -> None:
        self._objections.add(Objection.LIGHT)
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

    # --- verdicts ---

    def _decide(self, track: Track) -> None:
        zone = self._zones.of(track.box)
        objection = self._objection_of(zone, track) or self._judgement(track).objection()
        track.objection = objection
        if objection:
            self._objections.add(objection)
        else:
            self._confirm(track, zone)

    def confirm(self, number: int) -> None:
        """Let the track *number* be somebody, unless a zone speaks against it."""
        for track in self.tracks:
            if track.number == number and not track.confirmed:
                zone = self._zones.of(track.box)
                if not self._objection_of(zone, track):
                    self._confirm(track, zone)

    def adopt(self, speck: Speck) -> None:
        """Follow *speck*, in which a model saw a person, as somebody."""
        self._numbers += 1
        traits = traits_of(speck.blob, self._contrast, self._model)
        track = Track(self._numbers, speck.blob.box, speck.blob.area_px, speck.first_s, traits)
        track.seen_s = speck.seen_s
        self.tracks.append(track)
        self.confirm(track.number)

    def _confirm(self, track: Track, zone: Zone | None) -> None:
        track.confirmed_s = track.alive_s = self._at_s
        track.came_closer = track.growth() > 1
        track.evidence = self.evidence(track, self._at_s)
        track.alerts = zone is None or zone.then == "alert"
        if self._parts.put_back:
            self._model.put_back(region_of(track.box, self._model.shape, 3))

    def _judgement(self, track: Track) -> Judgement:
        return Judgement(track, self._at_s, self._model, self._parts.rules)

    def _objection_of(self, zone: Zone | None, track: Track) -> Objection | None:
        if zone is None:
            return None
        if zone.then == "ignore":
            return Objection.IGNORED
        is_small = track.area_px < (zone.min_size or 0.0) * self._pixels
        return Objection.TOO_SMALL if is_small else None

    def _enter_zone(self, track: Track) -> None:
        """Let a track that was only recorded alert when it comes to where it may."""
        if not track.alerts:
            zone = self._zones.of(track.box)
            if zone is None or zone.then == "alert":
                track.alerts = True
                track.evidence = self.evidence(track, self._at_s)

    def evidence(self, track: Track, at_s: float) -> Evidence:
        """Return what speaks for *track* at *at_s*, and the zone in which it is."""
        rows, columns = self._model.shape
        traits = track.traits
        zone = self._zones.of(track.box)
        return Evidence(
            box=track.box.scaled(self._factor),
            size=round(track.area_px / self._pixels, 4),
            height=round(track.box.height / rows, 3),
            lasted_s=round(at_s - track.first_s, 2),
            travelled=round(track.travel_px / columns, 3),
            hidden=None if traits.hidden_share is None else round(traits.hidden_share, 2),
            darker=round(1 - math.exp(min(traits.darkest, 0.0)), 2),
            entered=track.entered(self._model.shape),
            zone=zone.name if zone else None,
        )

    # --- the end of a track ---

    def _is_still(self, track: Track) -> bool:
        return self._at_s - track.alive_s > _STILL_S

    def _is_left_over(self, track: Track) -> bool:
        """Return whether somebody has left *track*, under whom the light has changed."""
        return self._is_still(track) and self._judgement(track).looks_like_light()

    def _watch(self, track: Track) -> None:
        is_over = self._life.is_over(
            track, self._contrast, self._model, self._finder.closed, self._at_s
        )
        if is_over or self._is_left_over(track):
            self._model.absorb(self._contrast, region_of(track.box, self._model.shape, 2))
            track.seen_s = -math.inf

    def _lives_on(self, track: Track) -> bool:
        unseen_s = self._at_s - track.seen_s
        if unseen_s >= (_LINGER_S if track.confirmed else _YOUNG_LINGER_S) - 1e-6:
            return False
        return track.confirmed or self._at_s - track.born_s < _YOUNG_S

    # --- learning ---

    def _learn(self, lights: list[Box]) -> None:
        fresh = [
            track
            for track in self.tracks
            if not track.confirmed and self._at_s - track.first_s < _FRESH_S
        ]
        with self._model.kept(self.occupied() + self._regions(fresh, 2)):
            self._model.learn(self._contrast, self._dt_s, self._at_s)
            share = 1 - math.exp(-_LIGHT_PER_S * self._dt_s)
            for box in lights:
                self._model.hurry_in(self._contrast, region_of(box, self._model.shape, 1), share)
