"""`python -m likeness.core.calibration --count N`: render heads, learn the dense landmarks from them, calibrate those.

Writes data/dense_landmarks.npz and data/landmark_calibration.npz. A head takes about a second on one core. Readings are kept in
the cache folder: an interrupted run goes on, several processes (--collect-only, other seeds) fill it side by side, and the
learning uses all of it, heads of earlier builds with the same mesh included (their vertices are kept, not their code), but those
of today's identity space (`--recent`) count more. What calibrates the landmarks of a head was learnt from the other folds' heads
(cross-fitting); all heads say how landmarks err, for real people are of no family.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import ASSETS_DIR, DATA_DIR, cache_dir
from ..errors import FaceError
from ..fit.measurement import save_calibration
from ..head.model import HeadModel, load_model
from ..photo.crop import Square
from ..photo.dense_landmarks import LAYERS, DenseRegressor, features_of, read_face, save_regressor
from ..photo.image import photo_from_pixels
from ..photo.landmarks import RESOLUTION, MeshReading, detect_landmarks
from ..photo.mirror import mirror_points
from ..types import Camera
from .estimate import Sample, calibrate, embed_landmarks
from .render import Studio, build_studio, render_person
from .train import train

YAWS = np.radians([-60, -45, -30, -15, 0, 15, 30, 45, 60])
WIDTH = np.radians(10.0)
FIRST_SEED = 3_100_000
RECENT_SEED = 3_100_000
FOLDS = 5
RECENT = 3.0
"""How much more a head of today's identity space counts: 1, 3, 8 left 1.77, 1.73, 1.75 crop px on held-out ones."""
RESOLVED_M = 1e-5
"""Vertices are kept in hundredths of a millimetre."""


@dataclass(frozen=True)
class ReadHead:
    """One rendered head: posed vertices [V,3] m, camera, the window around its face, readings of it and its mirror image."""

    seed: int
    vertices: np.ndarray
    camera: Camera
    window: Square
    plain: MeshReading
    mirrored: MeshReading

    def to_image(self, plain: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """The mean of both readings' points [N,2] (crop px) in the picture."""
        return self.window.to_image((plain + mirror_points(mirrored, RESOLUTION)) / 2 / RESOLUTION)


def collect(studio: Studio, count: int, first_seed: int, folder: Path) -> None:
    """Render and read `count` heads into `folder`, a file each; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first_seed, first_seed + count):
        path = folder / f"{seed}.npz"
        if not path.exists():
            _read_one(studio, seed, path)


def _read_one(studio: Studio, seed: int, path: Path) -> None:
    person = render_person(studio, np.random.default_rng(seed))
    photo = photo_from_pixels(person.pixels, source=f"seed {seed}")
    try:
        window, *readings = read_face(photo.pixels, detect_landmarks(photo))
    except FaceError:
        np.savez(path, points=np.zeros((0, 478, 3)))
        return
    camera = person.camera
    np.savez(
        path, points=[r.points for r in readings], window=[window.x, window.y, window.side, window.turn_rad],
        vertices=np.rint(studio.model.pose(person.code) / RESOLVED_M).astype(np.int16),
        K=camera.K, R=camera.R, t=camera.t, size=camera.size,
        **{name: np.array([r.layers[name] for r in readings], np.float16) for name in LAYERS},
    )  # fmt: skip


def read_heads(folder: Path) -> Iterator[ReadHead]:
    """All heads in the cache folder that had a face, by seed."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            points = file["points"].astype(np.float64)
            if not len(points):
                continue
            layers = [file[name] for name in LAYERS]
            plain, mirrored = (
                MeshReading(points[i], 1.0, {name: layer[i] for name, layer in zip(LAYERS, layers, strict=True)}) for i in (0, 1)
            )
            vertices = file["vertices"].astype(np.float32) * np.float32(RESOLVED_M)
            camera = Camera(file["K"], file["R"], file["t"], (int(file["size"][0]), int(file["size"][1])))
            yield ReadHead(int(path.stem), vertices, camera, Square(*file["window"].tolist()), plain, mirrored)


def learn(heads: list[ReadHead], recent: int, model: HeadModel, regressor_path: Path, calibration_path: Path) -> None:
    """Embed, train across folds, calibrate what each fold's outsiders give, train on all; writes both files.

    Heads with seeds from `recent` on are of today's identity space.
    """
    samples = [
        Sample(head.to_image(head.plain.points[:, :2], head.mirrored.points[:, :2]), head.vertices, head.camera) for head in heads
    ]
    points = embed_landmarks(samples, model, WIDTH)
    features = np.array([[features_of(head.plain), features_of(head.mirrored)] for head in heads], np.float32)
    errors = np.array(
        [_errors(head, sample.project(points.evaluate(sample.vertices))) for head, sample in zip(heads, samples, strict=True)]
    )
    weight = np.where([head.seed >= recent for head in heads], RECENT, 1.0)
    order = np.random.default_rng(0).permutation(len(heads))
    refined: dict[int, Sample] = {}
    for fold in np.array_split(order, FOLDS):
        outsiders = np.setdiff1d(order, fold)
        regressor = train(features[outsiders], errors[outsiders], weight[outsiders])
        refined |= {i: _refine(heads[i], samples[i], regressor) for i in fold.tolist()}
    calibration = calibrate([refined[i] for i in sorted(refined)], points, YAWS, WIDTH, model.topology)
    regressor_path.parent.mkdir(parents=True, exist_ok=True)
    save_regressor(train(features, errors, weight), regressor_path)
    save_calibration(calibration, calibration_path)
    for yaw, covariance, modes in zip(calibration.yaws, calibration.covariance, calibration.modes, strict=True):
        left = np.trace(covariance, axis1=1, axis2=2)
        total = np.sqrt((left + (modes**2).sum((0, 2))).mean())
        print(
            f"yaw {np.degrees(yaw):+4.0f}: landmark rms {1e3 * total:.2f} mm, {1e3 * np.sqrt(left.mean()):.2f} without the modes"
        )


def _refine(head: ReadHead, sample: Sample, regressor: DenseRegressor) -> Sample:
    detected = head.to_image(regressor.locate(head.plain), regressor.locate(head.mirrored))
    return Sample(detected, sample.vertices, sample.camera)


def _errors(head: ReadHead, true_px: np.ndarray) -> np.ndarray:
    """[2,478,2]: true minus detected points in the crop and in its mirror image, crop px."""
    true = head.window.from_image(true_px) * RESOLUTION
    return np.stack([true - head.plain.points[:, :2], mirror_points(true, RESOLUTION) - head.mirrored.points[:, :2]])


def main() -> None:
    parser = argparse.ArgumentParser(prog="likeness.core.calibration", description=__doc__)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--recent", type=int, default=RECENT_SEED, help="first seed of today's identity space")
    parser.add_argument("--collect-only", action="store_true", help="only fill the cache (for several processes side by side)")
    parser.add_argument("--regressor", type=Path, default=DATA_DIR / "dense_landmarks.npz")
    parser.add_argument("--calibration", type=Path, default=DATA_DIR / "landmark_calibration.npz")
    options = parser.parse_args()
    model = load_model(ASSETS_DIR / "embedded_head.npz")
    folder = cache_dir() / "calibration" / model.topology[:12]
    collect(build_studio(model), options.count, options.first_seed, folder)
    if not options.collect_only:
        heads = list(read_heads(folder))
        print(f"{len(heads)} heads")
        learn(heads, options.recent, model, options.regressor, options.calibration)


if __name__ == "__main__":
    main()
