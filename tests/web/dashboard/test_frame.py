"""The frame around every page."""

from tests.web.dashboard.conftest import Site


def test_a_phone_gets_what_its_home_screen_needs(site: Site) -> None:
    site.log_out()
    shown = site.get("/manifest.webmanifest")
    assert shown.mimetype == "application/manifest+json"
    assert shown.json and shown.json["display"] == "standalone"
