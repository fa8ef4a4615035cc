"""The headers of every answer."""

import re
from pathlib import Path

import pytest

from tests.servers.redis_server import RedisServer
from tests.web.dashboard.conftest import Site


def test_nothing_is_loaded_from_elsewhere_or_kept(site: Site) -> None:
    for address in ("/", "/login", "/nowhere"):
        headers = site.get(address).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers


def test_a_refusal_has_the_headers_too(site: Site) -> None:
    for refused in (site.get("/", Host="example.com"), site.client.post("/logout")):
        assert refused.status_code >= 400
        assert refused.headers["Cache-Control"] == "no-store"
        assert "Content-Security-Policy" in refused.headers


def test_no_page_has_a_script_or_a_style_in_it(site: Site) -> None:
    for address in ("/", "/login", "/nowhere"):
        text = site.get(address, Accept="text/html").text
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text) == []


def test_files_of_the_program_are_kept_under_their_version(site: Site) -> None:
    site.log_out()
    addresses = re.findall(r'(?:src|href)="(/[^"]*static/[^"]+)"', site.get("/login").text)
    assert len(addresses) > 5
    for address in addresses:
        with site.get(address) as shown:
            assert (shown.status_code, "immutable" in shown.headers["Cache-Control"]) == (200, True)
        path = address.partition("?")[0]
        with site.get(path) as plain:
            assert plain.headers["Cache-Control"] == "no-cache"
        known = {"If-None-Match": plain.headers["ETag"]}
        with site.client.get(path, headers=known) as again:
            assert again.status_code == 304


@pytest.mark.parametrize("version", ["", "0", "../x", "v" * 500])
def test_another_version_of_a_file_is_not_kept(site: Site, version: str) -> None:
    with site.get(f"/static/theme.js?v={version}") as shown:
        assert shown.headers["Cache-Control"] == "no-cache"


def test_behind_a_proxy_browsers_keep_to_https(tmp_path: Path, redis_server: RedisServer) -> None:
    site = Site(tmp_path, redis_server.url, "dashboard: {proxy: true}\n")
    site.log_out()
    headers = site.get("/login").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    cookie = headers["Set-Cookie"]
    assert cookie.startswith("__Host-whos_there_")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    site.state.close()
