"""YAML files laid over one another."""

from pathlib import Path

import pytest

from app.config.layers import Layers, dotted


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    """Two files, the second laid over the first."""
    (tmp_path / "config.yml").write_text("motion:\n  alpha: 0.1\n  min_area: 5\nmasks: [a, b]\n")
    (tmp_path / "private.yml").write_text("motion:\n  alpha: 0.2\nmasks: [c]\n")
    made = Layers(tmp_path)
    made.add(tmp_path / "config.yml")
    made.add(tmp_path / "private.yml")
    return made


def test_a_later_file_wins_key_by_key_and_replaces_lists(layers: Layers) -> None:
    assert layers.values == {"motion": {"alpha": 0.2, "min_area": 5}, "masks": ["c"]}
    assert not layers.problems


def test_a_camera_that_is_null_is_removed(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("cameras: {front: {fps: 10}, back: {}}\nmotion: null\n")
    layers.add(tmp_path / "config.yml")
    (tmp_path / "private.yml").write_text("cameras: {front: null, garage: {fps: 5}, attic: null}\n")
    layers.add(tmp_path / "private.yml")
    cameras = {"back": {}, "garage": {"fps": 5}, "attic": None}
    assert layers.values == {"cameras": cameras, "motion": None, "masks": ["c"]}


def test_each_key_is_placed_in_the_file_that_won(layers: Layers, tmp_path: Path) -> None:
    assert layers.place(("motion", "alpha")) == f"{tmp_path / 'private.yml'}:2"
    assert layers.place(("motion", "min_area")) == f"{tmp_path / 'config.yml'}:3"


def test_a_key_in_no_file_is_placed_at_its_section(layers: Layers, tmp_path: Path) -> None:
    assert layers.place(("motion", "ksize")) == f"{tmp_path / 'private.yml'}:1"
    assert layers.place(("redis", "url")) == str(tmp_path / "config.yml")


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    layers.add(tmp_path / "nowhere.yml")
    assert "cannot be read" in layers.problems[0]


def test_keys_are_shown_with_dots() -> None:
    assert dotted(("cameras", "front", "masks", 0)) == "cameras.front.masks.0"
    assert dotted(()) == "the whole file"


@pytest.mark.parametrize(
    ("text", "values", "wrong_lines"),
    [
        ("a:\n\u00a0\u00a0b: 1\n", {"a": {"b": 1}}, [2]),
        ("a:\n  \u00a0b: 1\n  \u3000c: 2\n", {"a": {"b": 1, "c": 2}}, [2, 3]),
        ("a:\u00a01\n", {"a": 1}, [1]),
        ("a:\n-\u202f1\n", {"a": [1]}, [2]),
        ("\ufeffa: 1\n", {"a": 1}, []),
        ("a: 10\u00a0km\n# \u00a0a comment\n", {"a": "10\u00a0km"}, []),
        ("a: “b”\n", {"a": "“b”"}, [1]),
        ("a: [‘b’, 'c']\n", {"a": ["‘b’", "c"]}, [1]),
        ("a: 'a “b” c'\nb: a “b”\n", {"a": "a “b” c", "b": "a “b”"}, []),
    ],
)
def test_signs_from_phones_and_web_pages_are_named(
    text: str, values: dict[str, object], wrong_lines: list[int], tmp_path: Path
) -> None:
    (tmp_path / "private.yml").write_text(text, encoding="utf-8")
    layers = Layers(tmp_path)
    layers.add(tmp_path / "private.yml")
    assert layers.values == values
    placed = [f"{tmp_path / 'private.yml'}:{line}: " for line in wrong_lines]
    assert all(
        problem.startswith(place) for problem, place in zip(layers.problems, placed, strict=True)
    )


@pytest.mark.parametrize(
    "value",
    [
        *("!hunter2", "*hunter2", "&hunter2", "!!hunter2", "!a!hunter2", "*hunter2*", "!", "&"),
        *("|", ">-", "="),
    ],
)
def test_a_password_that_begins_with_a_sign_is_not_shown_or_lost(
    tmp_path: Path, value: str
) -> None:
    path = tmp_path / "private.yml"
    path.write_text(f"# \u2028\x85\r\nglances:\r\n  password: {value}\r\n", encoding="utf-8")
    layers = Layers(tmp_path)
    layers.add(path)
    (problem,) = layers.problems
    assert f"a value begins with {value[0]}; what begins with such a sign must" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "value", ["|hunter2", ">hunter2", "-", "- hunter2", "? hunter2", ",hunter2"]
)
def test_a_value_that_begins_with_a_mark_of_yaml_has_a_cure(tmp_path: Path, value: str) -> None:
    path = tmp_path / "private.yml"
    path.write_text(f"glances:\n  password: {value}\n")
    layers = Layers(tmp_path)
    layers.add(path)
    (problem,) = layers.problems
    assert problem.startswith(f"{path}:2: ")
    assert problem.endswith('what begins with such a sign must stand in "quotes"')
    assert "found 'h'" not in problem


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("password: #hunter2", "is empty"),
        ("base_path:  #photos", "is empty"),
        ("- #tgram", "is empty"),
        ("password: hunter2 #5", "ends before a #"),
        ("api_key: correct horse #5 # mine", "ends before a #"),
        *((line, "") for line in ("password: # none", "password: '#a' #b", "base_path: a #b")),
        *((line, "") for line in ("password: a#b", "password: ## none ##", "password:  ")),
    ],
)
def test_a_value_that_a_comment_cuts_off_is_doubtful(tmp_path: Path, line: str, doubt: str) -> None:
    path = tmp_path / "private.yml"
    path.write_text(f"here:\n  {line}\n")
    layers = Layers(tmp_path)
    layers.add(path)
    assert not layers.problems
    assert [said.startswith(doubt) for said in layers.doubts.values()] == [True] * bool(doubt)
    path.write_text("here: {password: b, base_path: c, api_key: d}\n")
    layers.add(path)
    assert "- " in line or not layers.doubts


def test_an_anchor_that_is_used_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text("front: &one\n  fps: 5\nback: *one\nname: !!str 5\nnone:\n")
    layers = Layers(tmp_path)
    layers.add(path)
    assert not layers.problems
    assert layers.values["back"] == {"fps": 5}
