"""Starting, watching and stopping the programs together: real processes, real signals."""

import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis

from app.launcher.local_redis import place
from app.launcher.processes import processes_of
from app.state import State
from tests.servers.programs import REPO
from tests.servers.redis_server import RedisServer
from tests.servers.suite import Suite, run
from tests.waiting import Stopwatch, patience, until

# What breaks a start that takes paths lightly: spaces, %, quotes, and what some files take for a
# comment.
ODD_FOLDER = """the 100% "odd" one's #1 ;place"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A house that runs, in a folder with an odd name."""
    with Suite(tmp_path_factory.mktemp("suite") / ODD_FOLDER) as suite:
        suite.start("who_is_home", "uploader")
        yield suite


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    with TemporaryDirectory(prefix="launch-") as folder:
        yield Path(folder)


def test_a_started_house_is_shown_and_healthy(house: Suite) -> None:
    done = until(lambda: healthy(house), "all programs are healthy")
    said = json.loads(done.stdout)
    assert said["healthy"]
    assert [program["name"] for program in said["programs"]] == ["who_is_home", "uploader", "redis"]
    for program in said["programs"]:
        assert program["healthy"]
        assert program["state"] == "RUNNING"
        assert program["pid"] == house.processes()[program["name"]].pid
        assert program.keys() == {
            "name",
            "pid",
            "state",
            "up_since",
            "heartbeat_age_s",
            "counters",
            "last_error",
            "healthy",
        }


def healthy(house: Suite) -> subprocess.CompletedProcess[str] | None:
    """Return what `status` says when all is well; on a busy machine a step may be late before."""
    done = house.verb("status", "--json")
    return None if done.returncode else done


def test_starting_twice_says_that_it_runs_already(house: Suite) -> None:
    before = {name: process.pid for name, process in house.processes().items()}
    said = house.start()
    assert "runs already" in said
    assert str(before["who_is_home"]) in said
    assert {name: process.pid for name, process in house.processes().items()} == before


def test_supervisord_is_a_fork_that_keeps_no_file_of_the_start(house: Suite) -> None:
    supervisord = house.processes()["supervisord"]
    title = Path(f"/proc/{supervisord.pid}/cmdline").read_bytes()
    assert b" -P -m app.launcher.supervise -c supervisord.conf" in title  # as a fork writes it
    lock = str(house.config.run_dir / "start.lock")
    assert lock not in [file.path for file in supervisord.open_files()]
    assert os.getsid(supervisord.pid) == supervisord.pid


def test_every_program_has_its_log(house: Suite) -> None:
    assert "who_is_home starts" in house.log("who_is_home")
    assert "Ready to accept connections" in house.log("redis")
    assert "spawned: 'uploader'" in house.log("supervisord")


def test_the_switches_of_a_new_house_are_set(house: Suite) -> None:
    with closing(State(house.redis_url)) as state:
        assert state.read_strings(
            "camera_status", "camera_notifications", "auto_detect_status", "home"
        ) == [
            "True",
            "True",
            "True",
            "False",
        ]


def test_the_redis_that_is_started_is_append_only(
    house: Suite,
) -> None:
    with Redis.from_url(house.redis_url, decode_responses=True) as redis:
        settings = redis.config_get("append*", "save", "maxmemory-policy", "dir")
    assert (settings["appendonly"], settings["appendfsync"], settings["save"]) == (
        "yes",
        "everysec",
        "",
    )
    assert settings["dir"] == str(house.config.data_dir / "redis")


def test_a_program_that_is_killed_comes_back(house: Suite) -> None:
    killed = house.processes()["uploader"]
    killed.kill()
    assert until(
        lambda: (now := house.program("uploader")).healthy and now.pid != killed.pid,
        "the uploader is back",
    )
    house.wait_until_healthy()


