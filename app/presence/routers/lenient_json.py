"""Reads a router's JSON although strangers choose some of its words.

Some routers do not escape the names of devices. A control character, a quote or a backslash in one
name would otherwise make the whole list unreadable, and anybody on the Wi-Fi could stop the arming.
"""

import json
import re
from typing import Any

#: The most entries that are left out one by one, wherever their braces are; then all broken ones
#: without braces inside are left out at once, and then as many again one by one.
_MOST_LEFT_OUT = 64
_FLAT = re.compile(r"\{[^{}]*\}")
#: A longer whole number is read as a floating-point number, since Python refuses the longest.
_MOST_DIGITS = 300


def read_json(text: str) -> Any:
    """Return the JSON in *text*; an object that cannot be read becomes None.

    Raises `ValueError` when the text breaks off or is no JSON, or when an object that cannot be
    read is the whole of it.
    """
    for number in range(2 * _MOST_LEFT_OUT + 2):
        try:
            return _loaded(text)
        except json.JSONDecodeError as error:
            is_flood = number == _MOST_LEFT_OUT
            text = _FLAT.sub(_if_whole, text) if is_flood else _without_object_at(text, error)
    raise ValueError(f"more than {_MOST_LEFT_OUT} entries cannot be read")


def _loaded(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_number)


def _if_whole(found: re.Match[str]) -> str:
    """Return the object that was *found* as it is, or null when it cannot be read."""
    try:
        _loaded(found[0])
    except ValueError:
        return "null"
    return found[0]


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _without_object_at(text: str, error: json.JSONDecodeError) -> str:
    """Return *text* with null in place of the innermost object around *error*; raises it again."""
    start, end = _opening(text, error.pos), _closing(text, error.pos)
    if start <= 0 or end is None:
        raise error
    return f"{text[:start]}null{text[end + 1 :]}"


def _opening(text: str, at: int) -> int:
    """Return the place of the brace that is open at *at*; -1 without one."""
    depth, place = 0, at
    while (place := max(text.rfind("{", 0, place), text.rfind("}", 0, place))) >= 0:
        depth += 1 if text[place] == "}" else -1
        if depth < 0:
            return place
    return -1


def _closing(text: str, at: int) -> int | None:
    """Return the place of the brace that closes the object around *at*; None without one."""
    depth = 0
    for place in range(at, len(text)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth < 0:
                return place
    return None
