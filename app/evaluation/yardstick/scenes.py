"""All scenes of the yardstick. A seed moves times, places, strengths and the framing."""

import zlib
from collections.abc import Callable

import numpy as np

from app.evaluation.yardstick import light, people, things
from app.evaluation.yardstick.footage import Footage
from app.evaluation.yardstick.staging import Staging

#: Reports of before this tool use the same names, and the names are part of the seed.
SCENES: dict[str, Callable[[np.random.Generator, Footage], Staging]] = {
    "noise_day": light.noise_by_day,
    "noise_night": light.noise_by_night,
    "lamp_global": light.lamps("global"),
    "lamp_half": light.lamps("half"),
    "lamp_local": light.lamps("local"),
    "cloud": light.cloudy,
    "flash": light.flashes,
    "headlight": light.sweeps((0.5, 1.2), (60, 140), (2, 5), "headlight", 0.55),
    "soft_shadow": light.sweeps((-0.4, -0.2), (90, 170), (7, 14), "shadow", 1),
    "exposure_hunting": light.exposure_hunting,
    "ir_cut": light.infrared,
    "television": things.television,
    "swaying_plant": things.swaying_plant,
    "insect": things.insect,
    "vibration": things.vibration,
    "starved_bitrate": light.starved,
    "person_plain_a": people.plain((2, 3, 4)),
    "person_plain_b": people.plain((0, 1, 5)),
    "person_night": people.at_night,
    "person_low_contrast": people.low_contrast,
    "person_with_lamp": people.with_lamp,
    "person_with_cloud": people.with_cloud,
    "person_still": people.still,
    "person_far": people.far((0.25, 0.4)),
    "person_twice": people.twice,
}

#: Scenes for the person model: people 15 to 35 pixels high, of whom motion alone is not sure.
SMALL_SCENES: dict[str, Callable[[np.random.Generator, Footage], Staging]] = {
    "person_small": people.far((0.055, 0.1)),
}


def stage(name: str, seed: int, footage: Footage) -> tuple[Staging, np.random.Generator]:
    """Return the scene *name* of *seed*, and the random numbers for drawing it."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return (SCENES | SMALL_SCENES)[name](rng, footage), rng
