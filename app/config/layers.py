"""YAML files laid over one another, with the file and line of each key."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_QUOTED = 'what begins with such a sign must stand in "quotes"'
#: Parts of PyYAML's messages, each with the likely cure; {opened} is the line where the quote or
#: bracket began.
_CURES = (
    ("'\\t'", "indent with spaces, not with a tab"),
    ("cannot start any token", _QUOTED),
    ("sequence entries are not allowed here", f"if it begins a value, {_QUOTED}"),
    ("mapping keys are not allowed here", f"if it begins a value, {_QUOTED}"),
    ("but found ','", f"if it begins a value, {_QUOTED}"),
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

#: PyYAML's messages about a value with such a sign in front, which quote it: it may be a password.
_SIGNS = {
    "'tag:yaml.org,2002:value'": "=",
    "'tag:yaml.org,2002:merge'": "<<",
    "expected chomping or indentation indicators": "| or >",
    "could not determine a constructor": "!",
    "found undefined alias": "*",
    "while scanning an alias": "*",
    "while scanning an anchor": "&",
    "while scanning a tag": "!",
    "undefined tag handle": "!",
}

_SIGN = f"a value begins with {{sign}}; {_QUOTED}"

#: A comment right behind a value, without a space behind its #.
_HASH = re.compile(r"[ \t]+#[^\s#]")
_SECRET = re.compile("token|secret|password|key")

#: Spaces that YAML takes for letters, and signs of no width; they come from web pages and phones.
_ODD_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
#: Where only plain spaces may stand: before a key, and around a colon, a dash and a comma.
_ODD_INDENT = re.compile(rf"^[ ]*[{_ODD_SPACES}][\s{_ODD_SPACES}]*|(?<=[:,-])[{_ODD_SPACES}]+")
_EMPTY = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:str")
_KINDS = {list: "a list", type(None): "nothing"}
_CURLY_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb"

#: The keys and list positions that lead to a value.
KeyPath = tuple[str | int, ...]


class Layers:
    """Several files as one: for each key the last file wins. *problems* are their mistakes.

    A camera that a later file sets to null is removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: dict[str, Any] = {}
        self.places: dict[KeyPath, str] = {}
        self.problems: list[str] = []
        #: What is probably not meant, by its key.
        self.doubts: dict[KeyPath, str] = {}
        #: The file that is being read.
        self._text = ""

    def add(self, path: Path) -> None:
        """Lay the file at *path* over the earlier files."""
        try:
            text = self._with_plain_spaces(path.read_text(encoding="utf-8-sig"), path)
            self._text = text
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            self._record_places(node, (), path)
            values = loader.construct_document(node) if node else {}
        except PermissionError as error:
            cure = "it may belong to root after an editor with sudo; make it yours (sudo chown)"
            self.problems.append(f"{path}: cannot be read: {error.strerror}; {cure}")
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
        return place(keys, self.places, self.folder)

    def _with_plain_spaces(self, text: str, path: Path) -> str:
        """Return *text* with plain spaces where YAML needs them; each other one is a mistake."""
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if line.lstrip().startswith("#"):
                continue
            lines[number] = _ODD_INDENT.sub(lambda found: " " * len(found[0]), line)
            if lines[number] != line:
                self.problems.append(
                    f"{path}:{number + 1}: has a special space, perhaps pasted from a web page, "
                    "where a plain one must stand; type the spaces of this line again"
                )
        return "\n".join(lines)

    def _check_word(self, node: yaml.ScalarNode, keys: KeyPath, path: Path) -> None:
        word, mark = node.value, node.start_mark
        sign = self._text[mark.index : mark.index + 1]
        if node.tag in _EMPTY and not word and sign in ("&", "!", "|", ">"):
            # YAML takes the whole word for a name or a way of writing, and the value is empty.
            why = _SIGN.format(sign=sign)
            self.problems.append(f"{path}:{mark.line + 1}: {dotted(keys)}: {why}")
        if doubt := self._hash_doubt(node, keys):
            self.doubts[keys] = doubt
        if node.style is None and word[:1] in _CURLY_QUOTES and word[-1:] in _CURLY_QUOTES and word:
            self.problems.append(
                f"{path}:{node.start_mark.line + 1}: {dotted(keys)}: stands in curly quotes, "
                'perhaps typed on a phone; type plain quotes, as in "text", or none'
            )

    def _hash_doubt(self, node: yaml.ScalarNode, keys: KeyPath) -> str | None:
        """Return what is doubtful when a # begins a comment that may be meant as a value."""
        if node.style or not _HASH.match(self._text, node.end_mark.index):
            return None
        if not node.value:
            return (
                "is empty, because # begins a comment. If the # belongs to the value, put the "
                'value in "quotes"; if not, put a space behind the #'
            )
        if any(_SECRET.search(str(key)) for key in keys):
            return (
                "ends before a #, which begins a comment. If the # belongs to it, put all of it in "
                '"quotes"; if not, put a space behind the #'
            )
        return None

    def _lay_over(self, values: Any, path: Path) -> None:
        if isinstance(values, dict):
            removed = self._removed_cameras(values)
            self.values = _merged(self.values, values)
            for name in removed:
                del self.values["cameras"][name]
        else:
            self.problems.append(
                f"{path}:1: must hold keys and values, as in `data_dir: data`, not "
                f"{_KINDS.get(type(values), 'one word')}"
            )

    def _removed_cameras(self, values: dict[Any, Any]) -> list[Any]:
        """Return the cameras of the earlier files that *values* set to null: they are removed."""
        below, above = self.values.get("cameras"), values.get("cameras")
        if not (isinstance(below, dict) and isinstance(above, dict)):
            return []
        return [name for name, camera in above.items() if camera is None and name in below]

    def _record_places(self, node: yaml.Node | None, keys: KeyPath, path: Path) -> None:
        if node is None or len(keys) > 20:
            return
        if isinstance(node, yaml.ScalarNode):
            self._check_word(node, keys, path)
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
        self.doubts.pop(keys, None)
        self._record_places(value, keys, path)


def place(keys: KeyPath, places: Mapping[KeyPath, str], folder: Path) -> str:
    """Return which of *places* is that of *keys*, or of the nearest known section around them."""
    while keys and keys not in places:
        keys = keys[:-1]
    return places.get(keys, str(folder / "config.yml"))


def _message(error: yaml.MarkedYAMLError) -> str:
    """Return the mistake in PyYAML's words, and the cure in ours."""
    said = error.problem or error.context or ""
    for part, sign in _SIGNS.items():
        if part in f"{error.context} {said}":
            return _SIGN.format(sign=sign)
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
