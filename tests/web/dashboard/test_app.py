"""The dashboard as a whole: its pages, and that none of them is open."""

from app.web.dashboard.auth import OPEN
from app.web.dashboard.frame import PAGES
from tests.web.dashboard.conftest import Site


def test_every_page_is_in_the_navigation_of_every_page(site: Site) -> None:
    for name, title in PAGES:
        with site.app.test_request_context():
            address = site.app.url_for(f"{name}.show")
        shown = site.get(address)
        assert shown.status_code == 200
        assert f"<title>{title} " in shown.text
        assert all(f"<span>{other}</span></a>" in shown.text for _, other in PAGES)


def test_no_page_is_shown_without_a_session(site: Site) -> None:
    site.log_out()
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in OPEN:
            assert site.get(rule.rule).status_code == 401
            assert site.get(rule.rule, Accept="text/html").location.startswith("/login")
