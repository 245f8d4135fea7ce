"""Spherical-harmonic light, vertex normals, ambient occlusion, a soft key light, and the previews made of them.

Rule of this file: light is linear RGB and is given as irradiance / pi, so a white matt surface under `light` shows
sh_basis(normal) @ light; sRGB appears only at the two ends, decoding textures and encoding images.
Light is evaluated at the vertices and interpolated: cheaper than per pixel, and smooth light loses nothing by it.
Source: Ramamoorthi & Hanrahan 2001, "An efficient representation for irradiance environment maps".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Camera
from .camera import camera_position, resize
from .rasterize import interpolate, rasterize, sample_texture
from .visibility import Occluder

SH_CONSTANTS = (0.28209479, 0.48860251, 1.09254843, 0.31539157, 0.54627422)
COSINE_LOBE = np.array([1.0] + [2 / 3] * 3 + [1 / 4] * 5)
"""What convolution with the clamped cosine, divided by pi, does to each radiance coefficient."""
SKIN_REFLECTANCE = 0.028
SKIN_WRAP = np.array([0.18, 0.09, 0.06])
"""How far red, green and blue light creep round the terminator, as a share of the cosine: a cheap subsurface scatter."""


def sh_basis(directions: np.ndarray) -> np.ndarray:
    """Unit directions [..., 3] -> real orthonormal harmonics [..., 9]: 1, y, z, x, xy, yz, 3z^2-1, xz, x^2-y^2."""
    x, y, z = np.moveaxis(directions, -1, 0)
    c0, c1, c2, c3, c4 = SH_CONSTANTS
    terms = [
        np.full_like(x, c0),
        c1 * y,
        c1 * z,
        c1 * x,
        c2 * x * y,
        c2 * y * z,
        c3 * (3 * z * z - 1),
        c2 * x * z,
        c4 * (x * x - y * y),
    ]
    return np.stack(terms, -1)


def ambient_light(rgb: np.ndarray | tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """The same light from everywhere, [9, 3]: a white surface shows `rgb` (linear)."""
    light = np.zeros((9, 3))
    light[0] = np.asarray(rgb) / SH_CONSTANTS[0]
    return light


def directional_light(direction: np.ndarray, rgb: np.ndarray | tuple[float, float, float]) -> np.ndarray:
    """The nine-term share of a distant light, [9, 3]; direction [3] points to it; a white surface facing it shows about `rgb`."""
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    return np.pi * (COSINE_LOBE * sh_basis(unit))[:, None] * np.asarray(rgb)


def shade(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Unit normals [..., 3], light [9, 3] -> irradiance / pi [..., 3], linear, not below 0."""
    return np.maximum(sh_basis(normals) @ light, 0.0)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray, weighting: str = "angle") -> np.ndarray:
    """Unit normals [V, 3] (zero at a vertex without faces); weighting 'angle' (of the corner) or 'area' (of the triangle)."""
    corners = vertices[triangles]
    sides = np.roll(corners, -1, 1) - corners
    normals = np.cross(sides[:, 0], sides[:, 1])
    if weighting == "angle":
        directions = sides / np.maximum(np.linalg.norm(sides, axis=-1, keepdims=True), 1e-12)
        cosines = -np.einsum("tkc,tkc->tk", directions, np.roll(directions, 1, 1))
        weights = np.arccos(np.clip(cosines, -1, 1))
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    elif weighting == "area":
        weights = np.ones(triangles.shape)
    else:
        raise ValueError(f"weighting must be 'angle' or 'area', not {weighting!r}")
    index = triangles.ravel()
    weighted = (weights[..., None] * normals[:, None]).reshape(-1, 3)
    summed = np.stack([np.bincount(index, weighted[:, c], len(vertices)) for c in range(3)], -1)
    return summed / np.maximum(np.linalg.norm(summed, axis=-1, keepdims=True), 1e-12)


