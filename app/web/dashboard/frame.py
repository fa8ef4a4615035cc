"""The frame around every page: the navigation, the banners, and the files for a home screen."""

import json
import logging
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, url_for
from werkzeug.security import safe_join

from app.config import Config

#: The pages in the order of the navigation: the name of a blueprint, and its title.
PAGES = (
    ("now", "Now"),
    ("timeline", "Timeline"),
    ("tag", "Tag"),
    ("detector", "Detector"),
    ("system", "System"),
    ("logs", "Logs"),
)

_log = logging.getLogger(__name__)


def add(app: Flask, config: Config) -> None:
    """Let every page of *app* have the frame."""
    is_readable = not config.dashboard.is_local and not config.dashboard.proxy
    if is_readable:
        _log.warning(
            "the dashboard is not encrypted: everybody in the network of %s can read along; "
            "setup.md shows an SSH tunnel and a proxy with TLS",
            config.dashboard.bind,
        )
    shared: dict[str, Any] = {
        "pages": PAGES,
        "cameras": list(config.cameras),
        "is_unencrypted": is_readable,
    }
    app.context_processor(lambda: shared)
    app.url_defaults(_add_version)
    app.add_url_rule("/manifest.webmanifest", "manifest", manifest)


def manifest() -> Response:
    """Return what a phone needs to put the page on its home screen."""
    described = {
        "name": "Who's There?",
        "short_name": "Who's There?",
        "description": "The cameras at home",
        "start_url": url_for("now.show"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#212529",
        "theme_color": "#212529",
        "icons": [
            {"src": icon("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": icon("icon-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": icon("icon-512.png"), "sizes": "512x512", "type": "image/png"},
            {
                "src": icon("icon-maskable-512.png"),
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "maskable",
            },
        ],
    }
    return Response(json.dumps(described), mimetype="application/manifest+json")


def icon(name: str) -> str:
    return url_for("static", filename=name)


def version_of(endpoint: str | None, filename: str) -> str | None:
    """Return the version in the address of a static file; None when there is no such file."""
    folder = _static_folder(endpoint)
    path = safe_join(folder, filename) if folder else None
    try:
        return f"{Path(path).stat().st_mtime_ns:x}" if path else None
    except OSError:
        return None


def _static_folder(endpoint: str | None) -> str | None:
    if endpoint == "static":
        return current_app.static_folder
    if endpoint == "bootstrap.static":
        return current_app.blueprints["bootstrap"].static_folder
    return None


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    """Put the version of a static file into its address, so that browsers may keep the file."""
    if "filename" in values and (version := version_of(endpoint, values["filename"])):
        values["v"] = version
