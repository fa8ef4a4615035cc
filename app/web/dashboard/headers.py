"""The headers by which a browser loads nothing from elsewhere, and shows the page in no frame."""

from flask import Flask, Response, request

from app.config import Config

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
#: Files of the program itself. A browser may keep them, and asks each time whether they are new.
_KEPT = ("static", "bootstrap.static", "manifest")


def add(app: Flask, config: Config) -> None:
    """Send the headers with every answer of *app*."""
    headers = dict(_HEADERS)
    if config.dashboard.proxy:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"

    def complete(response: Response) -> Response:
        response.headers.update(headers)
        if request.endpoint in _KEPT:
            response.headers["Cache-Control"] = "no-cache"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(complete)
