"""Relief from shading against known relief: our own heads rendered with wrinkles of known height, and read back.

Rule: the camera and the shape are the true ones, the light is estimated; what is measured is relief, not the fit. Truth and
result are compared on well-seen bare skin.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from likeness.core.appearance.albedo import paint_albedo
from likeness.core.appearance.parameters import sample_appearance
from likeness.core.fit.detail import Detail, carve_detail, draw_relief
from likeness.core.fit.face_zones import find_zones
from likeness.core.fit.texture import look_at_skin
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.render.camera import orbit_camera, resize
from likeness.core.render.rasterize import interpolate, rasterize, rasterize_uv, sample_texture
from likeness.core.render.shading import SKIN_WRAP, SRGB_TABLE, composite, vertex_normals
from likeness.core.render.visibility import Occluder
from likeness.core.types import Camera, Photo

MAP_PX = 1024
PHOTO_PX = 1024
AMBIENT = 0.25
"""Share of the light that comes from everywhere."""
LIGHTS = {"side": (1.0, 0.3, 0.7), "above": (0.1, 1.0, 0.8), "oblique": (-0.6, 0.6, 0.8), "flash": (0.0, 0.05, 1.0)}
"""Directions towards the lamp, model axes."""
PEOPLE = {"light": 10, "middling": 5, "deep": 0}
"""Seeds of skins."""
SURE = 0.6


@dataclass(frozen=True)
class Waves:
    """A sum of plane waves in model space: height [...] m = sum of heights [K] sin(vectors [K, 3] . p + phases [K])."""

    vectors: np.ndarray
    phases: np.ndarray
    heights: np.ndarray

    def height(self, points: np.ndarray) -> np.ndarray:
        return np.sin(points @ self.vectors.T + self.phases) @ self.heights

    def gradient(self, points: np.ndarray) -> np.ndarray:
        return (np.cos(points @ self.vectors.T + self.phases) * self.heights) @ self.vectors


def parallel_wrinkles(direction: tuple[float, float, float], spacing_m: float = 0.004, depth_m: float = 3e-4) -> Waves:
    """Furrows of depth_m from crest to valley, spacing_m apart along `direction`."""
    unit = np.asarray(direction, float) / np.linalg.norm(direction)
    return Waves(unit[None] * 2 * np.pi / spacing_m, np.zeros(1), np.array([depth_m / 2]))


def rough_skin(seed: int, slope: float = 0.12, lengths_m: tuple[float, float] = (2.5e-3, 6e-3), count: int = 60) -> Waves:
    """Waves of all directions and of lengths between two, of one root-mean-square slope together."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    wave = 2 * np.pi / np.exp(rng.uniform(*np.log(lengths_m), count))
    return Waves(directions * wave[:, None], rng.uniform(0, 2 * np.pi, count), slope * np.sqrt(3 / count) / wave)


def take_photo(
    model: HeadModel, camera: Camera, albedo: np.ndarray, waves: Waves | None, direction: tuple[float, float, float], share: float
) -> Photo:
    """The template with the relief of `waves` under a lamp at `direction` (`share` of the light) with cast shadow, and light from
    everywhere; normals turn with the relief, pixel by pixel at twice the size."""
    vertices, triangles, uv_triangles = model.template, triangulate(model.faces), triangulate(model.face_uvs)
    opaque = ~np.isin(model.face_parts, [k for k, n in enumerate(model.part_names) if "cornea" in n or n == "lashes"])
    kept = np.repeat(opaque, 1 + (model.faces[:, 3] >= 0))
    triangles, uv_triangles = triangles[kept], uv_triangles[kept]
    normals = vertex_normals(vertices, triangles)
    to_lamp = np.asarray(direction, float) / np.linalg.norm(direction)
    shadow = Occluder(vertices, triangles).lamp_visibility(vertices, normals, to_lamp, 0.1, 16)
    raster = rasterize(vertices, triangles, resize(camera, (2 * camera.size[0], 2 * camera.size[1])))
    rows, columns = np.nonzero(raster.is_covered)
    seen = raster.select(rows, columns)
    maps = interpolate(np.column_stack([vertices, normals, shadow]), seen, triangles).astype(np.float64)
    normal = maps[:, 3:6]
    if waves is not None:
        gradient = waves.gradient(maps[:, :3])
        normal = normal - (gradient - normal * np.einsum("nc,nc->n", gradient, normal)[:, None])
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    lit = np.maximum((normal @ to_lamp)[:, None] + SKIN_WRAP, 0) / (1 + SKIN_WRAP) * maps[:, 6:7]
    colour = sample_texture(albedo, interpolate(model.uvs, seen, uv_triangles), SRGB_TABLE) * (1 - share + share * lit)
    pixels = composite(colour.astype(np.float32), rows, columns, camera.size, 2, None)
    return Photo(pixels, None, None, "known relief", "")


