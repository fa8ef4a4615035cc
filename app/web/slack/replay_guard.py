"""The guard against replays: each request that Slack signs is accepted once."""

from app import protocol
from app.commands.context import CommandContext
from app.commands.registry import Command, survey_once_for
from app.state import Survey


class ReplayGuard:
    """Accepts each signature once, so that a recorded request cannot be sent again.

    Redis keeps a signature for longer than `Verifier` accepts it, also when this program restarts.
    Every method raises `StateUnavailable` when Redis is away or slow.
    """

    def __init__(self, context: CommandContext) -> None:
        self._context = context

    def is_first(self, signature: str) -> bool:
        """Record *signature*, and return whether it is new."""
        return self._context.state.claim_once(
            protocol.signature_key(signature), protocol.SIGNATURE_LIFE_S
        )

    def survey_if_first(self, signature: str, command: Command) -> Survey | None:
        """Record *signature*, and return what *command* reads; None when it is not new.

        Both take one round trip to Redis, since Slack waits only 3 s for the reply.
        """
        return survey_once_for(
            command, self._context, protocol.signature_key(signature), protocol.SIGNATURE_LIFE_S
        )
