"""Sheets to look at, a row for each benchmark image: photo | overlay | de-lit under neutral light | -30 | +30 | error in mm."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
from likeness.core.errors import LikenessError
from likeness.core.fit.light import opaque_triangles
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.pipeline import fit_photo, run
from likeness.core.render.camera import orbit_camera
from likeness.core.render.shading import ambient_light, directional_light, render_head
from likeness.core.types import Camera, HeadAsset, HeadCode
from PIL import Image

from .accuracy import BENCH_DIR, outer_skin

PX = 240
FRONT_LIGHT = ambient_light((0.75,) * 3) + directional_light(np.array([0.0, 0.3, 1.0]), (0.35,) * 3)
WORST_MM = 4.0
ROWS_A_SHEET = 8


def report_pictures(out_dir: Path) -> dict[str, str]:
    """Write sheets of all benchmark images to `out_dir`; -> their paths. Nothing where the benchmark is absent."""
    if not BENCH_DIR.exists():
        print("benchmark folder absent: skipped")
        return {}
    out_dir.mkdir(parents=True, exist_ok=True)
    images, written = sorted((BENCH_DIR / "set").glob("*.png")), {}
    for start in range(0, len(images), ROWS_A_SHEET):
        rows = [draw_row(image) for image in images[start : start + ROWS_A_SHEET]]
        path = out_dir / f"sheet_{start // ROWS_A_SHEET + 1}.png"
        Image.fromarray(np.vstack(rows)).save(path)
        written[path.stem] = str(path)
        print(path)
    return written


def draw_row(image: Path) -> np.ndarray:
    """[PX, 6 PX, 3]"""
    photo = np.asarray(Image.open(image).convert("RGB"))
    try:
        asset = run(fit_photo(image, texture_size=1024))
    except LikenessError as error:
        print(f"{image.name}: {error}")
        return np.hstack([_fitted(photo), np.zeros((PX, 5 * PX, 3), np.uint8)])
    model = get_model()
    assert asset.camera is not None and asset.light is not None
    expression = np.array([asset.expression[name] for name in model.expression_names])
    posed = model.pose(HeadCode(asset.identity, expression, asset.pose))
    overlay = draw(model, asset, posed, asset.camera, asset.light, photo)
    turned = [
        draw(model, asset, asset.vertices, orbit_camera(asset.vertices, (PX, PX), yaw_rad=np.radians(yaw)), FRONT_LIGHT, None)
        for yaw in (0, -30, 30)
    ]
    return np.hstack([_fitted(photo), _fitted(overlay), *turned, draw_error(image.stem, asset, model)])


def draw(
    model: HeadModel, asset: HeadAsset, vertices: np.ndarray, camera: Camera, light: np.ndarray, background: np.ndarray | None
) -> np.ndarray:
    """The textured head; on the photo where one is given."""
    opaque = opaque_triangles(model)
    parts = np.repeat(model.face_parts, (model.faces[:, 3] >= 0) + 1)
    shown = ~np.isin(parts, [i for i, name in enumerate(model.part_names) if "cornea" in name or name == "lashes"])
    uv_triangles = triangulate(model.face_uvs)[shown]
    return render_head(
        vertices, opaque, asset.uvs, uv_triangles, asset.textures["albedo"].pixels, camera, light,
        background=background, supersample=2,
    )  # fmt: skip


def draw_error(name: str, asset: HeadAsset, model: HeadModel) -> np.ndarray:
    """The true neutral face from the front, each point in the colour of its distance to ours: blue 0, red WORST_MM or more."""
    if str(BENCH_DIR) not in sys.path:
        sys.path.insert(0, str(BENCH_DIR))
    metric = importlib.import_module("now_metric")
    with np.load(BENCH_DIR / "set" / f"{name}.npz") as truth:
        points, lm7, crop = truth["verts_neutral"], truth["lm7_neutral"], truth["crop_neutral"]
    quads = outer_skin(model)
    faces = np.where(quads[:, 3:] >= 0, quads, quads[:, [0, 1, 2, 2]])
    distance, _ = metric.now_error(points, lm7, asset.vertices * 1000, faces, asset.landmarks7 * 1000, crop)
    shown = points[crop]
    across, up = lm7[3] - lm7[0], (lm7[0] + lm7[3] - lm7[5] - lm7[6]) / 2
    across /= np.linalg.norm(across)
    up -= (up @ across) * across
    up /= np.linalg.norm(up)
    scale = PX / (2.1 * np.linalg.norm(shown - shown.mean(0), axis=1).max())
    plane = (shown - shown.mean(0)) @ np.stack([across, -up], 1) * scale + PX / 2
    order = np.argsort((shown - shown.mean(0)) @ np.cross(across, up))
    t = np.clip(distance[order] / WORST_MM, 0, 1)
    colour = np.stack([np.clip(2 * t, 0, 1), 1 - np.abs(2 * t - 1), np.clip(2 - 2 * t, 0, 1)], 1) * 255
    image = np.full((PX, PX, 3), 30, np.uint8)
    columns, rows = np.clip(plane[order].astype(int), 1, PX - 2).T
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            image[rows + dy, columns + dx] = colour
    return image


def _fitted(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((PX, PX), Image.Resampling.LANCZOS))
