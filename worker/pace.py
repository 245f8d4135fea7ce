"""How long a job still takes: from how the last job of its kind went, else from how far this one is."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST_FRACTION = 0.1
"""Before this much is done, a job says nothing about its length."""
ALMOST = 0.99


@dataclass
class Pace:
    """The steps of one job as they come: (fraction, seconds since its start); earlier: those of the last one of its kind."""

    earlier: list[tuple[float, float]] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)

    def add_step(self, fraction: float, elapsed_s: float) -> None:
        """The job has come to `fraction` of itself."""
        self.steps.append((fraction, elapsed_s))

    def predict_total_s(self) -> float | None:
        """Seconds from start to end, or None where nothing is known yet."""
        fraction, elapsed = self.steps[-1] if self.steps else (0.0, 0.0)
        if self.earlier:
            reached = max((seconds for share, seconds in self.earlier if share <= fraction), default=0.0)
            return elapsed + self.earlier[-1][1] - reached
        return elapsed / fraction if fraction >= LEAST_FRACTION else None

    def remaining_s(self, elapsed_s: float) -> float | None:
        """Seconds still to go, or None where nothing is known yet."""
        total = self.predict_total_s()
        return None if total is None else max(total - elapsed_s, 0.0)

    def fraction(self, elapsed_s: float) -> float:
        """What a bar shows: it moves between steps too, never back behind the last one."""
        total, reported = self.predict_total_s(), self.steps[-1][0] if self.steps else 0.0
        moved = elapsed_s / total if total and self.earlier else reported
        return min(max(moved, reported), max(ALMOST, reported))
