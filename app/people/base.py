"""The interface of a person model, and its settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Ge, Interval

from app.frames import Detection, Image

Backend = Literal["auto", "none", "imx500", "hailo", "onnx", "caffe", "hog", "scripted"]
Score = Annotated[float, Interval(ge=0, le=1)]
#: The class of a person, as in `Detection.kind`.
PERSON = "person"


class ModelRefusal(NamedTuple):
    """The reason why a model is not used, for a sentence; *broken* if the owner must hear of it.

    *details* are the words of a library, for the log.
    """

    why: str
    broken: bool = False
    details: str = ""


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """The person model: its choice, and its effect on alerts.

    *model* is a file in `model-files/`, or a path; None takes the first that fits the backend.
    *threshold* is the score from which a person counts; None is the model's own. An alert needs a
    person in its event, or in the *memory_s* seconds before it, where *require_person* is True, or
    "auto" and the model decides. *max_cpu* is the share of one core that the model may use.
    """

    backend: Backend = "auto"
    model: str | None = None
    threshold: Score | None = None
    memory_s: Annotated[float, Ge(0)] = 300.0
    require_person: Literal["auto"] | bool = "auto"
    max_cpu: Annotated[float, Interval(gt=0, le=4)] = 0.25


class PersonModel(ABC):
    """Finds people, animals and vehicles in a picture."""

    #: The backend's name, as in the settings.
    name: str
    #: What it is, for people: the kind of model, its file, and what runs it.
    detail: str
    #: The score from which a person counts, by the measurements of this model.
    threshold: float
    #: The threshold of the settings, if there is one.
    wanted: float | None = None
    #: Whether it is good enough to decide about alerts. One that is not only annotates them.
    decides: bool = True

    @property
    def least(self) -> float:
        """Return the score below which it may leave out what it finds."""
        return min(self.threshold, self.threshold if self.wanted is None else self.wanted) / 2

    @abstractmethod
    def detect(self, picture: Image) -> list[Detection]:
        """Return what is in *picture*, (rows, columns, BGR) uint8, the best score first.

        Scores below `least` may be left out.
        """

    def close(self) -> None:  # noqa: B027 (few hold anything)
        """Release the model's memory or device."""
