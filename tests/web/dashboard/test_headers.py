"""The headers of every answer."""

from tests.web.dashboard.conftest import Site


def test_nothing_is_loaded_from_elsewhere_or_kept(site: Site) -> None:
    for address in ("/", "/login", "/nowhere"):
        headers = site.get(address).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
