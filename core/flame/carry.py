"""FLAME's fields brought onto the embedded mesh: every embedded vertex is a fixed weighted sum of FLAME's, and an offset.

Rule of this file: linear, so that a template, a blend shape and a skinning weight are brought by the same table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..head.model import HeadModel, SurfacePoints, triangulate
from ..types import JOINT_NAMES
from .arrays import FlameArrays
from .facing import prepare_surface
from .parts import find_parts
from .registration import Registration

NUM_ANCHORS = 32
ANCHOR_SIGMA_M = 0.012
"""Teeth and tongue move with the skin about them."""
CLINGING = ("lashes",)
"""Parts whose every vertex follows the nearest point of the skin."""
EYES = ("left_eye", "right_eye")
IN_EYES = {"left_eye": 0, "left_cornea": 0, "right_eye": 1, "right_cornea": 1}


@dataclass(frozen=True)
class Carry:
    """near: rows of the embedded mesh [N] that three FLAME vertices give, near_points; wide: rows [M] that NUM_ANCHORS do,
    wide_points; offset [V, 3] m in FLAME's rest pose; together all V rows."""

    near: np.ndarray
    near_points: SurfacePoints
    wide: np.ndarray
    wide_points: SurfacePoints
    offset: np.ndarray

    def field(self, values: np.ndarray) -> np.ndarray:
        """A field on FLAME [..., F, C] -> on the embedded mesh [..., V, C]: differences of position, weights."""
        by_vertex = np.ascontiguousarray(np.moveaxis(values, -2, 0))
        out = np.empty((len(self.offset), *by_vertex.shape[1:]), values.dtype)
        sides = (1,) * (by_vertex.ndim - 1)
        for rows, points in ((self.near, self.near_points), (self.wide, self.wide_points)):
            summed = np.zeros((len(rows), *by_vertex.shape[1:]), values.dtype)
            for k in range(points.indices.shape[1]):
                summed += points.weights[:, k].astype(values.dtype).reshape(-1, *sides) * by_vertex[points.indices[:, k]]
            out[rows] = summed
        return np.ascontiguousarray(np.moveaxis(out, 0, -2))

    def positions(self, vertices: np.ndarray) -> np.ndarray:
        """FLAME's neutral vertices [F, 3] m -> the embedded mesh' [V, 3]."""
        moved: np.ndarray = self.field(vertices) + self.offset
        return moved


def build_carry(model: HeadModel, flame: FlameArrays, laid: Registration) -> Carry:
    """The table of one file."""
    template = flame.template.astype(np.float64)
    places = place_parts(model, flame, laid)
    triangles = triangulate(model.faces)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    count = len(model.template)
    indices, weights = np.zeros((count, 3), np.int64), np.zeros((count, 3))
    is_near = np.zeros(count, bool)
    matched = laid.skin[laid.is_matched]
    indices[matched], weights[matched] = laid.on_other.indices[laid.is_matched], laid.on_other.weights[laid.is_matched]
    is_near[matched] = True
    of_flame = find_parts(flame)
    skin_surface = prepare_surface(template, flame.faces[of_flame.skin_faces])
    eyes = [prepare_surface(template, faces) for faces, _ in of_flame.eye_rows(flame)]
    for number, name in enumerate(model.part_names):
        surface = skin_surface if name in CLINGING else eyes[IN_EYES[name]] if eyes and name in IN_EYES else None
        if surface is not None:
            rows = np.unique(triangles[parts == number])
            face, inside = surface.occluder.closest(places[rows])
            indices[rows], weights[rows], is_near[rows] = surface.triangles[np.maximum(face, 0)], inside, True
    near, wide = np.flatnonzero(is_near), np.flatnonzero(~is_near)
    anchors = np.unique(laid.on_other.indices[laid.is_matched]) if laid.is_matched.any() else np.arange(len(template))
    near_points = SurfacePoints(indices[near], weights[near])
    wide_points = SurfacePoints(*anchor_weights(places[wide], template, anchors))
    offset = np.empty((count, 3))
    for rows, points in ((near, near_points), (wide, wide_points)):
        offset[rows] = places[rows] - points.evaluate(template)
    return Carry(near, near_points, wide, wide_points, offset)


def place_parts(model: HeadModel, flame: FlameArrays, laid: Registration) -> np.ndarray:
    """Where the embedded mesh lies in FLAME's head at rest [V, 3] m: skin as registered, eyes in its eyeballs, the rest as the
    skin about it."""
    template = model.template.astype(np.float64)
    places = laid.scale * template
    triangles = triangulate(model.faces)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    moved = laid.vertices - laid.scale * template[laid.skin]
    others = np.setdiff1d(np.arange(len(template)), laid.skin)
    indices, weights = anchor_weights(template[others], template[laid.skin], np.arange(len(laid.skin)))
    places[others] += np.einsum("nk,nkc->nc", weights, moved[indices])
    places[laid.skin] = laid.vertices
    for side, (_, rows) in enumerate(find_parts(flame).eye_rows(flame)):
        name = EYES[side]
        own = np.unique(triangles[parts == model.part_names.index(name)])
        centre, radius = fit_ball(flame.template[rows].astype(np.float64))
        own_centre = eye_centre(model, name)
        scale = radius / np.percentile(np.linalg.norm(template[own] - own_centre, axis=1), 90)
        for part in (name, name.replace("eye", "cornea")):
            if part in model.part_names:
                inside = np.unique(triangles[parts == model.part_names.index(part)])
                places[inside] = centre + scale * (template[inside] - own_centre)
    return places


def eye_centre(model: HeadModel, name: str) -> np.ndarray:
    """The middle [3] of the ball that 'left_eye' or 'right_eye' of a model on the embedded mesh is part of."""
    centre: np.ndarray = model.joint_regressor[JOINT_NAMES.index(name)] @ model.template
    return centre


def fit_ball(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre [3] and radius of the sphere through points [N, 3], by least squares."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def anchor_weights(points: np.ndarray, vertices: np.ndarray, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For points [N, 3] the nearest of the anchors among vertices, indices and weights [N, NUM_ANCHORS] that sum to 1."""
    indices, weights = np.empty((len(points), NUM_ANCHORS), np.int64), np.empty((len(points), NUM_ANCHORS))
    goals = vertices[anchors]
    for row, point in enumerate(points):
        square = ((goals - point) ** 2).sum(1)
        nearest = np.argpartition(square, NUM_ANCHORS)[:NUM_ANCHORS]
        share = np.exp(-(square[nearest] - square[nearest].min()) / (2 * ANCHOR_SIGMA_M**2))
        indices[row], weights[row] = anchors[nearest], share / share.sum()
    return indices, weights


def fitted_model(model: HeadModel, flame: FlameArrays, carry: Carry, scale: float, name: str, file_name: str) -> HeadModel:
    """FLAME's people on the embedded mesh: what photos are fitted with, for landmarks, skin and parts are known there."""
    return replace(
        model,
        name=name,
        licence=flame.licence,
        template=carry.positions(flame.template.astype(np.float64)).astype(np.float32),
        identity_basis=carry.field(flame.shape_basis),
        expression_basis=(scale * model.expression_basis).astype(np.float32),
        pose_correctives=(scale * model.pose_correctives).astype(np.float32),
        file_name=file_name,
        sha256=flame.sha256,
        carry=carry,
    )
