"""The suite's own Redis has a password, and no other Redis gets one."""

import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from app.config import REDIS_PASSWORD_FILE, load_config
from app.errors import ConfigError
from app.launcher.local_redis import answers, place
from app.launcher.redis_password import make_password, with_password
from app.launcher.redis_traces import memory_folder
from app.state import State
from tests.servers.ports import free_port
from tests.servers.programs import REPO, write_config
from tests.servers.redis_server import RedisServer
from tests.servers.suite import Suite, run


def here() -> str:
    return f"redis://127.0.0.1:{free_port()}/3"


def password_of(url: str) -> str | None:
    return urlsplit(url).password


def test_a_first_start_makes_a_password_that_all_programs_find(tmp_path: Path) -> None:
    folder = write_config(tmp_path, url := here())
    config = with_password(load_config(folder))
    assert len(password_of(config.redis.url) or "") > 30
    assert place(config.redis.url) == url
    assert (folder / REDIS_PASSWORD_FILE).stat().st_mode & 0o777 == 0o600
    assert load_config(folder).redis == with_password(config).redis == config.redis
    assert config.redactor()(f"to {config.redis.url}").count("[hidden]") == 1


@pytest.mark.parametrize(
    "url",
    ["redis://:own@127.0.0.1:1/0", "redis://me@127.0.0.1:1/0", "rediss://garage/0", "unix:///s"],
)
def test_an_address_of_its_own_kind_stays_as_it_is(tmp_path: Path, url: str) -> None:
    folder = write_config(tmp_path, url)
    make_password(folder)
    assert load_config(folder).redis.url == url


def test_a_redis_that_answers_already_gets_no_password(tmp_path: Path) -> None:
    port = free_port()
    with RedisServer(tmp_path, "--port", str(port)):
        folder = write_config(tmp_path, f"redis://127.0.0.1:{port}/0")
        with_password(load_config(folder))
        assert not (folder / REDIS_PASSWORD_FILE).exists()
        make_password(folder)
        assert answers(load_config(folder).redis.url)


def test_a_password_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    folder = write_config(tmp_path, here())
    (folder / REDIS_PASSWORD_FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(folder)


def test_an_empty_file_is_no_password(tmp_path: Path) -> None:
    folder = write_config(tmp_path, here())
    (folder / REDIS_PASSWORD_FILE).touch()
    assert password_of(load_config(folder).redis.url) is None


def test_no_other_user_of_the_machine_can_disarm_a_house(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        (suite.folder / REDIS_PASSWORD_FILE).unlink()
        suite.start("who_is_home")
        url = load_config(suite.folder).redis.url
        with Redis.from_url(place(url)) as stranger, pytest.raises(AuthenticationError):
            stranger.set("camera_status", "False")
        command = [f"{REPO}/scripts/redis-cli.sh", "--config", str(suite.folder)]
        assert run([*command, "set", "camera_status", "False"]).stdout == "OK\n"
        with closing(State(url)) as state:
            assert state.read_strings("camera_status") == ["False"]
        password = password_of(url) or ""
        shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        assert password not in shown.stdout
        logs = [path.read_text() for path in suite.config.logs_dir.glob("*.log")]
        assert not any(password in log for log in logs)
        assert memory_folder(suite.config.run_dir).is_dir()
    assert not memory_folder(suite.config.run_dir).exists()
