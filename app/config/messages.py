"""Mistakes in the configuration as sentences: file, line, key, fault and cure."""

import difflib
import re
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import ValidationError

from app.config.layers import KeyPath, Layers, dotted
from app.config.settings import Config
from app.presence.base import PersonSettings, PresenceSettings

_SECRET = re.compile("token|secret|password|key|url|source|router")
#: Plain words for pydantic's messages. YAML reads a password of digits, and some MAC addresses, as
#: numbers.
_PLAINER = {
    "string_type": 'must be text: put it in "quotes"',
    "tuple_type": "must be a list, in [square brackets]",
}


def described(error: ValidationError, layers: Layers) -> list[str]:
    """Return one sentence for each wrong key, with its place in the files."""
    return [
        f"{layers.place(keys)}: {dotted(keys)}: {layers.doubts.get(keys, why)}"
        for keys, why in described_by_key(error, layers.values).items()
    ]


def described_by_key(error: ValidationError, values: Any) -> dict[KeyPath, str]:
    """Return the mistake at each wrong key of *values*, also where a union reports several."""
    reasons: dict[KeyPath, list[str]] = {}
    found = [(_key_path(one["loc"], values), one) for one in error.errors(include_url=False)]
    for keys, one in found:
        other_alternative = one["type"] == "literal_error" and any(
            other[: len(keys)] == keys for other, _ in found if other != keys
        )
        if not other_alternative:
            reasons.setdefault(keys, []).append(
                _reason(one["type"], one["msg"], one["input"], keys)
            )
    return {keys: _either(said) for keys, said in reasons.items()}


def _either(said: list[str]) -> str:
    """Join the messages of the alternatives about one value, with the value only at the end."""
    *others, last = dict.fromkeys(said)
    return " or ".join([*(other.partition(", not ")[0] for other in others), last])


def _key_path(location: KeyPath, values: Any) -> KeyPath:
    """Return *location* without the names of a union's alternatives, which are not in the file."""
    keys: list[str | int] = []
    for number, part in enumerate(location):
        inside = (isinstance(values, dict) and part in values) or (
            isinstance(values, list) and isinstance(part, int) and part < len(values)
        )
        if inside:
            values = values[part]
            keys.append(part)
        elif number == len(location) - 1 and isinstance(values, dict) and part != "[key]":
            keys.append(part)
    return tuple(keys)


def _reason(kind: str, message: str, value: Any, keys: KeyPath) -> str:
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        cure = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        return f"no such key; {cure}"
    if kind in ("dataclass_type", "model_type", "dict_type"):
        names = ", ".join(_known_keys(keys))
        cure = (
            "each as `key: value`, with a space behind the colon"
            if isinstance(value, str)
            else "leave it out for its defaults"
        )
        return f"must hold keys and values{names and f' ({names})'}; {cure}"
    if kind == "tuple_type" and ("masks" in keys or "privacy" in keys):
        return (
            "areas are lists of corners in a list, as in [[[0, 0], [0.3, 0], [0.3, 0.4]]]: is "
            "there a bracket too few?"
        )
    said = _PLAINER.get(kind) or re.sub(
        r"^(Input|Value|Dictionary|Tuple|List|String) should ",
        "must ",
        message.removeprefix("Value error, "),
    )
    if any(_SECRET.search(str(key)) for key in keys) or isinstance(value, dict | list):
        return said
    return f"{said}, not {value!r}"


def _known_keys(keys: KeyPath) -> list[str]:
    """Return the keys that exist below *keys*; none where the names are free."""
    here: Any = Config(
        presence=PresenceSettings(people={"somebody": PersonSettings(hosts=("a-phone",))})
    )
    for key in keys:
        here = (
            next(iter(here.values()), None)
            if isinstance(here, dict)
            else getattr(here, str(key), None)
        )
    if is_dataclass(here):
        return [one.name.rstrip("_") for one in fields(here)]
    return [] if keys else list(Config.model_fields)
