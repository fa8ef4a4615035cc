"""A trial blames the log only for what the log has done."""

from pathlib import Path

import pytest

from app.errors import SuiteError
from app.launcher.redis_log import Log
from app.launcher.redis_server import find_redis_server
from app.launcher.redis_trial import Trial


def refuse(_log: Log, folder: Path, _count: int, _base: bool) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "appendonlydir").write_text("in the way of any log")


def test_a_redis_that_never_starts_does_not_condemn_the_log(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="even with an empty log"):
        Trial(find_redis_server(), tmp_path / "view", 16).largest(Log(), refuse)
