"""Turning pictures over, as a camera that hangs upside down or before a mirror needs."""

import av
from av.filter import Graph


class Turning:
    """Swaps left and right if *hflip*, top and bottom if *vflip*, of one picture after another of
    the same size and format.
    """

    def __init__(self, hflip: bool, vflip: bool) -> None:
        self._names = [name for name, wanted in (("hflip", hflip), ("vflip", vflip)) if wanted]
        self._graph: Graph | None = None

    def turned(self, picture: av.VideoFrame) -> av.VideoFrame:
        """*picture* turned; itself if nothing is to be done."""
        if not self._names:
            return picture
        if self._graph is None:
            self._graph = self._build(picture)
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _build(self, picture: av.VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        buffer = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format,
            time_base=picture.time_base,
        )
        graph.link_nodes(
            buffer, *(graph.add(name) for name in self._names), graph.add("buffersink")
        )
        graph.configure()
        return graph
