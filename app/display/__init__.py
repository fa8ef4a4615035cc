"""The display: a picture of what the detector sees, written to a video or shown in a window."""
