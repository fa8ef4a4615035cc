"""The headers by which a browser loads nothing from elsewhere, and shows the page in no frame."""

from flask import Flask, Response, request

from app.config import Config
from app.web.dashboard.frame import version_of

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


_YEAR_S = 31_536_000
#: Files of the program itself, which hold nothing of the house.
_FILES = ("static", "bootstrap.static", "manifest")


def add(app: Flask, config: Config) -> None:
    """Send the headers with every answer of *app*."""
    headers = dict(_HEADERS)
    if config.dashboard.proxy:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"

    def complete(response: Response) -> Response:
        response.headers.update(headers)
        if request.endpoint in _FILES:
            response.headers["Cache-Control"] = _keeping()
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(complete)


def _keeping() -> str:
    """Return for how long a browser may keep a file; without a version it asks each time."""
    version = request.args.get("v")
    named = (request.view_args or {}).get("filename", "")
    if version and version == version_of(request.endpoint, named):
        return f"public, max-age={_YEAR_S}, immutable"
    return "no-cache"
