"""Records to JSON and back, checked when they are written and when they are read."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from app.errors import ProtocolError
from app.protocol.records import EVENT_FIELDS, AnyRecord, EventRecord, Record

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
_BARE_EVENT_FIELDS = (
    *("camera", "started_at", "ended_at", "seen", "decision"),
    *("label", "label_by", "label_at"),
)


def prepare_records() -> None:
    """Make now what encodes and decodes each type of record, for a process that will fork."""
    for kind in (*get_args(Record), EventRecord):
        _adapter(kind)


def encode(record: Record) -> str:
    """Return *record* as JSON; `ProtocolError` when a value is not as declared."""
    text: str = _adapter(type(record)).dump_json(record, warnings=False).decode()
    decode(type(record), text)
    return text


def decode(kind: type[AnyRecord], text: str | bytes) -> AnyRecord:
    """Return the record of type *kind* in *text*; `ProtocolError` when there is none."""
    try:
        record: AnyRecord = _adapter(kind).validate_json(text)
        _refuse_nan(text)
    except ValidationError as error:
        raise ProtocolError(f"not a {kind.__name__}: {reasons(error)}") from None
    except ValueError as error:
        raise ProtocolError(f"not a {kind.__name__}: {error}") from None
    return record


def _refuse_nan(text: str | bytes) -> None:
    """Raise `ValueError` if *text* has a figure that is not finite, which JSON does not know."""
    words = text if isinstance(text, bytes) else text.encode(errors="replace")
    if b"NaN" in words or b"Inf" in words:
        from_json(words, allow_inf_nan=False)


def plain_event(record: EventRecord) -> dict[str, Any]:
    """Return *record* as plain values for `event.json`, without the unknown ones."""
    plain: dict[str, Any] = _adapter(EventRecord).dump_python(record, mode="json")
    return {name: value for name, value in plain.items() if value is not None}


def event_from_plain(plain: dict[str, Any]) -> EventRecord:
    """Return the event in the output of `plain_event`; other keys are ignored.

    Raises `ProtocolError` when there is none.
    """
    try:
        record: EventRecord = _adapter(EventRecord).validate_python(
            {name: plain[name] for name in EVENT_FIELDS if name in plain}
        )
    except ValidationError as error:
        raise ProtocolError(f"not an event: {reasons(error)}") from None
    return record


def encode_event(record: EventRecord) -> dict[str, str]:
    """Return *record* as the fields of its hash: words and times plain, the others as JSON."""
    return {
        name: value if name in _BARE_EVENT_FIELDS else json.dumps(value)
        for name, value in plain_event(record).items()
    }


def decode_event(stored: dict[str, str]) -> EventRecord:
    """Return the event in the fields of a hash, without marks; `ProtocolError` without one."""
    try:
        return event_from_plain(
            {
                name: value if name in _BARE_EVENT_FIELDS else from_json(value, allow_inf_nan=False)
                for name, value in stored.items()
                if name in EVENT_FIELDS
            }
        )
    except ProtocolError:
        raise
    except ValueError as error:
        raise ProtocolError(f"not an event: {error}") from None


def reasons(error: ValidationError) -> str:
    """Return the mistakes, without the wrong values, which may be secrets."""
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in found)
