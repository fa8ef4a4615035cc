"""Who may import whom: every arrow points down, trades know neither each other nor Redis, and one module speaks to Redis."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parent.parent / "app"
WORDS = {"protocol", "frames", "clock", "errors", "files"}
TRADES = {"cameras", "motion", "people", "recording", "notify", "presence", "uploads", "pantilt"}
PROGRAMS = {"daemons", "web", "evaluation", "suite"}
MODULES = sorted(path for path in APP.rglob("*.py") if path.parent != APP or path.name not in ("__init__.py", "__main__.py"))


def room(name: str) -> str:
    """The room of a module or folder directly under app/."""
    return "words" if name in WORDS else "trades" if name in TRADES else "programs" if name in PROGRAMS else "floor"


def own_name(path: Path) -> str:
    return path.relative_to(APP).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            yield from (f"app.{alias.name}" for alias in node.names) if module == "app" else [module]


MAY_IMPORT = {
    "words": {"words"},
    "trades": {"words"},
    "floor": {"words", "trades", "floor"},
    "programs": {"words", "trades", "floor"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_every_arrow_points_down(path: Path) -> None:
    own = own_name(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "app" and len(parts) > 1 and parts[1] != own:
            assert room(parts[1]) in MAY_IMPORT[room(own)], f"{path.relative_to(APP)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_only_the_state_speaks_redis_and_no_trade_reads_yaml(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imported(path)}
    assert "redis" not in libraries or path.name == "state.py"
    assert "yaml" not in libraries or room(own_name(path)) != "trades"
    assert not libraries & {"pickle", "marshal", "shelve"}
