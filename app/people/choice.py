"""Chooses the person model by the settings, and says why it is this one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.errors import ModelError
from app.people.base import Backend, PeopleSettings, PersonModel
from app.people.files import model_files

#: What `auto` tries, in this order.
AUTO: tuple[Backend, ...] = ("imx500", "hailo", "onnx", "caffe", "hog")
_SUFFIXES: dict[Backend, str] = {
    "imx500": ".rpk",
    "hailo": ".hef",
    "onnx": ".onnx",
    "caffe": ".caffemodel",
    "scripted": ".json",
}
#: The backends whose files `fetch-models` gets.
_PUBLISHED = ("onnx", "caffe")
#: The published ONNX models, the best first.
ONNX_FILES = ("yolox_nano.onnx", "FastestDet.onnx")
Make = Callable[[], PersonModel]


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that is used, if any.

    *refused* says of each backend or file that came before it why it is not used. *broken* are
    those among them that the owner must hear of: a file that is there, or a backend or file that
    the settings name.
    """

    model: PersonModel | None = None
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Return one line: the model, and why it is none of those before it."""
        chosen = f"{self.model.name} ({self.model.detail})" if self.model else "none"
        return f"person model: {'; '.join([chosen, *(f'not {why}' for why in self.refused)])}"

    @property
    def problem(self) -> str | None:
        """Return a text for the owner; None when nothing that is wanted is unusable."""
        if not self.broken:
            return None
        return (
            f"A person model cannot be used. {'. '.join(self.broken)}. {self._instead()} For a "
            "good copy: python -m app fetch-models"
        )

    def _instead(self) -> str:
        if self.model is None:
            return "There is no other, so every motion is an alert."
        if not self.model.decides:
            return f"{self.model.detail} is used, which decides no alert: every motion is one."
        return f"{self.model.detail} is used."


def make_model(settings: PeopleSettings, folder: Path) -> PersonModel | None:
    """Return the model of *settings*, whose files are in *folder*; None without one."""
    return choose(settings, folder).model


def choose(settings: PeopleSettings, folder: Path) -> Choice:
    """Return the first model that works, and why those before it do not."""
    refused: list[str] = []
    broken: list[str] = []
    for backend in _backends(settings):
        found = False
        for make in _makers(backend, settings, folder):
            found = True
            try:
                model = make()
                model.wanted = settings.threshold
                return Choice(model, tuple(refused), tuple(broken))
            except ModelError as error:
                refused.append(f"{backend}: {error}")
                if backend in _PUBLISHED or backend == settings.backend:
                    broken.append(str(error))
        if not found:
            refused.append(f"{backend}: {_absence(backend, folder)}")
            if backend == settings.backend:
                broken.append(f"{backend}: {_absence(backend, folder)}")
    return Choice(None, tuple(refused), tuple(broken))


def _backends(settings: PeopleSettings) -> list[Backend]:
    """Return the backends to try; one for which the settings name a file comes first."""
    if settings.backend == "none":
        return []
    if settings.backend != "auto":
        return [settings.backend]
    suffix = Path(settings.model or "").suffix
    return sorted(AUTO, key=lambda backend: not suffix or _SUFFIXES.get(backend) != suffix)


def _makers(backend: Backend, settings: PeopleSettings, folder: Path) -> Iterator[Make]:
    """Yield what makes a model of *backend*, for each of its files."""
    if backend == "hog":
        from app.people.hog import HogModel

        yield HogModel
        return
    files = model_files(folder, _SUFFIXES[backend], settings.model, ONNX_FILES)
    if backend == "onnx" and files:
        from app.people.onnx import OnnxModel

        yield from (partial(OnnxModel, file) for file in files)
    elif backend == "caffe" and files:
        from app.people.caffe import CaffeModel

        yield from (partial(CaffeModel, file) for file in files)
    elif backend == "scripted":
        from app.people.scripted import ScriptedModel

        yield partial(ScriptedModel, files[0] if files else None)


def _absence(backend: Backend, folder: Path) -> str:
    if backend in {"imx500", "hailo"}:
        return "this version cannot use it"
    return f"no {_SUFFIXES[backend]} file in {folder}"


def may_decide(settings: PeopleSettings, folder: Path) -> bool:
    """Return whether the model of *settings* may be one that decides, without loading it."""
    if settings.backend != "auto" or settings.model:
        return settings.backend not in ("hog", "none")
    return any(file.suffix in _SUFFIXES.values() for file in folder.glob("*.*"))
