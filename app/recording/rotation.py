"""Rotates and mirrors pictures, for a camera that hangs upside down or looks into a mirror."""

import av
from av.filter import Graph


class Rotation:
    """Swaps left and right if *hflip*, top and bottom if *vflip*.

    All pictures must have the same size and format.
    """

    def __init__(self, hflip: bool, vflip: bool) -> None:
        self._names = [name for name, wanted in (("hflip", hflip), ("vflip", vflip)) if wanted]
        self._graph: Graph | None = None

    def apply(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return *picture* rotated; *picture* itself if no sides are swapped."""
        if not self._names:
            return picture
        if self._graph is None:
            self._graph = self._build(picture)
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _build(self, picture: av.VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format,
            time_base=picture.time_base,
        )
        filters = [graph.add(name) for name in self._names]
        graph.link_nodes(source, *filters, graph.add("buffersink"))
        graph.configure()
        return graph
