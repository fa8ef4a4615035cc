"""Boxes are made and found, and what is broken ends the search."""

from app.recording.boxes import FileBox, box, boxes_in, find_box, full_box

INNER = full_box(b"trex", 1, 0x20, b"abcd")
MOVIE = box(b"moov", box(b"free"), box(b"mvex", INNER))


def test_a_box_is_found_by_the_names_around_it() -> None:
    found = find_box(MOVIE, b"moov", b"mvex", b"trex")
    assert found == FileBox(b"trex", 24, 40)
    assert MOVIE[found.begin : found.end] == INNER == b"\0\0\0\x10trex\x01\0\0\x20abcd"
    assert find_box(MOVIE, b"moov", b"trak", b"trex") is None


def test_a_broken_box_ends_the_search() -> None:
    whole = box(b"ftyp", b"x") + MOVIE
    assert [one.kind for one in boxes_in(whole)] == [b"ftyp", b"moov"]
    for broken in (whole[:-1], whole[:14], box(b"ftyp", b"x") + bytes(20)):
        assert [one.kind for one in boxes_in(broken)] == [b"ftyp"]
