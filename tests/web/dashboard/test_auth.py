"""Who may open the dashboard."""

from tests.web.dashboard.conftest import Site


def test_the_login_page_is_open(site: Site) -> None:
    site.client.delete_cookie("session")
    assert site.get("/login").status_code == 200
