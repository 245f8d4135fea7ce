"""Light told from skin: how much of a photo's skin colour is pigment and how much is light, with honest doubt.

Rule of this file: the prior is open and even. Skin: every typology angle equally likely (appearance/skin.py). Light: about as
strong as photographers expose for, near the colours of black bodies. The white of the eye speaks where it is seen, for its albedo
is known; so do highlights, for they owe nothing to pigment, and lips, which differ the less the deeper the skin is. The answer is
the posterior's mean, with its deviation: deep skin in much light and light skin in little look much alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..appearance.albedo import LIP_COVER
from ..appearance.skin import lightness_and_hues, melanin_of_density, skin_albedo, skin_density, skin_grid, typology_angle

SCLERA_LINEAR = np.array([0.60, 0.50, 0.45])
"""L* 76, a* 4, b* 7 (Russell et al. 2014 give the direction; the level is a middle of published photographs)."""

GLOSS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Steps of log gloss, in its deviations."""


@dataclass(frozen=True)
class LightPrior:
    """Of the log light on a white surface, mean over the lit face, linear with 1 = the sensor's white.

    level, level_sd: brightness on skin of middling_luminance; metering: the face's share in what the exposure is set by (a meter
    that saw nothing else would show every skin alike); warm_sd, green_sd: colour along and across the black bodies' line (log red
    over blue; log green over the mean of red and blue); sclera_level_sd, sclera_tint_sd: trust in the white of the eye, and
    sclera_bias [3]: log of what is measured there over what the light and SCLERA_LINEAR predict (lids' shadow, lashes, blur), on
    rendered heads; lip_sd: of the lips' log luminance over the skin's around the measured rule (people and light; lipstick more);
    gloss_sd: of log gloss, powdered to oily; num_independent: how many samples' worth the misfit speaks (neighbours err alike).
    """

    level: float = -0.05
    metering: float = 0.25
    middling_luminance: float = 0.2
    level_sd: float = 0.4
    warm_sd: float = 0.25
    green_sd: float = 0.07
    sclera_level_sd: float = 0.13
    sclera_tint_sd: float = 0.15
    sclera_bias: tuple[float, float, float] = (0.38, 0.35, 0.41)
    gloss_sd: float = 0.2
    num_independent: float = 20.0
    lip_sd: float = 0.2


@dataclass(frozen=True)
class Trial:
    """The lamps fitted as if the skin had this melanin: what they leave as the face's mean colour, matt and linear [3]; the white
    of the eye's colour over the light it gets relative to the face's mean [3], or None; mean squared log misfit; burnt: how
    far that white is clipped, in [0, 1]: then it says no more than "at least so much light"; lips: log luminance of the lips over
    the skin's, or None.

    A skin's highlights are the same however deep it is, so the deeper it is taken to be the more of its colour is highlight.
    """

    melanin: float
    product: np.ndarray
    sclera: np.ndarray | None
    misfit: float
    burnt: float = 0.0
    lips: float | None = None


@dataclass(frozen=True)
class Split:
    """albedo [3] linear, the posterior's mean in density; ita_sd: the deviation of its typology angle, degrees; gloss: how strong
    highlights are, 1 for bare skin."""

    albedo: np.ndarray
    ita_sd: float
    gloss: float


def split_together(photos: list[list[Trial]], prior: LightPrior | None = None) -> list[Split]:
    """Trials of each photo of one person -> one skin, with each photo's gloss.

    Exact: the posterior is summed over a grid of pigments and gloss. The skin is the person's, so the photos' likelihoods are
    multiplied; light and gloss are each photo's own, so they are summed out first.
    """
    prior = LightPrior() if prior is None else prior
    m, h, probability = skin_grid()
    albedo = skin_albedo(m, h)
    scores = [score_skins(trials, prior) for trials in photos]
    of_gloss = [np.exp(s - s.max(-1, keepdims=True)) for s in scores]
    evidence = sum(s.max(-1) + np.log(g.sum(-1)) for s, g in zip(scores, of_gloss, strict=True))
    posterior = np.exp(np.log(probability) + evidence - (np.log(probability) + evidence).max())
    posterior /= posterior.sum()
    angle = typology_angle(albedo)
    ita_sd = float(np.sqrt((posterior * angle**2).sum() - (posterior * angle).sum() ** 2))
    mean = np.exp((posterior[..., None] * np.log(albedo)).sum((0, 1)))
    log_gloss = [(posterior * (g @ GLOSS) / g.sum(-1)).sum() * prior.gloss_sd for g in of_gloss]
    return [Split(mean, ita_sd, float(np.exp(g))) for g in log_gloss]


