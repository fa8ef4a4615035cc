"""The marker `.NAME.uploaded` beside a file: which version of the file NAME each store has."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from app.files import read_unlinked

_UPLOADED = ".uploaded"
_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A store's confirmation that it has the version *changed_ns* of a file, given *at*.

    *published* says whether the event in Redis has this too.
    """

    key: str
    size: int
    checksum: str
    changed_ns: int
    at: str
    published: bool = True

    @classmethod
    def from_marker(cls, stored: Mapping[str, Any]) -> "Confirmation":
        """Read the output of `for_marker`. Raises a `TypeError` when it is something else."""
        fields = dict(stored)
        published = fields.pop("told", True)
        return cls(**fields, published=published)

    def for_marker(self) -> dict[str, Any]:
        """Return the fields for a marker, where `published` is stored as `told`."""
        fields = asdict(self)
        fields["told"] = fields.pop("published")
        return fields


def marker_name(name: str) -> str:
    """Return the name of the marker of the file *name*."""
    return f".{name}{_UPLOADED}"


def marker_path(path: Path) -> Path:
    """Return the path of the marker of the file at *path*."""
    return path.with_name(marker_name(path.name))


def marked_path(marker: Path) -> Path:
    """Return the path of the file that has the *marker*."""
    return marker.with_name(marker.name[1:].removesuffix(_UPLOADED))


def read_marker(marker: Path | str) -> dict[str, Confirmation]:
    """Return the content of *marker*, by store; nothing when it is missing or broken."""
    try:
        stored: Any = from_json(read_unlinked(marker, _MOST_BYTES), cache_strings="keys")
        return {str(store): Confirmation.from_marker(fields) for store, fields in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def encoded_marker(confirmations: Mapping[str, Confirmation]) -> bytes:
    """Return *confirmations*, by store, as the content of a marker."""
    return json.dumps({store: one.for_marker() for store, one in confirmations.items()}).encode()


def read_confirmations(path: Path) -> dict[str, Confirmation]:
    """Return the confirmations of any version of the file *path*, by store."""
    return read_marker(marker_path(path))


def of_version(
    confirmations: Mapping[str, Confirmation], changed_ns: int
) -> dict[str, Confirmation]:
    """Return those of the *confirmations* that are of the version *changed_ns*."""
    return {store: one for store, one in confirmations.items() if one.changed_ns == changed_ns}
