"""The programs and files that a start prepares."""

import stat
from pathlib import Path

import pytest

from app.config import Config, load_config
from app.errors import SuiteError
from app.launcher.prepare import Order, prepared
from tests.servers.ports import free_port
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer


def config_for(folder: Path, redis_url: str) -> Config:
    glances = f"glances: {{bind: '127.0.0.1:{free_port()}'}}\n"
    config = load_config(write_config(folder, redis_url, glances))
    config.run_dir.mkdir(parents=True)
    return config


def test_redis_is_prepared_where_none_answers(tmp_path: Path) -> None:
    config = config_for(tmp_path, f"redis://127.0.0.1:{free_port()}/0")
    run = prepared(Order(config, None, None, ()))
    assert [one.name for one in run] == [
        *("security_system-front", "notifier", "who_is_home", "uploader", "glances", "redis"),
    ]
    for name in ("supervisord.conf", "redis.conf", "glances.conf", "glances.password"):
        assert stat.S_IMODE((config.run_dir / name).stat().st_mode) == 0o600, name


def test_only_the_named_programs_are_prepared(
    tmp_path: Path, durable_redis_server: RedisServer
) -> None:
    config = config_for(tmp_path, durable_redis_server.url)
    run = prepared(Order(config, None, None, ("notifier",)))
    assert [one.name for one in run] == ["notifier"]
    assert not (config.run_dir / "glances.conf").exists()


def test_a_start_of_nothing_is_refused(tmp_path: Path, durable_redis_server: RedisServer) -> None:
    config = config_for(tmp_path, durable_redis_server.url)
    with pytest.raises(SuiteError, match="nothing to start"):
        prepared(Order(config, None, None, ("redis",)))
