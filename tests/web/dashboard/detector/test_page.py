"""The page Detector: what the detector sees now."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import redis
from playwright.sync_api import Browser, expect

from app.display.tiles import describe, draw_tiles
from app.frames import jpeg
from app.protocol import Heartbeat, heartbeat_key
from tests.display.drawn import comparison, frame, other, somebody, verdict
from tests.servers.redis_server import RedisServer
from tests.waiting import until
from tests.web.dashboard.browser import PHONE, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.served import opened_site

CHANNEL = "camera:front:detector"
#: Makes a page believe that nobody can see it.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def message() -> bytes:
    """What a camera publishes: tiles in a row, and their words."""
    seen = verdict(motion=True, opened_at_s=11)
    judged = frame(12.3), seen, comparison(somebody(), other(), delta=120)
    header = {"at": datetime.now(UTC).isoformat(), **describe(*judged)}
    return json.dumps(header).encode() + b"\n" + jpeg(draw_tiles(*judged), 90)


def test_the_detector_is_followed_while_the_page_is_visible(
    browser: Browser, site: Site, redis_server: RedisServer
) -> None:
    server: Any = redis.Redis.from_url(redis_server.url)

    def followers() -> int:
        return int(server.pubsub_numsub(CHANNEL)[0][1])

    with opened_site(browser, site, PHONE) as page:
        page.goto("/detector", wait_until="domcontentloaded")
        until(lambda: site.state.camera_controls("front", "0-0").detector_watched, "it asks")
        site.state.publish_detector("front", message())
        expect(page.get_by_role("heading", name="Somebody")).to_be_visible()
        assert page.locator("#findings tbody tr").all_inner_texts() == [
            "#3 somebody\t5.0%\t1.2 s\t64%\t43%\t12%",
            "#4 did not travel\t1.0%\t1.2 s\t-\t43%\t12%",
        ]
        expect(page.get_by_text("event 7 open, 1 s")).to_be_visible()
        reds = page.locator("canvas").evaluate_all(
            "all => all.map(one => one.getContext('2d').getImageData(240, 330, 1, 1).data[0])"
        )
        assert np.allclose(reds, (200, 90, 0), atol=12)  # camera, background, difference
        assert overflow_px(page) == 0
        assert serious_findings(page) == []
        expect(page.locator("#silent")).to_be_visible()  # no further picture has come
        assert serious_findings(page) == []
        page.evaluate(HIDE, True)
        until(lambda: followers() == 0, "nothing is asked for")
        page.evaluate(HIDE, False)
        until(lambda: followers() == 1, "it is followed again")
        server.set("camera_status", "False")
        expect(page.get_by_role("status")).to_contain_text("Off: the house is disarmed")
    server.close()


def test_it_says_why_no_picture_comes(site: Site, redis_server: RedisServer) -> None:
    def why() -> str:
        return str(site.get("/detector/silence/front").json["why"])  # type: ignore[index]

    assert why() == "Lost: its program is silent."
    now = datetime.now(UTC)
    key = heartbeat_key("security_system", "here", "front")
    site.state.send_heartbeat(key, Heartbeat(1, now, now, {"camera": "open"}))
    assert why() == "The camera is open, and its next picture comes soon."
    redis_server.stop()
    assert why().startswith("Redis is not reachable")


def test_light_as_the_trigger_is_explained(
    tmp_path_factory: Any, redis_server: RedisServer
) -> None:
    fridge = Site(tmp_path_factory.mktemp("fridge"), redis_server.url, "motion: {trigger: light}\n")
    assert "there is no background" in " ".join(fridge.get("/detector").text.split())
    fridge.state.close()


def test_unknown_cameras_are_not_found(site: Site) -> None:
    for address in ("/detector?camera=cellar", "/detector/silence/cellar"):
        assert site.get(address).status_code == 404
