"""Messages in Slack, each posted once."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import FakeClock
from app.errors import DeliveryError, ProtocolError
from app.notify.base import MessageRefused
from app.notify.slack import blocks
from app.notify.slack.api import SlackApi
from app.notify.slack.blocks import Block
from app.notify.slack.posts import (
    PICTURE_PATIENCE_S,
    POST_EVERY_S,
    Draft,
    Posted,
    SlackPosts,
    shown_in,
)
from tests.notify.progress import MemoryProgress
from tests.servers.slack import SCOPES, SlackServer
from tests.servers.slack_requests import ALERTS
from tests.servers.tricks import answer_lost, refused, too_many

AT = datetime(2026, 11, 20, 10, 15, 3, tzinfo=UTC)


def compose(file: str | None, remark: str | None) -> list[Block]:
    return blocks.reply("Motion.", file, remark)


DRAFT = Draft("a-key", ALERTS, "Motion.", compose)


@pytest.fixture
def posts(api: SlackApi, clock: FakeClock) -> SlackPosts:
    return SlackPosts(api, clock)


def upload(api: SlackApi) -> str:
    file = api.upload("a.jpg", b"a picture")
    api.call("files.completeUploadExternal", files=[{"id": file, "title": "a.jpg"}])
    return file


def lose_answer(slack: SlackServer, posts: SlackPosts, file: str | None = None) -> MemoryProgress:
    """Post with a lost answer, and return the progress after that."""
    progress = MemoryProgress()
    slack.trick("chat.postMessage", answer_lost())
    with pytest.raises(DeliveryError):
        posts.post_once(DRAFT, file, None, progress)
    return progress


def test_the_place_of_a_message_is_stored(slack: SlackServer, posts: SlackPosts) -> None:
    progress = MemoryProgress()
    posts.post_once(DRAFT, None, "A remark.", progress)
    (message,) = slack.seen()
    assert (message.text, message.words) == ("Motion.", "Motion.\nA remark.")
    posted = Posted.loads(progress.stages["posted"])
    assert posted == Posted(ALERTS, message.ts, "Motion.", None)
    assert Posted.loads(posted.dumps()) == posted


@pytest.mark.parametrize("mark", ["", "x", "[]", "{}", '{"channel": 1, "other": 2}', "[" * 100_000])
def test_a_damaged_mark_of_a_message_is_refused(mark: str) -> None:
    with pytest.raises(ProtocolError, match="not the mark of a message"):
        Posted.loads(mark)


def test_a_draft_names_its_file_by_its_key_or_by_its_own_name() -> None:
    named = Draft("a-key", ALERTS, "Motion.", compose, file_name="front 10.15")
    assert (DRAFT.file_called(".jpg"), named.file_called(".mp4")) == (
        "a-key.jpg",
        "front 10.15.mp4",
    )


def test_no_channel_gets_more_than_a_message_a_second(posts: SlackPosts, clock: FakeClock) -> None:
    before_s = clock.monotonic()
    for _ in range(3):
        posts.keep_pace(ALERTS)
    posts.keep_pace("G0PRIVATE1")
    assert clock.monotonic() - before_s == 2 * POST_EVERY_S


def test_a_lost_message_is_found_on_the_second_page(
    slack: SlackServer, api: SlackApi, posts: SlackPosts, clock: FakeClock
) -> None:
    progress = lose_answer(slack, posts)
    ours = slack.messages[0]
    slack.messages.extend(
        type(ours)(ALERTS, f"{float(ours.ts) + number:.6f}", "chatter", [])
        for number in range(1, 250)
    )
    SlackPosts(api, clock).post_once(DRAFT, None, None, progress)
    assert Posted.loads(progress.stages["posted"]).ts == ours.ts
    assert slack.keys() == ["a-key"]


def test_a_lost_reply_is_found_in_its_thread(slack: SlackServer, posts: SlackPosts) -> None:
    first = MemoryProgress()
    posts.post_once(DRAFT, None, None, first)
    thread_ts = Posted.loads(first.stages["posted"]).ts
    reply, progress = Draft("a-reply", ALERTS, "The clip.", compose, thread_ts), MemoryProgress()
    slack.trick("chat.postMessage", answer_lost())
    with pytest.raises(DeliveryError):
        posts.post_once(reply, None, None, progress)
    posts.post_once(reply, None, None, progress)
    assert len(slack.thread(thread_ts)) == 1
    assert slack.called("conversations.replies")


def test_without_the_history_scope_the_picture_shows_the_place(
    slack: SlackServer, api: SlackApi, posts: SlackPosts, caplog: pytest.LogCaptureFixture
) -> None:
    slack.scopes = SCOPES - {"channels:history"}
    for _ in range(2):
        file = upload(api)
        posts.post_once(DRAFT, file, None, lose_answer(slack, posts, file))
    assert (len(slack.messages), posts.possible_repeats) == (2, 0)
    assert caplog.text.count("channels:history") == 1


def test_a_message_is_posted_again_if_nothing_can_be_asked(
    slack: SlackServer, posts: SlackPosts
) -> None:
    slack.scopes = SCOPES - {"channels:history"}
    posts.post_once(DRAFT, None, None, lose_answer(slack, posts))
    assert (slack.keys(), posts.possible_repeats) == (["a-key", "a-key"], 1)


def test_a_message_that_was_refused_is_not_searched_for(
    slack: SlackServer, posts: SlackPosts, clock: FakeClock
) -> None:
    progress = MemoryProgress()
    slack.trick("chat.postMessage", too_many(), refused("not_in_channel"))
    for _ in range(2):
        with pytest.raises(DeliveryError):
            posts.post_once(DRAFT, None, None, progress)
        clock.advance(1)
    posts.post_once(DRAFT, None, None, progress)
    assert slack.called("conversations.history") == []


def test_a_picture_that_slack_refuses_at_first_is_tried_again(
    slack: SlackServer, api: SlackApi, posts: SlackPosts
) -> None:
    progress, file = MemoryProgress(), upload(api)
    slack.trick("chat.postMessage", refused("invalid_blocks"))
    with pytest.raises(DeliveryError, match="Slack does not accept the picture yet"):
        posts.post_once(DRAFT, file, None, progress)
    posts.post_once(DRAFT, file, None, progress)
    assert slack.seen()[0].files == [file]


def test_blocks_that_slack_always_refuses_are_left_out(
    slack: SlackServer,
    api: SlackApi,
    posts: SlackPosts,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    progress, file = MemoryProgress(), upload(api)
    slack.trick("chat.postMessage", *[refused("invalid_blocks")] * 3)
    with pytest.raises(DeliveryError):
        posts.post_once(DRAFT, file, None, progress)
    clock.advance(PICTURE_PATIENCE_S + 1)
    posts.post_once(DRAFT, file, None, progress)
    assert [(message.text, message.blocks) for message in slack.seen()] == [("Motion.", [])]
    assert "a message is posted without the part that Slack refuses" in caplog.text


def test_what_takes_long_is_awaited_in_portions(posts: SlackPosts, clock: FakeClock) -> None:
    answers = iter([None, None, "ready"])
    assert posts.wait_for(lambda: next(answers), clock.now(), "the picture") == "ready"
    with pytest.raises(DeliveryError, match="Slack still prepares the picture") as caught:
        posts.wait_for(lambda: None, clock.now(), "the picture")
    assert caught.value.retry_after_s == 1


def test_what_takes_too_long_is_given_up(posts: SlackPosts, clock: FakeClock) -> None:
    begun = clock.now() - timedelta(seconds=PICTURE_PATIENCE_S + 1)
    with pytest.raises(MessageRefused, match="it was not ready after 30 s"):
        posts.wait_for(lambda: None, begun, "the picture")


def test_a_deleted_message_does_not_exist(slack: SlackServer, posts: SlackPosts) -> None:
    progress = MemoryProgress()
    posts.post_once(DRAFT, None, None, progress)
    posted = Posted.loads(progress.stages["posted"])
    assert posts.exists(posted)
    slack.messages.clear()
    assert not posts.exists(posted)
    slack.scopes = SCOPES - {"channels:history"}
    assert posts.exists(posted)


@pytest.mark.parametrize(
    "shares", [None, [], {"public": []}, {"public": {ALERTS: []}}, {"public": {ALERTS: [{}]}}]
)
def test_a_file_without_a_message_is_shown_nowhere(shares: object) -> None:
    assert shown_in({"file": {"shares": shares}}, ALERTS) is None


def test_a_file_is_shown_in_the_message_that_slack_names() -> None:
    shares = {"private": {"G0": [{"ts": "1.0"}]}, "public": {ALERTS: [{"ts": "2.0"}]}}
    assert shown_in({"file": {"shares": shares}}, ALERTS) == "2.0"


def test_a_clock_that_was_ahead_makes_nothing_wait(
    slack: SlackServer, posts: SlackPosts, clock: FakeClock
) -> None:
    """The times of the stages are hours in the future since it was set back."""
    progress = lose_answer(slack, posts)
    clock.jump(-7200)
    began_s = clock.monotonic()
    posts.post_once(DRAFT, None, None, progress)
    assert slack.keys() == ["a-key"]
    with pytest.raises(MessageRefused, match="not ready"):
        posts.wait_for(lambda: None, clock.now() + timedelta(hours=2), "the picture")
    assert clock.monotonic() - began_s < 60
