"""A house with real footage, and its dashboard, as somebody at home opens it."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from playwright.sync_api import Browser, Page, StorageState
from redis import Redis

from app.programs import SECURITY_SYSTEM
from app.protocol import heartbeat_key, host_name
from app.state import State
from tests.recording.visits import EMPTY, MOTION, SHORT_VISIT, visits_video
from tests.servers.ports import free_port
from tests.servers.suite import Suite, run_verb
from tests.waiting import until
from tests.web.dashboard.browser import DESKTOP, Look, Watch, log_in, opened_page

PASSWORD = "three geese on the blue roof"  # noqa: S105
CAMERA = "front"
_PROGRAMS = ("security_system-front", "notifier", "uploader", "web_server")
_PRIVATE = """
cameras: {{{camera}: {{source: '{source}', pantilt: {{backend: mock}}}}}}
dashboard: {{enabled: true, bind: '127.0.0.1:{port}'}}
"""
_SOON = "events: {motion_classification_store_cnt: 5, event_gap_s: 1, min_notify_seconds: 0}\n"


def busy_house(folder: Path, footage: Path) -> "House":
    """A house in *folder* in which somebody comes in every 3.2 s, and each time is an event."""
    video = visits_video(footage, folder / "visits.mp4", [*EMPTY, *SHORT_VISIT], times=6)
    return House(folder, str(video), _SOON + MOTION)


class House(Suite):
    """The suite in *folder* with a camera that shows *source*, and with *more* settings.

    When the context is entered, it gets the password `PASSWORD`, and its *programs* start: without
    more words those that the camera's events need; all of them, with Glances, when it is empty.
    """

    def __init__(
        self, folder: Path, source: str, more: str = "", programs: tuple[str, ...] = _PROGRAMS
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = _PRIVATE.format(camera=CAMERA, source=source, port=port)
        super().__init__(folder / "house", settings + more)
        #: For what another program may change in Redis, and for what the suite keeps there.
        self.redis: Redis = Redis.from_url(self.redis_url, decode_responses=True)
        self.state = State(self.redis_url)
        self._programs = programs
        self._session: StorageState | None = None
        self._stack = ExitStack()
        self._stack.callback(self.state.close)
        self._stack.callback(self.redis.close)

    def opened(
        self, browser: Browser, look: Look = DESKTOP, watch: Watch | None = None
    ) -> AbstractContextManager[Page]:
        """An empty page in a browser that is logged in; all such browsers share one session."""
        return opened_page(browser, self.url, look, self.session(browser), watch)

    def session(self, browser: Browser) -> StorageState:
        """The cookies of somebody who has logged in."""
        if self._session is None:
            with opened_page(browser, self.url) as page:
                log_in(page, PASSWORD)
                self._session = page.context.storage_state()
        return self._session

    def camera(self) -> str:
        """How its camera is, by the newest heartbeat: open, opening, lost or closed."""
        key = heartbeat_key(SECURITY_SYSTEM, host_name(), CAMERA)
        beat = self.state.heartbeats().get(key)
        return str(beat.counters["camera"]) if beat else "gone"

    def events(self) -> list[Path]:
        """The folders of the events whose clip is on disk, the newest first."""
        found = self.config.data_dir.glob("events/*/*/clip.mp4")
        return sorted((path.parent for path in found), reverse=True)

    def __enter__(self) -> Self:
        done = run_verb("set-password", "--config", str(self.folder), typed=f"{PASSWORD}\n" * 2)
        assert done.returncode == 0, done.stdout + done.stderr
        self._stack.callback(super().__exit__, None, None, None)
        self.start(*self._programs)
        until(lambda: self.camera() == "open", "the camera is open")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
