"""Fits the lids and sockets to eyeballs of human size and distance.

MakeHuman's eyeball is about 15 mm in radius and 57 mm from the other; its lids follow it. A lid point is written in
polar form about its own eye's centre (the mean of the eyeball's helper): the polar angle from the gaze axis is stretched
so that the fissure keeps a human length on the smaller ball, and the distance keeps the lid's thickness over the ball and
its cornea. The map is blended out over the orbit. It is a function of the posed, individual mesh, so a person, an offset
and an expression all pass through it: offset = map(base + offset) - map(base).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .parts import EYE_RADIUS

FULL_UNTIL, NOTHING_FROM = 0.0012, 0.0105
"""Distance from the lid margin in the mean head, m: up to here the polar map is whole, from there on absent. The lid lies on the
ball only near its margin; beyond, fat fills the orbit and the surface keeps its place."""
ANGLE_GAIN = 1.56
"""Polar angles grow by this for the mean raw eyeball (fissure length about 29 mm on a 12 mm ball)."""
LINEAR_UNTIL = np.radians(60)
RAW_RADIUS = 0.0161
"""Radius of the mean raw eyeball after the head's scale, m."""
LID_LIFT = -0.00035
"""Added to a lid's distance over the ball, m: the raw lids stand off by .6 mm."""
CENTRE_SHIFT = np.array([0.0010, -0.0026, 0.0037])
"""Of the left eyeball's centre, m: outwards to a mean IPD of 63 mm, down so that the upper lid covers the cornea's edge,
forwards because the smaller ball's front stays where the lids are."""
LID_RAISE = 0.0011
"""The fissure's place on the ball, m upwards: the upper lid covers the cornea's edge, the lower one touches it."""
LEAST_COVER = 0.0003
"""No lid comes nearer to ball and cornea than this, m, in anybody."""
CORNER_REACH = {"inner": 0.0022, "outer": 0.0016}
"""How far the canthi are drawn out beyond the ball, m, sideways; the strip between is caruncle and conjunctiva."""
CORNER_FORWARD = {"inner": 0.0025, "outer": 0.0015}
"""How far the canthi stand in front of the ball's surface, m: they are held by the orbit's rim and the lacrimal lake."""
CORNEA_HEIGHT, CORNEA_WIDTH = 0.00125, np.radians(24)


@dataclass(frozen=True)
class EyeRegion:
    """One eye's map. side +1 left, -1 right; ball [n] rows of the helper; near [m] rows of what moves; weights [m];
    is_lid [m, 1]: skin from the margin outwards, as against the socket behind it."""

    side: int
    ball: np.ndarray
    near: np.ndarray
    weights: np.ndarray
    is_lid: np.ndarray


def find_eye_region(
    mean: np.ndarray, ball: np.ndarray, margin: np.ndarray, socket: np.ndarray, attached: np.ndarray, side: int
) -> EyeRegion:
    """Weights from the mean head [C, 3] m (scaled, raw eyes).

    margin: rows of the lid margin's ring; socket: rows behind it; attached: rows that move wholly (lashes, joint cubes).
    """
    distance = np.linalg.norm(mean[:, None] - mean[margin], axis=2).min(1)
    weights = 1 - _smoothstep((distance - FULL_UNTIL) / (NOTHING_FROM - FULL_UNTIL))
    weights[attached] = 1
    weights[socket] = 1
    weights[ball] = 0
    near = np.flatnonzero(weights > 0)
    is_lid = ~np.isin(near, np.setdiff1d(socket, margin))
    return EyeRegion(side, ball, near, weights[near], is_lid[:, None])


def fit_eye(vertices: np.ndarray, region: EyeRegion) -> np.ndarray:
    """Vertices [..., C, 3] m with raw eyes -> the same with this eye's ball of EYE_RADIUS and lids on it."""
    side = np.array([region.side, 1, 1])
    ball = vertices[..., region.ball, :]
    centre = ball.mean(-2, keepdims=True)
    raw_radius = np.linalg.norm(ball - centre, axis=-1).mean(-1)[..., None, None]
    new_centre = centre + CENTRE_SHIFT * side
    result = np.array(vertices)
    result[..., region.ball, :] = new_centre + (ball - centre) * (EYE_RADIUS / raw_radius)
    old = vertices[..., region.near, :]
    new = new_centre + polar_map(old - centre, raw_radius, region.side, region.is_lid)
    result[..., region.near, :] = old + region.weights[:, None] * (new - old)
    return result


def polar_map(p: np.ndarray, raw_radius: np.ndarray, side: int, is_lid: np.ndarray) -> np.ndarray:
    """Points about the raw eye's centre [..., m, 3] -> about the new one; side +1 left, -1 right; is_lid [m, 1]."""
    distance = np.linalg.norm(p, axis=-1, keepdims=True)
    angle = np.arccos(np.clip(p[..., 2:] / np.maximum(distance, 1e-9), -1, 1))
    across = p[..., :2] / np.maximum(np.linalg.norm(p[..., :2], axis=-1, keepdims=True), 1e-9)
    gain = ANGLE_GAIN * raw_radius / RAW_RADIUS
    rest = (np.pi - gain * LINEAR_UNTIL) / (np.pi - LINEAR_UNTIL)
    new_angle = np.where(angle < LINEAR_UNTIL, gain * angle, np.pi - rest * (np.pi - angle))
    above = distance - raw_radius
    new_distance = cover_radius(new_angle) + np.where(is_lid, soft_maximum(above + LID_LIFT, LEAST_COVER), above)
    q = np.concatenate([np.sin(new_angle) * across, np.cos(new_angle)], -1) * new_distance
    outwards = side * q[..., :1]
    reach = np.where(outwards > 0, CORNER_REACH["outer"], CORNER_REACH["inner"])
    reach *= _smoothstep((np.abs(outwards) - 0.004) / 0.009)
    q[..., :1] += np.where(is_lid, np.sign(q[..., :1]) * reach, 0)
    forward = np.where(outwards > 0, CORNER_FORWARD["outer"], CORNER_FORWARD["inner"])
    forward *= _smoothstep((np.abs(outwards) - 0.006) / 0.007)
    q[..., 2:] += np.where(is_lid, forward, 0)
    q[..., 1:2] += LID_RAISE
    return q


def soft_maximum(x: np.ndarray, least: float | np.ndarray, width: float = 0.0002) -> np.ndarray:
    """Smooth max(x, least); all in metres."""
    return least + width * np.logaddexp(0, (x - least) / width)


def cover_radius(angle: np.ndarray) -> np.ndarray:
    """Distance from the eye's centre, m, at an angle from the gaze axis, of a smooth surface over eyeball and cornea."""
    return EYE_RADIUS + CORNEA_HEIGHT * np.exp(-((angle / CORNEA_WIDTH) ** 2))


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * x * (x * (6 * x - 15) + 10)
