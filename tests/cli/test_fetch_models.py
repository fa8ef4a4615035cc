"""The verb `fetch-models`, as somebody types it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.cli.fetch_models import REQUIREMENTS, install
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


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of an empty venv."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def make_wheel(folder: Path, requirement: str) -> None:
    name, version = requirement.split(" ", maxsplit=1)[0].split("==")
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_the_pinned_packages_are_installed(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    failure = install(REQUIREMENTS, str(python))
    assert failure
    assert "No matching distribution found for flatbuffers==" in failure
    for line in REQUIREMENTS.read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            make_wheel(wheels, line)
    assert install(REQUIREMENTS, str(python)) is None
    subprocess.run([python, "-c", "import onnxruntime, flatbuffers"], check=True)
