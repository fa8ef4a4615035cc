"""Addresses with any character in the password, and without a password in messages."""

import pytest

from app.cameras import make_camera
from app.cameras.address import quoted, redacted
from app.cameras.base import CameraSettings
from app.clock import FakeClock


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("rtsp://camera/stream", "rtsp://camera/stream"),
        ("rtsp://owl:hoot@camera:554/stream", "rtsp://camera:554/stream"),
        ("rtsp://owl:h@oo@t@camera/stream", "rtsp://camera/stream"),
        ("rtsp://owl:ho/o?t#@camera/stream", "rtsp://camera/stream"),
        ("http://camera/stream?user=owl&password=hoot", "http://camera/stream"),
        ("http://camera/stream#hoot", "http://camera/stream"),
        ("HTTP://owl:hoot@camera/", "HTTP://camera/"),
        ("videos/me@home.mp4", "videos/me@home.mp4"),
        ("demo", "demo"),
    ],
)
def test_a_redacted_source_has_no_password(source: str, text: str) -> None:
    assert redacted(source) == text
    camera = make_camera("front", CameraSettings(source=source), FakeClock())
    assert camera.source == f"front ({text})"


@pytest.mark.parametrize(
    ("address", "as_libav_wants_it"),
    [
        ("rtsp://owl:ho#ot@cam/s", "rtsp://owl:ho%23ot@cam/s"),
        ("rtsp://owl:12#3@cam:554/s?a=1#x", "rtsp://owl:12%233@cam:554/s?a=1#x"),
        ("rtsp://owl:h@o#t@cam/s", "rtsp://owl:h%40o%23t@cam/s"),
        ("http://owl:h/o?t@10.0.0.7:80/v", "http://owl:h%2Fo%3Ft@10.0.0.7:80/v"),
        ("rtsp://owl:h/@[fe80::1]:554/s", "rtsp://owl:h%2F@[fe80::1]:554/s"),
        ("rtsp://owl@home:h o\u00e4+%@cam/s", "rtsp://owl%40home:h%20o%C3%A4%2B%25@cam/s"),
        ("rtsp://owl:ho%23ot@cam/s", "rtsp://owl:ho%23ot@cam/s"),
        ("rtsp://cam/s@2", "rtsp://cam/s@2"),
        ("rtsp://cam:554/s@2/x", "rtsp://cam:554/s@2/x"),
        ("rtsp://[fe80::1]/s@2", "rtsp://[fe80::1]/s@2"),
        ("http://cam/s?user=a@b", "http://cam/s?user=a@b"),
        ("http://cam/s", "http://cam/s"),
    ],
)
def test_special_characters_in_a_login_are_quoted(address: str, as_libav_wants_it: str) -> None:
    assert quoted(address) == as_libav_wants_it
