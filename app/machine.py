"""The machine that this runs on: how warm it is, whether it is throttled, and what keeps it busy."""


class Machine:
    """What is measured of it is kept for some seconds, so that asking often costs little."""
