"""The traces of an unusual start of Redis."""

import shutil
from pathlib import Path

import pytest

from app.launcher import redis_traces
from app.launcher.redis_traces import new_trace


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = new_trace("Redis was started without its log.", pid=7, whole=True)
    redis_traces.write_no_log(tmp_path, trace)
    assert redis_traces.read_no_log(tmp_path) == trace
    redis_traces.clear_no_log(tmp_path)
    assert redis_traces.read_no_log(tmp_path) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"at": "x", "text": "y"}', '{"at": 1, "b": 2}']
)
def test_a_trace_that_is_none_is_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "no-log.json").write_text(content)
    assert redis_traces.read_no_log(tmp_path) is None


def test_the_folder_in_memory_is_this_users_alone(tmp_path: Path) -> None:
    folder = redis_traces.made_memory_folder(tmp_path)
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert redis_traces.made_memory_folder(tmp_path) == folder
        folder.rmdir()
        folder.symlink_to(tmp_path)
        with pytest.raises(PermissionError, match="not a folder of this user alone"):
            redis_traces.made_memory_folder(tmp_path)
    finally:
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
