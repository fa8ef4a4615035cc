"""Decodes a stream with PyAV, and does nothing else: `python -m app.benchmarks.house.bare_decode`.

The costs of all other programs are in units of this one.
"""

import sys

import av

_OPTIONS = {"rtsp_transport": "tcp", "fpsprobesize": "0"}


def main() -> None:
    """Decode the video at the address in the first argument until it ends."""
    with av.open(sys.argv[1], options=_OPTIONS, timeout=20) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            packet.decode()


if __name__ == "__main__":
    main()
