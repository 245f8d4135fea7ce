"""Smooth completion over the head: values known on part of the mesh, spread over all of it as a stretched membrane.

Rule of this file: it works on the mesh, not on the texture, so the result knows no UV seams.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..render.runtime import as_warp, launch_on_cpu, load_texel_kernels, load_warp


@dataclass(frozen=True)
class MeshGraph:
    """Who is whose neighbour among the vertices [W] that have triangles [T, 3], numbered within them: the half-edges tail -> head
    [2E], sorted by tail; first [W + 1]: where each vertex's begin. One graph serves every shape of a mesh."""

    vertices: np.ndarray
    triangles: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    first: np.ndarray


def build_graph(triangles: np.ndarray) -> MeshGraph:
    """The graph of triangles [T, 3]."""
    vertices, local = np.unique(triangles, return_inverse=True)
    triangles = local.reshape(-1, 3)
    edges = mesh_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    tail, head = both[np.lexsort((both[:, 1], both[:, 0]))].T
    first = np.searchsorted(tail, np.arange(len(vertices) + 1))
    return MeshGraph(vertices, triangles, tail, np.ascontiguousarray(head, np.int32), first.astype(np.int32))


def mesh_edges(triangles: np.ndarray) -> np.ndarray:
    """Undirected edges [E, 2] of triangles [T, 3], each once."""
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    base = int(triangles.max(initial=0)) + 1
    return np.stack(np.divmod(np.unique(pairs[:, 0] * np.int64(base) + pairs[:, 1]), base), -1)


def stretch_membrane(
    vertices: np.ndarray,
    graph: MeshGraph,
    values: np.ndarray,
    certainty: np.ndarray,
    reach_m: float = 0.05,
    stiffness_m: float = 0.004,
    iterations: int = 300,
    tolerance: float = 1e-8,
) -> np.ndarray:
    """values [V, C] trusted by certainty [V] >= 0 -> [V, C] smooth everywhere, falling to 0 some `reach_m` away from the known.

    Minimises sum of certainty (x - value)^2 a + stiffness^2 |grad x|^2 a + (stiffness / reach)^2 x^2 a over the surface
    (a: vertex area): details below stiffness_m are smoothed even where known. Conjugate gradients with Jacobi scaling, until the
    residual's energy has fallen by `tolerance`. Vertices outside the graph get 0.
    """
    smooth = np.zeros((len(vertices), values.shape[1]))
    vertices, values, certainty = (a[graph.vertices] for a in (vertices, values, certainty))
    wp, kernels = load_warp(), load_texel_kernels()
    i, j = graph.tail, graph.head
    area = vertex_areas(vertices, graph.triangles)
    length = np.linalg.norm(vertices[i] - vertices[j], axis=1)
    conductance = stiffness_m**2 * (area[i] + area[j]) / (6 * np.maximum(length, 1e-5) ** 2)
    flow = np.bincount(i, conductance, len(area))
    diagonal = area * (certainty + (stiffness_m / reach_m) ** 2) + 1e-14 + flow
    target = area[:, None] * certainty[:, None] * values
    links = [as_warp(graph.first, wp.int32), as_warp(graph.head, wp.int32)]
    links += [as_warp(np.ascontiguousarray(a, np.float64), wp.float64) for a in (conductance, diagonal)]

    def apply(x: np.ndarray) -> np.ndarray:
        out = np.empty_like(x)
        launch_on_cpu(kernels.apply_membrane, len(x), [*links, as_warp(x, wp.float64)], [as_warp(out, wp.float64)])
        return out

    scale = 1 / diagonal[:, None]
    x = np.where(certainty[:, None] > 0, values, 0.0).astype(np.float64)
    residual = target - apply(x)
    direction = scale * residual
    energy = np.einsum("vc,vc->c", residual, direction)
    enough = tolerance * np.maximum(np.einsum("vc,vc->c", target, scale * target), 1e-30)
    for _ in range(iterations):
        if (energy <= enough).all():
            break
        mapped = apply(direction)
        step = energy / np.maximum(np.einsum("vc,vc->c", direction, mapped), 1e-300)
        x += step * direction
        residual -= step * mapped
        scaled = scale * residual
        new_energy = np.einsum("vc,vc->c", residual, scaled)
        direction = scaled + new_energy / np.maximum(energy, 1e-300) * direction
        energy = new_energy
    smooth[graph.vertices] = x
    return smooth


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """A third of the area of each vertex's triangles, [V] m^2."""
    corners = vertices[triangles]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return np.bincount(triangles.ravel(), np.repeat(area / 3, 3), len(vertices))
