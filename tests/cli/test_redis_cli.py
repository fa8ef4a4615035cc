"""Redis's own client, for a person."""

import sys
from pathlib import Path

import pytest
from redis import Redis

from app.cli import redis_cli
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.servers.suite import run, run_verb


def test_a_command_is_run_in_the_database_of_the_house(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        with Redis.from_url(server.url) as raw:
            raw.config_set("requirepass", "a b")
        url = server.url.replace("://", "://:a%20b@") + "?db=2"
        folder = write_config(tmp_path, url)
        command = [sys.executable, "-m", "app", "redis-cli", "--config", str(folder)]
        assert run([*command, "set", "home", "-1"]).stdout == "OK\n"
        assert run([*command, "info", "keyspace"]).stdout.startswith("# Keyspace")
        assert "db2:keys=1" in run([*command, "info", "keyspace"]).stdout


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis:///0", "-h localhost -p 6379 -n 0"),
        ("rediss://me:x@garage:7000/3", "-h garage -p 7000 --tls --user me -n 3"),
    ],
)
def test_the_address_is_that_of_the_configuration(url: str, words: str) -> None:
    assert " ".join(redis_cli._address(url)) == words


def test_without_a_client_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run_verb("redis-cli", "--config", str(write_config(tmp_path, "redis:///0")))
    assert (done.returncode, "apt-get install redis-tools" in done.stderr) == (1, True)
