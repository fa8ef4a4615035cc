"""Settings on trial, as somebody tries them on an event."""

from contextlib import closing

from playwright.sync_api import Browser, expect

from app.web.dashboard.detector.trial_run import TrialRun
from tests.waiting import patience
from tests.web.dashboard.browser import PHONE, Watch, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.recorded import EVENT, record
from tests.web.dashboard.served import opened_site

#: A try takes seconds on a small machine.
WAIT_MS = patience(30) * 1000


def test_a_setting_is_tried_on_an_event(browser: Browser, site: Site) -> None:
    record(site)
    with opened_site(browser, site, PHONE) as page:
        page.goto("/detector/events")
        page.get_by_role("link", name="front").click()
        present = page.get_by_role("region", name="Present settings")
        tried = page.get_by_role("region", name="Tried settings")
        expect(present.get_by_role("status")).to_have_text(
            "1 event opens, 1 alert.", timeout=WAIT_MS
        )
        expect(present.get_by_role("listitem")).to_contain_text("From 3.")
        expect(present.get_by_text("Somebody", exact=True)).to_be_visible()
        expect(present.get_by_role("img", name="Area over time")).to_be_visible()
        assert present.locator(".curve-start").count() == present.locator("svg.curve").count()
        assert overflow_px(page) == 0
        assert serious_findings(page) == []
        page.get_by_label("motion.min_size").fill("0.9")
        page.get_by_role("button", name="Try these settings").click()
        expect(tried.get_by_role("status")).to_have_text("No event opens.", timeout=WAIT_MS)
        assert page.locator("#lines").text_content() == "motion:\n  min_size: 0.9\n"
        slider = tried.get_by_role("slider")
        slider.focus()
        slider.press("End")
        expect(
            tried.get_by_text("Nobody", exact=True).or_(tried.get_by_text("Nothing moves"))
        ).to_be_visible()


def test_only_the_settings_of_the_method_are_shown(browser: Browser, site: Site) -> None:
    record(site)
    watch = Watch()
    watch.expected.append("409")
    with (
        closing(TrialRun(site.config, EVENT, {}, lambda: True, dict)),
        opened_site(browser, site, watch=watch) as page,
    ):
        page.goto(f"/detector?event={EVENT}")
        expect(page.get_by_text("Another try is running")).to_be_visible()
        expect(page.get_by_label("motion.min_size")).to_be_visible()
        expect(page.get_by_label("motion.min_area")).to_be_hidden()
        page.get_by_label("motion.method").select_option("running_average")
        expect(page.get_by_label("motion.min_size")).to_be_hidden()
        expect(page.get_by_label("motion.min_area")).to_be_visible()
        page.get_by_label("motion.trigger").select_option("light")
        expect(page.get_by_label("motion.thresh")).to_be_visible()
        expect(page.get_by_label("motion.min_area")).to_be_hidden()
    assert watch.faults == []


def test_what_cannot_be_tried_is_refused(site: Site) -> None:
    record(site)
    address = f"/detector/try/{EVENT}"
    answer = site.post(address, {"data_dir": "/"}, {"Accept": "application/json"})
    assert (answer.status_code, answer.json) == (400, {"error": "data_dir is no knob."})
    assert site.client.post(address).status_code == 400  # without the token of the session
    assert site.get(address).status_code == 405
    for event in ("x", "../../etc", "20261120T101500.124Z-front"):
        assert site.post(f"/detector/try/{event}").status_code == 404
        assert site.get(f"/detector?event={event}").status_code == 404
