"""What the named traits are in FLAME's people: the identity sliders' table on FLAME's own mesh, made once with the file.

    measured traits   the built-in head's gauges, whose points lie on the registered mesh: sums of FLAME's own coordinates
    sex, age, weight, what the built-in people read in FLAME's: their nearest code (ridge regression of shapes), and its scores;
    ancestry          a slider moves as the built-in slider does, as far as FLAME's people can follow (weighted least squares)

Rule of this file: what FLAME's people hardly span is not offered. `kept` says how much of the built-in slider's motion is left,
`offered` which traits have a slider.
"""

from __future__ import annotations

import numpy as np

from ..head.model import HeadModel
from ..identity.catalogue import NAMES, TRAITS
from ..identity.directions import ALONG, OUTSIDE_MM, SAMPLE_STEP, EditingSpace, open_space
from ..identity.gauges import NUM_PERSON, Gauges
from .carry import Carry

GAUGE_ARRAYS = (
    "weights", "mean", "ancestry_weights", "rows", "coefficients", "start", "offered", "person_codes", "kept",
)  # fmt: skip
BESIDE_FACE = 0.2
"""What motion beside the face weighs in likening one family of heads to another."""
NOISE_MM = OUTSIDE_MM
"""Root mean square motion that weighs as much as a code of length 1."""
MOST_CHANGE = 9.0
"""No built-in slider changes the person by more standard deviations from the mean to its end (the nose's bridge: 9.2)."""
LEAST_RANGE = 0.5
"""A measured trait is offered where a change of MOST_CHANGE reaches this share of the way to the farther end of its range,"""
MOST_BESIDE = 0.2
"""and where a deviation of it moves the traits that should stay by no more than this of theirs, root mean square (of the built-in
sliders the least pure moves them by .05)."""
LEAST_KEPT = 0.5
"""Sex, age and weight are offered where this share of their motion's square is left."""


def build_gauges(model: HeadModel, fitted: HeadModel, worn: HeadModel) -> Gauges:
    """The table for `worn`. model: the embedded head; fitted: FLAME's people on its mesh."""
    ours = open_space()
    rows, coefficients, start = carry_gauges(ours.gauges, fitted)
    liken = liken_people(model)
    scores = np.column_stack([ours.gauges.weights[:, :NUM_PERSON], ours.gauges.ancestry_weights])
    read = (liken @ weighted_motion(model, fitted.identity_basis)).T @ scores
    apart = liken @ weighted_motion(model, fitted.template.astype(np.float64) - model.template) @ scores[:, :NUM_PERSON]
    codes, kept = transfer_person(ours, model, fitted)
    gauges = Gauges(
        weights=np.column_stack([read[:, :NUM_PERSON], np.zeros((len(read), len(rows)))]),
        mean=np.concatenate([ours.gauges.mean[:NUM_PERSON] + apart, np.zeros(len(rows))]),
        ancestry_weights=read[:, NUM_PERSON:],
        rows=rows,
        coefficients=coefficients,
        topology=worn.topology,
        num_vertices=len(worn.template),
        model_name=fitted.name,
        start=start,
        offered=np.ones(len(NAMES), bool),
        person_codes=codes,
        kept=kept,
    ).of_model(worn)
    gauges.offered[:] = offer_traits(EditingSpace(worn, gauges), np.linalg.norm(ours.gauges.weights, axis=0))
    return gauges


