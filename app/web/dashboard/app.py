"""The dashboard's Flask app: its pages, and what guards each of them."""

from flask import Flask, Response
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from app.clock import Clock, SystemClock
from app.commands.context import CommandContext
from app.config import Config
from app.state import State
from app.web import IDLE_WORK, LONGEST_BODY
from app.web.dashboard import command, errors, frame
from app.web.dashboard.access import auth, headers, sender, sessions, strangers
from app.web.dashboard.context import DASHBOARD, Dashboard
from app.web.dashboard.detector import page as detector
from app.web.dashboard.events import event_page, media, tag, timeline
from app.web.dashboard.events.index import EventIndex
from app.web.dashboard.live import asked, now, updates_page
from app.web.dashboard.live import pictures_page as live_page
from app.web.dashboard.live.overview import overview_changes, read_overview
from app.web.dashboard.live.pictures import LivePictures
from app.web.dashboard.live.updates import Updates
from app.web.dashboard.machine import logs, system
from app.web.endpoint import ENDPOINT, Endpoint

REDIS_TIMEOUT_S = 1.0
#: The modules with a blueprint.
_PAGES = (
    now,
    command,
    asked,
    live_page,
    updates_page,
    timeline,
    event_page,
    media,
    tag,
    detector,
    system,
    logs,
)


def create_app(config: Config, clock: Clock | None = None) -> Flask:
    """Return the dashboard of *config*."""
    clock = clock or SystemClock()
    app = sessions.GuardedFlask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    endpoint = Endpoint(clock)
    state = State(config.redis.url, REDIS_TIMEOUT_S)
    app.extensions[ENDPOINT] = endpoint
    commands = CommandContext(config, state, clock)
    events = EventIndex(config, state, clock)
    app.extensions[IDLE_WORK] = events.read_ahead
    app.extensions[DASHBOARD] = Dashboard(
        config,
        state,
        clock,
        commands,
        LivePictures(state),
        Updates(lambda: read_overview(commands), lambda: overview_changes(commands)),
        events,
    )
    Bootstrap5(app)
    sessions.prepare(app, config)
    strangers.guard(app)
    sender.guard(app, config)
    auth.guard(app)
    CSRFProtect(app)
    headers.add(app, config)
    frame.add(app, config)
    errors.handle(app)
    for page in _PAGES:
        app.register_blueprint(page.page)
    app.after_request(lambda response: _counted(endpoint, clock, response))
    return app


def _counted(endpoint: Endpoint, clock: Clock, response: Response) -> Response:
    endpoint.requests += 1
    endpoint.last_request = clock.now()
    endpoint.refused += 400 <= response.status_code < 500
    endpoint.errors += response.status_code >= 500
    return response
