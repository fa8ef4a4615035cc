"""Tests of scripts/wheelhouse.sh, with wheels made here in place of a package index."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import REPO
from tests.scripts.test_setup import Checkout, MakeCheckout, make_wheel


def collect(checkout: Checkout, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run wheelhouse.sh with the Python of this test."""
    if not (checkout.root / ".venv").exists():
        (checkout.root / ".venv").symlink_to(REPO / ".venv")
        shutil.copy(REPO / "scripts" / "wheelhouse.sh", checkout.root / "scripts")
    return subprocess.run(
        [checkout.root / "scripts" / "wheelhouse.sh", *arguments],
        cwd=checkout.root.parent,
        env=checkout.env(PIP_CONFIG_FILE=os.devnull),
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_collects_what_another_machine_needs(
    make_checkout: MakeCheckout, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path)
    checkout.require(
        'greeting==1.0\ntool==1.0 ; platform_machine == "aarch64"\nabsent==1 ; extra == "x"\n'
    )
    target = tmp_path / "for the pi"
    (target / ".part").mkdir(parents=True)
    (target / ".part" / "greeting-1.0-py3-none-any.whl").write_text("half a wheel")
    (checkout.wheels / "tool-1.0-py3-none-any.whl").unlink()
    options = ("--platform", "aarch64", "--python", "3.13")
    done = collect(checkout, "for the pi", *options)
    assert done.returncode == 1
    assert "these could not be fetched: tool==1.0. Run the same command again" in done.stderr

    make_wheel(checkout.wheels, "tool", "1.0")
    done = collect(checkout, "for the pi", *options)
    assert done.returncode == 0, done.stderr
    assert f"{target} is complete for Python 3.13 on aarch64" in done.stdout
    found = sorted(target.iterdir())
    assert [path.name for path in found] == [
        "greeting-1.0-py3-none-any.whl",
        "tool-1.0-py3-none-any.whl",
    ]
    assert found[0].read_bytes() == (checkout.wheels / found[0].name).read_bytes()


def test_a_wrong_argument_is_refused(make_checkout: MakeCheckout, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    for arguments, said in (
        (["--python", "3.9", "x"], "--python: 3.11, 3.12 or 3.13, not 3.9"),
        (["x", "--platform", "armv7l"], "--platform: aarch64 or x86_64, not armv7l"),
        (["--platform", "aarch64"], "name the folder: scripts/wheelhouse.sh DIR"),
    ):
        done = collect(checkout, *arguments)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "x").exists()
