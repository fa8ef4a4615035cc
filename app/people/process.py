"""The process of a person model, started by `ModelProcess` as `python -m app.people.process`.

It gets its settings, then one crop after another, through standard input, and answers through
standard output. It ends when its parent does, however that ends.
"""

import ctypes
import faulthandler
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.errors import ModelError
from app.people.base import Detection, PeopleSettings, PersonModel
from app.people.choice import Choice, choose
from app.people.framing import PipeBroken, PipeMessage, read_message, write_message

#: The priority below that of the camera's program: 19 is the lowest there is.
_NICER = 10
#: The Linux call that sends a signal when the parent dies (linux/prctl.h).
_PR_SET_PDEATHSIG = 1
#: A crop that takes longer ends the process with its stack on standard error.
HANG_S = 60.0


def main() -> int:
    """Answer until standard input is closed; returns the exit code."""
    _end_with_parent(int(sys.argv[1]))
    os.nice(_NICER)
    answers = _own_output()
    try:
        asked = read_message(0).fields
        chosen = choose(PeopleSettings(**asked["settings"]), Path(asked["folder"]))
        write_message(answers, _report(chosen))
        used_s = time.process_time()
        while chosen.model:
            answer = _answer(chosen.model, read_message(0))
            before_s, used_s = used_s, time.process_time()
            write_message(answers, {**answer, "cpu_s": used_s - before_s})
    except PipeBroken:
        # The camera's program has ended, or wants no model any more.
        return 0
    return 0


def _end_with_parent(parent: int) -> None:
    """Be killed when the process *parent* ends, even while a model hangs; Linux only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _own_output() -> int:
    """Return a pipe for answers that no library can print into: that goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


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
        return {"failed": str(error)}
    finally:
        faulthandler.cancel_dump_traceback_later()
    return {"found": [_plain(one) for one in found]}


def _plain(one: Detection) -> tuple[list[int], float, str]:
    return [int(value) for value in one.box], float(one.score), one.kind


if __name__ == "__main__":
    sys.exit(main())