def test_a_killed_redis_comes_back_with_its_data(house: Suite) -> None:
    with closing(State(house.redis_url)) as state:
        state.set_switch("home", value=True)
        until(lambda: is_written(house), "what it was given is in its file")
        killed = house.processes()["redis"]
        killed.kill()
        assert until(
            lambda: (now := house.program("redis")).healthy and now.pid != killed.pid,
            "Redis is back",
        )
        assert state.read_strings("home") == ["True"]
    house.wait_until_healthy()


def is_written(house: Suite) -> bool:
    """Return whether Redis has given all its changes to the system."""
    with Redis.from_url(house.redis_url) as redis:
        return bool(redis.info("persistence")["aof_buffer_length"] == 0)


def test_a_second_suite_in_a_very_deep_folder_runs_too(house: Suite, tmp_path: Path) -> None:
    with Suite(tmp_path.joinpath(*["quite a deep folder"] * 8)) as second:
        second.start("who_is_home")
        until(lambda: second.checkup().healthy, "the second suite is healthy")
        until(lambda: house.checkup().healthy, "the first suite is healthy")
        assert "Stopped" in second.verb("stop").stdout
        assert not second.processes()
    assert house.checkup().healthy


def test_a_program_without_supervisord_is_shown_too(house: Suite) -> None:
    environment = os.environ | {"WHOS_THERE_CONFIG": str(house.folder)}
    notifier = subprocess.Popen(
        [sys.executable, "-m", "app.daemons.notifier"],
        cwd=REPO,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        by_hand = until(
            lambda: next((one for one in house.checkup().programs if one.name == "notifier"), None),
            "the notifier is shown",
        )
        assert (by_hand.pid, by_hand.state, by_hand.healthy) == (notifier.pid, "UNSUPERVISED", True)
    finally:
        notifier.terminate()
        notifier.wait(10)
    assert "notifier" not in [program.name for program in house.checkup().programs]


def test_a_program_stopped_by_hand_is_not_healthy(house: Suite) -> None:
    house.halt("suite:uploader")
    try:
        uploader = house.program("uploader")
        assert (uploader.state, uploader.pid, uploader.healthy) == ("STOPPED", None, False)
        assert house.verb("status").returncode == 1
    finally:
        house.resume("suite:uploader")
    house.wait_until_healthy()


def test_a_house_without_redis_says_so(house: Suite) -> None:
    house.halt("redis")
    try:
        done = house.verb("status")
        assert done.returncode == 1
        assert f"The Redis at {place(house.redis_url)} is away" in done.stderr
        assert not any(program.healthy for program in house.checkup().programs)
    finally:
        house.resume("redis")
    house.wait_until_healthy()


def test_stop_ends_everything_within_10_s_even_what_hangs(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        suite.start("notifier", "who_is_home")
        assert set(suite.processes()) == {"supervisord", "redis", "notifier", "who_is_home"}
        suite.processes()["who_is_home"].suspend()
        with Stopwatch() as watch:
            done = suite.verb("stop")
        assert watch.seconds < patience(10)
        assert (done.returncode, done.stdout) == (
            0,
            "Stopped notifier, redis, supervisord, who_is_home.\n",
        )
        assert not suite.processes()
        assert "notifier stops" in suite.log("notifier")
        assert "Nothing runs" in suite.verb("stop").stdout
        done = suite.verb("status", "--json")
        nothing = {
            "healthy": False,
            "programs": [],
            "remarks": ["Nothing runs. scripts/start.sh starts it."],
            "notes": [],
        }
        assert (done.returncode, json.loads(done.stdout)) == (1, nothing)
        assert "Nothing runs" in done.stderr


def test_a_suite_continues_when_its_terminal_is_closed(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        command = f"{REPO}/scripts/start.sh --only who_is_home --config {suite.folder}"
        terminal, inside = pty.openpty()
        shell = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "bash", "-c", f"{command}; read"],
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        said = b""
        while b"Status: " not in said:
            said += os.read(terminal, 1024)
        os.close(terminal)
        shell.wait(10)
        assert suite.checkup().healthy
        supervisord = suite.processes()["supervisord"].pid
        assert b" -m app.launcher.supervise" in Path(f"/proc/{supervisord}/cmdline").read_bytes()
        done = run([f"{REPO}/scripts/status.sh", "--config", "config"], cwd=tmp_path)
        assert done.returncode == 0
        assert "who_is_home" in done.stdout
        assert (
            "Stopped" in run([f"{REPO}/scripts/stop.sh", "--config", "config"], cwd=tmp_path).stdout
        )
        assert not suite.processes()


def test_a_program_that_fails_to_start_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = """
import sys
class Broken:
    def find_spec(self, name, *_):
        if name == "app.daemons.who_is_home.daemon":
            raise SystemExit("the card has a bad block")
sys.meta_path.insert(0, Broken())
"""
    (tmp_path / "sitecustomize.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Suite(tmp_path) as suite:
        done = suite.verb("start", "--only", "who_is_home")
        assert done.returncode == 1
        assert "who_is_home did not start" in done.stderr
        assert "the card has a bad block" in done.stderr
        assert not suite.processes()


def test_a_package_that_ends_supervisord_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = """
import os, sys
class Crashing:
    def find_spec(self, name, *_):
        if name == "app.recording.event_folder" and "supervise" in sys.argv[0]:
            os.abort()
sys.meta_path.insert(0, Crashing())
"""
    (tmp_path / "sitecustomize.py").write_text(crashing)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Suite(tmp_path) as suite:
        suite.start("who_is_home")
        assert "each program imports it by itself" in suite.log("supervisord")
        assert not (suite.config.run_dir / "importing").exists()


def test_a_wrong_logging_file_stops_a_start(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        (suite.folder / "logging.yml").write_text("version: 17")
        done = suite.verb("start", "--only", "who_is_home")
        assert done.returncode == 1
        assert "logging.yml: not a logging configuration" in done.stderr
        assert not suite.processes()


def test_start_and_stop_end_what_a_killed_supervisord_left(
    tmp_path: Path,
) -> None:
    with Suite(tmp_path) as suite:
        suite.start("who_is_home")
        orphans = suite.processes()
        orphans["supervisord"].kill()
        until(
            lambda: suite.processes().keys() == {"who_is_home", "redis"},
            "supervisord is gone",
        )
        done = suite.verb("status")
        assert done.returncode == 1
        assert "Still running: redis, who_is_home" in done.stderr
        left = "Ended programs that an earlier run had left: redis, who_is_home."
        assert left in suite.start("who_is_home")
        assert not {process.pid for process in orphans.values()} & {
            process.pid for process in suite.processes().values()
        }
        suite.processes()["supervisord"].kill()
        assert "Stopped" in suite.verb("stop").stdout
        assert not suite.processes()


def test_a_suite_with_a_broken_configuration_can_be_stopped(
    tmp_path: Path,
) -> None:
    with Suite(tmp_path) as suite:
        suite.start("who_is_home")
        (suite.folder / "config.yml").write_text("data_dir: [elsewhere")
        shown = suite.verb("status")
        assert shown.returncode == 1
        assert "config.yml:1: " in shown.stderr
        assert "The programs run with the settings from before." in shown.stderr
        programs = {line.split()[0] for line in shown.stdout.splitlines()}
        assert {"who_is_home", "redis"} <= programs
        found = json.loads(suite.verb("status", "--json").stdout)
        assert found["healthy"] is False
        assert [one["healthy"] for one in found["programs"]] == [True, True]
        assert "config.yml:1: " in found["remarks"][0]
        assert "Stopped redis, supervisord, who_is_home" in suite.verb("stop").stdout
        assert not suite.processes()


def test_status_judges_by_the_settings_that_run(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        suite.start("who_is_home")
        (suite.folder / "config.yml").write_text("data_dir: elsewhere\nredis: {url: redis://h:1}\n")
        done = suite.verb("status", "--json")
        found = json.loads(done.stdout)
        assert [one["name"] for one in found["programs"]] == ["who_is_home", "redis"]
        assert (done.returncode, found["healthy"], found["remarks"]) == (0, True, [])
        (suite.config.run_dir / "settings.json").unlink()
        assert json.loads(suite.verb("status", "--json").stdout)["healthy"] is False


def test_a_broken_profile_can_be_stopped_without_its_name(
    tmp_path: Path,
) -> None:
    with Suite(tmp_path) as suite:
        (suite.folder / "profiles").mkdir()
        (suite.folder / "profiles" / "holiday.yml").write_text("slack: {mode: socket}\n")
        suite.verb("start", "--profile", "holiday", "--only", "who_is_home")
        (suite.folder / "config.yml").write_text("slack:\n\tmode: http\n")
        assert "Stopped redis, supervisord, who_is_home" in suite.verb("stop").stdout
        assert not suite.processes()


def test_a_profile_with_its_own_data_folder_is_another_suite(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        (suite.folder / "profiles").mkdir()
        (suite.folder / "profiles" / "holiday.yml").write_text("data_dir: holiday\n")
        done = suite.verb("start", "--profile", "holiday", "--only", "who_is_home")
        assert "--profile holiday" in done.stdout, done.stderr
        assert suite.verb("status", "--profile", "holiday").returncode == 0
        assert not suite.processes()
        assert "Stopped" in suite.verb("stop", "--profile", "holiday").stdout
        assert not processes_of(tmp_path / "holiday" / "run")


def test_two_starts_at_once_make_one_house(tmp_path: Path) -> None:
    with Suite(tmp_path) as suite:
        command = [
            sys.executable,
            "-m",
            "app",
            "start",
            "--config",
            str(suite.folder),
            "--only",
            "who_is_home",
        ]
        starts = [
            subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        said = sorted(start.communicate(timeout=60)[0].splitlines()[0] for start in starts)
        assert [start.returncode for start in starts] == [0, 0]
        assert "runs already" in said[0]
        assert list(processes_of(suite.config.run_dir).values()).count("supervisord") == 1


def test_a_redis_that_runs_already_is_used_and_stays(tmp_path: Path, short: Path) -> None:
    with (
        RedisServer(short, "--save", "3600 1") as redis_server,
        Suite(tmp_path, redis_url=redis_server.url) as suite,
    ):
        done = suite.verb("start", "--only", "who_is_home")
        assert f"The Redis at {redis_server.url}: it is not append-only" in done.stderr
        assert "redis" not in suite.processes()
        redis = suite.program("redis")
        assert (redis.pid, redis.state, redis.healthy) == (redis_server.pid, "UNSUPERVISED", True)
        suite.verb("stop")
        with closing(State(redis_server.url)) as state:
            state.ping()


def test_a_redis_that_keeps_nothing_is_refused(tmp_path: Path, redis_server: RedisServer) -> None:
    with Suite(tmp_path, redis_url=redis_server.url) as suite:
        done = suite.verb("start", "--only", "who_is_home")
        assert done.returncode == 1
        assert "it keeps nothing on disk" in done.stderr
        assert not suite.processes()


def test_a_redis_elsewhere_that_is_away_is_not_replaced(tmp_path: Path) -> None:
    with Suite(tmp_path, redis_url="redis://:secret@127.0.0.2:1/0") as suite:
        done = suite.verb("start", "--only", "who_is_home")
        assert done.returncode == 1
        assert "the Redis at redis://127.0.0.2:1/0 does not answer" in done.stderr
        assert "secret" not in done.stderr
        assert not suite.processes()


def test_a_server_that_is_no_redis_is_refused(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        Suite(tmp_path, redis_url=f"redis://127.0.0.1:{other.getsockname()[1]}/0") as suite,
    ):
        done = suite.verb("start", "--only", "who_is_home")
        assert done.returncode == 1
        assert "that is no usable Redis" in done.stderr
