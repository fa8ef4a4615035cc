"""The page of masks and zones, as somebody draws on it and reads its lines."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from app.config import CameraConfig, load_config
from app.motion.base import Zone
from app.state import Latest
from tests.servers.redis_server import RedisServer
from tests.web.dashboard.browser import (
    PHONE_DARK,
    overflow_px,
    serious_findings,
)
from tests.web.dashboard.conftest import Site
from tests.web.dashboard.served import opened_site

DOOR = Zone('at the "door": é #1\'', ((0.5, 0.5), (0.9, 0.5), (0.7, 0.9)), 0.0125, "record")
TREE = ((0.0, 0.0), (0.25, 0.0), (0.25, 0.333))
CAMERAS = """
cameras:
  front:
    source: demo
    masks: [[[0, 0], [0.25, 0], [0.25, 0.333]]]
    zones:
      - {name: 'at the "door": é #1''', area: [[0.5, 0.5], [0.9, 0.5], [0.7, 0.9]],
         min_size: 0.0125, then: record}
"""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A house whose camera has a mask and a zone, and a picture of 400 x 300."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        found = Site(tmp_path_factory.mktemp("yard"), server.url, CAMERAS)
        encoded = cv2.imencode(".jpg", np.full((300, 400, 3), 90, np.uint8))[1].tobytes()
        found.state.set_latest("front", Latest(encoded, datetime.now(UTC)))
        yield found
        found.state.close()


@pytest.fixture
def page(browser: Browser, yard: Site) -> Iterator[Page]:
    """The page of masks and zones of that house."""
    with opened_site(browser, yard) as page:
        page.goto("/detector/masks")
        expect(page.locator("image[href]")).to_have_count(1)
        yield page


def read_back(page: Page, folder: Path) -> CameraConfig:
    """What the configuration says with the lines of *page*, under `cameras: front:`."""
    lines = page.locator("#lines").text_content()
    (folder / "config.yml").write_text(f"cameras:\n  front:\n    source: demo\n{lines}")
    return load_config(folder).cameras["front"]


def click(page: Page, *corners: tuple[float, float]) -> None:
    """Click at *corners* in the picture, which are fractions of its size."""
    board = page.locator("#drawing")
    for x, y in corners:
        box = board.bounding_box()
        assert box
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_what_is_configured_is_in_the_lines_again(page: Page, tmp_path: Path) -> None:
    expect(page.get_by_text("As the file says.", exact=True)).to_be_visible()
    assert page.locator("#areas li").all_inner_texts() == [
        "mask 1\nmask: ignored\nChange\nDelete",
        f"{DOOR.name}\nzone: recorded, no alert\nChange\nDelete",
    ]
    read = read_back(page, tmp_path)
    assert (read.masks, read.zones) == ((TREE,), (DOOR,))


def test_a_zone_is_drawn_with_the_mouse(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Draw a zone").click()
    click(page, (0.1, 0.6), (0.4, 0.6), (0.4, 0.95), (0.1, 0.6))
    page.get_by_label("Name, as it is in an alert").fill("on the path")
    page.get_by_label("Somebody there causes").select_option("ignore")
    page.get_by_label("Smallest size that counts").fill("0.01")
    box = page.locator("[data-corner='2']").bounding_box()
    board = page.locator("#drawing").bounding_box()
    assert box and board
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(board["x"] + 0.3 * board["width"], board["y"] + 0.8 * board["height"], steps=3)
    page.mouse.up()
    read = read_back(page, tmp_path)
    assert [(zone.name, zone.then, zone.min_size) for zone in read.zones] == [
        (DOOR.name, "record", 0.0125),
        ("on the path", "ignore", 0.01),
    ]
    drawn = np.array(read.zones[1].area)
    assert np.allclose(drawn, [(0.1, 0.6), (0.4, 0.6), (0.3, 0.8)], atol=0.003)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_text("These are the areas that you drew before.")).to_be_visible()
    assert read_back(page, tmp_path).zones == read.zones


def test_a_mask_is_drawn_by_keyboard_and_deleted(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Draw a mask").press("Enter")
    press = page.keyboard.press
    for keys in ("Enter", "Shift+ArrowRight", "Enter", "ArrowDown", "Enter", "ArrowUp", "Enter"):
        press(keys)
    # The last corner is the same as the second one.
    expect(page.locator("#open-fault")).to_have_text(
        "It crosses itself: the edge after corner 1 meets the edge after corner 3."
    )
    press("Backspace")
    expect(page.locator("#open-fault")).to_be_empty()
    page.get_by_role("button", name="Close the area").press("Enter")
    corner = page.get_by_role("button", name="Corner 3: 55.0 % from the left, 51.0 % from the top")
    corner.press("Shift+ArrowDown")
    assert read_back(page, tmp_path).masks == (TREE, ((0.5, 0.5), (0.55, 0.5), (0.55, 0.56)))
    page.get_by_role("button", name="Delete mask 1").press("Enter")
    assert len(read_back(page, tmp_path).masks) == 1


def test_a_polygon_that_crosses_itself_has_no_lines(page: Page) -> None:
    page.get_by_role("button", name="Draw a mask").click()
    click(page, (0.3, 0.3), (0.4, 0.4))
    expect(page.get_by_role("button", name="Close the area")).to_be_disabled()
    click(page, (0.4, 0.3), (0.3, 0.4))
    expect(page.locator("#open-fault")).to_contain_text(
        "It crosses itself: the edge after corner 1"
    )
    page.get_by_role("button", name="Close the area").click()
    expect(page.locator("#lines")).to_be_empty()
    expect(page.get_by_text("The lines are here when each area is whole")).to_be_visible()


def test_it_fits_on_a_phone_and_can_be_read_by_all(browser: Browser, yard: Site) -> None:
    with opened_site(browser, yard, PHONE_DARK) as page:
        page.goto("/detector/masks")
        page.get_by_role("button", name="Change mask 1").click()
        assert overflow_px(page) == 0
        assert serious_findings(page) == []
        drag_by_finger(page, (0.25, 0.333), (0.25, 0.6))
        expect(page.locator("#lines")).to_contain_text("[0.250, 0.000], [0.250, 0.600]]")


def drag_by_finger(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from *begin* to *end*, fractions of the picture's size; the page must not scroll."""
    board = page.locator("#drawing")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box
    touches = page.context.new_cdp_session(page)
    touches.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    scrolled = page.evaluate("scrollY")
    for kind, share in (("Start", 0.0), ("Move", 0.3), ("Move", 0.7), ("Move", 1.0), ("End", None)):
        points = []
        if share is not None:
            x, y = (a + share * (b - a) for a, b in zip(begin, end, strict=True))
            points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]
        touches.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert page.evaluate("scrollY") == scrolled


def test_an_unknown_camera_has_no_masks(yard: Site) -> None:
    assert yard.get("/detector/masks?camera=cellar").status_code == 404
