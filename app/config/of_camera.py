"""The areas that are not judged, and the person model, of one camera by all its settings."""

from app.cameras import is_endless
from app.config.settings import CameraConfig, Config
from app.frames import Polygon
from app.people.base import PeopleSettings


def unjudged_areas(camera: CameraConfig) -> tuple[Polygon, ...]:
    """Return the areas of the pictures of *camera* in which nothing is judged."""
    return (*camera.masks, *camera.privacy)


def people_settings(config: Config, camera: CameraConfig) -> PeopleSettings | None:
    """Return the settings of the person model at *camera*; None where none is used.

    Nobody in a drawn room is a person to a model, and in the light of a fridge nobody looks.
    """
    is_drawn = is_endless(camera.source) and config.people.backend == "auto"
    return None if is_drawn or config.motion.trigger == "light" else config.people
