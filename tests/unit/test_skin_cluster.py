"""Telling skin from what covers it by colour alone."""

from __future__ import annotations

import numpy as np
import pytest
from likeness.core.appearance.skin import skin_albedo
from likeness.core.fit.skin_cluster import find_foreign, is_foreign

MASKS = {"surgical": (0.2, 0.35, 0.6), "white": (0.8, 0.8, 0.8), "black": (0.02, 0.02, 0.022), "green": (0.1, 0.3, 0.15)}


def shaded(colour: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Samples of one colour in light and shade, with a little noise of colour."""
    return colour * rng.uniform(0.2, 1.0, (count, 1)) * np.exp(rng.normal(0, 0.04, (count, 3)))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("melanin", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_a_mask_is_told_from_skin_of_any_tone(mask, melanin, share):
    rng = np.random.default_rng(0)
    covered = int(1000 * share)
    skin = shaded(skin_albedo(melanin, 0.0), 1000 - covered, rng)
    colours = np.concatenate([skin, shaded(np.array(MASKS[mask]), covered, rng)])
    is_skin = ~is_foreign(colours, find_foreign(colours, np.ones(1000)))
    truth = np.arange(1000) < 1000 - covered
    assert (is_skin == truth).mean() > 0.97


@pytest.mark.parametrize("melanin", [0.2, 1.0, 5.0])
def test_bare_skin_is_one_colour_also_where_it_flushes_and_between_coloured_lights(melanin):
    rng = np.random.default_rng(1)
    blood = np.clip(rng.normal(0.1, 0.3, 1000), -0.5, 1.2)
    flushed = np.stack([shaded(skin_albedo(melanin, float(b)), 1, rng)[0] for b in blood])
    assert find_foreign(flushed, np.ones(1000)) is None
    side = rng.uniform(0, 1, (1000, 1))
    warm, cold = np.array([1.3, 1.0, 0.6]), np.array([0.7, 1.0, 1.4])
    lit = shaded(skin_albedo(melanin, 0.0), 1000, rng) * (side * warm + (1 - side) * cold)
    assert find_foreign(lit, np.ones(1000)) is None


def test_a_few_other_samples_and_no_samples_at_all_change_nothing():
    rng = np.random.default_rng(2)
    colours = np.concatenate([shaded(skin_albedo(1.0, 0.0), 970, rng), shaded(np.array([0.2, 0.35, 0.6]), 30, rng)])
    assert find_foreign(colours, np.ones(1000)) is None
    assert find_foreign(colours, np.zeros(1000)) is None
