"""The check that a request comes from Slack."""

from app.clock import FakeClock
from app.web.slack.signature import Verifier
from tests.servers.slack_requests import SIGNING_SECRET

# Slack's published example.
VECTOR_AT = 1531420618
VECTOR = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&"
    b"user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
    b"commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c4"
    b"47fce8b6703c"
)
VECTOR_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_slacks_example_is_genuine_for_five_minutes() -> None:
    clock = FakeClock()
    clock.jump(VECTOR_AT - clock.now().timestamp())
    verifier = Verifier(SIGNING_SECRET, clock)
    assert verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    assert not verifier.is_genuine(VECTOR + b" ", str(VECTOR_AT), VECTOR_SIGNATURE)
    assert not verifier.is_genuine(VECTOR, str(VECTOR_AT + 1), VECTOR_SIGNATURE)
    assert not Verifier("another", clock).is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    clock.advance(300)
    assert verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
    clock.advance(1)
    assert not verifier.is_genuine(VECTOR, str(VECTOR_AT), VECTOR_SIGNATURE)
