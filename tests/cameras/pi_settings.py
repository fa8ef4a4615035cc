"""The settings of a Raspberry Pi's camera in tests."""

from app.cameras.base import CameraSettings


def pi_settings(**given: object) -> CameraSettings:
    usual: dict[str, object] = {"resolution": (160, 120), "fps": 40, "warmup_s": 0, "stall_s": 3}
    return CameraSettings(**(usual | given))  # type: ignore[arg-type]
