"""The state that the programs share, in Redis: all its parts as one object.

`base_state.py` says how foreign values and failures of Redis are handled.
"""

from typing import Any, cast

from app.state import scripts
from app.state.camera_state import CameraState
from app.state.connection import TIMEOUT_S, talking
from app.state.event_state import EventState
from app.state.heartbeat_state import HeartbeatState
from app.state.history_state import HistoryState
from app.state.house_state import HouseState
from app.state.login_state import LoginState
from app.state.server_state import ServerState
from app.state.views import Survey, survey_of


class State(
    CameraState, EventState, HeartbeatState, HistoryState, HouseState, LoginState, ServerState
):
    """The shared state at *url*: `redis://host:port/db`, `rediss://…` or `unix:///path`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(url, timeout_s)
        self._survey = self._redis.register_script(scripts.SURVEY)
        self._survey_once = self._redis.register_script(scripts.SURVEY_ONCE)

    def survey(self, *names: str, events: int = 0, decisions_s: int = 0) -> Survey:
        """Return the plain strings under *names*, the heartbeats and the newest *events*.

        It counts the decisions about alerts in the last *decisions_s* seconds. All in one round
        trip. Without *events* there are no heartbeats either.
        """
        with talking():
            found = cast(bytes, self._survey(keys=names, args=[events, decisions_s]))
        return survey_of(names, found, self._foreign)

    def survey_server(
        self, *names: str, events: int = 1, decisions_s: int = 0
    ) -> tuple[Survey, dict[str, Any]]:
        """Return `survey`, and Redis's INFO; {} when this user may not ask for that.

        All in one round trip.
        """
        with talking(), self._redis.pipeline(transaction=False) as pipe:
            pipe.eval(scripts.SURVEY, len(names), *names, str(events), str(decisions_s))
            pipe.info()
            found, facts = pipe.execute(raise_on_error=False)
            if isinstance(found, Exception):
                raise found
        return survey_of(names, found, self._foreign), facts if isinstance(facts, dict) else {}

    def survey_once(
        self, claim: str, life_s: int, *names: str, events: int = 0, decisions_s: int = 0
    ) -> Survey | None:
        """Do `claim_once` with *claim*, then `survey`, in one round trip.

        Returns None when somebody has made the same *claim* in the last *life_s* seconds.
        """
        with talking():
            words = (str(events), str(decisions_s), claim, str(life_s))
            found = cast(bytes, self._survey_once(keys=names, args=words))
        return survey_of(names, found, self._foreign) if found else None
