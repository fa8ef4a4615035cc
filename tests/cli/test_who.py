"""The verb `who`, as a person types it to set a router up."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.certificate import self_signed
from tests.servers.programs import write_config
from tests.servers.router import Phone
from tests.servers.router_classic import PASSWORD, USER, ClassicRouter
from tests.servers.suite import run_verb

ANNA = {"mac": "3C:06:30:00:00:01", "hostname": "Annas-iPhone", "ip": "192.168.1.11"}
BEN = {"mac": "aa:bb:cc:00:00:02", "hostname": "bens-pixel"}
PEOPLE = {
    "anna": {"macs": ["3c-06-30-00-00-01"]},
    "ben": {"hosts": ["Bens-Pixel."]},
    "eva": {"macs": ["3c:06:30:00:00:09"]},
}
NO_REDIS = "redis://127.0.0.1:9/0"


def ask(
    folder: Path, router: dict[str, Any], people: dict[str, Any] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the verb; it shows no traceback, whatever happens."""
    config = write_config(
        folder, NO_REDIS, yaml.safe_dump({"presence": {"router": router, "people": people or {}}})
    )
    done = run_verb("who", "--config", str(config))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def script(folder: Path, said: object) -> dict[str, Any]:
    """A router that says this."""
    path = folder / "router.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return {"backend": "scripted", "scripted": {"file": str(path)}}


def test_what_the_router_sees_and_who_that_makes_home_is_shown(tmp_path: Path) -> None:
    tv = {"mac": "3c:06:30:00:00:03", "connected_since": "2020-01-02T03:04:05Z"}
    done = ask(tmp_path, script(tmp_path, [tv, BEN, ANNA]), PEOPLE)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["MAC", "name", "address", "since", "whose"],
        ["3c:06:30:00:00:01", "annas-iphone", "192.168.1.11", "-", "anna"],
        ["aa:bb:cc:00:00:02*", "bens-pixel", "-", "-", "ben"],
    ]
    assert lines[3].startswith("3c:06:30:00:00:03   -")
    assert lines[3].endswith("-")
    assert lines[5].startswith("* A private MAC, which the phone made up for this Wi-Fi.")
    assert lines[-3:] == [
        "Home: anna, ben",
        "Not seen: eva",
        "Known by host name only: ben. Any phone may take that name; a MAC is better.",
    ]


def test_a_host_name_does_not_make_who_has_macs_home(tmp_path: Path) -> None:
    people = {"anna": {"macs": ["3c:06:30:00:00:01"], "hosts": ["annas-iphone"]}}
    done = ask(
        tmp_path,
        script(tmp_path, [{"mac": "3c:06:30:00:00:66", "hostname": "annas-iphone"}]),
        people,
    )
    assert "Home: nobody" in done.stdout
    assert "private" not in done.stdout


def test_without_people_it_says_how_to_name_them(tmp_path: Path) -> None:
    done = ask(tmp_path, script(tmp_path, [ANNA]))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith(
        "Nobody lives here yet: name people in private.yml, as in presence: {people: {anna: {macs: "
        "['"
    )


def test_nothing_connected_is_said_in_words(tmp_path: Path) -> None:
    done = ask(tmp_path, script(tmp_path, []), PEOPLE)
    assert done.returncode == 0
    assert done.stdout.startswith("The router answers: nothing is connected.\n")
    assert "Home: nobody" in done.stdout


def test_without_a_router_it_says_how_to_choose_one(tmp_path: Path) -> None:
    done = ask(tmp_path, {"backend": "none"})
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "Error: no router is set: choose one with presence.router.backend in config.yml; "
        "setup.md shows how\n"
    )


def test_a_mistake_in_the_settings_is_named_with_its_line(tmp_path: Path) -> None:
    done = ask(tmp_path, {"backend": "openwrt"})
    assert done.returncode == 1
    assert "presence.router: backend openwrt needs url and username and password too" in done.stderr


def test_a_router_that_fails_is_an_error_in_one_line(tmp_path: Path) -> None:
    done = ask(tmp_path, script(tmp_path, {"fails": "it hangs"}), PEOPLE)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: the script {tmp_path / 'router.json'} fails: it hangs\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClassicRouter]:
    with ClassicRouter(self_signed(tmp_path / "router.pem")) as made:
        made.phones = [Phone("3c:06:30:00:00:01", "annas-iphone", "192.168.1.11")]
        yield made


def test_where_no_router_is_the_address_is_asked_about(tmp_path: Path) -> None:
    done = ask(
        tmp_path,
        {"backend": "openwrt", "url": "http://127.0.0.1:9", "username": USER, "password": PASSWORD},
        PEOPLE,
    )
    assert done.returncode == 1
    assert (
        "does not answer: Connection refused\nIs presence.router.url right? It is http://127.0.0.1:9."
        in done.stderr
    )


def test_a_router_is_set_up_by_what_it_says(tmp_path: Path, server: ClassicRouter) -> None:
    calls = {"devices": "/data/hosts", "login_page": "/login.html", "login": "/goform/login"}
    router = {
        "backend": "http_json",
        "url": server.url,
        "username": USER,
        "password": "no-geheim",
        "http_json": calls,
    }

    def mended(**more: Any) -> str:
        calls.update(more)
        done = ask(tmp_path, router, PEOPLE)
        assert "geheim" not in done.stdout + done.stderr
        assert done.returncode == (0 if "Home: anna" in done.stdout else 1)
        return done.stdout + done.stderr

    said = mended()
    assert "trust it and no other by presence.router.fingerprint: " in said
    router["fingerprint"] = said.rsplit(" ", 1)[1].strip()
    assert (
        "refuses the login (HTTP 401): look at username, password and http_json.form of "
        "presence.router" in mended()
    )
    router["password"] = PASSWORD
    assert "without a list at http_json.list; the answer has: hosts" in mended(
        form={"usr": "{username}", "pwd": "{password}"}
    )
    assert (
        "none with a MAC or name where http_json looks; the answer has: hostName, macAddr, ipAddr, "
        "online" in mended(list="hosts.list")
    )
    assert "Home: anna" in mended(mac="macAddr", hostname="hostName", active="online")
