"""Random people as weights on all targets, brought to the published measures."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .anthropometry import MEANS_MM, spreads
from .identity import SEED
from .population import draw_population
from .sliders import (
    ASYMMETRIC,
    LOCAL_SIGMA,
    SIZE_SIGMA,
    find_directions,
    find_sliders,
    girth_targets,
    is_head_shape,
    macro_weights,
    slider_sigma,
)
from .wheel_data import SourceData

SIDE_SIGMA = 0.035
"""Standard deviation of a paired slider's own value on one side."""
ASYM_SIGMA = 0.08
"""Standard deviation of the sliders that make a face uneven."""
SHAPE_SIGMA = 0.2
"""Of the one head shape that each person has."""
FREE = 0.7
"""Share of a slider's spread that people are drawn with before their measures are met; all of it gives caricatures."""
FULLNESS = {"head/head-fat": 0.12, "cheek/l-cheek-volume": 0.15, "neck/neck-double": 0.12, "neck/measure-neck-circ": 0.10}
"""What the sliders start with per standard score of body mass (MakeHuman's own body mass leaves the head as it is)."""
RIDGE = 0.12
"""How exactly goals are met, in the measures' standard deviations."""
LOOSER = {
    "head circumference": 0.18, "nasal root": 0.25, "endocanthion": 0.2, "exocanthion": 0.2, "fissure height": 0.3,
    "philtrum": 0.4, "upper vermilion": 0.25, "lower vermilion": 0.25,
}  # fmt: skip
"""The same where the published number or the place on the mesh is less sure."""
STEP = 0.25
"""Of a slider, for the Jacobian."""


class Sampler:
    """Random people as weights on all targets, brought to the published measures.

    A person is macro targets by sex, ancestry and age, plus artists' sliders drawn at w0 ~ N(fullness, FREE^2 S). Then
    w = w0 + S J' (J S J' + R)^-1 (goal - measured + J (w - w0)), repeated: the least change, in units of S, that gives the
    person's drawn measures. So the people's measures have the published means and covariance; what no measure sees stays w0.
    """

    def __init__(self, source: SourceData, carried: np.ndarray, count: int) -> None:
        rng = np.random.default_rng(SEED)
        targets = {**source.macro, **source.local, **girth_targets(source.vertices)}
        self.names = (*targets, "size")
        self.basis = np.stack([target[carried].astype(np.float32).ravel() for target in targets.values()])
        self.origin = source.vertices[carried].astype(np.float32).ravel()
        self.population = draw_population(count, rng)
        sliders = find_sliders(list(source.local))
        self.directions = find_directions(sliders, self.names)
        column = {name: i for i, name in enumerate(self.names)}
        self.fixed = np.zeros((count, len(self.names)))
        for i, row in enumerate(self.fixed):
            p = self.population
            for name, weight in macro_weights(p.race[i], p.gender[i], p.years[i], p.muscle[i], 0.5).items():
                row[column[name]] = weight
        shapes = [column[s.positive] for s in sliders if is_head_shape(s)]
        shape = rng.integers(len(shapes), size=count)
        self.fixed[np.arange(count), np.array(shapes)[shape]] += np.abs(rng.normal(0, SHAPE_SIGMA, count))
        for slider in sliders:
            if re.search(r"/[lr]-|" + ASYMMETRIC, slider.name):
                sigma = SIDE_SIGMA * slider_sigma(slider) / LOCAL_SIGMA if re.search(r"/[lr]-", slider.name) else ASYM_SIGMA
                value = sigma * rng.standard_normal(count)
                self.fixed[:, column[slider.positive]] += np.maximum(value, 0)
                if slider.negative:
                    self.fixed[:, column[slider.negative]] += np.maximum(-value, 0)
        values = FREE * self.directions.spread * rng.standard_normal((count, len(self.directions.names)))
        for k, name in enumerate(self.directions.names):
            fullness = next((gain for start, gain in FULLNESS.items() if name.startswith(start)), 0.0)
            values[:, k] += fullness * self.population.adiposity
        self.start = np.clip(values, self.directions.lowest, 1)
        self.values = self.start.copy()

    def parts(self, size: int = 100) -> list[slice]:
        """The people in portions, for the memory's sake."""
        return [slice(start, start + size) for start in range(0, len(self.values), size)]

    def raw(self, part: slice) -> np.ndarray:
        """Raw people on the carried base vertices: [n, C, 3] dm, float32."""
        return self._raw(self.fixed[part] + self.directions.weights(self.values[part]))

    def raw_mean(self) -> np.ndarray:
        """Mean raw person [C, 3] dm."""
        return np.mean([self.raw(part).mean(0, dtype=np.float64) for part in self.parts(len(self.values) // 20)], 0)

    def _raw(self, weights: np.ndarray) -> np.ndarray:
        people = weights[:, :-1].astype(np.float32) @ self.basis + self.origin
        people *= 1 + weights[:, -1:].astype(np.float32)
        return people.reshape(len(weights), -1, 3)

    def slopes(self, measure: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Jacobians [M, K] of the measures at the mean person, towards positive and towards negative values."""
        K = len(self.directions.names)
        base = self.fixed.mean(0) + self.directions.weights(self.values.mean(0)[None])
        steps = STEP * np.eye(K)
        steps[-1] *= SIZE_SIGMA / LOCAL_SIGMA
        size = steps.diagonal()
        at = measure(self._raw(base))
        up, down = (measure(self._raw(base + self.directions.weights(sign * steps))) - at for sign in (1, -1))
        return (up / size[:, None]).T, (down / -size[:, None]).T

    def fit(self, measure: Callable[[np.ndarray], np.ndarray], rounds: int = 3) -> None:
        """Bring everybody to their goals. measure: raw people [n, C, 3] dm -> [n, M] mm."""
        up, down = self.slopes(measure)
        S = self.directions.spread**2
        ridge = np.diag((np.array([LOOSER.get(name, RIDGE) for name in MEANS_MM]) * spreads().mean(0)) ** 2)
        for _ in range(rounds):
            for part in self.parts():
                values = self.values[part]
                J = np.where(values[:, None] >= 0, up, down)
                missing = self.population.goals[part] - measure(self.raw(part))
                free = (values > self.directions.lowest) & (values < 1)
                start = np.where(free, self.start[part], values)
                JS = J * (S * np.maximum(free, 1e-2))[:, None]
                missing = missing[..., None] + J @ (values - start)[..., None]
                values = start + (JS.transpose(0, 2, 1) @ np.linalg.solve(JS @ J.transpose(0, 2, 1) + ridge, missing))[..., 0]
                self.values[part] = np.clip(values, self.directions.lowest, 1)
