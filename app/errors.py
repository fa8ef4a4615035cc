"""Every error that the suite raises on purpose.

WhosThereError
├── ConfigError        a wrong configuration; also a ValueError
├── ProtocolError      a message or key that is not as `app.protocol` declares it; also a ValueError
├── Refused            what a person asked for is not done; also a ValueError
└── WorldError         the world's failures, which are waited out and tried again; also an OSError
    ├── CameraError    a camera that ended, stalled, broke or is not there
    │   ├── CameraMissing
    │   ├── CameraEnded
    │   └── CameraStalled
    ├── PanTiltError   the servos do not answer
    ├── ClipError      a clip that cannot be written, read or made smaller
    ├── DeliveryError  an alert that could not be delivered this time
    │   └── DeliveryRefused    it will not be until somebody does something
    ├── RouterError    a router that does not answer, or not with a list
    │   └── RouterRefused      it will not until somebody does something
    ├── StoreError     a store for uploads that does not take or confirm something this time
    │   └── StoreRefused       it will not until somebody does something
    ├── StateUnavailable   Redis does not answer
    └── SuiteError     the programs could not be started together
        └── SupervisorUnavailable   supervisord does not answer
"""


class WhosThereError(Exception):
    """The root of all errors that are raised on purpose."""


class ConfigError(WhosThereError, ValueError):
    """A wrong configuration. *problems* are sentences, each naming file, line and key, what is
    wrong and what would be right.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ProtocolError(WhosThereError, ValueError):
    """A message or key that is not as the protocol declares it."""


class Refused(WhosThereError, ValueError):
    """What a person asked for is not done; the message tells that person why."""


class WorldError(WhosThereError, OSError):
    """Something outside failed; waiting and trying again is the cure."""


class CameraError(WorldError):
    """A camera failed; the message names the source."""


class CameraMissing(CameraError):
    """There is no such camera, file or address, or the package that drives it is not installed."""


class CameraEnded(CameraError):
    """The source has no more frames."""


class CameraStalled(CameraError):
    """No frame came for longer than the settings allow."""


class PanTiltError(WorldError):
    """The servos do not answer."""


class ClipError(WorldError):
    """A clip cannot be written, read or made smaller; the message names it."""


class DeliveryError(WorldError):
    """A message was not delivered; it is tried again, after *retry_after_s* seconds if known.

    *code* is the service's own name for the failure, where it has one.
    """

    def __init__(
        self, what: str, retry_after_s: float | None = None, *, code: str | None = None
    ) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s
        self.code = code

    def is_like(self, other: "DeliveryError") -> bool:
        """Return whether *other* is the same trouble: of the same class, with the same code."""
        return type(self) is type(other) and self.code == other.code


class DeliveryRefused(DeliveryError):
    """Trying again is no cure: somebody has to do what the message says."""


class RouterError(WorldError):
    """The router does not answer, or not with a list of what is connected; the message names the
    router, never a password.
    """


class RouterRefused(RouterError):
    """Asking again is no cure: somebody has to do what the message says."""


class StoreError(WorldError):
    """A store for uploads did not take or confirm something; it is to be tried again, after
    *retry_after_s* seconds if that is known.
    """

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class StoreRefused(StoreError):
    """Trying again is no cure: somebody has to do what the message says."""


class StateUnavailable(WorldError):
    """Redis is not reachable, or refuses to write."""


class SuiteError(WorldError):
    """The programs could not be started together; the message says what to do."""


class SupervisorUnavailable(SuiteError):
    """supervisord does not run, or does not answer."""
