"""`python -m likeness.core.calibration --count N`: render, detect, calibrate; writes data/landmark_calibration.npz.

Takes about half a second a head on one core. Samples are kept in the cache folder, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from ..config import ASSETS_DIR, DATA_DIR, cache_dir
from ..errors import FaceError
from ..fit.measurement import save_calibration
from ..head.model import HeadModel, load_model
from ..photo.image import photo_from_pixels
from ..photo.landmarks import detect_landmarks
from ..types import Camera, HeadCode
from .estimate import Sample, calibrate
from .render import Studio, build_studio, render_person, topology_hash

YAWS = np.radians([-60, -45, -30, -15, 0, 15, 30, 45, 60])
WIDTH = np.radians(10.0)
FIRST_SEED = 1_000_000


def collect(model: HeadModel, count: int, first_seed: int, folder: Path) -> list[Sample]:
    """Detections on `count` rendered heads, those without a face left out; cached by seed."""
    folder.mkdir(parents=True, exist_ok=True)
    samples, studio = [], build_studio(model)
    for seed in range(first_seed, first_seed + count):
        path = folder / f"{seed}.npz"
        if not path.exists():
            _detect_one(studio, seed, path)
        with np.load(path) as file:
            if file["detected"].size:
                code = HeadCode(file["identity"], file["expression"], np.zeros(15))
                camera = Camera(file["K"], file["R"], file["t"], (int(file["size"][0]), int(file["size"][1])))
                samples.append(Sample(file["detected"], model.pose(code).astype(np.float32), camera))
    return samples


def _detect_one(studio: Studio, seed: int, path: Path) -> None:
    person = render_person(studio, np.random.default_rng(seed))
    try:
        detected = detect_landmarks(photo_from_pixels(person.pixels, source=f"seed {seed}")).points_px
    except FaceError:
        detected = np.zeros((0, 2))
    camera = person.camera
    np.savez(
        path, detected=detected, identity=person.code.identity, expression=person.code.expression,
        K=camera.K, R=camera.R, t=camera.t, size=camera.size,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="likeness.core.calibration", description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--collect-only", action="store_true", help="only fill the cache (for several processes side by side)")
    parser.add_argument("--out", type=Path, default=DATA_DIR / "landmark_calibration.npz")
    options = parser.parse_args()
    path = ASSETS_DIR / "embedded_head.npz"
    model, version = load_model(path), hashlib.sha256(path.read_bytes()).hexdigest()
    samples = collect(model, options.count, options.first_seed, cache_dir() / "calibration" / version[:12])
    print(f"{len(samples)} of {options.count} heads detected")
    if not options.collect_only:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        calibration = calibrate(samples, model, YAWS, WIDTH, topology_hash(model))
        save_calibration(calibration, options.out)
        for yaw, covariance, modes in zip(calibration.yaws, calibration.covariance, calibration.modes, strict=True):
            total = np.trace(covariance, axis1=1, axis2=2) + (modes**2).sum((0, 2))
            print(f"yaw {np.degrees(yaw):+4.0f}: landmark rms {1e3 * np.sqrt(total.mean()):.2f} mm")


if __name__ == "__main__":
    main()
