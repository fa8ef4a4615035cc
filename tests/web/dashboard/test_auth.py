"""Logging in and out of the dashboard."""

from tests.web.dashboard.conftest import Site


def test_the_login_page_is_open(site: Site) -> None:
    site.log_out()
    assert site.get("/login").status_code == 200
