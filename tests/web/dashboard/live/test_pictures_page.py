"""The addresses of live pictures, as a browser asks for them."""

from datetime import UTC, datetime

from app.protocol import Heartbeat, heartbeat_key
from app.web.dashboard.live.pictures import CameraChannel
from tests.waiting import until
from tests.web.dashboard.conftest import Site

KIND = "multipart/x-mixed-replace; boundary=picture"


def test_a_camera_is_shown_in_parts(site: Site) -> None:
    answer = site.get("/live/front")
    parts = iter(answer.response)
    assert answer.content_type == KIND
    assert next(parts) == b"--picture\r\n"
    until(lambda: site.state.camera_controls("front", "0-0").watched, "it asks")
    site.state.publish_frame("front", b"\xff\xd8 door")
    assert next(parts) == (
        b"Content-Type: image/jpeg\r\nContent-Length: 7\r\nX-Camera: front\r\n\r\n"
        b"\xff\xd8 door\r\n--picture\r\n"
    )
    answer.close()


def test_several_cameras_and_a_detector_have_a_stream(site: Site) -> None:
    for address in ("/live?camera=front&camera=garden", "/live/front/detector"):
        answer = site.get(address)
        assert (answer.status_code, answer.content_type) == (200, KIND)
        answer.close()


def test_only_known_cameras_are_shown(site: Site) -> None:
    for address in ("/live", "/live?camera=front&camera=cellar", "/live/*", "/live/x/detector"):
        assert site.get(address).status_code == 404


def test_a_camera_on_another_machine_is_shown(site: Site) -> None:
    now = datetime.now(UTC)
    beat = Heartbeat(1, now, now, {})
    site.state.send_heartbeat(heartbeat_key("security_system", "attic", "cellar"), beat)
    answer = site.get("/live/cellar")
    assert answer.status_code == 200
    answer.close()


def test_one_viewer_too_many_gets_a_sentence(site: Site) -> None:
    live = site.app.extensions["dashboard"].live
    streams = [live.stream([CameraChannel("front")], lambda: True) for _ in range(24)]
    for stream in streams:
        next(stream)
    answer = site.get("/live/front")
    assert answer.status_code == 503
    assert "24 live pictures already" in answer.text
    for stream in streams:
        stream.close()


def test_a_head_request_views_nothing(site: Site) -> None:
    assert site.client.head("/live/front").status_code == 200
    assert not site.app.extensions["dashboard"].live._viewers
