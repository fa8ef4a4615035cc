"""The real Glances, which runs only while somebody views it."""

import socket
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest
import requests

from app.launcher import glances
from app.launcher.specs import glances_address
from tests.servers.suite import Suite
from tests.waiting import until

SHORT = "glances: {idle_minutes: 0.1}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A house that runs, with Glances as it is by default: on demand."""
    with Suite(tmp_path_factory.mktemp("house"), SHORT) as suite:
        suite.start("uploader", "glances")
        yield suite


def running(house: Suite) -> list[psutil.Process]:
    """The Glances that runs now, if one does."""
    door = house.processes()["glances"]
    return [child for child in door.children() if child.status() != psutil.STATUS_ZOMBIE]


def view(house: Suite) -> int:
    """The status with which the page answers somebody who knows the password."""
    password = glances.password_file(house.config).read_text().strip()
    page = glances.page(house.config)
    return requests.get(page, auth=(glances.USER, password), timeout=90).status_code


def test_glances_runs_while_somebody_views_it(house: Suite) -> None:
    with closing(socket.create_connection(glances_address(house.config))):
        until(lambda: house.checkup().healthy, "all is healthy")
        assert "glances" in house.verb("status").stdout
    assert not running(house)  # neither a check nor a connection without a word starts it
    assert view(house) == requests.codes.ok
    (first,) = running(house)
    assert first.cmdline()[1:3] == ["-m", "glances"]
    first.kill()
    until(lambda: not running(house), "it has crashed")
    assert view(house) == requests.codes.ok
    (second,) = running(house)
    assert second != first
    until(lambda: not running(house), "it ends, for nobody views it")
    until(lambda: house.checkup().healthy, "all is healthy without Glances")
    assert "nobody views Glances" in house.log("glances")


def test_who_has_no_password_sees_nothing(house: Suite) -> None:
    answer = requests.get(glances.page(house.config), timeout=90)
    assert answer.status_code == requests.codes.unauthorized
    house.processes()["glances"].kill()
    until(lambda: house.checkup().healthy, "the door is open again")
    until(lambda: not running(house), "the Glances of the killed door has ended")
