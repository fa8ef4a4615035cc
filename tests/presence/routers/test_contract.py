"""What every router backend promises, the script first."""

import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.errors import RouterError, RouterRefused
from app.presence import make_router
from app.presence.base import RouterSettings
from tests.conftest import REPO
from tests.presence.stages import STAGES, Stage
from tests.servers.router import Phone

ANNA = Phone("AA-BB-CC-00-00-01", "Annas-iPhone.", "127.0.0.11")
BEN = Phone("aa:bb:cc:00:00:02", "bens-pixel", "127.0.0.12")


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with STAGES[request.param](tmp_path) as made:
        yield made


def seen(stage: Stage) -> list[tuple[str | None, str | None, str | None]]:
    """What a router that was asked nothing before tells."""
    with stage.router() as router:
        return [(one.mac, one.hostname, one.ip) for one in router.devices()]


def test_what_is_connected_is_told_in_one_spelling(stage: Stage) -> None:
    stage.show([ANNA, BEN])
    names = ("annas-iphone", "bens-pixel") if stage.tells_names else (None, None)
    assert sorted(seen(stage)) == [
        ("aa:bb:cc:00:00:01", names[0], "127.0.0.11"),
        ("aa:bb:cc:00:00:02", names[1], "127.0.0.12"),
    ]


def test_what_has_left_is_not_told_though_the_router_remembers_it(stage: Stage) -> None:
    stage.show([Phone(BEN.mac, BEN.hostname, BEN.ip, active=False), ANNA])
    assert [mac for mac, _, _ in seen(stage)] == ["aa:bb:cc:00:00:01"]


def test_nothing_connected_is_an_empty_list(stage: Stage) -> None:
    stage.show([])
    assert seen(stage) == []


def test_comings_and_goings_are_told_at_the_next_poll(stage: Stage) -> None:
    with stage.router() as router:
        for phones in ([ANNA], [], [BEN, ANNA], [BEN]):
            stage.show(phones)
            assert {one.mac for one in router.devices()} == {
                phone.mac.lower().replace("-", ":") for phone in phones
            }


def test_a_device_that_is_told_twice_is_one(stage: Stage) -> None:
    stage.show([ANNA, Phone("aa:bb:cc:00:00:01", "Annas-iPhone", "127.0.0.11"), BEN])
    assert sorted(str(mac) for mac, _, _ in seen(stage)) == [
        "aa:bb:cc:00:00:01",
        "aa:bb:cc:00:00:02",
    ]


@pytest.mark.parametrize("mac", ["aa:bb:cc", "not a mac", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
def test_a_malformed_mac_is_passed_over_and_nothing_but_those_is_an_error(
    stage: Stage, mac: str
) -> None:
    stage.show([Phone(mac, "odd", "127.0.0.13"), ANNA])
    assert [one for one, _, _ in seen(stage)] == ["aa:bb:cc:00:00:01"]
    stage.show([Phone(mac, "odd", "127.0.0.13")])
    with pytest.raises(RouterError, match="lists 1, but none"):
        seen(stage)


@pytest.mark.parametrize("name", ["*", "unknown", "", " . "])
def test_what_stands_for_no_name_is_none(stage: Stage, name: str) -> None:
    stage.show([Phone(ANNA.mac, name, ANNA.ip)])
    assert [(mac, hostname) for mac, hostname, _ in seen(stage)] == [("aa:bb:cc:00:00:01", None)]


def test_a_router_that_fails_is_an_error_in_one_sentence_and_forgiven_when_it_is_back(
    stage: Stage,
) -> None:
    with stage.router() as router:
        router.devices()
        stage.spoil()
        for _ in range(2):
            with pytest.raises(RouterError) as caught:
                router.devices()
            assert "\n" not in str(caught.value)
            assert not isinstance(caught.value, RouterRefused)
        stage.mend()
        stage.show([ANNA])
        assert [one.mac for one in router.devices()] == ["aa:bb:cc:00:00:01"]


def test_nothing_is_asked_before_the_first_poll_and_letting_go_is_always_possible(
    stage: Stage,
) -> None:
    stage.spoil()
    with stage.router() as router:
        assert router.name
        router.close()


def test_no_secret_is_in_its_name_or_in_how_it_and_its_settings_look(stage: Stage) -> None:
    with stage.router() as router:
        looks = f"{router!r} {router.name} {stage.settings!r}"
    assert not [secret for secret in stage.secrets if secret in looks]


def test_a_failure_shows_no_secret(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with stage.router() as router:
        router.devices()
        stage.spoil()
        with pytest.raises(RouterError) as caught:
            router.devices()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in stage.secrets if secret in told]


@pytest.mark.parametrize(
    ("backend", "imported"),
    [
        ("none", []),
        ("scripted", []),
        ("arp", []),
        ("http_json", ["requests"]),
        ("openwrt", ["requests"]),
        ("fritzbox", ["requests"]),
    ],
)
def test_only_what_the_chosen_backend_needs_is_imported(backend: str, imported: list[str]) -> None:
    script = """if True:
        import sys
        from pydantic import SecretStr
        from app.clock import SystemClock
        from app.presence import make_router
        from app.presence.base import HttpJsonSettings, RouterSettings, ScriptedSettings
        here, calls = "http://127.0.0.1:9", HttpJsonSettings(devices="/")
        settings = RouterSettings(sys.argv[1], here, "u", SecretStr("p"), http_json=calls, scripted=ScriptedSettings("/dev/null"))
        make_router(settings, SystemClock())
        print(*[name for name in ("fritzconnection", "requests") if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", script, backend],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == imported


def test_without_a_backend_there_is_no_router() -> None:
    assert make_router(RouterSettings(), SystemClock()) is None
