"""The bare decoder plays a video to its end."""

import subprocess
import sys
from pathlib import Path

from tests.cameras.pictures import write_video
from tests.conftest import REPO


def test_it_ends_with_the_video(tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 5)
    command = [sys.executable, "-m", "app.benchmarks.house.bare_decode", str(video)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
