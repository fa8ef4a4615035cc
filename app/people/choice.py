"""Chooses the person model by the settings, and gives the reasons."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.errors import ModelError
from app.people.base import Backend, ModelRefusal, PeopleSettings, PersonModel
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
#: The network that imx500-all installs for a Pi AI camera: SSD MobileNet.
SYSTEM_NETWORK = Path(
    "/usr/share/imx500-models/imx500_network_ssd_mobilenetv2_fpnlite_320x320_pp.rpk"
)
#: The usual reason why there is no network in the camera.
NO_IMX500 = ModelRefusal("only a Pi AI camera has it, and its answers come with live pictures")
#: The published ONNX models, the best first.
ONNX_FILES = ("yolox_nano.onnx", "FastestDet.onnx")
Make = Callable[[], PersonModel]


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that is used, if any.

    *refused* has the reason for each preferred backend or file that is not used. *broken* are the
    reasons of which the owner must hear: a file or a device that is there, or a backend or file
    that the settings name. `fetch-models` gets a good copy of what is *replaceable*.
    """

    model: PersonModel | None = None
    refused: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    replaceable: bool = False

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
        text = f"A person model cannot be used. {'. '.join(self.broken)}. {self._instead()}"
        return f"{text} For a good copy: python -m app fetch-models" if self.replaceable else text

    def _instead(self) -> str:
        if self.model is None:
            return "There is no other, so every motion is an alert."
        if not self.model.decides:
            return (
                f"{self.model.detail} is used instead. It is not good enough to decide about "
                "alerts, so every motion is an alert."
            )
        return f"{self.model.detail} is used instead."


def make_model(settings: PeopleSettings, folder: Path) -> PersonModel | None:
    """Return the model of *settings*, whose files are in *folder*; None without one."""
    return choose(settings, folder).model


def choose(settings: PeopleSettings, folder: Path, imx500: ModelRefusal = NO_IMX500) -> Choice:
    """Return the first model that works, and why those before it do not.

    *imx500* is the reason why it is not the network in the camera.
    """
    refused: list[tuple[Backend, ModelRefusal]] = []
    for backend in _backends(settings):
        found = False
        for make in _makers(backend, settings, folder):
            found = True
            try:
                model = make()
                model.wanted = settings.threshold
                return _choice(model, refused)
            except ModelError as error:
                refusal = ModelRefusal(str(error), broken=True, details=error.details)
                refused.append((backend, refusal))
        if not found:
            refusal = imx500 if backend == "imx500" else ModelRefusal(_absence(backend, folder))
            is_broken = refusal.broken or backend == settings.backend
            refused.append((backend, refusal._replace(broken=is_broken)))
    return _choice(None, refused)


def _choice(model: PersonModel | None, refused: Sequence[tuple[Backend, ModelRefusal]]) -> Choice:
    broken = [(backend, refusal.why) for backend, refusal in refused if refusal.broken]
    return Choice(
        model,
        tuple(f"{backend}: {_for_log(refusal)}" for backend, refusal in refused),
        tuple(f"{backend}: {why}" for backend, why in broken),
        replaceable=any(backend in _PUBLISHED for backend, _ in broken),
    )


def _for_log(refusal: ModelRefusal) -> str:
    return f"{refusal.why} ({refusal.details})" if refusal.details else refusal.why


def network_files(settings: PeopleSettings, folder: Path) -> tuple[Path, ...]:
    """Return the networks for the sensor of a Pi AI camera, in the order in which they are tried.

    There is none when another model comes first.
    """
    if _backends(settings)[:1] != ["imx500"]:
        return ()
    return (*model_files(folder, _SUFFIXES["imx500"], settings.model), SYSTEM_NETWORK)


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
    if backend == "hailo":
        from app.people.hailo import HailoModel, is_there

        if is_there():
            hefs = model_files(folder, _SUFFIXES[backend], settings.model)
            yield from (partial(HailoModel, file) for file in hefs or (None,))
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
    if backend == "hailo":
        return "this machine has none"
    return f"no {_SUFFIXES[backend]} file in {folder}"


def may_decide(settings: PeopleSettings, folder: Path) -> bool:
    """Return whether the model of *settings* may be one that decides, without loading it."""
    if settings.backend != "auto" or settings.model:
        return settings.backend not in ("hog", "none")
    if any(file.suffix in _SUFFIXES.values() for file in folder.glob("*.*")):
        return True
    from app.people.hailo import is_there

    return is_there()
