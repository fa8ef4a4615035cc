"""The unit of time in our MP4 files, and libav's options and errors."""

from fractions import Fraction

import av

#: The unit of time in our files.
TICKS_PER_S = 90_000
TIME_BASE = Fraction(1, TICKS_PER_S)
#: The size of an index without its samples, and the largest size of a sample in it.
_INDEX_BYTES, _SAMPLE_BYTES = 4096, 48


def index_in_front(samples: int) -> dict[str, str]:
    """Return libav's options for a file of that many *samples* with the index in front.

    libav then need not move the pictures afterwards. Times before zero are kept: an edit list makes
    players start at zero.
    """
    return {
        "moov_size": str(_INDEX_BYTES + _SAMPLE_BYTES * samples),
        "avoid_negative_ts": "disabled",
    }


def without_log(error: OSError | av.FFmpegError) -> OSError:
    """Return *error* without libav's last log line.

    That line may be of another thread, and contain the address of a camera with its password.
    """
    if isinstance(error, av.FFmpegError):
        return OSError(error.errno, error.strerror, error.filename)
    return error
