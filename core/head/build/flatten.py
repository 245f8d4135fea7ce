"""Flattening a disc of faces without a flip: Tutte's embedding, then distortion minimised by reweighted least squares.

Rule: the start is an embedding and no step crosses a triangle's zero area, so nothing is ever flipped; with a fixed convex
outline the map is one-to-one as a whole. Both diagonals of a quad count, so every quad stays convex and symmetry stays.
Source: Tutte 1963, "How to draw a graph"; Smith and Schaefer 2015, "Bijective parameterization with free boundaries"
(symmetric Dirichlet energy); Rabinovich et al. 2017, "Scalable locally injective mappings", section 3 (the weights).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl

from ...errors import LikenessError


def split_quads(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Faces [F, 4] (-1 pads) -> triangles [T, 3], all four of each quad, and their area weights [T] (one half for those)."""
    quads, triangles = faces[faces[:, 3] >= 0], faces[faces[:, 3] < 0, :3]
    four = np.concatenate([quads[:, list(corner)] for corner in ((0, 1, 2), (0, 2, 3), (0, 1, 3), (1, 2, 3))])
    return np.concatenate([four, triangles]), np.concatenate([np.full(len(four), 0.5), np.ones(len(triangles))])


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed loops of the edges with one face, in the faces' own direction; longest first. Raises LikenessError at a pinch."""
    following: dict[int, int] = {}
    edges = {(a, b) for face in faces.tolist() for a, b in face_edges(face)}
    for a, b in sorted(edges):
        if (b, a) not in edges:
            if a in following:
                raise LikenessError(f"Vertex {a} pinches the chart's outline: cut the chart elsewhere.")
            following[a] = b
    loops = []
    while following:
        start = min(following)
        loop = [start]
        while (vertex := following.pop(loop[-1])) != start:
            loop.append(vertex)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)


def face_edges(face: list[int]) -> list[tuple[int, int]]:
    """Directed edges of one face whose padding is -1."""
    corners = [vertex for vertex in face if vertex >= 0]
    return list(zip(corners, corners[1:] + corners[:1], strict=True))


def rest_gradients(vertices: np.ndarray, triangles: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient operators [T, 2, 3] of each triangle's own plane and its areas [T], both of the triangle times `scale` [T]."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    x = b - a
    length = np.maximum(np.linalg.norm(x, axis=1), 1e-7)
    x = x / length[:, None]
    normal = np.cross(b - a, c - a)
    double = np.maximum(np.linalg.norm(normal, axis=1), 0.02 * length**2)
    cx = np.sum((c - a) * x, 1)
    cy = double / length
    zero = np.zeros_like(cx)
    gradients = np.stack([
        np.stack([-1 / length, 1 / length, zero], 1),
        np.stack([(cx / length - 1) / cy, -cx / length / cy, 1 / cy], 1),
    ], 1)  # fmt: skip
    return gradients / scale[:, None, None], 0.5 * double * scale**2


def embed_tutte(num: int, faces: np.ndarray, fixed: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Every free vertex at its neighbours' mean: uv [num, 2]; fixed [B] indices with positions [B, 2] on a convex outline."""
    neighbours = defaultdict(set)
    for face in faces.tolist():
        for a, b in face_edges(face):
            neighbours[a].add(b)
            neighbours[b].add(a)
    rows = [a for a in range(num) for _ in neighbours[a]]
    columns = [b for a in range(num) for b in sorted(neighbours[a])]
    adjacency = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), (num, num))
    laplacian = sp.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency
    free = np.setdiff1d(np.flatnonzero(np.asarray(adjacency.sum(1)).ravel() > 0), fixed)
    uv = np.zeros((num, 2))
    uv[fixed] = positions
    uv[free] = spl.spsolve(laplacian[free][:, free].tocsc(), -laplacian[free][:, fixed] @ positions)
    return uv


