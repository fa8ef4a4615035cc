"""The verb `fetch-models`, as somebody types it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.people.backends import FASTESTDET, YOLOX
from tests.servers.programs import REPO

#: Nothing listens there.
NOWHERE = "http://127.0.0.1:9"


def fetch(house: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    config = house / "config"
    config.mkdir(exist_ok=True)
    (config / "config.yml").touch()
    return subprocess.run(
        [sys.executable, "-m", "app", "fetch-models", "--config", config, *arguments],
        cwd=REPO,
        env=os.environ | {"HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE, "NO_PROXY": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_models_come_from_a_folder(model_files: Path, tmp_path: Path) -> None:
    done = fetch(tmp_path, "--from", model_files, "YOLOX_nano", "fastestdet")
    assert done.returncode == 0, done.stderr
    for name in (YOLOX, FASTESTDET):
        copied = tmp_path / "model-files" / name
        assert copied.read_bytes() == (model_files / name).read_bytes()
        assert f"{copied}: complete and checked" in done.stdout
    again = fetch(tmp_path, "--from", model_files)
    assert f"{tmp_path / 'model-files' / YOLOX}: was there already" in again.stdout


def test_without_a_network_it_says_what_to_put_where(tmp_path: Path) -> None:
    done = fetch(tmp_path, "--no-runtime", "all")
    assert done.returncode == 1
    folder = tmp_path / "model-files"
    assert f"put these files into {folder}, with exactly these names" in done.stderr
    assert (
        "  yolox_nano.onnx (sha256 "
        "c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d)" in done.stderr
    )
    assert "git hash-object 7104f06cd6a2655bbb171453adbd89eb6cb564ae" in done.stderr
    assert "https://github.com/opencv/opencv_zoo/raw/" in done.stderr
    assert "fetch-models --from FOLDER" in done.stderr
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = fetch(tmp_path, "yolo11")
    assert done.returncode == 2
    assert "no model yolo11; there are yolox_nano, FastestDet, MobileNetSSD" in done.stderr
