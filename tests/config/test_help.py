"""The comments of a configuration as help."""

from app.config.help import key_help
from tests.conftest import REPO

TEXT = """
# Of the whole section.
motion:
  # For this one:
  # two lines.
  trigger: light
  frame_width: 500

  # Not of the next section.
events:
  event_gap_s: 5
  # A list below it.
  words:
    # Deeper.
    opening: null
"""


def test_the_comment_above_a_key_is_its_help() -> None:
    assert key_help(TEXT) == {
        "motion.trigger": "For this one: two lines.",
        "events.words": "A list below it.",
    }


def test_most_keys_of_the_real_file_have_help() -> None:
    found = key_help((REPO / "config" / "config.yml").read_text())
    assert {"motion.min_size", "events.event_gap_s", "motion.thresh"} <= set(found)
    assert (
        found["motion.min_area"]
        == "The smallest area that counts. More ignores cats, and people far away."
    )
