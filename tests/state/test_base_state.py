"""Claims in a real Redis."""

import redis

from app.state import State


def test_only_the_first_claim_is_granted(state: State, raw: redis.Redis) -> None:
    assert [state.claim_once("signature:ab", 660) for _ in range(3)] == [True, False, False]
    assert 0 < raw.ttl("signature:ab") <= 660
