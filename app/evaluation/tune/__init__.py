"""Tunes settings by tags: replays tagged events with other settings, and compares."""
