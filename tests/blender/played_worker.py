"""A worker that is none: it takes requests and says what a test puts into its mouth."""

from __future__ import annotations

from likeness.worker.wire import Ready


class PlayedWorker:
    """Takes requests; says what the test puts into `says`."""

    python = "played"

    def __init__(self) -> None:
        self.says, self.asked = [Ready(("Played",))], []

    def is_alive(self) -> bool:
        return True

    def send(self, message) -> bool:
        self.asked.append(message)
        return True

    def receive(self) -> list:
        said, self.says = self.says, []
        return said

    def stop(self) -> None:
        self.says = []
