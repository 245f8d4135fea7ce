"""Who an edited head is, and how it becomes somebody else: the code, what locks have kept back, re-rolling.

    vertices = template + basis @ code - sum over locks of field(locks) * (basis @ kept[locks]) + what the artist sculpted

`kept` sums up the changes of code that were made under a set of locks: so the shape that a lock keeps is a few numbers, exact,
and can be undone; a history of states is small. Sculpting is what the mesh has beside this and is never stored here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..generation import MOST_EXTREME, draw_identity
from .catalogue import PERSON
from .directions import ALONG, EditingSpace
from .gauges import NUM_PERSON

INDEPENDENT = 0.05
"""Of traits that are changed together, combinations that move measures by less than this share of the largest stay."""


@dataclass(frozen=True)
class IdentityState:
    """code [K]; kept: names of locks, sorted and joined by ',' -> the change of code [K] that they have kept from the mesh;
    pulled [K]: the part of code that a correction by hand added."""

    code: np.ndarray
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    pulled: np.ndarray = field(default_factory=lambda: np.zeros(1))


def move(state: IdentityState, change: np.ndarray, locks: Collection[str]) -> IdentityState:
    """The state after a change of code [K] under locks."""
    if not locks:
        return replace(state, code=state.code + change)
    key = ",".join(sorted(locks))
    return replace(state, code=state.code + change, kept=state.kept | {key: state.kept.get(key, np.zeros_like(change)) + change})


def shape(space: EditingSpace, state: IdentityState) -> np.ndarray:
    """Neutral vertices [V, 3] m, float32 on the grid, of a head without sculpting; the same bits for the same state."""
    vertices = space.model.template + space.displace(state.code)
    for key, change in state.kept.items():
        vertices -= space.field(key.split(","))[:, None] * space.displace(change)
    return np.rint(vertices * np.float32(1 / space.grid_m)) * np.float32(space.grid_m)


def read_traits(space: EditingSpace, state: IdentityState, vertices: np.ndarray) -> np.ndarray:
    """Traits [T] in NAMES' order: the person's from the code, the measures from the mesh [V, 3] m."""
    person = space.gauges.read_code(state.code)[:NUM_PERSON]
    return np.concatenate([person, space.gauges.measure(vertices)])


def change_trait(space: EditingSpace, state: IdentityState, name: str, by: float, locks: Collection[str]) -> IdentityState:
    """The state with a trait `by` units higher (on the mesh, where it is a measure)."""
    return move(state, by * space.direction(name, locks), locks)


def change_traits(space: EditingSpace, state: IdentityState, by: Mapping[str, float], locks: Collection[str]) -> IdentityState:
    """The state with several traits so many units higher at once; what one of them takes along of another is made up for, as far
    as the model can tell them apart (INDEPENDENT). Sex, age and weight stay where nobody expects them to go along, and so do
    traits that the locks hold or that are not offered.
    """
    along = {other for name in by for other in ALONG.get(name, ())}
    by = dict.fromkeys((name for name in PERSON if name not in along), 0.0) | dict(by)
    names = [name for name in by if space.gauges.offers(name) and not space.is_held(name, locks)]
    if not names:
        return state
    directions = np.stack([space.direction(name, locks) for name in names], 1)
    responses = np.stack([space.response(name, locks) for name in names], 1)
    units = np.linalg.norm([space.response(name) for name in names], axis=1)
    taken = (responses / units).T @ (directions * units)
    shares = np.linalg.pinv(taken, rcond=INDEPENDENT) @ (np.array([by[name] for name in names]) / units)
    return move(state, directions @ (units * shares), locks)


def change_axis(state: IdentityState, axis: int, value: float, locks: Collection[str]) -> IdentityState:
    """The state with coordinate `axis` of the code at `value`."""
    change = np.zeros_like(state.code)
    change[axis] = value - state.code[axis]
    return move(state, change, locks)


def reroll(
    space: EditingSpace, state: IdentityState, seed: int, strength: float, locks: Collection[str], keep_person: bool
) -> IdentityState:
    """Somebody else around what is locked: strength 0 is nobody else, 1 a person drawn afresh.

    In between codes keep their usual length (a cosine mix), so that half way is no average face. keep_person: sex, age, weight
    and ancestry stay. Locked vertices stay where they are; of the people who are left, one is drawn who has that part by nature,
    as far as the model knows.
    """
    drawn = draw_identity(np.random.default_rng((seed, 3)), len(state.code))
    share = np.sqrt(max(1 - strength**2, 0.0))
    wanted = share * state.code + strength * drawn
    change = (
        np.clip(wanted, -np.maximum(MOST_EXTREME, np.abs(state.code)), np.maximum(MOST_EXTREME, np.abs(state.code))) - state.code
    )
    form = np.eye(len(change)) + space.lock_form(frozenset(locks))
    change = np.linalg.solve(form, change)
    if keep_person:
        scores = space.person_scores()
        towards = np.linalg.solve(form, scores)
        change = change - towards @ (np.linalg.pinv(scores.T @ towards, rcond=1e-6) @ (scores.T @ change))
    return replace(move(state, change, locks), pulled=share * state.pulled)


def is_same(one: IdentityState, other: IdentityState, tolerance: float = 1e-3) -> bool:
    """Whether two states are one person's, to `tolerance` standard deviations."""
    if np.abs(one.code - other.code).max(initial=0) > tolerance:
        return False
    keys = one.kept.keys() | other.kept.keys()
    return all(np.abs(one.kept.get(key, 0) - other.kept.get(key, 0)).max() <= tolerance for key in keys)
