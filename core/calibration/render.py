"""A photo-like picture of a random person with everything known: for calibration and for round trips.

Light, lens, direction, background, exposure, blur, noise and JPEG-like damage vary as in portraits people take.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..head.model import HeadModel, rotation_matrices, triangulate
from ..render.camera import CAMERA_FROM_MODEL_FRONT, perspective_camera
from ..render.shading import KeyLight, Surface, ambient_light, directional_light, render_head, vertex_normals
from ..render.visibility import Occluder
from ..types import Camera, HeadCode
from .people import UvMaps, build_uv_maps, paint_albedo, random_code, smooth_noise

SIZE = 512


@dataclass(frozen=True)
class RenderedPerson:
    """pixels [SIZE,SIZE,3] uint8 sRGB; code and camera: the truth; albedo [S,S,3] uint8 sRGB as painted."""

    pixels: np.ndarray
    code: HeadCode
    camera: Camera
    albedo: np.ndarray


@dataclass(frozen=True)
class Studio:
    """A model made ready for many pictures: triangles without corneas, surface, painted regions."""

    model: HeadModel
    triangles: np.ndarray
    uv_triangles: np.ndarray
    surface: Surface
    maps: UvMaps


def build_studio(model: HeadModel) -> Studio:
    """Prepare a model for render_person; takes about a second."""
    parts = np.repeat(model.face_parts, (model.faces[:, 3] >= 0) + 1)
    is_opaque = ~np.isin(parts, [i for i, name in enumerate(model.part_names) if "cornea" in name])
    roughness, reflectance = np.full(len(model.template), 0.5), np.full(len(model.template), 0.028)
    for index, name in enumerate(model.part_names):
        if name != "skin":
            vertices = np.unique(triangulate(model.faces[model.face_parts == index]))
            roughness[vertices] = 0.12 if "eye" in name else 0.3
    triangles, uv_triangles = triangulate(model.faces)[is_opaque], triangulate(model.face_uvs)[is_opaque]
    return Studio(model, triangles, uv_triangles, Surface(roughness, reflectance), build_uv_maps(model))


def render_person(studio: Studio, rng: np.random.Generator, code: HeadCode | None = None) -> RenderedPerson:
    """A random person of the model's family (or the given code) in a random portrait."""
    model = studio.model
    code = random_code(model, rng) if code is None else code
    vertices = model.pose(code)
    camera = random_camera(vertices, model.landmarks7.evaluate(vertices), rng)
    albedo = paint_albedo(studio.maps, rng)
    normals = vertex_normals(vertices, studio.triangles)
    occluder = Occluder(vertices, studio.triangles)
    openness = occluder.openness(vertices + normals * 5e-4, normals, num_rays=16)
    light, key = random_light(rng)
    surface = Surface(studio.surface.roughness * rng.uniform(0.8, 1.15), studio.surface.reflectance)
    pixels = render_head(
        vertices, studio.triangles, model.uvs, studio.uv_triangles, albedo, camera, light,
        background=random_background(rng), openness=openness, key=key, surface=surface, occluder=occluder,
        normals=normals, exposure=float(np.exp(rng.normal(0.1, 0.25))), supersample=2,
    )  # fmt: skip
    return RenderedPerson(develop(pixels, rng), code, camera, albedo)


def random_camera(vertices: np.ndarray, landmarks7: np.ndarray, rng: np.random.Generator) -> Camera:
    """A portrait lens (28-105 mm), yaw to 60 degrees, the face a quarter to two thirds of the picture."""
    focal_35mm = float(np.exp(rng.uniform(np.log(28), np.log(105))))
    yaw = rng.uniform(-1, 1) * np.radians(60) if rng.random() < 0.7 else rng.normal(0, np.radians(12))
    pitch, roll = rng.normal(0, np.radians(10)), rng.normal(0, np.radians(8))
    turns = rotation_matrices(np.array([[0, 0, roll], [pitch, 0, 0], [0, yaw, 0]]))
    R = CAMERA_FROM_MODEL_FRONT @ turns[0] @ turns[1] @ turns[2]
    focal_px = focal_35mm / 36 * SIZE
    face_height = np.ptp(vertices[:, 1]) * 0.75
    distance = focal_px * face_height / (SIZE * rng.uniform(0.35, 0.75))
    t = np.array([*rng.normal(0, 0.06, 2) * distance * SIZE / focal_px, distance]) - R @ landmarks7.mean(0)
    return perspective_camera((SIZE, SIZE), focal_px=focal_px, R=R, t=t)


def random_light(rng: np.random.Generator) -> tuple[np.ndarray, KeyLight | None]:
    """Ambient, a coloured fill and mostly one key light with shadows, in the model's axes."""
    warmth = np.array([1 + 0.15 * rng.normal(), 1.0, 1 - 0.15 * rng.normal()]).clip(0.6, 1.5)
    light = ambient_light(rng.uniform(0.25, 0.7) * warmth)
    for _ in range(rng.integers(1, 3)):
        direction = rng.normal(size=3) + np.array([0, 0.4, 0.6])
        light = light + directional_light(direction, rng.uniform(0.1, 0.5) * rng.uniform(0.8, 1.2, 3))
    if rng.random() < 0.2:
        return light * rng.uniform(1.0, 1.6), None
    direction = np.array([rng.normal(0, 0.7), rng.uniform(-0.1, 1.1), 1.0])
    rgb = rng.uniform(0.3, 1.1) * (2 - warmth).clip(0.5, 1.5)
    return light, KeyLight(direction, rgb, radius_rad=rng.uniform(0.03, 0.4), num_rays=8)


def random_background(rng: np.random.Generator) -> np.ndarray:
    """A blurred backdrop [SIZE,SIZE,3] uint8, sometimes with shoulders' colour at the bottom."""
    base = rng.uniform(20, 220, 3)
    field = base + 30 * smooth_noise(rng, SIZE, int(rng.integers(2, 9)))[..., None] * rng.uniform(0.2, 1, 3)
    return np.clip(field, 0, 255).astype(np.uint8)


def develop(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What cameras do: blur, noise, JPEG."""
    image = Image.fromarray(pixels)
    if rng.random() < 0.4:
        factor = rng.uniform(0.4, 1.0)
        small = image.resize([max(64, int(SIZE * factor))] * 2, Image.Resampling.LANCZOS)
        image = small.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 6), (SIZE, SIZE, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=int(rng.integers(55, 96)))
    return np.asarray(Image.open(buffer).convert("RGB"))
