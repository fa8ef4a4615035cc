"""What supervisord imports for its programs."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Config, load_config
from app.launcher import preload, specs
from app.launcher.launch import LIGHT
from tests.servers.programs import write_config

# Imports for the commands in its arguments, and says which modules it then has.
PROGRAM = """
import os, sys
from app.launcher import preload
if preload.preload(sys.argv[1:]):
    raise SystemExit("something cannot be imported")
print(*sys.modules, sep="\\n")
print("threads:", len(os.listdir("/proc/self/task")))
"""
NOTIFIER = (sys.executable, "-m", "app.daemons.notifier")
CAMERA = (sys.executable, "-m", "app.daemons.security_system", "--camera")


def imported(*commands: tuple[str, ...]) -> set[str]:
    """The modules that supervisord imports for *commands*."""
    return set(
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(shlex.join, commands)],
            env=os.environ | LIGHT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.splitlines()
    )


def test_opencv_is_imported_for_several_cameras_only() -> None:
    one = imported(NOTIFIER, (*CAMERA, "front"))
    assert {"app.daemon", "threads: 1"} <= one
    assert not {"cv2", "numpy", "av", "flask", "app.daemons.notifier.daemon"} & one
    assert {"cv2", "numpy", "av", "threads: 1"} <= imported((*CAMERA, "front"), (*CAMERA, "back"))


def test_each_program_but_glances_is_forked(tmp_path: Path) -> None:
    running = write_config(tmp_path, "redis://127.0.0.1:1/0", "glances: {on_demand: false}")
    config, conf = load_config(running), tmp_path / "glances.conf"
    assert all(preload.is_ours(program.command) for program in specs.daemons(config))
    assert not preload.is_ours(specs.glances(config, conf).command)
    assert preload.is_ours(specs.glances(Config(), conf).command)  # its door
    assert not preload.is_ours(("/bin/true",))


def test_only_an_import_that_ends_the_process_is_noted(tmp_path: Path) -> None:
    with preload.import_watched(tmp_path) as is_safe:
        assert is_safe
        # The next supervisord would find it thus if this one ended now.
        assert preload.has_crashed(tmp_path)
        with preload.import_watched(tmp_path) as is_safe_again:
            assert not is_safe_again
    with pytest.raises(SystemExit), preload.import_watched(tmp_path) as is_safe:
        assert is_safe
        os.kill(os.getpid(), signal.SIGTERM)
    assert not preload.has_crashed(tmp_path)


def test_a_module_that_cannot_be_imported_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "_SEVERAL", ("app.no_such_module",))
    assert preload.preload([]) == [
        "app.no_such_module cannot be imported: No module named 'app.no_such_module'"
    ]


def test_a_daemon_must_begin_its_work_in_time() -> None:
    assert preload.longest_start_s(NOTIFIER)
    assert preload.longest_start_s((sys.executable, "-m", "gunicorn")) is None
    assert preload.longest_start_s(("redis-server",)) is None
