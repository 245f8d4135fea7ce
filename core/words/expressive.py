"""What words change of a face's expression: feelings that take the place of what the face shows, and single doings beside it.

How much of an expression a face shows is how far its units reach along the expression's own, by least squares: so "smile less"
takes away what there is of a smile and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..types import ARKIT_NAMES
from .lexicon import Expression
from .wishes import Wish

STEP = 0.4
"""What "happier" adds to a happy face, as a share of all there is."""
BEYOND = 0.3
"""A "very" is this much more than the expression itself; no unit goes over 1."""
MOST = 1.6
"""The "widest" smile, where its units still can."""
GAZE = "eyeLook"
"""Feelings leave alone where the eyes look."""
OTHER_SIDE = {"Left": "Right", "Right": "Left"}
SMALLEST = 5e-4


def change_face(wishes: Sequence[Wish], current: dict[str, float], strength: float) -> tuple[dict[str, float], list[str]]:
    """Units' new values, of those alone that move, and a sentence a wish. current: unit -> value; what it lacks cannot move."""
    shown = {unit: current.get(unit, 0.0) for unit in ARKIT_NAMES if unit in current}
    goal = dict(shown)
    if any(cast(Expression, wish.expression).is_whole and wish.manner in ("reach", "set", "end") for wish in wishes):
        goal |= {unit: 0.0 for unit in goal if not unit.startswith(GAZE)}
    raised: set[str] = set()
    told = []
    for wish in wishes:
        expression = cast(Expression, wish.expression)
        units = {unit: value for unit, value in _units_of(expression, wish.side).items() if unit in shown}
        before = measure(shown, units)
        after = before if wish.manner == "hold" else _amount(wish, before, units)
        if wish.manner in ("step", "shift"):
            goal |= {unit: _bounded(goal[unit] + (after - before) * value) for unit, value in units.items()}
        elif wish.manner == "none":
            goal |= {unit: 0.0 for unit in units if unit not in raised}
        elif wish.manner != "hold":
            ended = [unit for unit in goal if expression.ends and unit.startswith(expression.ends) and unit not in raised]
            goal |= {unit: 0.0 for unit in ended if not wish.side or unit.endswith(wish.side)}
            for unit, value in units.items():
                goal[unit] = max(goal[unit], _bounded(after * value)) if unit in raised else _bounded(after * value)
            raised |= units.keys()
        told.append(_tell(wish, expression, before, before + strength * (after - before), bool(units)))
    moved = {unit: _bounded(shown[unit] + strength * (goal[unit] - shown[unit]), shown[unit]) for unit in shown}
    return {unit: value for unit, value in moved.items() if abs(value - shown[unit]) > SMALLEST}, told


def measure(shown: dict[str, float], units: dict[str, float]) -> float:
    """How much of an expression a face shows: 0 none, 1 all of its units."""
    length = sum(value * value for value in units.values())
    along = sum(shown.get(unit, 0.0) * value for unit, value in units.items())
    return min(max(along / length, 0.0), MOST) if length else 0.0


def _units_of(expression: Expression, side: str) -> dict[str, float]:
    """An expression's units; with a side, those of that side of the person alone, turned over where it has the other's."""
    units = dict(expression.units)
    if not side:
        return units
    mine = {unit: value for unit, value in units.items() if unit.endswith(side)}
    both = {unit: value for unit, value in units.items() if not unit.endswith(("Left", "Right"))}
    if mine:
        return mine | (both if not any(unit.endswith(OTHER_SIDE[side]) for unit in units) else {})
    other = OTHER_SIDE[side]
    return {unit.removesuffix(other) + side: value for unit, value in units.items() if unit.endswith(other)} or both


def _amount(wish: Wish, before: float, units: dict[str, float]) -> float:
    most = min(MOST, 1 / min(units.values(), default=1.0))
    if wish.manner == "none":
        return 0.0
    if wish.manner == "end":
        return most if wish.size > 0 else 0.0
    if wish.manner == "step":
        return min(max(before + STEP * wish.size, 0.0), MOST)
    if wish.manner == "shift":
        return min(max(before + wish.size, 0.0), MOST)
    if wish.manner == "set":
        return min(max(wish.size, 0.0), MOST)
    return wish.size if wish.size <= 1 else min(1 + BEYOND * (wish.size - 1), most)


def _bounded(value: float, before: float = 0.0) -> float:
    """Between 0 and 1; what a fit left beyond may stay."""
    return min(max(value, min(0.0, before)), max(1.0, before))


def _tell(wish: Wish, expression: Expression, before: float, after: float, has_units: bool) -> str:
    side = f" (the person's own {wish.side.lower()})" if wish.side else ""
    if not has_units:
        return f"'{wish.words}': {expression.name}{side}"
    change = f"{before:.0%} already" if abs(after - before) < SMALLEST else f"{before:.0%} -> {after:.0%}"
    return f"'{wish.words}': {expression.name}{side} {change}"
