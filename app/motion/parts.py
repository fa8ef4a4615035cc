"""The parts of the method structure that can be switched off, to see what each is worth."""

from dataclasses import dataclass, field, fields

from app.motion.rules import Rules
from app.motion.scene_model import ModelParts


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts, those of the rules and of the model included."""

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
