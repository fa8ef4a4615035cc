"""A Redis that the suite did not start: the reasons not to use it, each with its cure."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from app.errors import ProtocolError, SuiteError
from app.launcher import processes
from app.launcher.local_redis import place
from app.protocol import KEYS
from app.protocol.address import is_here
from app.state import State

_TIMEOUT_S = 2.0
#: The keys that are looked at to find those of other programs, and those that are named.
_KEYS_READ = 20_000
_KEYS_NAMED = 3


def refuse_unfit(url: str) -> list[str]:
    """Raise `SuiteError` when the Redis at *url* would lose data; returns warnings otherwise.

    A Redis that a suite of this user has started is as it should be. What this user may not ask is
    a warning.
    """
    with closing(State(url, _TIMEOUT_S)) as state:
        try:
            facts = state.server_facts()
        except ProtocolError as error:
            facts = {"unknown": str(error)}
        if is_here(url) and _is_of_a_suite(facts.get("process_id")):
            return []
        refusals: list[str] = []
        warnings: list[str] = []
        if unknown := facts.get("unknown"):
            warnings.append(f"its memory and its persistence cannot be checked: {unknown}")
        else:
            refusals += _evicting(facts)
            _judge_persistence(state, facts, refusals, warnings)
        _judge_keys(state, refusals, warnings)
    if refusals:
        raise SuiteError("\n".join(_about(url, refusals)))
    return _about(url, warnings)


def _about(url: str, sentences: Sequence[str]) -> list[str]:
    return [f"The Redis at {place(url)}: {sentence}" for sentence in sentences]


def _is_of_a_suite(pid: int | None) -> bool:
    return any(process.pid == pid for process in processes.environments())


def _evicting(facts: dict[str, Any]) -> Iterator[str]:
    policy = str(facts.get("maxmemory_policy", ""))
    if policy.startswith("allkeys") or (policy.startswith("volatile") and facts.get("maxmemory")):
        yield (
            f"it deletes data when its memory is full (maxmemory-policy {policy}), so alerts could "
            "be lost or come twice. Set maxmemory-policy noeviction in its redis.conf, by CONFIG "
            "SET, or where your provider has its settings"
        )


def _judge_persistence(
    state: State, facts: dict[str, Any], refusals: list[str], warnings: list[str]
) -> None:
    if facts.get("aof_enabled", 1):
        return
    try:
        snapshots = state.server_setting("save")
    except ProtocolError as error:
        warnings.append(
            "it is not append-only, and whether it keeps snapshots cannot be checked: "
            f"{error}. Set appendonly yes in its redis.conf"
        )
        return
    if snapshots:
        warnings.append(
            "it is not append-only: a power cut would lose the events of the last minutes. Set "
            "appendonly yes in its redis.conf"
        )
    else:
        refusals.append(
            "it keeps nothing on disk, so a restart of it would lose switches, events and waiting "
            "alerts. Set appendonly yes in its redis.conf and by CONFIG SET; or stop that Redis, "
            "and the suite starts its own"
        )


def _judge_keys(state: State, refusals: list[str], warnings: list[str]) -> None:
    """Refuse a database with more keys of others than of ours; warn of some."""
    try:
        names = state.some_keys(_KEYS_READ)
    except ProtocolError as error:
        warnings.append(f"whether other programs use this database cannot be checked: {error}")
        return
    others = [name for name in names if not any(key.matches(name) for key in KEYS)]
    if not others:
        return
    named = ", ".join(map(ascii, others[:_KEYS_NAMED])) + (", …" if others[_KEYS_NAMED:] else "")
    if len(others) > len(names) / 2:
        refusals.append(
            f"another program uses this database (keys {named}). Choose another number at the end "
            "of redis.url in config.yml, as in redis://127.0.0.1:6379/3"
        )
    else:
        warnings.append(
            f"its database has keys that are not of this suite: {named}. If another program uses "
            "it, choose another number at the end of redis.url"
        )
