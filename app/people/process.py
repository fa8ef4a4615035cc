"""The process of a person model: forked, or `python -m app.people.process PARENT`.

It gets its settings, then one crop after another, through a pipe, and answers through another. It
ends when its parent does, however that ends.
"""

import ctypes
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.errors import ModelError
from app.frames import Detection
from app.people.base import ModelRefusal, PeopleSettings, PersonModel
from app.people.choice import NO_IMX500, Choice, choose
from app.people.framing import PipeBroken, PipeMessage, read_message, write_message

#: The priority below that of the camera's program: 19 is the lowest there is.
_NICER = 10
#: The Linux call that sends a signal when the parent dies (linux/prctl.h).
_PR_SET_PDEATHSIG = 1
#: When memory runs out, Linux ends this process before the camera's program.
_FIRST_TO_GO = "500"
#: A crop that takes longer ends the process with its stack on standard error.
HANG_S = 60.0


def main() -> int:
    """Answer until standard input is closed; returns the exit code."""
    end_with_parent(int(sys.argv[1]))
    # No library can print into the answers: that goes to standard error.
    answers = os.dup(1)
    os.dup2(2, 1)
    return serve(0, answers)


def serve(reader: int, writer: int) -> int:
    """Answer what comes through *reader* in *writer* until *reader* is closed; returns 0."""
    import cv2

    from app.people.library import give_back_memory

    cv2.setNumThreads(1)
    os.nice(_NICER)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    with suppress(PipeBroken):
        asked = read_message(reader).fields
        chosen = _chosen(**asked)
        write_message(writer, _report(chosen))
        used_s = time.process_time()
        while chosen.model:
            answer = _answer(chosen.model, read_message(reader))
            before_s, used_s = used_s, time.process_time()
            write_message(writer, {**answer, "cpu_s": used_s - before_s})
            give_back_memory()
    return 0


def end_with_parent(parent: int) -> None:
    """Be killed when the process *parent* ends, even while a model hangs; Linux only.

    What asks a whole group of processes to end is for the parent, which ends this one.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _chosen(settings: dict[str, Any], folder: str, imx500: Sequence[Any] | None = None) -> Choice:
    refusal = ModelRefusal(*imx500) if imx500 else NO_IMX500
    return choose(PeopleSettings(**settings), Path(folder), refusal)


def _report(chosen: Choice) -> dict[str, Any]:
    model = chosen.model
    return {
        "name": model.name if model else None,
        "threshold": model.threshold if model else 1.0,
        "decides": model is not None and model.decides,
        "summary": chosen.summary,
        "problem": chosen.problem,
    }


def _answer(model: PersonModel, asked: PipeMessage) -> dict[str, Any]:
    import numpy as np

    shape = asked.fields["rows"], asked.fields["columns"], 3
    picture = np.frombuffer(asked.content, np.uint8).reshape(shape)
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    try:
        found = model.detect(picture)
    except ModelError as error:
        return {"failed": str(error), "details": error.details}
    finally:
        faulthandler.cancel_dump_traceback_later()
    return {"found": [_plain(one) for one in found]}


def _plain(one: Detection) -> tuple[list[int], float, str]:
    return [int(value) for value in one.box], float(one.score), one.kind


if __name__ == "__main__":
    sys.exit(main())
