"""A small JPEG inside a JPEG, by JFIF's extension for it (APP0 with JFXX): for lists of pictures.

A program that shows the large picture ignores it. It is written and deleted with the large one, and
has the same privacy masks. Code that encodes the large one again, for example to paint into it,
drops it.

Caveat: a thumbnail makes a picture 1 to 5 KB larger.

Alternatives: a third file of each event would have to be written in one step with the other two,
and named in all places that count, delete and upload files. The web process, which lists events,
has no library to make a picture smaller.
"""

WIDTH, QUALITY = 192, 70
#: The bytes at the beginning of a picture that have its thumbnail, if there is one.
HEAD_BYTES = 32_768
_MOST_BYTES = 24_000
_START = b"\xff\xd8"
_APP0 = b"\xff\xe0"
_MARK = b"JFXX\0\x10"


def with_thumbnail(picture: bytes, thumbnail: bytes) -> bytes:
    """Return the JPEG *picture* with the JPEG *thumbnail* in it, behind its header.

    A picture that does not begin as JFIF stays as it is, and so does one whose thumbnail is too
    large.
    """
    if picture[:4] != _START + _APP0 or picture[6:10] != b"JFIF" or len(thumbnail) > _MOST_BYTES:
        return picture
    end = 4 + int.from_bytes(picture[4:6], "big")
    content = _MARK + thumbnail
    length = (2 + len(content)).to_bytes(2, "big")
    return b"".join((picture[:end], _APP0, length, content, picture[end:]))


def thumbnail_of(head: bytes) -> bytes | None:
    """Return the thumbnail of the JPEG whose first bytes are *head*; None if it is not there."""
    if not head.startswith(_START):
        return None
    begin = len(_START)
    while head[begin : begin + 2] == _APP0:
        end = begin + 2 + int.from_bytes(head[begin + 2 : begin + 4], "big")
        if head.startswith(_MARK, begin + 4):
            return head[begin + 4 + len(_MARK) : end] if end <= len(head) else None
        begin = max(end, begin + 4)
    return None
