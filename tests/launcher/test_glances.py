"""The real Glances, started with the house."""

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from app.launcher import glances
from tests.servers.ports import free_port
from tests.servers.programs import REPO
from tests.servers.suite import Suite
from tests.waiting import until


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A house that runs, with a Glances that always runs."""
    folder = tmp_path_factory.mktemp("with a % sign")
    with Suite(folder, "glances: {on_demand: false}\n") as suite:
        suite.start("uploader", "glances")
        yield suite


def credentials(house: Suite) -> tuple[str, str]:
    return glances.USER, glances.password_file(house.config).read_text().strip()


def amp(house: Suite, name: str) -> dict[str, Any]:
    """Glances' result for one kind of program; it counts all on this machine."""
    page = glances.page(house.config)
    for plugin in (
        "processcount",
        "amps",
    ):  # it looks at the processes only when asked for their count
        answer = requests.get(f"{page}api/4/{plugin}", auth=credentials(house), timeout=10)
        assert answer.status_code == requests.codes.ok
    return next(one for one in answer.json() if one["name"] == name)


def elsewhere(house: Suite) -> int:
    """The number of uploaders on this machine that are not this house's."""
    ours = {process.pid for process in house.processes().values()}
    return sum(
        process.pid not in ours and process.info["cmdline"][-2:] == ["-m", "app.daemons.uploader"]
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"]
    )


def counted(house: Suite) -> int:
    """The number of uploaders of this house that Glances counts."""
    return int(amp(house, "Uploader")["count"]) - elsewhere(house)


def test_glances_sees_a_daemon_end_and_start_again(
    house: Suite,
) -> None:
    until(lambda: counted(house) == 1, "the uploader is there")
    assert amp(house, "Uploader")["countmin"] == 1
    house.processes()["uploader"].kill()
    house.halt("suite:uploader")
    until(lambda: counted(house) == 0, "the uploader is missing")
    assert elsewhere(house) or amp(house, "Uploader")["result"] == "No running process"
    house.resume("suite:uploader")
    until(lambda: counted(house) == 1, "the uploader is there again")
    house.wait_until_healthy()


def test_a_program_that_is_not_started_is_not_missed(house: Suite) -> None:
    assert amp(house, "Web-server")["countmin"] == 0
    assert amp(house, "Security-system")["countmin"] == 0


def test_the_temperature_is_shown_or_that_there_is_no_sensor(house: Suite) -> None:
    result = until(lambda: amp(house, "Temperature")["result"], "the temperature is read")
    assert re.fullmatch(r"-?\d+\.\d'C|no sensor", result)


@pytest.mark.parametrize("path", ["", "api/4/amps", "api/4/all", "api/4/processlist"])
def test_nothing_is_shown_without_the_password(house: Suite, path: str) -> None:
    page = glances.page(house.config) + path
    assert requests.get(page, timeout=10).status_code == requests.codes.unauthorized
    assert (
        requests.get(page, auth=("glances", "guess"), timeout=10).status_code
        == requests.codes.unauthorized
    )
    assert requests.get(page, auth=credentials(house), timeout=10).status_code == requests.codes.ok


def test_a_page_of_somebody_else_cannot_reach_it_by_another_name(house: Suite) -> None:
    answer = requests.get(
        glances.page(house.config),
        headers={"Host": "evil.example"},
        auth=credentials(house),
        timeout=10,
    )
    assert answer.status_code == requests.codes.bad_request


def test_the_password_is_private_and_stays_over_a_restart(house: Suite) -> None:
    file = glances.password_file(house.config)
    for private in (file, file.with_suffix(".pwd")):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = credentials(house)[1]
    assert before not in house.log("glances")
    assert not any(
        before in word for process in house.processes().values() for word in process.cmdline()
    )
    glances.make_password(house.config, house.config.run_dir)
    assert credentials(house)[1] == before


def test_a_port_that_is_taken_stops_a_start_before_anything_runs(
    house: Suite, tmp_path: Path
) -> None:
    with Suite(tmp_path, f"glances: {{bind: '{house.config.glances.bind}'}}\n") as second:
        done = second.verb("start", "--only", "glances")
        assert done.returncode == 1
        assert f"glances.bind: {house.config.glances.bind} is taken" in done.stderr
        assert not second.processes()


def test_a_configured_password_is_used(tmp_path: Path) -> None:
    with Suite(tmp_path, "glances: {password: 'open: sesame'}\n") as suite:
        assert "sesame" not in suite.start("glances")
        address = f"{glances.page(suite.config)}api/4/amps"
        assert (
            requests.get(address, auth=("glances", "open: sesame"), timeout=90).status_code
            == requests.codes.ok
        )


def test_the_file_in_the_repository_works_by_hand() -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "glances",
        "-C",
        "glances.conf",
        "-w",
        "-B",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with subprocess.Popen(
        command, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as glances:
        try:
            found = until(lambda: answer(f"http://127.0.0.1:{port}/api/4/amps"), "Glances answers")
            assert {one["name"] for one in found} >= {
                "Security-system",
                "Notifier",
                "Who-is-home",
                "Uploader",
                "Redis",
                "Temperature",
            }
        finally:
            glances.terminate()


def answer(address: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = requests.get(address, timeout=10).json()
    except requests.ConnectionError:
        return []
    return found
