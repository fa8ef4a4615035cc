"""The verb `status`, with real heartbeats and no supervisord."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.protocol import Counters, Heartbeat, Trouble, heartbeat_key, host_name
from app.state import State
from tests.servers.programs import write_config
from tests.servers.redis_server import RedisServer
from tests.servers.suite import run_verb

Beat = Callable[..., None]


@pytest.fixture
def config(tmp_path: Path, redis_server: RedisServer) -> str:
    return str(write_config(tmp_path, redis_server.url))


@pytest.fixture
def beat(state: State) -> Beat:
    """A function that sends the heartbeat of an uploader, which is this very process."""

    def send(trouble: str | None = None, step_age_s: float = 0.0) -> None:
        now = datetime.now(UTC)
        error = Trouble(now, trouble) if trouble else None
        counters: Counters = {"deleted": 2, "store_waiting": {"s3": 3, "dropbox": None}}
        step_at = now - timedelta(seconds=step_age_s)
        state.send_heartbeat(
            heartbeat_key("uploader", host_name()),
            Heartbeat(os.getpid(), now, step_at, counters, error),
        )

    return send


def test_a_healthy_program_is_shown_with_its_counters(config: str, beat: Beat) -> None:
    beat()
    done = run_verb("status", "--config", config)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["program", "state", "pid"]
    assert lines[1].split()[:3] == ["uploader", "UNSUPERVISED", str(os.getpid())]
    assert lines[2] == "    deleted 2, store_waiting s3 3"


def test_what_is_set_aside_is_named_and_all_is_well(config: str, beat: Beat) -> None:
    beat()
    data = Path(config).parent / "data"
    (data / "redis" / "damaged-1").mkdir(parents=True)
    done = run_verb("status", "--config", config)
    assert done.returncode == 0
    assert done.stderr.startswith(f"{data}/redis/damaged-1: a log that Redis could not load.")
    assert json.loads(run_verb("status", "--config", config, "--json").stdout)["notes"]


def test_trouble_is_shown_and_ends_with_code_1(config: str, beat: Beat) -> None:
    beat("the disk is full")
    done = run_verb("status", "--config", config)
    assert done.returncode == 1
    assert "    last error: the disk is full" in done.stdout.splitlines()


def test_json_has_every_figure(config: str, beat: Beat) -> None:
    beat(step_age_s=60)
    done = run_verb("status", "--config", config, "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["healthy"]) == (1, False)
    uploader, redis = shown["programs"]
    assert uploader["counters"] == {"deleted": 2, "store_waiting": {"s3": 3, "dropbox": None}}
    assert uploader["last_error"].startswith("no step since ")
    assert (redis["name"], redis["healthy"]) == ("redis", True)


def test_without_programs_it_says_how_to_start(config: str) -> None:
    done = run_verb("status", "--config", config)
    assert done.returncode == 1
    assert "Nothing runs. scripts/start.sh starts it." in done.stderr


def test_a_mistake_in_the_configuration_is_json_too(config: str) -> None:
    (Path(config) / "config.yml").write_text("motion: {alpha: 5}\n")
    done = run_verb("status", "--config", config, "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["healthy"], shown["programs"]) == (1, False, [])
    assert "motion.alpha: must be less than 1" in shown["remarks"][0]
    assert "motion.alpha: must be less than 1" in done.stderr
