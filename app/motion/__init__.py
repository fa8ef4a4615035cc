"""Motion models, which judge whether something moves in a picture."""

from app.frames import Polygon
from app.motion.base import MotionModel, MotionSettings, Zone


def make_motion(
    settings: MotionSettings,
    masks: tuple[Polygon, ...] = (),
    fps: float | None = None,
    zones: tuple[Zone, ...] = (),
) -> MotionModel:
    """Return the model that *settings* name.

    *masks* are areas that are never judged. *fps* is the rate of frames that the settings mean.
    Only the method structure knows *zones*.
    """
    if settings.trigger == "light":
        from app.motion.light import LightMotion

        return LightMotion(settings, masks)
    if settings.method == "structure":
        from app.motion.structure import StructureMotion

        return StructureMotion(settings, masks, zones)
    from app.motion.background import BackgroundMotion

    return BackgroundMotion(settings, masks, fps)
