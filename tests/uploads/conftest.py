"""A guarded disk for the tests of what is deleted, and of what is reported."""

import logging
from functools import partial
from pathlib import Path

import pytest

from tests.uploads.guarded_disk import GuardedDisk, MakeScene


@pytest.fixture
def make_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> MakeScene:
    caplog.set_level(logging.INFO)
    return partial(GuardedDisk, tmp_path, monkeypatch)
