"""The page Logs."""

from pathlib import Path

import pytest

from app.web.dashboard.machine import logs
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import Site

TOKEN = "xoxb-123456789-abcdefgh"  # noqa: S105


def write(site: Site, program: str, *lines: str) -> None:
    site.config.logs_dir.mkdir(exist_ok=True)
    with (site.config.logs_dir / f"{program}.log").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def shown(site: Site, query: str = "") -> str:
    return site.get(f"/logz{query}").text.partition('id="log"')[2]


def test_without_a_log_the_page_says_where_they_are_written(site: Site) -> None:
    assert f"Programs that scripts/start.sh starts write to {site.config.logs_dir}" in shown(site)


def test_all_programs_are_shown_in_one_order_of_time(site: Site) -> None:
    write(site, "notifier", "2026-11-30 10:00:01 INFO a: one", "2026-11-30 10:00:03 INFO a: three")
    write(site, "redis", *(f"7:M 30 Nov 2026 10:00:0{n}.046 * {n}" for n in (2, 4)))
    text = shown(site)
    places = [text.index(word) for word in ("one", "* 2", "three", "* 4")]
    assert places == sorted(places)
    assert "a: one" not in shown(site, "?program=redis")


def test_lines_are_escaped_and_have_their_level(site: Site) -> None:
    write(site, "notifier", "2026-11-30 10:00:01 ERROR a: <script>alert(1)</script>")
    text = shown(site, "?program=notifier")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert 'data-level="ERROR"' in text


def test_a_secret_in_an_old_log_is_hidden(tmp_path: Path, redis_server: RedisServer) -> None:
    slack = (
        f"slack: {{bot_token: {TOKEN}, allowed_users: [U012AB3CD], alerts_channel: C012AB3CD}}\n"
    )
    house = Site(tmp_path, redis_server.url, slack)
    write(house, "notifier", f"2026-11-30 10:00:01 INFO a: token {TOKEN}")
    assert TOKEN not in shown(house)
    assert TOKEN not in house.get("/logz/added?program=notifier").text
    house.state.close()


def test_a_search_and_a_level_choose_the_lines(site: Site) -> None:
    lines = [f"2026-11-30 10:00:01 {level} a: {level} here" for level in ("INFO", "ERROR")]
    write(site, "notifier", *lines)
    assert "INFO here" in shown(site, "?q=info+H")
    assert "ERROR here" not in shown(site, "?q=info+H")
    assert "INFO here" not in shown(site, "?level=WARNING")
    assert "ERROR here" in shown(site, "?level=WARNING")
    assert "No line has that" in shown(site, "?q=nowhere")


def test_added_lines_are_sent_with_the_new_places(site: Site) -> None:
    write(site, "notifier", "2026-11-30 10:00:01 INFO a: one")
    at = site.get("/logz").text.partition('data-at="')[2].partition('"')[0]
    write(site, "notifier", "2026-11-30 10:00:02 INFO a: two")
    write(site, "uploader", "2026-11-30 10:00:03 ERROR a: of a new log")
    found = site.get(f"/logz/added?at={at}").json
    assert found
    assert [line["text"][-3:] for line in found["lines"]] == ["two", "log"]
    assert site.get(f"/logz/added?at={found['at']}").json == {**found, "lines": []}
    site_filter = site.get(f"/logz/added?at={at}&level=ERROR&q=NEW").json
    assert site_filter
    assert [line["program"] for line in site_filter["lines"]] == ["uploader"]


@pytest.mark.parametrize(
    "query",
    ["program=../config/private", "program=/etc/passwd", "program=notifier.log", "level=INFO%00"],
)
def test_no_other_file_is_read(site: Site, query: str) -> None:
    for address in ("/logz", "/logz/added"):
        assert site.get(f"{address}?{query}").status_code == 404


def test_every_process_may_be_chosen(site: Site) -> None:
    names = logs.program_names(site.config)
    assert {"security_system-front", "web_server", "redis", "glances", "supervisord"} <= {*names}
    for name in names:
        assert site.get(f"/logz?program={name}").status_code == 200
