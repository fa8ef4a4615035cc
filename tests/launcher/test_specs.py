"""The processes that a configuration wants."""

import sys
from pathlib import Path

import pytest

from app.config import Config
from app.config.settings import CameraConfig, GlancesSettings
from app.errors import SuiteError
from app.launcher import specs
from app.protocol import host_name

TWO = Config(cameras={"front": CameraConfig(), "yard": CameraConfig()})


def test_each_camera_has_a_security_system_of_its_own() -> None:
    daemons = specs.daemons(TWO)
    assert [daemon.name for daemon in daemons][:2] == [
        "security_system-front",
        "security_system-yard",
    ]
    assert daemons[1].command == (
        *(sys.executable, "-m", "app.daemons.security_system", "--camera", "yard"),
    )
    assert daemons[1].heartbeat_keys == [f"heartbeat:security_system:{host_name()}:yard"]


def test_a_kind_chooses_all_of_its_programs() -> None:
    chosen = specs.chosen(specs.daemons(TWO), ["security_system", "notifier"])
    assert [one.kind for one in chosen] == ["security_system", "security_system", "notifier"]
    assert specs.chosen(specs.daemons(TWO), []) == specs.daemons(TWO)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SuiteError, match=r"no program called notifyer; there are: .*notifier"):
        specs.check_names(["notifyer"], TWO)
    specs.check_names(["security_system-yard", "redis", "glances"], TWO)


@pytest.mark.parametrize(
    ("bind", "address"), [("127.0.0.1:52962", ("127.0.0.1", 52962)), ("[::1]:80", ("::1", 80))]
)
def test_glances_listens_at_its_address(bind: str, address: tuple[str, int]) -> None:
    conf = Path("/run/glances.conf")
    config = Config(glances=GlancesSettings(bind=bind, on_demand=False))
    assert specs.glances_address(config) == address
    command = specs.glances(config, conf).command
    assert command[command.index("-p") + 1] == str(address[1])
    door = specs.glances(Config(glances=GlancesSettings(bind=bind)), conf).command
    assert door[1:5] == ("-m", "app.launcher.glances_door", *map(str, address))


def test_redis_runs_with_its_file_and_sends_no_heartbeat() -> None:
    redis = specs.redis(Path("/usr/bin/redis-server"), Path("/run/redis.conf"), Config())
    assert redis.command[1:5] == (
        *("-m", "app.launcher.redis_starter", "/usr/bin/redis-server", "/run/redis.conf"),
    )
    assert redis.heartbeat_keys == []
