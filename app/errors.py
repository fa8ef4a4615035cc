"""Every error that the suite raises on purpose.

WhosThereError
├── ConfigError        a wrong configuration; also a ValueError
├── ProtocolError      a message or key that is not as `app.protocol` declares it; also a ValueError
│   └── ForeignValue   a key of ours that holds a value of another type
├── Refused            a person's request that is not carried out; also a ValueError
└── WorldError         a failure outside the suite, which is waited out; also an OSError
    ├── CameraError    a camera that ended, stalled, broke or is not there
    │   ├── CameraMissing
    │   ├── CameraEnded
    │   └── CameraStalled
    ├── ModelError     a person model whose file, device or package is absent or unusable
    ├── PanTiltError   the servos do not answer
    ├── ClipError      a clip that cannot be written, read or made smaller
    ├── DeliveryError  a message that could not be delivered this time
    │   ├── DeliveryRefused    a person must act before it can be delivered
    │   ├── MessageRefused     a service does not take this one message (in `app.notify.base`)
    │   └── NoAnswer           a service may have taken the message (in `app.notify.base`)
    ├── RouterError    a router that does not answer, or not with a list of devices
    │   └── RouterRefused      a person must act before the router answers
    ├── StoreError     a store for uploads that does not accept or confirm a file this time
    │   └── StoreRefused       a person must act before the store accepts files
    ├── StateUnavailable       Redis does not answer
    ├── PasswordFileError      the file with the dashboard's password cannot be used
    ├── NoDisplay              no window can be opened on this machine
    ├── JournalInUse           another notifier runs (in `app.daemons.notifier.journal`)
    └── SuiteError     the programs could not be started together
        └── SupervisorUnavailable      supervisord does not answer
"""


class WhosThereError(Exception):
    """The root of all errors that are raised on purpose."""


class ConfigError(WhosThereError, ValueError):
    """A wrong configuration.

    *problems* are sentences. Each names the file, the line, the key, the mistake and the cure.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ProtocolError(WhosThereError, ValueError):
    """A message or key that is not as the protocol declares it."""


class ForeignValue(ProtocolError):
    """A key of ours holds a value of another type, which another program or a person has put there.

    Only the record behind that key is concerned.
    """


class Refused(WhosThereError, ValueError):
    """A person's request that is not carried out; the message gives the person the reason."""


class WorldError(WhosThereError, OSError):
    """A failure outside the suite; the cure is to wait and try again."""


class CameraError(WorldError):
    """A camera failed; the message names the source."""


class CameraMissing(CameraError):
    """There is no such camera, file or address, or its package is not installed."""


class CameraEnded(CameraError):
    """The source has no more frames."""


class CameraStalled(CameraError):
    """No frame came for longer than the settings allow."""


class ModelError(WorldError):
    """A person model cannot be used; the message says which file, device or package, and why.

    *details* are the words of a library, which are only for the log.
    """

    def __init__(self, why: str, details: str = "") -> None:
        super().__init__(why)
        self.details = details


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
    """Trying again is no cure: a person must do what the message says."""


class RouterError(WorldError):
    """The router does not answer, or answers without a list of devices.

    The message names the router, never a password.
    """


class RouterRefused(RouterError):
    """Asking again is no cure: a person must do what the message says."""


class StoreError(WorldError):
    """A store for uploads did not accept or confirm a file.

    The upload is tried again, after *retry_after_s* seconds if that is known.
    """

    def __init__(self, what: str, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class StoreRefused(StoreError):
    """Trying again is no cure: a person must do what the message says."""


class StateUnavailable(WorldError):
    """Redis is not reachable, or refuses to write."""


class PasswordFileError(WorldError):
    """The file with the dashboard's password cannot be read or is damaged; nobody can log in."""


class NoDisplay(WorldError):
    """No window can be opened; the message says what to do."""


class SuiteError(WorldError):
    """The programs could not be started together; the message says what to do."""


class SupervisorUnavailable(SuiteError):
    """supervisord does not run, or does not answer."""
