"""The eyeball with a recessed iris and pupil, and the cornea as a shell of its own in front of it.

Rule: both are surfaces of revolution about the gaze axis (+Z), so one profile gives geometry and chart, and the
chart is azimuthal: a circle on the eye is a circle in the texture. Sizes are of adult means, in millimetres.
Source: Navarro et al. 1985, "Accommodation-dependent model of the human eye" (corneal radius 7.72, chamber 3.05);
Bekerman 2014 (eyeball 24.2 x 23.7); white-to-white 11.7 (.42) in 390 adults.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...types import JOINT_NAMES
from .parts import EYE_RADIUS, NUM_BASE, BaseMesh, Part

NUM_SEGMENTS = 28
IRIS_RADIUS = 0.00585
PUPIL_RADIUS = 0.0019
CORNEA_RADIUS = 0.0078
IRIS_CHART_RADIUS = 0.2
"""Radius of the limbus in the eye's own [0, 1] chart; the sclera goes on to .49."""

LIMBUS_ANGLE = float(np.arcsin(IRIS_RADIUS / EYE_RADIUS))
CORNEA_EDGE_ANGLE = np.radians(34.0)


def build_eye(base: BaseMesh, side: str) -> Part:
    """The eyeball of side 'left' or 'right': sclera, iris and pupil, closed, pole at the pupil's centre."""
    profile, chart = eye_profile()
    vertices, faces, uvs, face_uvs = revolve(profile, chart, closed=True)
    return bind_to_eye(base, side, f"{side}_eye", vertices, faces, uvs, face_uvs)


def build_cornea(base: BaseMesh, side: str) -> Part:
    """The cornea of side 'left' or 'right': an open cap that sinks into the sclera behind the limbus."""
    profile, chart = cornea_profile()
    vertices, faces, uvs, face_uvs = revolve(profile, chart, closed=False)
    return bind_to_eye(base, side, f"{side}_cornea", vertices, faces, uvs, face_uvs)


def eye_profile() -> tuple[np.ndarray, np.ndarray]:
    """(distance from the axis, z) [N, 2] m from the pupil's centre to the back pole, and chart radii [N]."""
    limbus_z = EYE_RADIUS * np.cos(LIMBUS_ANGLE)
    depth = np.array([1.75, 1.75, 1.72, 0.98, 0.86, 0.72, 0.52, 0.25]) * 1e-3
    inner = np.array([0.0, 0.55, 0.94, 1.0, 1.45, 2.1, 2.75, 3.0]) / 3.0
    beyond_pupil = 1.5 * np.maximum(inner - 1 / 3, 0)
    distance = 3 * np.minimum(inner, 1 / 3) * PUPIL_RADIUS + beyond_pupil * (IRIS_RADIUS - PUPIL_RADIUS)
    distance[-1] = 0.985 * IRIS_RADIUS
    iris = np.stack([distance, limbus_z - depth], 1)
    angles = np.concatenate([[LIMBUS_ANGLE], np.radians([33.0, 39, 47, 57, 69, 83, 100, 121, 145, 180])])
    sclera = EYE_RADIUS * np.stack([np.sin(angles), np.cos(angles)], 1)
    sclera[-1, 0] = 0.0
    chart_iris = IRIS_CHART_RADIUS * distance / IRIS_RADIUS
    front = np.minimum(angles, np.pi / 2) - LIMBUS_ANGLE
    chart_sclera = IRIS_CHART_RADIUS + 0.21 * front / (np.pi / 2 - LIMBUS_ANGLE)
    chart_sclera += 0.08 * np.maximum(angles - np.pi / 2, 0) / (np.pi / 2)
    return np.concatenate([iris, sclera]), np.concatenate([chart_iris, chart_sclera])


def cornea_profile() -> tuple[np.ndarray, np.ndarray]:
    """(distance from the axis, z) [N, 2] m from the apex to the rim, and chart radii [N].

    Corneal sphere and a sphere just outside the sclera, joined by a smooth maximum; the rim ends inside the sclera.
    """
    angles = np.append(np.radians([0.0, 7, 14, 20.5, 25.5, 29, 31.5]), CORNEA_EDGE_ANGLE)
    centre = EYE_RADIUS * np.cos(LIMBUS_ANGLE) - np.sqrt(CORNEA_RADIUS**2 - IRIS_RADIUS**2)
    cornea = centre * np.cos(angles) + np.sqrt(CORNEA_RADIUS**2 - (centre * np.sin(angles)) ** 2)
    sclera = EYE_RADIUS + 4e-5
    width = 0.9e-4
    radius = width * np.logaddexp(cornea / width, sclera / width)
    radius[-1] = EYE_RADIUS - 1e-4
    return radius[:, None] * np.stack([np.sin(angles), np.cos(angles)], 1), 0.49 * angles / angles[-1]


def revolve(profile: np.ndarray, chart: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn a profile [N, 2] (first row on the axis; last too when closed) about +Z.

    Returns vertices [P, 3], faces [F, 4] (-1 pads the triangles at the poles), uvs [U, 2], face_uvs [F, 4].
    """
    n = NUM_SEGMENTS
    rings = profile[1:-1] if closed else profile[1:]
    phi = 2 * np.pi * np.arange(n) / n
    circle = np.stack([np.cos(phi), np.sin(phi)], 1)
    ring_vertices = np.concatenate([rings[:, None, :1] * circle, np.broadcast_to(rings[:, None, 1:], (len(rings), n, 1))], 2)
    ring_uvs = 0.5 + chart[1 : 1 + len(rings), None, None] * circle
    vertices = [np.array([[0, 0, profile[0, 1]]]), ring_vertices.reshape(-1, 3)]
    uvs = [np.array([[0.5, 0.5]]), ring_uvs.reshape(-1, 2)]
    j, j_next = np.arange(n), (np.arange(n) + 1) % n
    faces = [np.stack([np.zeros(n, int), 1 + j, 1 + j_next, np.full(n, -1)], 1)]
    for ring in range(len(rings) - 1):
        a, b = 1 + ring * n, 1 + (ring + 1) * n
        faces.append(np.stack([a + j, b + j, b + j_next, a + j_next], 1))
    face_uvs = list(faces)
    if closed:
        last, pole = 1 + (len(rings) - 1) * n, 1 + len(rings) * n
        vertices.append(np.array([[0, 0, profile[-1, 1]]]))
        middle = phi + np.pi / n
        uvs.append(0.5 + chart[-1] * np.stack([np.cos(middle), np.sin(middle)], 1))
        faces.append(np.stack([last + j, np.full(n, pole), last + j_next, np.full(n, -1)], 1))
        face_uvs.append(np.stack([last + j, pole + j, last + j_next, np.full(n, -1)], 1))
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(uvs), np.concatenate(face_uvs)


def bind_to_eye(
    base: BaseMesh, side: str, name: str, local: np.ndarray, faces: np.ndarray, uvs: np.ndarray, face_uvs: np.ndarray
) -> Part:
    """A part that keeps its size and moves with the mean of the eyeball's helper vertices and the eye's joint."""
    helper = base.group_vertices(f"helper-{side[0]}-eye")
    rows = np.repeat(np.arange(len(local)), len(helper))
    columns = np.tile(helper, len(local))
    binding = sp.csr_matrix((np.full(len(rows), 1 / len(helper)), (rows, columns)), (len(local), NUM_BASE))
    weights = np.zeros((len(local), len(JOINT_NAMES)))
    weights[:, JOINT_NAMES.index(f"{side}_eye")] = 1
    return Part(name, binding @ base.vertices + local, faces, uvs, face_uvs, binding, local, weights)
