"""Least squares of one affine map per vertex, held together along a mesh's edges: the linear step of non-rigid registration.

    min over X_n [4, 3]:  stiffness^2 * sum over edges |G (X_i - X_j)|^2  +  sum_n  w_n |X_n^T (p_n, 1) - u_n|^2

Solved by conjugate gradients whose preconditioner has two levels: each vertex's own 4 x 4 block, and the whole system on some
hundred patches of vertices, within which all move alike. The slow twin, a sparse factorisation, is in the tests.
Source of the energy: Amberg, Romdhani, Vetter 2007, "Optimal step nonrigid ICP algorithms for surface registration".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MOST_PATCHES, POINTS_A_PATCH = 240, 25
TOLERANCE = 1e-6
"""Residual over the right side's norm at which a solution is taken."""
MOST_ITERATIONS = 2000


@dataclass(frozen=True)
class VertexGraph:
    """edges [E, 2] once each; neighbours [M] and starts [N + 1]: every vertex's neighbours, row by row; patch [N],
    which parts of the mesh that do not hang together do not share (unless there are hundreds of them)."""

    edges: np.ndarray
    neighbours: np.ndarray
    starts: np.ndarray
    patch: np.ndarray

    @property
    def degrees(self) -> np.ndarray:
        return np.diff(self.starts)

    def laplacian(self, values: np.ndarray) -> np.ndarray:
        """[N, C] -> sum over neighbours of (own value - theirs) [N, C]."""
        result = self.degrees[:, None] * values
        has = self.degrees > 0
        result[has] -= np.add.reduceat(values[self.neighbours], self.starts[:-1][has])
        return result


def build_graph(points: np.ndarray, triangles: np.ndarray) -> VertexGraph:
    """The edges of a mesh: points [N, 3], triangles [T, 3]."""
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    starts = np.searchsorted(both[:, 0], np.arange(len(points) + 1))
    near = _find_patches(points)
    apart = np.unique(np.column_stack([_find_parts(edges, len(points)), near]), axis=0, return_inverse=True)[1].ravel()
    return VertexGraph(edges, both[:, 1], starts, apart if apart.max() < 2 * MOST_PATCHES else near)


def _find_parts(edges: np.ndarray, count: int) -> np.ndarray:
    """The least vertex of each vertex's connected part [count]."""
    part = np.arange(count)
    while True:
        least = part.copy()
        np.minimum.at(least, edges[:, 0], part[edges[:, 1]])
        np.minimum.at(least, edges[:, 1], part[edges[:, 0]])
        least = least[least]
        if np.array_equal(least, part):
            return part
        part = least


def _find_patches(points: np.ndarray) -> np.ndarray:
    """Patches by nearness to points far from each other (farthest-point sampling)."""
    nearest = np.full(len(points), np.inf)
    patch, seed = np.zeros(len(points), np.int64), 0
    for number in range(min(MOST_PATCHES, 1 + len(points) // POINTS_A_PATCH)):
        distances = ((points - points[seed]) ** 2).sum(1)
        closer = distances < nearest
        nearest[closer], patch[closer] = distances[closer], number
        seed = int(nearest.argmax())
    return np.unique(patch, return_inverse=True)[1]


def solve_affine_maps(
    graph: VertexGraph, points: np.ndarray, targets: np.ndarray, weights: np.ndarray, stiffness: float, balance: np.ndarray
) -> np.ndarray:
    """X [N, 4, 3]; points, targets [N, 3]; weights [N] of the squared misses; balance [4]: G's diagonal.

    Where nothing holds a part of the mesh, it stays as it is: the search starts from maps that move nothing.
    """
    rows = np.column_stack([points, np.ones(len(points))])
    pull = stiffness**2 * balance**2
    weighted_rows = weights[:, None] * rows
    blocks = weighted_rows[:, :, None] * rows[:, None, :]

    def apply(X: np.ndarray) -> np.ndarray:
        held = graph.laplacian(X.reshape(len(X), 12)).reshape(X.shape)
        held *= pull[:, None]
        reached = np.einsum("na,nac->nc", rows, X)
        held += weighted_rows[:, :, None] * reached[:, None, :]
        return held

    precondition = _build_preconditioner(graph, blocks, pull)
    X = np.broadcast_to(np.concatenate([np.eye(3), np.zeros((1, 3))]), (len(points), 4, 3)).copy()
    right = weighted_rows[:, :, None] * targets[:, None, :]
    residual = right - apply(X)
    limit = TOLERANCE * max(float(np.linalg.norm(right)), 1e-30)
    better = precondition(residual)
    direction, energy = better, _columns(residual, better)
    for _ in range(MOST_ITERATIONS):
        if np.linalg.norm(residual) <= limit:
            break
        pushed = apply(direction)
        step = energy / np.maximum(_columns(direction, pushed), 1e-300)
        X += step * direction
        residual -= step * pushed
        better = precondition(residual)
        energy, previous = _columns(residual, better), energy
        direction = better + energy / np.maximum(previous, 1e-300) * direction
    return X


def _columns(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Inner products of the three columns (x, y and z are three systems with one matrix)."""
    return np.einsum("nac,nac->c", a, b)


def _build_preconditioner(graph: VertexGraph, blocks: np.ndarray, pull: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    count = int(graph.patch.max()) + 1
    own = np.linalg.inv(blocks + (np.maximum(graph.degrees, 1e-6)[:, None] * pull)[:, :, None] * np.eye(4))
    joined = np.zeros((count, count))
    a, b = graph.patch[graph.edges.T]
    for i, j, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
        np.add.at(joined, (i, j), sign)
    coarse = np.einsum("ij,ab->iajb", joined, np.diag(pull))
    own_sums = np.zeros((count, 4, 4))
    np.add.at(own_sums, graph.patch, blocks)
    coarse[np.arange(count), :, np.arange(count)] += own_sums
    matrix = coarse.reshape(count * 4, count * 4)
    floor = 1e-9 * np.diag(matrix).max()
    inverse = np.linalg.inv(matrix + floor * np.eye(len(matrix)))
    order = np.argsort(graph.patch, kind="stable")
    starts = np.searchsorted(graph.patch[order], np.arange(count))

    def precondition(residual: np.ndarray) -> np.ndarray:
        sums = np.add.reduceat(residual[order], starts)
        return own @ residual + (inverse @ sums.reshape(count * 4, 3)).reshape(count, 4, 3)[graph.patch]

    return precondition
