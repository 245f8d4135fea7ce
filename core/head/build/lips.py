"""Closes the mouth of every neutral head: MakeHuman's lips stand a little apart, more so in mixed people.

Rule: opposite points of the rings around the mouth are brought together half way each; expressions are not touched.
"""

from __future__ import annotations

import numpy as np

from .topology import QuadMesh

CONTACT_RING = (474, 7229)
"""Upper midline vertex and its left neighbour on the ring where the lips touch; every ring has NUM_RING vertices."""
OTHER_RINGS = ((537, 7282, 0.6), (520, 7267, 0.9), (468, 7224, 0.8), (509, 7257, 0.5), (467, 7223, 0.25), (466, 7222, 0.08))
"""Rings further in and further out, and how far they go along."""
NUM_RING = 38
OVERLAP = 0.0002
"""The closed lips press into each other by this, m."""


def find_lips(mesh: QuadMesh) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """For each ring: base indices of its upper points, of the lower points opposite them, and its share of the motion."""
    lips = []
    for first, second, share in ((*CONTACT_RING, 1.0), *OTHER_RINGS):
        ring = np.array(mesh.edge_loop(first, second))
        if len(ring) != NUM_RING:
            raise ValueError(f"the mouth's ring through {first} has {len(ring)} vertices, not {NUM_RING}")
        half = NUM_RING // 2
        steps = np.arange(-(half // 2), half // 2 + 1)
        lips.append((ring[steps % NUM_RING], ring[(half - steps) % NUM_RING], share))
    return lips


def seal_lips(heads: np.ndarray, lips: list[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """Heads [..., C, 3] m with rows as in `lips` -> the same with the lips in contact."""
    upper, lower, _ = lips[0]
    gap = heads[..., upper, 1] - heads[..., lower, 1] + OVERLAP
    result = np.array(heads)
    for upper, lower, share in lips:
        result[..., upper, 1] -= 0.5 * share * gap
        result[..., lower, 1] += 0.5 * share * gap
    return result
