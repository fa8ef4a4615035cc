"""What is noted of a delivery, kept by the test."""


class Noted:
    """A `Progress` in memory; *stages* is what was set. Another delivery with the same object goes on where the last one stopped."""

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}

    def get(self, stage: str) -> str | None:
        return self.stages.get(stage)

    def set(self, stage: str, value: str) -> None:
        self.stages[stage] = value
