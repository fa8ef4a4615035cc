"""The page Tag."""

from tests.web.dashboard.conftest import Site


def test_it_is_shown(site: Site) -> None:
    with site.app.test_request_context():
        address = site.app.url_for("tag.show")
    assert site.get(address).status_code == 200
