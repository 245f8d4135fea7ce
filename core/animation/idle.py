"""Idle motion, made up: blinks, small shifts of gaze, and a head that is never quite still. The seed decides.

Rule of this file: keys on whole frames, few enough to be edited by hand; the first key of everything is zero, so that motion
starts from the pose that the head has there.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

BLINKS_A_MINUTE = 17.0
"""At rest; 26 in conversation, 4 or 5 while reading (Bentivoglio et al., Movement Disorders 1997)."""
BLINK_SPREAD = 0.6
"""Standard deviation of the logarithm of the time between blinks: intervals are skewed, many short, some long."""
CLOSING_S, CLOSED_S, OPENING_S = (0.10, 0.15), (0.0, 0.04), (0.15, 0.25)
"""Lids come down in about 100 ms and take twice as long to rise (Evinger et al., IOVS 1991; VanderWerf et al. 2003)."""
BETWEEN_BLINKS_S = 0.3
FULL_BLINK = 0.9
"""A blink closes the lids by this much at least."""
FIXATION_S, FIXATION_SPREAD = 1.6, 0.7
"""Mean time for which the eyes rest, and the standard deviation of its logarithm: of a person who faces another and listens."""
SACCADE_DEG, LARGEST_SACCADE_DEG = 2.6, 8.0
"""Mean of the exponential distribution of a glance's angle; its form is Lee, Badler and Badler's (Eyes Alive, 2002), who found
larger ones in conversation. Beyond the largest a head would turn along."""
SACCADE_S, SACCADE_S_PER_DEG = 0.025, 0.0024
"""How long a saccade takes: 25 ms and 2.4 ms a degree (the same)."""
RETURN = 0.4
"""The share of glances that go back to what the person looks at."""
UPRIGHT = 0.45
"""Glances up and down are that much of those aside."""
SWAY_DEG = (1.3, 0.8, 0.7)
"""Standard deviations of turn, nod and tilt."""
SWAY_S = (0.7, 1.5)
"""Seconds between keys of the head."""
SWAY_MEMORY = 0.6
"""How much of one key's angle the next one keeps."""


@dataclass(frozen=True)
class Keys:
    """frames [N] whole, rising, 0 the range's first; values [N, C]."""

    frames: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class IdleMotion:
    """lids: how far closed [N, 1]; gaze: degrees to the subject's left and up [N, 2]; head: turn, nod, tilt in rad [N, 3]."""

    lids: Keys
    gaze: Keys
    head: Keys
    is_loop: bool = False


def make_idle(
    num_frames: int, frames_per_second: float, seed: int, *, blinks_a_minute: float = BLINKS_A_MINUTE, is_loop: bool = False
) -> IdleMotion:
    """Motion for frames 0 ... num_frames - 1. is_loop: frame num_frames is frame 0 again, and has keys too."""
    chances = [random.Random(f"{seed} {part}") for part in ("lids", "gaze", "head")]
    last = num_frames - (0 if is_loop else 1)
    lids = _blink(chances[0], last, frames_per_second, blinks_a_minute)
    gaze = _glance(chances[1], last, frames_per_second, is_loop)
    head = _sway(chances[2], last, frames_per_second, is_loop)
    return IdleMotion(lids, gaze, head, is_loop)


def _blink(chance: random.Random, last: int, fps: float, blinks_a_minute: float) -> Keys:
    keys = [(0, 0.0)]
    mean_s = 60.0 / blinks_a_minute if blinks_a_minute > 0 else np.inf
    start_s = chance.random() * mean_s
    while start_s * fps < last:
        start = max(round(start_s * fps), keys[-1][0] + 1)
        down = start + max(round(chance.uniform(*CLOSING_S) * fps), 1)
        held = down + round(chance.uniform(*CLOSED_S) * fps)
        up = held + max(round(chance.uniform(*OPENING_S) * fps), 1)
        if up > last:
            break
        amount = chance.uniform(FULL_BLINK, 1.0)
        keys += [(start, 0.0), *dict.fromkeys([(down, amount), (held, amount)]), (up, 0.0)]
        start_s = max(start_s + _skewed(chance, mean_s, BLINK_SPREAD), up / fps + BETWEEN_BLINKS_S)
    return _to_keys([(frame, (value,)) for frame, value in keys])


def _glance(chance: random.Random, last: int, fps: float, is_loop: bool) -> Keys:
    keys: list[tuple[int, tuple[float, ...]]] = [(0, (0.0, 0.0))]
    start_s = _skewed(chance, FIXATION_S, FIXATION_SPREAD)
    while start_s * fps < last:
        here = keys[-1][1]
        there = (0.0, 0.0) if any(here) and chance.random() < RETURN else _direction(chance)
        frame = max(round(start_s * fps), keys[-1][0] + 1)
        took_s = SACCADE_S + SACCADE_S_PER_DEG * float(np.hypot(there[0] - here[0], there[1] - here[1]))
        arrival = frame + max(round(took_s * fps), 1)
        if arrival > last - 1:
            break
        keys += [(frame, here), (arrival, there)]
        start_s += _skewed(chance, FIXATION_S, FIXATION_SPREAD)
    if is_loop and any(keys[-1][1]):
        keys += [(last - 1, keys[-1][1]), (last, (0.0, 0.0))] if keys[-1][0] < last - 1 else [(last, (0.0, 0.0))]
    return _to_keys(keys)


def _direction(chance: random.Random) -> tuple[float, float]:
    angle, amount = chance.uniform(0, 2 * np.pi), min(chance.expovariate(1 / SACCADE_DEG), LARGEST_SACCADE_DEG)
    return amount * float(np.cos(angle)), amount * UPRIGHT * float(np.sin(angle))


def _sway(chance: random.Random, last: int, fps: float, is_loop: bool) -> Keys:
    frames = [0]
    while (following := frames[-1] + max(round(chance.uniform(*SWAY_S) * fps), 1)) < last - SWAY_S[0] * fps / 2:
        frames.append(following)
    frames.append(max(last, frames[-1] + 1))
    angles = np.zeros((len(frames), 3))
    fresh = np.sqrt(1 - SWAY_MEMORY**2)
    for i in range(1, len(frames)):
        angles[i] = SWAY_MEMORY * angles[i - 1] + fresh * np.array([chance.gauss(0, np.radians(s)) for s in SWAY_DEG])
    if is_loop:
        angles -= np.linspace(0, 1, len(frames))[:, None] * angles[-1]
    return Keys(np.array(frames), angles)


def _skewed(chance: random.Random, mean: float, spread: float) -> float:
    """Log-normal."""
    return mean * float(np.exp(chance.gauss(0, spread) - spread**2 / 2)) if np.isfinite(mean) else np.inf


def _to_keys(keys: list[tuple[int, tuple[float, ...]]]) -> Keys:
    return Keys(np.array([frame for frame, _ in keys]), np.array([values for _, values in keys], np.float64))
