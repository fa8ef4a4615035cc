"""Covers several modules: the documents name only what exists, and every command and verb."""

import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.__main__ import VERBS
from app.commands.registry import COMMANDS
from app.commands.slack_names import slack_name
from tests.conftest import REPO

MANUALS = (REPO / "README.md", REPO / "setup.md")
DOCUMENTS = (
    *MANUALS,
    REPO / "CONTRIBUTING.md",
    REPO / "CHANGELOG.md",
    *sorted((REPO / "docs").rglob("*.md")),
)
#: Files that an owner makes, and that are never committed.
MADE_BY_OWNERS = ("config/private.yml", "config/redis.password")

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"(?<![\w./-])(?:app|tests|scripts|config|docs|\.ci)/[\w./*-]*\w")
_MODULE = re.compile(r"(?<![\w./])(?:app|tests)(?:\.\w+)+")
_CLASS = re.compile(r"`([A-Z][a-z]\w*)`")


def ids(document: Path) -> str:
    return str(document.relative_to(REPO))


def is_placeholder(name: str) -> bool:
    """Return whether *name* has a part that the reader fills in, such as NAME."""
    return any(re.fullmatch(r"(test_)?[A-Z]+", part) for part in re.split(r"[./]", name))


def headings(document: Path) -> Iterator[str]:
    """Yield the anchors that *document* has, as GitHub makes them of its headings."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        yield plain.replace(" ", "-")


def has_module(name: str) -> bool:
    """Return whether *name* is a module or package of ours, or what a module defines."""
    path = REPO.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, attribute = name.rpartition(".")
    source = REPO.joinpath(*module.split(".")).with_suffix(".py")
    return source.is_file() and attribute in source.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_relative_link_has_its_target(document: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCE.sub("", document.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_path_and_module_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    paths = {path for path in _PATH.findall(text) if not is_placeholder(path)}
    missing = {path for path in paths - {*MADE_BY_OWNERS} if not any(REPO.glob(path))}
    modules = {name for name in _MODULE.findall(text) if not is_placeholder(name)}
    missing |= {name for name in modules if not (has_module(name) or any(REPO.glob(name)))}
    assert missing == set()


def test_every_class_that_a_document_names_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in REPO.glob("app/**/*.py"))
    classes = re.findall(r"^class (\w+)", source, re.MULTILINE)
    aliases = re.findall(r"^(\w+) = ", source, re.MULTILINE)
    names = {*classes, *aliases, *dir(builtins)}
    for document in DOCUMENTS:
        named = {*_CLASS.findall(document.read_text(encoding="utf-8"))}
        assert named - names == set(), ids(document)


def test_every_command_is_in_a_manual() -> None:
    text = "\n".join(manual.read_text(encoding="utf-8") for manual in MANUALS)
    named = {*re.findall(r"`/(\w+)", text)}
    assert {slack_name(name) for name in COMMANDS} - named == set()


def test_every_verb_is_in_a_manual() -> None:
    text = "\n".join(manual.read_text(encoding="utf-8") for manual in MANUALS)
    named = {*re.findall(r"-m app ([\w-]+)", text), *re.findall(r"scripts/(\w+)\.sh", text)}
    assert VERBS.keys() - named == set()


def test_the_glossary_is_in_alphabetical_order() -> None:
    glossary = (REPO / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\* \*\*(.+?)\*\*", glossary, re.MULTILINE)
    assert terms == sorted(terms, key=lambda term: term.lower().replace("-", " "))
