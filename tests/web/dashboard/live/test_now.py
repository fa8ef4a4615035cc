"""The page Now, as a browser without scripts gets it."""

from app.clock import SystemClock
from app.protocol import ArmedBy
from tests.web.dashboard.conftest import Site


def test_an_armed_house_can_be_disarmed_by_a_plain_form(site: Site) -> None:
    page = site.get("/").text
    assert (
        '<form method="post" action="/command/pycam_off" data-command data-show=armed.on>' in page
    )
    assert 'name="csrf_token"' in page
    assert "data-hide=armed.on hidden>" in page


def test_names_of_people_are_escaped(site: Site) -> None:
    change = ArmedBy("<b>anna</b>", SystemClock().now(), "by command")
    site.state.set_switch("camera_status", False, change)
    page = site.get("/").text
    assert "&lt;b&gt;anna" in page
    assert "<b>anna" not in page


def test_only_a_camera_with_a_mount_can_be_turned(site: Site) -> None:
    front, garden = site.get("/").text.split('data-camera="')[1:]
    assert 'data-home="0 0"' in front
    assert 'aria-label="Turn left"' in front
    assert "data-turn" not in garden
