"""The page Detector: what the detector sees now."""

import json
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import redis
from playwright.sync_api import Browser, expect

from app.protocol import Heartbeat, heartbeat_key
from tests.servers.redis_server import RedisServer
from tests.waiting import until
from tests.web.dashboard.browser import PHONE, overflow_px, serious_findings
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.served import opened_site

CHANNEL = "camera:front:detector"
GREYS = (40, 120, 220)
#: Makes a page believe that nobody can see it.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def message(headline: str) -> bytes:
    """What a camera publishes: tiles of 60 x 40 in the greys `GREYS`, and their words."""
    board = np.concatenate([np.full((40, 60, 3), grey, np.uint8) for grey in GREYS], axis=1)
    header: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(),
        "headline": headline,
        "reason": "It covers 3 % of the picture.",
        "columns": ["size", "time"],
        "findings": [
            {"title": "#1 somebody", "figures": ["3.1%", "2.0 s"], "confirmed": True},
            {"title": "#2 <b>light</b>", "figures": [], "confirmed": False},
        ],
        "event": "event 1 open, 2 s",
        "decision": "",
        "tiles": {
            name: (60 * number, 0, 60, 40)
            for number, name in enumerate(("camera", "background", "difference"))
        },
    }
    return json.dumps(header).encode() + b"\n" + cv2.imencode(".jpg", board)[1].tobytes()


def test_the_detector_is_followed_while_the_page_is_visible(
    browser: Browser, site: Site, redis_server: RedisServer
) -> None:
    server: Any = redis.Redis.from_url(redis_server.url)

    def followers() -> int:
        return int(server.pubsub_numsub(CHANNEL)[0][1])

    with opened_site(browser, site, PHONE) as page:
        page.goto("/detector", wait_until="domcontentloaded")
        until(lambda: site.state.camera_controls("front", "0-0").detector_watched, "it asks")
        site.state.publish_detector("front", message("Somebody"))
        expect(page.get_by_role("heading", name="Somebody")).to_be_visible()
        assert page.locator("#findings tbody tr").all_inner_texts() == [
            "#1 somebody\t3.1%\t2.0 s",
            "#2 <b>light</b>",
        ]
        greys = page.locator("canvas").evaluate_all(
            "all => all.map(one => one.getContext('2d').getImageData(30, 20, 1, 1).data[0])"
        )
        assert np.allclose(greys, GREYS, atol=3)
        assert overflow_px(page) == 0
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
