"""What the pages share."""

from app.web.dashboard.context import USER, dashboard
from tests.web.dashboard.conftest import Site


def test_a_change_has_the_name_of_nobody_in_particular(site: Site) -> None:
    with site.app.test_request_context():
        invocation = dashboard().invocation("front")
    assert (invocation.text, invocation.user) == ("front", USER)
    assert invocation.changed("by command").by == "somebody at the dashboard"
