"""Programs of a benchmark end with its block, and say why they do not start."""

import os
import sys
from pathlib import Path

import pytest

from app.benchmarks import web_programs
from app.benchmarks.web_programs import free_port, reached, running, until_up
from app.errors import SuiteError


def test_a_program_runs_inside_its_block_only(tmp_path: Path) -> None:
    code = "import time; print('up', flush=True); time.sleep(60)"
    log = tmp_path / "program.log"
    with running([sys.executable, "-c", code], os.environ, log) as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_a_program_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_programs, "_UP_S", 0.1)
    address = ("127.0.0.1", free_port())
    with pytest.raises(SuiteError, match="the server did not start: "):
        until_up(lambda: reached(address))
