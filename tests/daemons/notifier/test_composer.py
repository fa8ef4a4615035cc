"""What a way is given of a fact: words, picture and film, as it can take them and as soon as is
right.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app.daemons.notifier.clip_shrinker import ClipShrinker
from app.notify import MemoryNotifier
from app.protocol import Fact
from app.state import State
from tests.daemons.notifier.harness import (
    AT,
    EVENT,
    FACT,
    Linking,
    Post,
    Threading,
    clip_fact,
    post_of,
    run,
)

MakePost = Callable[..., Post]


@pytest.fixture
def make_post(state: State, tmp_path: Path) -> MakePost:
    return partial(post_of, state, tmp_path)


def test_what_stands_open_is_told_at_once_and_its_film_so_far_comes_below(
    make_post: MakePost,
) -> None:
    post = make_post(Threading())
    fact = clip_fact(kind="left_open")
    post.add(fact)
    assert run(post.clips) <= 0.5
    assert post.told() == []
    run(post.alerts)
    assert (
        post.way.messages[0].topic,
        post.way.messages[0].picture,
        post.way.messages[0].clip,
    ) == ("left_open", b"a picture", None)
    post.clock.advance(1)
    run(post.clips)
    film = post.way.messages[1]
    assert (film.key, film.text, film.parent) == (
        f"{fact.id}-film",
        "The clip so far.",
        f"place of {fact.id}",
    )
    assert post.acknowledged == [fact.id]


def test_a_way_without_threads_tells_what_stands_open_once_with_its_film(
    make_post: MakePost,
) -> None:
    post = make_post(MemoryNotifier())
    fact = clip_fact(kind="left_open")
    post.add(fact)
    assert run(post.alerts) == float("inf")
    run(post.clips)
    (message,) = post.way.messages
    assert (message.key, message.text, message.topic) == (fact.id, "Clip 1.", "left_open")
    assert message.clip


def test_what_stands_open_waits_some_seconds_for_its_film_in_s3_where_it_is_told_by_links_alone(
    make_post: MakePost,
) -> None:
    post = make_post(Linking())
    post.uploads_go_well()
    post.add(clip_fact(kind="left_open", seconds=0.0))
    post.clock.advance(19)
    run(post.clips)
    assert post.told() == []
    post.clock.advance(1)
    run(post.clips)
    assert [(message.text, message.clip_link) for message in post.way.messages] == [
        ("Clip 1.", None)
    ]


def test_what_stands_open_does_not_wait_until_a_film_is_made_smaller_but_shows_the_picture(
    make_post: MakePost,
) -> None:
    post = make_post(MemoryNotifier())
    post.way.max_clip_bytes = 3
    post.add(clip_fact(kind="left_open"))
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    assert message.remark == "The clip is too large (0 MB), and kept at home."


def test_where_there_is_no_film_to_show_the_picture_comes(make_post: MakePost) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.add(replace(clip_fact(), host="garage"), here=False)
    post.clock.advance(700)
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.picture) == (None, b"a picture")
    assert (
        message.remark == f"The clip is on the machine garage: events/2026-11-20/{EVENT}/clip.mp4"
    )


def test_an_alert_waits_some_seconds_for_its_picture_in_s3_where_it_takes_links_alone(
    make_post: MakePost,
) -> None:
    post = make_post(Linking())
    post.add(FACT)
    assert run(post.alerts) == 0.5
    post.state.mark_event(EVENT, {"s3:snapshot.jpg": "clips/1.jpg"})
    post.clock.advance(0.5)
    run(post.alerts)
    (message,) = post.way.messages
    assert (message.picture, message.picture_link) == (None, "https://s3/clips/1.jpg")


def test_an_alert_whose_picture_does_not_come_to_s3_is_told_without(make_post: MakePost) -> None:
    post = make_post(Linking())
    post.add(FACT)
    lost = Fact("lost", "camera_lost", AT, "Lost.", "front")
    post.add(lost)
    run(post.alerts)
    assert post.told() == ["Lost."]
    post.clock.advance(10)
    run(post.alerts)
    assert [(message.text, message.picture_link) for message in post.way.messages] == [
        ("Lost.", None),
        ("Motion.", None),
    ]


def test_a_film_that_is_too_large_and_cannot_be_made_smaller_is_spoken_of(
    make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    monkeypatch.setattr(ClipShrinker, "shrink", lambda *_: False)
    post.add(clip_fact())
    run(post.clips)
    (message,) = post.way.messages
    assert (message.clip, message.remark) == (
        None,
        "The clip is too large (0 MB), and kept at home.",
    )


def test_a_film_whose_rendition_the_end_of_the_program_has_cut_short_is_left_for_the_next_run(
    make_post: MakePost,
) -> None:
    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    post.add(clip_fact())
    post.films.close()
    assert run(post.clips) == 1
    assert (post.told(), post.acknowledged) == ([], [])


def test_a_rendition_is_deleted_when_it_was_told_and_not_before(
    make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrink(_self: ClipShrinker, _film: Path, _limit: int, smaller: Path) -> bool:
        smaller.parent.mkdir(exist_ok=True)
        smaller.write_bytes(b"sm")
        return True

    post = make_post(MemoryNotifier(), when=("clip",))
    post.way.max_clip_bytes = 3
    monkeypatch.setattr(ClipShrinker, "shrink", shrink)
    post.add(clip_fact())
    post.way.fail_next(1)
    run(post.clips)
    (rendition,) = (post.data_dir / "smaller").iterdir()
    assert rendition.read_bytes() == b"sm"
    post.clock.advance(1)
    run(post.clips)
    assert post.way.messages[0].clip == rendition
    assert list((post.data_dir / "smaller").iterdir()) == []
