"""The dashboard as a whole: its pages, and that none of them is open."""

from app.web.dashboard.access.auth import OPEN
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


def test_no_change_is_made_without_the_token_of_the_session(site: Site) -> None:
    event = "20261120T101500000-front"
    parts = {"<name>": "pycam_off", "<camera>": "front", "<event>": event, "<what>": "picture"}
    changing = [rule for rule in site.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(changing) > 3
    before = stored(site)
    for rule in changing:
        address = rule.rule
        for part, value in parts.items():
            address = address.replace(part, value)
        for token in ("", "garbage", site.token()[:-1]):
            refused = site.client.post(
                address, data={"label": "occupied"}, headers={"X-CSRFToken": token}
            )
            assert refused.status_code == 400, address
    assert site.get("/logz").status_code == 200
    assert stored(site) == before


def stored(site: Site) -> tuple[dict[str, bytes | None], list[str]]:
    """Return all that is in Redis, and the files on the disk."""
    redis = site.state._redis
    keys = {str(key): redis.dump(key) for key in redis.keys("*")}
    return keys, sorted(str(path) for path in site.data_dir.rglob("*"))