def score_skins(trials: list[Trial], prior: LightPrior) -> np.ndarray:
    """Log likelihood of every skin of the grid, and every gloss with its prior, [M, B, len(GLOSS)] up to a constant.

    Highlights g times as strong look as they should on 1 / g of the albedo, so the trials serve for every gloss.
    """
    m, h = (np.repeat(x[..., None], len(GLOSS), -1) for x in skin_grid()[:2])
    albedo = skin_albedo(m, h)
    alike = melanin_of_density(skin_density(m, 0.0)[..., 1] + prior.gloss_sd * GLOSS)
    log_light = interpolate_trials(trials, [np.log(np.maximum(t.product, 1e-4)) for t in trials], alike) - np.log(albedo)
    misfit = interpolate_trials(trials, [np.log([t.misfit]) for t in trials], alike)[..., 0]
    score = light_score(log_light, albedo, prior) - 0.5 * GLOSS**2 - prior.num_independent / 2 * misfit
    whites = [t.sclera for t in trials if t.sclera is not None]
    if len(whites) == len(trials):
        expected = np.log(SCLERA_LINEAR) + np.array(prior.sclera_bias)
        white = interpolate_trials(trials, [np.log(np.maximum(w, 1e-4)) for w in whites], alike)
        score = score + sclera_score(white - expected - log_light, prior, trials[0].burnt)
    lips = [np.array([t.lips]) for t in trials if t.lips is not None]
    if len(lips) == len(trials):
        seen = interpolate_trials(trials, lips, alike)[..., 0]
        score = score + lip_score(seen - lip_contrast(albedo), prior)
    return score


def lip_contrast(skin: np.ndarray) -> np.ndarray:
    """Expected log luminance of lips over skin [..., 3] (linear): none on the deepest, half on the lightest.

    L* falls below the skin's by half of what it has over 30 (410 people, cross-polarised: appearance/albedo.py), on LIP_COVER of
    the lip.
    """
    lightness = lightness_and_hues(skin)[..., 0]
    lip = lightness - np.maximum(lightness - 30, 0) / 2
    ratio = ((lip + 16) / (lightness + 16)) ** 3
    return np.log(1 + LIP_COVER * (ratio - 1))


def lip_score(error: np.ndarray, prior: LightPrior) -> np.ndarray:
    """Log likelihood of the lips' log deviation, heavy-tailed for lipstick."""
    return -2.5 * np.log1p((error / prior.lip_sd) ** 2 / 4)


def interpolate_trials(trials: list[Trial], values: list[np.ndarray], melanin: np.ndarray) -> np.ndarray:
    """A value [C] of each trial at melanin [...], linear in its logarithm, [..., C]."""
    tried = np.log([t.melanin for t in trials])
    return np.stack([np.interp(np.log(melanin), tried, column) for column in np.transpose(values)], -1)


def opponent(log_rgb: np.ndarray) -> np.ndarray:
    """Log colour [..., 3] -> brightness, warmth (red over blue), green over the mean of red and blue; [..., 3]."""
    red, green, blue = np.moveaxis(log_rgb, -1, 0)
    return np.stack([0.3 * red + 0.6 * green + 0.1 * blue, red - blue, green - (red + blue) / 2], -1)


def light_score(log_light: np.ndarray, albedo: np.ndarray, prior: LightPrior) -> np.ndarray:
    """Log prior of mean light [..., 3] on skin [..., 3] up to a constant."""
    level, warm, green = np.moveaxis(opponent(log_light), -1, 0)
    depth = np.log(prior.middling_luminance) - opponent(np.log(albedo))[..., 0]
    mean = prior.level + prior.metering * depth
    return -0.5 * (((level - mean) / prior.level_sd) ** 2 + (warm / prior.warm_sd) ** 2 + (green / prior.green_sd) ** 2)


def sclera_score(error: np.ndarray, prior: LightPrior, burnt: float = 0.0) -> np.ndarray:
    """Log likelihood of the white of the eye's log deviation [..., 3], heavy-tailed: red, dark or hidden eyes do not decide.

    A clipped white may have been any lighter, and of any colour.
    """
    level, warm, green = np.moveaxis(opponent(error), -1, 0)
    level = np.maximum(level, 0) + (1 - burnt) * np.minimum(level, 0)
    tint = (1 - burnt) ** 2 * (warm**2 + 2 * green**2) / prior.sclera_tint_sd**2 / 2
    return -2.5 * np.log1p(((level / prior.sclera_level_sd) ** 2 + tint) / 4)
