"""How long a job still takes: from how the last job of its kind went, else from how far this one is."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST_FRACTION = 0.2
"""Before this much is done, a first job says nothing about its length."""
ALMOST = 0.99


@dataclass
class Pace:
    """The steps of one job as they come, as (fraction, seconds of work since its start).

    What is done once (a process that starts, kernels that are compiled) is not counted as work: a job begins so, and goes on at
    the next step. earlier: the steps of the last job of its kind.
    """

    earlier: list[tuple[float, float]] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    _at_s: float = 0.0
    _is_once: bool = True

    def add_step(self, fraction: float, elapsed_s: float, is_once: bool = False) -> None:
        """The job has come to `fraction` of itself."""
        self.steps.append((fraction, self.worked_s(elapsed_s)))
        self._at_s, self._is_once = elapsed_s, is_once

    def worked_s(self, elapsed_s: float) -> float:
        """Seconds of work when the job has run for elapsed_s."""
        worked = self.steps[-1][1] if self.steps else 0.0
        return worked if self._is_once else worked + elapsed_s - self._at_s

    def predict_total_s(self) -> float | None:
        """Seconds of work from start to end, or None where nothing is known yet."""
        fraction, worked = self.steps[-1] if self.steps else (0.0, 0.0)
        if self.earlier:
            reached = max((seconds for share, seconds in self.earlier if share <= fraction), default=0.0)
            return worked + self.earlier[-1][1] - reached
        return worked / fraction if fraction >= LEAST_FRACTION else None

    def remaining_s(self, elapsed_s: float) -> float | None:
        """Seconds still to go, or None where nothing is known yet."""
        total = self.predict_total_s()
        return None if total is None or self._is_once else max(total - self.worked_s(elapsed_s), 0.0)

    def fraction(self, elapsed_s: float) -> float:
        """What a bar shows: with experience it moves between steps too, never back behind the last one."""
        total, reported = self.predict_total_s(), self.steps[-1][0] if self.steps else 0.0
        moved = self.worked_s(elapsed_s) / total if total and self.earlier else reported
        return min(max(moved, reported), max(ALMOST, reported))
