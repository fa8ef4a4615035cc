"""The scripted router: its file, and the mistakes that the file can have."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import RouterError, RouterRefused
from app.presence.base import Device, RouterSettings, ScriptedSettings
from app.presence.routers.scripted import ScriptedRouter


def router_for(path: Path, text: str | None = None) -> ScriptedRouter:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    settings = RouterSettings(backend="scripted", scripted=ScriptedSettings(str(path)))
    return ScriptedRouter(settings, FakeClock())


def test_a_device_has_all_that_the_file_says(tmp_path: Path) -> None:
    entry = {
        "mac": "AA:BB:CC:00:00:01",
        "hostname": "Annas-iPhone",
        "ip": "192.168.1.11",
        "connected_since": "2026-11-20T10:15:00+00:00",
    }
    router = router_for(tmp_path / "router.json", json.dumps([entry, 7]))
    since = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    assert router.devices() == [Device("aa:bb:cc:00:00:01", "annas-iphone", "192.168.1.11", since)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("[", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("7", "holds no list"),
        ('{"other": 1}', "holds no list"),
        ('{"fails": "no route"}', "fails: no route"),
    ],
)
def test_a_mistake_in_the_file_is_a_failure(tmp_path: Path, text: str | None, said: str) -> None:
    router = router_for(tmp_path / "router.json", text)
    with pytest.raises(RouterError, match=said) as caught:
        router.devices()
    assert not isinstance(caught.value, RouterRefused)
    assert str(tmp_path / "router.json") in str(caught.value)


def test_a_script_can_refuse(tmp_path: Path) -> None:
    router = router_for(tmp_path / "router.json", '{"refuses": "the password is wrong"}')
    with pytest.raises(RouterRefused, match="refuses: the password is wrong"):
        router.devices()


def test_it_counts_polls_and_remembers_that_it_was_closed(tmp_path: Path) -> None:
    router = router_for(tmp_path / "router.json", "[]")
    for _ in range(3):
        router.devices()
    assert (router.asked, router.closed) == (3, False)
    router.close()
    assert router.closed