def signed_areas(uv: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Signed areas [T] of triangles in the plane, counter-clockwise positive."""
    a, b, c = (uv[triangles[:, k]] for k in range(3))
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def dirichlet_energy(jacobians: np.ndarray, weights: np.ndarray) -> float:
    """Sum of weights [T] times |J|^2 + |J^-1|^2, infinite when a triangle is flipped."""
    det = np.linalg.det(jacobians)
    if det.min() <= 0:
        return np.inf
    square = np.sum(jacobians**2, (1, 2))
    return float(weights @ (square * (1 + 1 / det**2)))


def largest_step(uv: np.ndarray, move: np.ndarray, triangles: np.ndarray) -> float:
    """Largest t with no triangle of uv + t move of zero area before it (Smith and Schaefer, section 3.3)."""
    e, f = (uv[triangles[:, k]] - uv[triangles[:, 0]] for k in (1, 2))
    g, h = (move[triangles[:, k]] - move[triangles[:, 0]] for k in (1, 2))
    a = g[:, 0] * h[:, 1] - g[:, 1] * h[:, 0]
    b = e[:, 0] * h[:, 1] - e[:, 1] * h[:, 0] + g[:, 0] * f[:, 1] - g[:, 1] * f[:, 0]
    c = e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0))
    q = -0.5 * (b + np.where(b >= 0, root, -root))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([q / a, c / q], 1)
    real = (b**2 - 4 * a * c >= 0)[:, None] & np.isfinite(roots) & (roots > 0)
    return float(np.min(roots[real], initial=np.inf))


def minimise_distortion(
    uv: np.ndarray, triangles: np.ndarray, gradients: np.ndarray, weights: np.ndarray, locked: np.ndarray, num_steps: int
) -> np.ndarray:
    """Symmetric Dirichlet minimum near uv [N, 2]; locked [N, 2] bool holds coordinates. uv must have no flipped triangle."""
    num = len(uv)
    used = np.unique(triangles)
    held = locked.copy()
    held[np.setdiff1d(np.arange(num), used)] = True
    free = np.flatnonzero(~held.ravel())
    t = np.arange(len(triangles))
    row = np.repeat(2 * t, 6).reshape(-1, 2, 3) + np.arange(2)[None, :, None]
    column = np.repeat(triangles, 2, 0).reshape(-1, 2, 3)
    gradient_u = sp.csr_matrix((gradients.ravel(), (row.ravel(), column.ravel())), (2 * len(t), num))
    jacobians = (gradient_u @ uv).reshape(-1, 2, 2).transpose(0, 2, 1)
    energy = dirichlet_energy(jacobians, weights)
    for _ in range(num_steps):
        left, singular, right = np.linalg.svd(jacobians)
        stiff = np.sqrt(np.maximum((singular - singular**-3) / np.where(np.abs(singular - 1) < 1e-6, 1, singular - 1), 1e-9))
        stiff = np.where(np.abs(singular - 1) < 1e-6, 2.0, stiff)
        W = np.einsum("tij,tj,tkj->tik", left, stiff, left)
        residual = np.einsum("tij,tjk->tik", W, left @ right - jacobians)
        D = step_matrix(W, gradients, triangles, num)[:, free]
        weight_rows = np.repeat(weights, 4)
        normal = (D.T @ D.multiply(weight_rows[:, None])).tocsc()
        normal += 1e-9 * normal.diagonal().mean() * sp.identity(len(free), format="csc")
        step = np.zeros(2 * num)
        step[free] = spl.spsolve(normal, D.T @ (weight_rows * residual.ravel()))
        step = step.reshape(num, 2)
        t_step = min(1.0, 0.9 * largest_step(uv, step, triangles))
        while True:
            trial = uv + t_step * step
            trial_jacobians = (gradient_u @ trial).reshape(-1, 2, 2).transpose(0, 2, 1)
            trial_energy = dirichlet_energy(trial_jacobians, weights)
            if trial_energy < energy or t_step < 1e-9:
                break
            t_step *= 0.6
        if not trial_energy < energy:
            break
        gain, uv, jacobians, energy = energy - trial_energy, trial, trial_jacobians, trial_energy
        if gain < 1e-6 * energy:
            break
    return uv


def step_matrix(W: np.ndarray, gradients: np.ndarray, triangles: np.ndarray, num: int) -> sp.csr_matrix:
    """Matrix [4T, 2 num] from interleaved (u, v) to W J, entries (i, k) of each triangle in order."""
    values = np.einsum("tij,tkc->tikcj", W, gradients)
    shape = values.shape
    rows = np.broadcast_to(np.arange(4 * len(W)).reshape(-1, 2, 2, 1, 1), shape)
    columns = 2 * triangles[:, None, None, :, None] + np.arange(2)
    return sp.csr_matrix((values.ravel(), (rows.ravel(), np.broadcast_to(columns, shape).ravel())), (4 * len(W), 2 * num))


def flatten_disc(
    vertices: np.ndarray, faces: np.ndarray, num_steps: int = 30, is_round: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """One disc of faces [F, 4] -> indices of its vertices [N] and their uv [N, 2] m, least distorted.

    is_round keeps the outline a circle (for deep bags); otherwise the outline is free.
    Raises LikenessError for what is no disc.
    """
    used = np.unique(faces[faces >= 0])
    local = np.searchsorted(used, faces)
    local[faces < 0] = -1
    loops = boundary_loops(local)
    if len(loops) != 1:
        raise LikenessError(f"The chart has {len(loops)} outlines, a disc has one: cut it elsewhere.")
    loop, points = loops[0], vertices[used]
    step = np.linalg.norm(points[np.roll(loop, -1)] - points[loop], axis=1)
    angle = 2 * np.pi * np.cumsum(step) / step.sum()
    triangles, share = split_quads(local)
    gradients, areas = rest_gradients(points, triangles, np.ones(len(triangles)))
    radius = np.sqrt((areas * share).sum() / np.pi)
    circle = radius * np.stack([np.cos(angle), np.sin(angle)], 1)
    uv = embed_tutte(len(used), local, loop, circle)
    locked = np.zeros((len(used), 2), bool)
    if is_round:
        locked[loop] = True
    return used, minimise_distortion(uv, triangles, gradients, areas * share, locked, num_steps)
