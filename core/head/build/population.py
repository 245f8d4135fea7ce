"""Who is sampled: sex, ancestry, age, and measures drawn from the published distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anthropometry import ANCESTRIES, MEANS_MM, ageing, cell_means, correlations, spreads

FISSURE_SHARE = 0.6
"""Of the fissure height's published spread: a blink that is the same for everybody closes no more."""
MOST_EXTREME = 3.2
"""No person has a measure further from the cell's mean, in standard deviations."""
GENDER_BLEND, ADMIXTURE = 0.15, 0.2
"""How far people stay from the ends of MakeHuman's sex slider, and the share of their ancestry that is not the main one."""
RACE_OF_ANCESTRY = np.array([[0, 0, 1], [1, 0, 0], [0.15, 0.35, 0.5], [0, 1, 0]])
"""The macro targets' shares [ANCESTRIES, RACES]."""


@dataclass(frozen=True)
class Population:
    """Who is sampled: sexes [n] over SEXES; gender [n] in [0, 1], MakeHuman's slider; race [n, 3] over RACES; years [n];
    muscle [n]; adiposity [n]: standard score; goals [n, M] mm: the person's measures."""

    sexes: np.ndarray
    gender: np.ndarray
    race: np.ndarray
    years: np.ndarray
    muscle: np.ndarray
    adiposity: np.ndarray
    goals: np.ndarray


def draw_population(count: int, rng: np.random.Generator) -> Population:
    """Women and men in turn, the ancestries in equal shares and a little mixed, measures from the published distribution."""
    male = np.arange(count) % 2
    gender = np.abs(male - np.minimum(np.abs(rng.normal(0, GENDER_BLEND, count)), 0.5))
    main = np.eye(len(ANCESTRIES))[rng.permutation(count) % len(ANCESTRIES)]
    shares = (1 - ADMIXTURE) * main + ADMIXTURE * rng.dirichlet(np.ones(len(ANCESTRIES)), count)
    years = rng.triangular(18, 28, 80, count)
    factor = np.linalg.cholesky(correlations())
    scores = rng.standard_normal((count, len(factor))) @ factor.T
    while (extreme := np.abs(scores).max(1) > MOST_EXTREME).any():
        scores[extreme] = rng.standard_normal((extreme.sum(), len(factor))) @ factor.T
    sexes = np.stack([1 - male, male], 1)
    deviations = spreads() * np.where(np.array(list(MEANS_MM)) == "fissure height", FISSURE_SHARE, 1)
    goals = np.einsum("ns,na,sam->nm", sexes, shares, cell_means()) + (sexes @ deviations) * scores[:, :-1] + ageing(years)
    return Population(male, gender, shares @ RACE_OF_ANCESTRY, years, rng.beta(4, 4, count), scores[:, -1], goals)
