"""The stand-in for Slack answers what the notifier asks, and records messages."""

import json

from app.benchmarks.house.stand_in_slack import CHANNEL, StandInSlack
from app.clock import SystemClock
from app.notify.slack.api import SlackApi


def test_a_message_with_a_picture_is_recorded_with_its_key() -> None:
    with StandInSlack() as slack:
        api = SlackApi(f"{slack.url}/api/", "xoxb-1-bench", SystemClock())
        file = api.upload("one.jpg", b"picture")
        api.call("files.completeUploadExternal", files=[{"id": file, "title": "one.jpg"}])
        assert api.call("files.info", file=file)["file"]["mimetype"]
        metadata = {"event_type": "fact", "event_payload": {"key": "a key"}}
        api.call("chat.postMessage", channel=CHANNEL, text="Motion.", metadata=metadata)
        (post,) = slack.posts
        assert post.key == "a key"
        assert slack.own_time_s(0, post.at_s + 10) > 0
        assert slack.own_time_s(post.at_s + 10, post.at_s + 20) == 0


def test_metadata_may_be_json_in_a_form() -> None:
    with StandInSlack() as slack:
        slack.call("chat.postMessage", {"metadata": json.dumps({"event_payload": {"key": "k"}})})
        slack.call("chat.postMessage", {"text": "no key"})
    assert [post.key for post in slack.posts] == ["k", ""]
