"""Walks on the base mesh's quads: edge loops, flood fill, mirror, smoothing."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import scipy.sparse as sp


class QuadMesh:
    """Adjacency of a quad mesh. quads [Q, 4]; vertices are named by their base index."""

    def __init__(self, quads: np.ndarray) -> None:
        self.quads = quads
        self.neighbours: dict[int, set[int]] = defaultdict(set)
        self.faces_of: dict[int, list[int]] = defaultdict(list)
        for index, quad in enumerate(quads.tolist()):
            for k, vertex in enumerate(quad):
                self.neighbours[vertex] |= {quad[k - 1], quad[(k + 1) % 4]}
                self.faces_of[vertex].append(index)

    def edge_loop(self, start: int, second: int) -> list[int]:
        """Vertices of the edge loop that starts with this edge. Raises ValueError when it meets a pole or does not close."""
        loop = [start, second]
        while True:
            previous, current = loop[-2:]
            beside = {int(v) for f in self.faces_of[current] if previous in self.quads[f] for v in self.quads[f]}
            straight = self.neighbours[current] - beside
            if len(self.neighbours[current]) != 4 or len(straight) != 1:
                raise ValueError(f"the edge loop from {start} over {second} ends at the pole {current}")
            following = straight.pop()
            if following == start:
                return loop
            if following in loop:
                raise ValueError(f"the edge loop from {start} over {second} does not close")
            loop.append(following)

    def flood(self, start: int, wall: set[int]) -> np.ndarray:
        """Sorted vertices that are reached from `start` without passing through the wall, and the wall itself."""
        reached, stack = {start}, [start]
        while stack:
            vertex = stack.pop()
            if vertex in wall:
                continue
            new = self.neighbours[vertex] - reached
            reached |= new
            stack.extend(new)
        return np.array(sorted(reached | wall))


def smoothing_matrix(faces: np.ndarray, count: int) -> sp.csr_matrix:
    """Row-normalised average of each vertex with its neighbours (weight one half on itself), [count, count]."""
    a = faces.ravel()
    b = np.roll(faces, -1, 1).ravel()
    edges = sp.coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), (count, count)).tocsr()
    edges.data[:] = 1
    degree = np.maximum(np.asarray(edges.sum(1)).ravel(), 1)
    return sp.identity(count) * 0.5 + sp.diags(0.5 / degree) @ edges


def triangles(faces: np.ndarray) -> np.ndarray:
    """Quads [F, 4] -> triangles [2F, 3]."""
    return faces[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V, 3] of a quad mesh (vertices without a face get 0)."""
    normals = np.zeros_like(vertices)
    diagonals = np.cross(vertices[faces[:, 2]] - vertices[faces[:, 0]], vertices[faces[:, 3]] - vertices[faces[:, 1]])
    for k in range(4):
        np.add.at(normals, faces[:, k], diagonals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
