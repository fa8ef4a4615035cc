"""One bad entry costs only itself; an answer that breaks off or is no JSON is still an error."""

import json
from typing import Any

import pytest

from app.presence.routers.lenient_json import read_json

ANNA = '{"mac": "aa:bb:cc:00:00:01", "name": "annas-iphone"}'
BEN = '{"mac": "aa:bb:cc:00:00:02", "name": "bens-pixel"}'
HOSTILE = {
    "a quote": '{"mac": "aa:bb:cc:00:00:09", "name": "ann"as"}',
    "two quotes": '{"name": "the "best" phone", "mac": "aa:bb:cc:00:00:09"}',
    "a backslash": '{"mac": "aa:bb:cc:00:00:09", "name": "C:\\windows"}',
    "a backslash at the end": '{"name": "phone\\", "mac": "aa:bb:cc:00:00:09"}',
    "half an escape": '{"mac": "aa:bb:cc:00:00:09", "name": "\\u12"}',
    "an object after a quote": '{"name": "a", {"b": 1}, "mac": "aa:bb:cc:00:00:09"}',
    "an inner object": '{"radio": {"signal": -60}, "name": "ann"as", "wan": {"up": 1}}',
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("shape", ["[%s]", '{"status": {"ok": 1}, "hosts": {"list": [%s]}}'])
def test_an_unescaped_name_costs_only_its_entry(hostile: str, shape: str) -> None:
    with pytest.raises(ValueError, match=r"column"):
        json.loads(shape % hostile)
    said: Any = read_json(shape % f"{ANNA}, {hostile}, {BEN}")
    entries = said if isinstance(said, list) else said["hosts"]["list"]
    assert [one["name"] for one in entries if one] == ["annas-iphone", "bens-pixel"]


@pytest.mark.parametrize("character", ["\x00", "\x01", "\n", "\x1b", "\x7f", "\x9b", "\u202e"])
def test_control_characters_are_read(character: str) -> None:
    assert read_json(f'[{{"name": "zyxel{character}cam"}}]') == [{"name": f"zyxel{character}cam"}]


def test_a_number_without_end_is_read() -> None:
    assert read_json(f'[{{"up": {"9" * 9000}}}]') == [{"up": float("inf")}]


@pytest.mark.parametrize("text", [f"[{ANNA}, {BEN}", f"[{ANNA}, {BEN[:-9]}", f"[{ANNA},", "", "no"])
def test_an_answer_that_breaks_off_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"column"):
        read_json(text)


def test_an_answer_that_is_one_bad_object_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"column"):
        read_json(HOSTILE["a quote"])


def test_a_flood_of_bad_entries_costs_only_itself() -> None:
    flood = [HOSTILE["a quote"], HOSTILE["half an escape"]] * 1000
    flood[500:500] = [HOSTILE["an object after a quote"], HOSTILE["an inner object"]] * 20
    said = read_json(f"[{', '.join([ANNA, *flood, BEN])}]")
    assert [one["name"] for one in said if one and "name" in one] == ["annas-iphone", "bens-pixel"]


def test_more_of_them_than_a_router_lists_is_soon_an_error() -> None:
    with pytest.raises(ValueError, match="more than 64 entries"):
        read_json(f"[{', '.join([HOSTILE['an inner object']] * 5000)}]")
