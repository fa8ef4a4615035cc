"""The dashboard's Flask app: its pages, and what guards each of them."""

from flask import Flask, Response, redirect, request, url_for
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app.clock import Clock, SystemClock
from app.commands.context import CommandContext
from app.config import Config
from app.state import State
from app.web import LONGEST_BODY
from app.web.dashboard import auth, detector, headers, live_page, logs, now, system, tag, timeline
from app.web.dashboard.context import DASHBOARD, Dashboard
from app.web.dashboard.event_index import EventIndex
from app.web.dashboard.live import LivePictures
from app.web.endpoint import ENDPOINT, Endpoint

REDIS_TIMEOUT_S = 1.0
#: The pages in the order of the navigation: the name of a blueprint, and its title.
PAGES = (
    ("now", "Now"),
    ("timeline", "Timeline"),
    ("tag", "Tag"),
    ("detector", "Detector"),
    ("system", "System"),
    ("logs", "Logs"),
)


def create_app(config: Config, clock: Clock | None = None) -> Flask:
    """Return the dashboard of *config*."""
    clock = clock or SystemClock()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    endpoint = Endpoint(clock)
    state = State(config.redis.url, REDIS_TIMEOUT_S)
    app.extensions[ENDPOINT] = endpoint
    app.extensions[DASHBOARD] = Dashboard(
        config,
        state,
        clock,
        CommandContext(config, state, clock),
        LivePictures(state),
        EventIndex(config, state, clock),
    )
    Bootstrap5(app)
    auth.guard(app, config, clock)
    CSRFProtect(app)
    headers.add(app)
    for page in (now, live_page, timeline, tag, detector, system, logs):
        app.register_blueprint(page.page)
    app.context_processor(lambda: {"pages": PAGES, "cameras": list(config.cameras)})
    app.register_error_handler(HTTPException, _refuse)
    app.after_request(lambda response: _counted(endpoint, clock, response))
    return app


def _counted(endpoint: Endpoint, clock: Clock, response: Response) -> Response:
    endpoint.requests += 1
    endpoint.last_request = clock.now()
    endpoint.refused += 400 <= response.status_code < 500
    endpoint.errors += response.status_code >= 500
    return response


def _refuse(error: HTTPException) -> AnyResponse:
    """Return a page that says what is wrong; without a session, the login page."""
    if error.code == 401 and request.method == "GET" and request.accept_mimetypes.accept_html:
        return redirect(url_for("auth.login"))
    return Response(f"{error.code} {error.name}\n", error.code or 500, mimetype="text/plain")