def carry_gauges(ours: Gauges, fitted: HeadModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gauges on FLAME's vertices: rows [M, N], coefficients [M, N, 3] mm a metre, start [M] mm."""
    carry = fitted.carry
    assert carry is not None
    tables = []
    for rows, coefficients in zip(ours.rows, ours.coefficients, strict=True):
        table: dict[int, np.ndarray] = {}
        for row, coefficient in zip(rows.tolist(), coefficients, strict=True):
            for vertex, weight in zip(*vertices_of(carry, row), strict=True):
                table[int(vertex)] = table.get(int(vertex), np.zeros(3)) + weight * coefficient
        tables.append(table)
    longest = max(map(len, tables))
    found, values = np.zeros((len(tables), longest), np.int64), np.zeros((len(tables), longest, 3))
    for number, table in enumerate(tables):
        found[number, : len(table)], values[number, : len(table)] = list(table), list(table.values())
    return found, values, np.einsum("mnc,mnc->m", ours.coefficients, carry.offset[ours.rows])


def vertices_of(carry: Carry, row: int) -> tuple[np.ndarray, np.ndarray]:
    """FLAME's vertices and their weights that give one row of the embedded mesh."""
    for rows, points in ((carry.near, carry.near_points), (carry.wide, carry.wide_points)):
        if len(at := np.flatnonzero(rows == row)):
            return points.indices[at[0]], points.weights[at[0]]
    raise AssertionError(f"row {row} of the embedded mesh is carried by nothing")


def weighted_motion(model: HeadModel, field: np.ndarray) -> np.ndarray:
    """Motion of the embedded mesh [..., V, 3] m -> [3 N, ...] mm at sampled vertices of the skin, such that a column's square is
    the weighted mean square motion."""
    faces = model.faces[model.face_parts == 0]
    sample = np.unique(faces[faces >= 0])[::SAMPLE_STEP]
    share = BESIDE_FACE + (1 - BESIDE_FACE) * model.regions["face"][sample].astype(np.float64)
    weighted = 1000 * field[..., sample, :] * np.sqrt(share / share.sum())[:, None]
    return np.ascontiguousarray(np.moveaxis(weighted.reshape(*field.shape[:-2], -1), -1, 0), np.float64)


def rigid_motions(model: HeadModel) -> np.ndarray:
    """Six of the embedded mesh, [6, V, 3] m: files have their heads elsewhere and may tilt them a little."""
    template = model.template.astype(np.float64)
    shifts = [np.broadcast_to(0.01 * axis, template.shape) for axis in np.eye(3)]
    return np.stack([*shifts, *(np.cross(0.1 * axis, template) for axis in np.eye(3))])


def regress(basis: np.ndarray, free: np.ndarray) -> np.ndarray:
    """[K, 3 N]: weighted motion -> the nearest code of a basis [3 N, K]; motions along `free` [3 N, 6] count for nothing."""
    axes = np.linalg.qr(free)[0]
    seen = basis - axes @ (axes.T @ basis)
    solved: np.ndarray = np.linalg.solve(seen.T @ seen + NOISE_MM**2 * np.eye(basis.shape[1]), seen.T)
    return solved - (solved @ axes) @ axes.T


def liken_people(model: HeadModel) -> np.ndarray:
    """[K, 3 N]: weighted_motion from the built-in mean head -> the built-in person nearest to it."""
    return regress(weighted_motion(model, model.identity_basis), weighted_motion(model, rigid_motions(model)))


def transfer_person(ours: EditingSpace, model: HeadModel, fitted: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Codes [K, P] of FLAME that move a face as a unit of the built-in sex, age and weight do, and the share [P] of that motion's
    square that they keep."""
    basis, free = weighted_motion(model, fitted.identity_basis), weighted_motion(model, rigid_motions(model))
    directions = np.stack([ours.direction(name) for name in NAMES[:NUM_PERSON]])
    wanted = weighted_motion(model, np.tensordot(directions, model.identity_basis.astype(np.float64), 1))
    codes = regress(basis, free) @ wanted
    axes = np.linalg.qr(free)[0]
    left, whole = (motion - axes @ (axes.T @ motion) for motion in (wanted - basis @ codes, wanted))
    return codes, 1 - (left**2).sum(0) / (whole**2).sum(0)


def offer_traits(space: EditingSpace, deviations: np.ndarray) -> np.ndarray:
    """Which traits [T] FLAME's people span well enough for a slider, bool; deviations [T]: of the built-in people."""
    gauges, result = space.gauges, np.zeros(len(NAMES), bool)
    assert gauges.kept is not None
    for t, trait in enumerate(TRAITS):
        if not np.any(gauges.weights[:, t]):
            continue
        direction = space.direction(trait.name)
        middle = min(max(float(gauges.mean[t]), trait.lowest), trait.highest)
        half = max(trait.highest - middle, middle - trait.lowest)
        is_reached = MOST_CHANGE / np.linalg.norm(direction) >= LEAST_RANGE * half
        moved = direction @ gauges.weights * deviations[t] / deviations
        staying = [i for i, name in enumerate(NAMES) if i != t and name not in ALONG.get(trait.name, ())]
        is_pure = np.sqrt(np.mean(moved[staying] ** 2)) <= MOST_BESIDE
        result[t] = is_reached and (gauges.kept[t] >= LEAST_KEPT if t < NUM_PERSON else is_pure)
    return result
