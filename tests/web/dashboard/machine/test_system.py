"""The page System."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from app.launcher.supervisord import SOCKET
from app.protocol import Counters, Heartbeat, heartbeat_key, host_name
from tests.servers.redis_server import RedisServer
from tests.waiting import Stopwatch
from tests.web.dashboard.conftest import Site


def send(site: Site, program: str, counters: Counters, camera: str | None = None) -> None:
    now = datetime.now(UTC)
    key = heartbeat_key(program, host_name(), camera)
    site.state.send_heartbeat(key, Heartbeat(1, now, now, counters))


def test_each_program_of_the_house_is_shown(site: Site) -> None:
    send(site, "notifier", {"delivered": 7, "channel_waiting": {"slack": 2}})
    shown = site.get("/system").text
    for name in ("security_system-front", "security_system-garden", "notifier", "uploader"):
        assert f'data-program="{name}"' in shown
    notifier = shown.partition('data-program="notifier"')[2].partition("</li>")[0]
    assert "healthy" in notifier
    assert "facts that every channel has finished" in notifier
    assert "slack:\n        <strong>2 wait</strong>" in shown
    assert "append" not in shown.lower()
    assert "is Glances" in shown
    assert str(site.config.run_dir / "glances.password") in shown


def test_the_part_that_changes_comes_alone(site: Site) -> None:
    part = site.get("/system/state").text
    assert 'data-program="uploader"' in part
    assert "<html" not in part


def test_what_somebody_else_wrote_is_escaped(site: Site) -> None:
    send(site, "uploader", {"store_trouble": {"s3": "<b>no</b>"}, "store_waiting": {"s3": 1}})
    shown = site.get("/system").text
    assert "&lt;b&gt;no&lt;/b&gt;" in shown
    assert "<b>no" not in shown


def test_the_silencer_of_each_camera_is_in_words(site: Site) -> None:
    lacks = "it needs 40 more tags"
    counters: Counters = {"silencer": "watching", "silencer_tags": 20, "silencer_lacks": lacks}
    send(site, "security_system", counters, "front")
    shown = site.get("/system").text
    assert "It has learned from 20 tags; it needs 40 more tags." in shown
    assert "nothing is known about its silencer" in shown  # of the camera garden


def test_with_redis_away_the_page_says_so(site: Site, redis_server: RedisServer) -> None:
    redis_server.kill()
    shown = site.get("/system")
    assert shown.status_code == 200
    assert "Redis is away, so most of this page is not known" in shown.text
    assert "are free on this machine" in shown.text


def test_a_supervisord_that_hangs_is_not_awaited_for_long(site: Site) -> None:
    folder: Path = site.config.run_dir
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(folder / SOCKET))
        deaf.listen()
        with Stopwatch() as watch:
            shown = site.get("/system/state").text
        assert watch.seconds < 10
    assert "Restarts are not known" in shown
    assert "timed out" in shown
