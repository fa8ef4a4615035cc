"""The check that a request comes from Slack: its signature over the raw body, and its time."""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from app.clock import Clock


@cache
def signature_module() -> ModuleType:
    """Return `slack_sdk.signature` alone; a normal import would load the whole SDK, with 10 MB."""
    package = importlib.util.find_spec("slack_sdk")
    if package is None or not package.submodule_search_locations:
        raise ImportError("slack_sdk is not installed")
    path = Path(package.submodule_search_locations[0]) / "signature" / "__init__.py"
    spec = importlib.util.spec_from_file_location("slack_signature", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Verifier:
    """Recognises requests signed with *signing_secret* in the last five minutes by *clock*."""

    def __init__(self, signing_secret: str, clock: Clock) -> None:
        self._verifier = signature_module().SignatureVerifier(signing_secret, _SlackClock(clock))

    def is_genuine(self, body: bytes, timestamp: str | None, signature: str | None) -> bool:
        """Return whether *signature* and *timestamp* are right for *body*, and recent."""
        try:
            return bool(self._verifier.is_valid(body, timestamp, signature))
        except (ValueError, TypeError, OverflowError):
            # The timestamp is no number, or a huge number, or some text is not ASCII or UTF-8.
            return False


class _SlackClock:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()
