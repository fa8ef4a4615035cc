"""YAML files laid over one another, with the file and line of each key."""

from pathlib import Path
from typing import Any

import yaml

#: Parts of PyYAML's messages, each with the likely cure; {opened} is the line where the quote or
#: bracket began.
_CURES = (
    ("'\\t'", "indent with spaces, not with a tab"),
    ("cannot start any token", 'what begins with such a sign must stand in "quotes"'),
    ("end of stream", "the quote or bracket that is opened in line {opened} is never closed"),
    ("expected ',' or", "the bracket that is opened in line {opened} is not closed"),
    (
        "mapping values",
        "is the line indented like its neighbours, and has the line above a colon? "
        'A value with a colon must stand in "quotes"',
    ),
    (
        "<block end>",
        "is the line indented like its neighbours, and each quote and bracket closed exactly once?",
    ),
)

#: The keys and list positions that lead to a value.
KeyPath = tuple[str | int, ...]


class Layers:
    """Several files as one: for each key the last file wins. *problems* are their mistakes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: dict[str, Any] = {}
        self.places: dict[KeyPath, str] = {}
        self.problems: list[str] = []

    def add(self, path: Path) -> None:
        """Lay the file at *path* over the earlier files."""
        try:
            loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            self._record_places(node, (), path)
            values = loader.construct_document(node) if node else {}
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path}: cannot be read: {error}")
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.problems.append(f"{path}:{line}: not YAML: {_message(error)}")
        except yaml.YAMLError as error:
            self.problems.append(f"{path}: not YAML: {str(error).splitlines()[0]}")
        else:
            self._lay_over(values, path)

    def place(self, keys: KeyPath) -> str:
        """Return file and line of *keys*, or of the nearest known section around them."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, str(self.folder / "config.yml"))

    def _lay_over(self, values: Any, path: Path) -> None:
        if isinstance(values, dict):
            self.values = _merged(self.values, values)
        else:
            self.problems.append(
                f"{path}:1: must hold keys and values, as in `data_dir: data`, not a "
                f"{type(values).__name__}"
            )

    def _record_places(self, node: yaml.Node | None, keys: KeyPath, path: Path) -> None:
        if node is None or len(keys) > 20:
            return
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._record(item, item, (*keys, index), path)
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self.problems.append(
                        f"{path}:{key.start_mark.line + 1}: a key must be a word; lists are "
                        "written in [square brackets]"
                    )
                    continue
                if key.value in seen:
                    self.problems.append(
                        f"{path}:{key.start_mark.line + 1}: {dotted((*keys, key.value))}: is "
                        "here twice; keep one"
                    )
                seen.add(key.value)
                self._record(key, value, (*keys, key.value), path)

    def _record(self, key: yaml.Node, value: yaml.Node, keys: KeyPath, path: Path) -> None:
        self.places[keys] = f"{path}:{key.start_mark.line + 1}"
        self._record_places(value, keys, path)


def _message(error: yaml.MarkedYAMLError) -> str:
    """Return the mistake in PyYAML's words, and the cure in ours."""
    said = error.problem or error.context or ""
    opened = error.context_mark.line + 1 if error.context_mark else 1
    return "; ".join(
        [said, *(cure.format(opened=opened) for part, cure in _CURES if part in said)][:2]
    )


def _merged(below: dict[Any, Any], above: dict[Any, Any]) -> dict[Any, Any]:
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = (
            _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return both


def dotted(keys: KeyPath) -> str:
    """Return *keys* in the form that people write."""
    return ".".join(map(str, keys)) or "the whole file"
