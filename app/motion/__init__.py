"""Motion: does something move in the picture?"""

from app.motion.base import MotionModel, MotionSettings, Polygon


def make_motion(settings: MotionSettings, masks: tuple[Polygon, ...] = ()) -> MotionModel:
    """The model that *settings* asks for. *masks* are what is never looked at."""
    if settings.trigger == "light":
        from app.motion.light import LightMotion

        return LightMotion(settings, masks)
    from app.motion.background import BackgroundMotion

    return BackgroundMotion(settings, masks)
