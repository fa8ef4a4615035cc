"""A fake person model for tests and demos: a file says what it finds."""

import json
import time
from pathlib import Path
from typing import Any

from app.errors import ModelError
from app.frames import Box, Detection, Image
from app.people.base import PERSON, PersonModel


class ScriptedModel(PersonModel):
    """Reads its file at each picture. *asked* counts the pictures.

    The file holds a list of answers, which are given in turn; the last one is repeated. An answer
    is a list of objects with `kind`, `score` and `box`: left, top, width and height as shares of
    the picture. Each of them may be left out: a person, 0.9, the whole picture. Instead of a list,
    `{"fails": "…"}` is a model that fails, and `{"takes_s": 2, "finds": […]}` is a slow one.
    Without a file it finds nothing.
    """

    name = "scripted"
    threshold = 0.5

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.detail = f"the script {file}" if file else "a script without a file"
        self.asked = 0
        self._read()

    def detect(self, picture: Image) -> list[Detection]:
        answers = self._read()
        answer = answers[min(self.asked, len(answers) - 1)] if answers else []
        self.asked += 1
        if isinstance(answer, dict) and "fails" in answer:
            raise ModelError(f"{self.detail} fails: {answer['fails']}")
        if isinstance(answer, dict):
            time.sleep(float(answer.get("takes_s", 0)))
            answer = answer.get("finds", [])
        rows, columns = picture.shape[:2]
        if not rows or not columns:
            return []
        found = [_detection(one, columns, rows) for one in answer]
        return sorted(found, key=lambda one: one.score, reverse=True)

    def _read(self) -> list[Any]:
        if self._file is None:
            return []
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"{self.detail} cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise ModelError(f"{self.detail} is not JSON") from None
        if not isinstance(said, list):
            raise ModelError(f"{self.detail} holds no list of answers")
        return said


def _detection(said: dict[str, Any], columns: int, rows: int) -> Detection:
    left, top, width, height = said.get("box", (0, 0, 1, 1))
    x, across = _part(left, width, columns)
    y, down = _part(top, height, rows)
    box = Box(x, y, across, down)
    return Detection(box, float(said.get("score", 0.9)), str(said.get("kind", PERSON)))


def _part(start: float, length: float, pixels: int) -> tuple[int, int]:
    """Return the first pixel and the number of pixels of a part of *pixels*, at least one."""
    first = min(max(round(start * pixels), 0), pixels - 1)
    return first, max(min(round((start + length) * pixels), pixels) - first, 1)