def srgb_to_linear(encoded: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear -> sRGB in [0, 1], clipped (IEC 61966-2-1)."""
    clipped = np.clip(linear, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * np.maximum(clipped, 0.0031308) ** (1 / 2.4) - 0.055)


SRGB_TABLE = srgb_to_linear(np.arange(256) / 255).astype(np.float32)
"""Byte -> linear."""
ENCODE_STEPS = 4096
ENCODE_TABLE = np.round(linear_to_srgb((np.arange(ENCODE_STEPS + 1) / ENCODE_STEPS) ** 2) * 255).astype(np.uint8)
"""Byte for the square root of a linear value, in steps of 1 / ENCODE_STEPS."""


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear -> sRGB bytes, by table: within one step of the rounded formula."""
    return ENCODE_TABLE[(np.sqrt(np.clip(linear, 0.0, 1.0, dtype=np.float32)) * ENCODE_STEPS + 0.5).astype(np.int32)]


@dataclass(frozen=True)
class KeyLight:
    """A lamp far away: direction [3] towards it (model axes), rgb as in directional_light, radius_rad: half its visible angle."""

    direction: np.ndarray
    rgb: np.ndarray
    radius_rad: float = 0.1
    num_rays: int = 16


@dataclass(frozen=True)
class Surface:
    """What a head's surface is made of beside its albedo, per vertex.

    roughness [V] in (0, 1] (GGX); reflectance [V] at normal incidence. Skin by default.
    """

    roughness: np.ndarray
    reflectance: np.ndarray

    @staticmethod
    def skin(num_vertices: int) -> Surface:
        return Surface(np.full(num_vertices, 0.45), np.full(num_vertices, SKIN_REFLECTANCE))


def multiple_bounces(openness: np.ndarray, albedo: np.ndarray | float) -> np.ndarray:
    """Openness [..., 1] and albedo -> what ambient occlusion leaves once light has bounced inside the crease.

    Source: Jimenez et al. 2016, "Practical realtime strategies for accurate indirect occlusion", cubic fit.
    """
    a = 2.0404 * albedo - 0.3324
    b = -4.7951 * albedo + 0.6417
    c = 2.7552 * albedo + 0.6903
    return np.maximum(openness, ((openness * a + b) * openness + c) * openness)


def light_vertices(
    vertices: np.ndarray,
    normals: np.ndarray,
    light: np.ndarray,
    openness: np.ndarray | None = None,
    key: KeyLight | None = None,
    key_visibility: np.ndarray | None = None,
) -> np.ndarray:
    """Diffuse irradiance / pi [V, 3] of the harmonics (darkened by openness [V]) and of a key light (by its visibility [V])."""
    irradiance = shade(normals, light)
    if openness is not None:
        irradiance = irradiance * multiple_bounces(openness[:, None], np.array([0.55, 0.35, 0.27]))
    if key is not None:
        cosine = normals @ (key.direction / np.linalg.norm(key.direction))
        wrapped = np.maximum(cosine[:, None] + SKIN_WRAP, 0) / (1 + SKIN_WRAP)
        lit = wrapped if key_visibility is None else wrapped * key_visibility[:, None] ** np.array([0.8, 1.0, 1.05])
        irradiance = irradiance + lit * key.rgb
    return irradiance


def specular(
    normals: np.ndarray, to_eye: np.ndarray, to_light: np.ndarray, roughness: np.ndarray, reflectance: np.ndarray
) -> np.ndarray:
    """GGX highlight of a distant lamp, [...]: multiply by KeyLight.rgb. normals, to_eye [..., 3] unit; to_light [3] unit.

    Source: Karis 2013, "Real shading in Unreal Engine 4" (GGX, Schlick-GGX, Schlick Fresnel).
    """
    half = to_eye + to_light
    half /= np.maximum(np.linalg.norm(half, axis=-1, keepdims=True), 1e-6)
    n_half = np.clip(np.einsum("...c,...c->...", normals, half), 0, 1)
    n_eye = np.clip(np.einsum("...c,...c->...", normals, to_eye), 1e-3, 1)
    n_light = np.clip(normals @ to_light, 0, 1)
    alpha = roughness**2
    spread = alpha**2 / np.maximum(np.pi * (n_half**2 * (alpha**2 - 1) + 1) ** 2, 1e-6)
    k = (roughness + 1) ** 2 / 8
    masking = 1 / ((n_light * (1 - k) + k) * (n_eye * (1 - k) + k) * 4)
    eye_half = np.clip(np.einsum("...c,...c->...", to_eye, half), 0, 1)
    fresnel = reflectance + (1 - reflectance) * (1 - eye_half) ** 5
    return np.pi * spread * masking * fresnel * n_light


def render_head(
    vertices: np.ndarray,
    triangles: np.ndarray,
    uvs: np.ndarray,
    uv_triangles: np.ndarray,
    albedo: np.ndarray,
    camera: Camera,
    light: np.ndarray,
    background: np.ndarray | None = None,
    openness: np.ndarray | None = None,
    key: KeyLight | None = None,
    surface: Surface | None = None,
    occluder: Occluder | None = None,
    normals: np.ndarray | None = None,
    exposure: float = 1.0,
    supersample: int = 1,
) -> np.ndarray:
    """A head as an sRGB image [H, W, 3] uint8 of camera.size.

    vertices [V, 3] m posed, model space; triangles [T, 3]; uvs [U, 2], uv_triangles [T, 3]; albedo [h, w, 3] uint8 sRGB
    or float linear; light [9, 3]; background: [H, W, 3] uint8 sRGB or None (mid grey); openness [V]: ambient
    occlusion (visibility.ambient_openness); key: a lamp with soft shadows (needs no SH share of its own) and highlights by
    `surface`; occluder: what casts the shadows (default: all triangles given); supersample: samples a pixel side, averaged.
    """
    normals = vertex_normals(vertices, triangles) if normals is None else normals
    key_visibility = None
    if key is not None:
        occluder = Occluder(vertices, triangles) if occluder is None else occluder
        key_visibility = occluder.lamp_visibility(vertices, normals, key.direction, key.radius_rad, key.num_rays)
    irradiance = light_vertices(vertices, normals, light, openness, key, key_visibility)
    view = camera if supersample == 1 else resize(camera, (camera.size[0] * supersample, camera.size[1] * supersample))
    raster = rasterize(vertices, triangles, view)
    rows, columns = np.nonzero(raster.is_covered)
    covered = raster.select(rows, columns)
    uv = interpolate(uvs, covered, uv_triangles)
    colour = sample_texture(albedo, uv, SRGB_TABLE) * interpolate(irradiance, covered, triangles)
    if key is not None and key_visibility is not None:
        surface = Surface.skin(len(vertices)) if surface is None else surface
        table = np.column_stack(
            [normals, camera_position(camera) - vertices, surface.roughness, surface.reflectance, key_visibility]
        )
        values = interpolate(table, covered, triangles)
        normal, to_eye = (
            v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9) for v in (values[:, :3], values[:, 3:6])
        )
        to_light = (key.direction / np.linalg.norm(key.direction)).astype(np.float32)
        shine = specular(normal, to_eye, to_light, np.maximum(values[:, 6], 0.05), values[:, 7]) * values[:, 8]
        colour += shine[:, None] * np.asarray(key.rgb, np.float32)
    return composite(colour * exposure, rows, columns, camera.size, supersample, background)


def composite(
    colour: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    size: tuple[int, int],
    supersample: int,
    background: np.ndarray | None,
) -> np.ndarray:
    """Covered samples' linear colours [N, 3] over a background -> sRGB bytes [H, W, 3]; edges are averaged in linear light."""
    width, height = size
    if supersample == 1:
        image = np.full((height, width, 3), 118, np.uint8) if background is None else background.copy()
        image[rows, columns] = encode_srgb(colour)
        return image
    backdrop = np.full((height, width, 3), 118, np.uint8) if background is None else background
    pixel = rows // supersample * width + columns // supersample
    share = np.bincount(pixel, minlength=width * height) / supersample**2
    clipped = np.minimum(colour, 1.0)
    sums = np.stack([np.bincount(pixel, clipped[:, c], width * height) for c in range(3)], -1) / supersample**2
    touched = share > 0
    image = backdrop.reshape(-1, 3).copy()
    image[touched] = encode_srgb(sums[touched] + (1 - share[touched])[:, None] * SRGB_TABLE[image[touched]])
    return image.reshape(height, width, 3)