@dataclass(frozen=True)
class Reading:
    """Correlation of heights with the truth, their slope on it, their deviation (m), and seconds."""

    correlation: float
    amplitude: float
    deviation_m: float
    seconds: float
    detail: Detail


def texel_points(model: HeadModel, size: int = MAP_PX) -> tuple[np.ndarray, np.ndarray]:
    """Where texels lie on the template [size, size, 3] m, and which are surely bare skin."""
    triangles = triangulate(model.faces)
    raster = rasterize_uv(model.uvs, triangulate(model.face_uvs), size)
    maps = interpolate(np.column_stack([model.template, find_zones(model).sure_skin]), raster, triangles)
    return maps[..., :3].astype(np.float64), maps[..., 3] > SURE


def read_relief(model: HeadModel, photo: Photo, camera: Camera, waves: Waves | None) -> Reading:
    """Carve the photo's relief and compare it with the truth."""
    sight = look_at_skin(photo, camera, model.template, model)
    start = time.process_time()
    detail = carve_detail(sight, model, MAP_PX)
    draw_relief(detail, model, model.template)
    seconds = time.process_time() - start
    points, sure = texel_points(model)
    chosen = sure & (detail.weight > 0.9)
    found = detail.height_m[chosen].astype(np.float64)
    if waves is None:
        return Reading(float("nan"), float("nan"), float(found.std()), seconds, detail)
    truth = waves.height(points[chosen])
    truth -= truth.mean()
    amplitude = float((found * truth).mean() / (truth**2).mean())
    return Reading(float(np.corrcoef(found, truth)[0, 1]), amplitude, float(found.std()), seconds, detail)


RELIEFS: dict[str, Callable[[int], Waves]] = {
    "wrinkles across, .3 mm": lambda seed: parallel_wrinkles((0.0, 1.0, 0.0)),
    "wrinkles aslant, .3 mm": lambda seed: parallel_wrinkles((1.0, 0.7, 0.0)),
    "rough skin": rough_skin,
}


def report_detail() -> dict[str, float]:
    """Print correlation and amplitude for each relief under each light on a generated skin; -> the means."""
    model = get_model()
    camera = orbit_camera(model.template, (PHOTO_PX, PHOTO_PX), 0.0, focal_35mm=85)
    read: list[Reading] = []
    print(f"{'skin':9s} {'relief':26s} {'light':8s} {'correlation':>12s} {'amplitude':>10s} {'found um':>9s} {'s':>5s}")
    for skin, seed in PEOPLE.items():
        albedo = paint_albedo(model, sample_appearance(np.random.default_rng(seed), male=0.2, age=30.0), 2048)
        for (name, make), (light, direction) in product(RELIEFS.items(), LIGHTS.items()):
            waves = make(seed)
            photo = take_photo(model, camera, albedo, waves, direction, 1 - AMBIENT)
            reading = read_relief(model, photo, camera, waves)
            read.append(reading)
            print(
                f"{skin:9s} {name:26s} {light:8s} {reading.correlation:12.2f} {reading.amplitude:10.2f} "
                f"{1e6 * reading.deviation_m:9.0f} {reading.seconds:5.2f}"
            )
    result = {
        "correlation": float(np.mean([r.correlation for r in read])),
        "amplitude": float(np.mean([r.amplitude for r in read])),
        "seconds": float(np.median([r.seconds for r in read])),
    }
    print(", ".join(f"{key} {value:.2f}" for key, value in result.items()))
    return result
