"""Covers several modules: every module has its tests, and names and docstrings keep their form."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.conftest import REPO

APP, TESTS = REPO / "app", REPO / "tests"
MODULES = sorted(path for path in APP.rglob("*.py") if not path.name.startswith("__"))
TEST_FILES = sorted(TESTS.rglob("test_*.py"))
#: Words that make a sentence hard to read, and the one for a clip that the glossary does not have.
HARD_WORDS = re.compile(r"\b(lest|whence|anew|for ever|belongs into|films?|filmed|filming)\b", re.I)
#: The form of a message's key that houses in use have in Slack.
STORED = "-film"
QUESTIONS = ("What", "Whether", "How", "Who", "Where", "When")


def relative(path: Path) -> str:
    return str(path.relative_to(REPO))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def test_every_module_has_a_test_file_of_its_name() -> None:
    expected = [TESTS / one.relative_to(APP).with_name(f"test_{one.name}") for one in MODULES]
    assert [relative(path) for path in expected if not path.is_file()] == []


def test_every_test_file_has_its_module_or_covers_several() -> None:
    assert [relative(path) for path in TEST_FILES if not has_module(path)] == []


def has_module(test_file: Path) -> bool:
    name = test_file.stem.removeprefix("test_")
    module = APP / test_file.relative_to(TESTS).with_name(f"{name}.py")
    script = REPO / "scripts" / f"{name.replace('_', '-')}.sh"
    covers_several = test_file.read_text(encoding="utf-8").startswith('"""Covers several modules: ')
    return module.is_file() or script.is_file() or covers_several


def test_every_name_of_a_test_has_at_most_60_characters() -> None:
    names = {node.name for path in TEST_FILES for node in definitions(path)}
    assert [name for name in names if name.startswith("test_") and len(name) > 60] == []


def test_the_root_holds_only_what_several_programs_share() -> None:
    assert len(list(APP.glob("*.py"))) <= 15


def test_no_class_is_defined_twice() -> None:
    places = defaultdict(list)
    for module in MODULES:
        for node in tree_of(module).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(relative(module))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_docstring_begins_with_a_question() -> None:
    assert [text for module in MODULES for text in questions_in(module)] == []


def questions_in(module: Path) -> list[str]:
    tree = tree_of(module)
    docstrings = [ast.get_docstring(node) or "" for node in (tree, *definitions(module))]
    return [text for text in docstrings if text.split(" ")[0] in QUESTIONS]


def test_no_module_uses_a_hard_word() -> None:
    lines = {
        f"{relative(module)}: {line}"
        for module in MODULES
        for line in module.read_text(encoding="utf-8").splitlines()
        if HARD_WORDS.search(line.replace(STORED, ""))
    }
    assert lines == set()
