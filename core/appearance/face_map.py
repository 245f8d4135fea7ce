"""Where on a head what is: noses, cheeks, beards and shadows as soft fields on the vertices, the same for every person.

Rule of this file: only anatomy of the template decides (its regions, eyes and landmarks); how much of what a person has is
parameters.py's business.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np

from ..head.model import HeadModel

BEARD_LINE_MM = np.array([[0, -45], [12, -46], [24, -53], [34, -64], [46, -68], [56, -56], [63, -34], [69, -8], [78, 4]])
"""Upper border of the beard: distance from the middle, height above the eye corners."""
BEARD_FLOOR_MM = (-138.0, -118.0)
BEARD_BACK_MM = (-2.0, 14.0)


NEEDED_REGIONS = ("nose", "chin", "ear_left", "ear_right", "scalp", "forehead")
"""Of a head model, without which nobody knows where its face is."""


@dataclass(frozen=True)
class FaceMap:
    """Per vertex [V] in [0, 1]: nose, cheek, chin, ear, lid, under_eye, neck, forehead, scalp, beard, inside (of the mouth),
    upper (lip), lip (gate: may be lip), lids (gate: may be wet), pores; places [V, 3] m; eyes: centres left, right [2, 3] m."""

    nose: np.ndarray
    cheek: np.ndarray
    chin: np.ndarray
    ear: np.ndarray
    lid: np.ndarray
    under_eye: np.ndarray
    neck: np.ndarray
    forehead: np.ndarray
    scalp: np.ndarray
    beard: np.ndarray
    inside: np.ndarray
    upper: np.ndarray
    lip: np.ndarray
    lids: np.ndarray
    pores: np.ndarray
    places: np.ndarray
    eyes: np.ndarray


_kept: list[tuple[weakref.ref[HeadModel], FaceMap]] = []


def find_face_map(model: HeadModel) -> FaceMap | None:
    """The face map of a model, None for one whose regions do not say where its face is."""
    is_known = set(NEEDED_REGIONS) <= set(model.regions) and {"left_eye", "right_eye"} <= set(model.part_names)
    return get_face_map(model) if is_known else None


def get_face_map(model: HeadModel) -> FaceMap:
    """The face map of a model, remembered for the latest one."""
    for reference, face_map in _kept:
        if reference() is model:
            return face_map
    face_map = build_face_map(model)
    _kept[:] = [(weakref.ref(model), face_map)]
    return face_map


def build_face_map(model: HeadModel) -> FaceMap:
    """A few ms."""
    places = model.template.astype(np.float64)
    eyes = np.stack([places[np.unique(model.faces[model.face_parts == model.part_names.index(f"{side}_eye")])].mean(0)
                     for side in ("left", "right")])  # fmt: skip
    zero = np.zeros(len(places))

    def region(*names: str) -> np.ndarray:
        return np.clip(sum((model.regions.get(name, zero) for name in names), start=zero), 0, 1)

    side = np.abs(places) * np.array([1.0, 0, 0]) + places * np.array([0, 1.0, 1.0])
    nose_tip, pogonion = (side[np.argmax(np.where(model.regions[name] > 0.5, side[:, 2], -1))] for name in ("nose", "chin"))
    nose_tip, pogonion = nose_tip * [0, 1, 1], pogonion * [0, 1, 1]
    eye = eyes[0]
    front = np.flatnonzero(places[:, 2] > eye[2] - 0.02)
    malar = side[front[np.argmin(np.linalg.norm(side[front, :2] - eye[:2] - np.array([0.012, -0.038]), axis=1))]]
    ear = np.maximum(model.regions["ear_left"], model.regions["ear_right"]).astype(np.float64)
    lid_distance = np.linalg.norm((side - eye) * np.array([0.85, 1.15, 1.0]), axis=1)
    inside = region("mouth_inside", "eye_socket")
    outside = 1 - inside
    lips = region("lip_upper", "lip_lower")
    wing = nose_tip + np.array([0.0165, -0.003, -0.019])
    nose = blob(side, nose_tip, (0.013, 0.012, 0.016)) + 0.8 * blob(side, wing, (7e-3, 8e-3, 9e-3))
    cheek = blob(side, malar, (0.021, 0.017, 0.03))
    chin = blob(side, pogonion, (0.018, 0.013, 0.02))
    scalp = model.regions["scalp"].astype(np.float64)
    x, y, z = 1000 * side.T
    beard = soft_step(np.interp(x, *BEARD_LINE_MM.T) - y, -4, 7) * soft_step(y, *BEARD_FLOOR_MM) * soft_step(z, *BEARD_BACK_MM)
    forehead = model.regions["forehead"].astype(np.float64)
    return FaceMap(
        nose=nose, cheek=cheek, chin=chin, ear=ear * soft_step(side[:, 0], 0.066, 0.084),
        lid=(1 - soft_step(lid_distance, 0.0135, 0.0265)) * outside,
        under_eye=blob(side, eye + np.array([-0.005, -0.017, 0.0]), (0.014, 0.006, 0.02)) * outside,
        neck=soft_step(pogonion[1] - 0.012 - places[:, 1], 0.0, 0.03), forehead=forehead, scalp=scalp,
        beard=beard * (1 - ear) * (1 - scalp) * outside, inside=region("mouth_inside"),
        upper=region("lip_upper") * (places[:, 1] > (model.landmarks7.evaluate(places)[5:7, 1].mean())), lip=lips,
        lids=region("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right", "eye_socket"),
        pores=np.clip(1.2 * nose + 0.7 * cheek + 0.45 * forehead + 0.5 * chin, 0, 1) * outside,
        places=places, eyes=eyes,
    )  # fmt: skip


def blob(places: np.ndarray, centre: np.ndarray, radii: tuple[float, float, float]) -> np.ndarray:
    """A Gaussian bump [N] at `centre` [3] m, its standard deviations about .73 `radii` m."""
    return np.exp(-0.5 * np.sum(((places - centre) / (0.73 * np.array(radii))) ** 2, 1))


def soft_step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
