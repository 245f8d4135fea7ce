"""What painting asks of a head model again and again whoever sits for it: texels, zones, mirror twins, base skin.

Rule of this file: nothing here depends on a photo, so it is made once a process and kept.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..appearance.face_map import FaceMap, find_face_map
from ..appearance.surface_maps import MAP_PX, surface_at_vertices
from ..head.model import HeadModel, triangulate
from ..render.rasterize import interpolate, rasterize_uv
from ..render.shading import srgb_to_linear, vertex_normals
from ..render.visibility import Occluder
from .eye_texture import iris_radius
from .face_zones import FaceZones, find_zones, soft_step
from .gutters import FILL_PX, fill_gutters
from .light import TRANSPARENT_PARTS
from .membrane import MeshGraph, build_graph, stretch_membrane
from .texels import Texels, gather, list_texels

INNER_PARTS = ("left_eye", "right_eye", "upper_teeth", "lower_teeth", "tongue")
COARSE_PX = 512
"""Visibility is found at this size (half the texture's at most) and is smooth above it."""
COUNTED_TEXELS = 150_000
"""About how many texels are counted for the colours around the vertices: a dozen a vertex."""
KEPT = 2
MAP_SOFT_M = 0.007


@dataclass(frozen=True)
class Atlas:
    """triangles, uv_triangles [T, 3] of all parts in one order; is_opaque, is_skin [T]; opaque, skin: those triangles;
    graph of the skin; inner [V]: which of INNER_PARTS, -1 none; inner_graph of those; zones; exposed [V]: 0 deep in mouth,
    nostrils and sockets, 1 outside; mirror: corners [V, 3] and weights [V, 3] of each vertex's twin on the other side;
    iris_radius [V] m; texels; coarse; coarse_skin, coarse_inner [N]: the coarse texels on skin and on the inner parts; gaps [N]:
    texels between charts; gap_share: covered share of the gutters' blocks; base [size, size, 3] uint8; base_vertex, base_plain
    [V, 3]: its mean around each vertex, the latter with plain skin over brows, eyes, nostrils and lips; base_skin [3]: linear
    colour of its sure skin; surface_maps [m, m, 3] uint8: roughness, specular, subsurface (appearance/surface_maps.py);
    face_map (appearance/face_map.py), None where the model's regions do not tell."""

    triangles: np.ndarray
    uv_triangles: np.ndarray
    is_opaque: np.ndarray
    is_skin: np.ndarray
    opaque: np.ndarray
    skin: np.ndarray
    graph: MeshGraph
    inner: np.ndarray
    inner_graph: MeshGraph
    zones: FaceZones
    exposed: np.ndarray
    mirror: tuple[np.ndarray, np.ndarray]
    iris_radius: np.ndarray
    texels: Texels
    coarse: Texels
    coarse_skin: np.ndarray
    coarse_inner: np.ndarray
    gaps: np.ndarray
    gap_share: np.ndarray
    base: np.ndarray
    base_vertex: np.ndarray
    base_plain: np.ndarray
    base_skin: np.ndarray
    surface_maps: np.ndarray
    face_map: FaceMap | None


_kept: list[tuple[weakref.ref[HeadModel], int, Atlas]] = []


def get_atlas(model: HeadModel, size: int) -> Atlas:
    """The atlas of a model at a texture size; the latest KEPT are remembered."""
    for reference, kept_size, atlas in _kept:
        if reference() is model and kept_size == size:
            return atlas
    atlas = build_atlas(model, size)
    _kept[:] = [(weakref.ref(model), size, atlas), *_kept[: KEPT - 1]]
    return atlas


def build_atlas(model: HeadModel, size: int) -> Atlas:
    """About half a second at 2048."""
    triangles, uv_triangles = triangulate(model.faces), triangulate(model.face_uvs)
    parts = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))
    is_opaque = ~np.isin(parts, [k for k, name in enumerate(model.part_names) if name in TRANSPARENT_PARTS])
    opaque = triangles[is_opaque]
    is_skin = parts == model.part_names.index("skin")
    skin, zones = triangles[is_skin], find_zones(model)
    texels = list_texels(model.uvs, uv_triangles, size)
    coarse = list_texels(model.uvs, uv_triangles, min(COARSE_PX, size // 2))
    covered = texels.triangle_id.reshape(size, size) >= 0
    base = base_pixels(model, size)
    graph = build_graph(skin)
    inner_triangles, inner = find_inner(model, triangles, parts)
    vertex = base_at_vertices(base, texels, triangles, skin, len(model.template))
    plain = 1 - zones.feature
    on_skin = np.unique(skin)
    middle = np.median(vertex[on_skin][plain[on_skin] > 0.5], 0)
    base_plain = middle + stretch_membrane(model.template, graph, vertex - middle, plain, stiffness_m=0.01)
    sure = zones.sure_skin > 0.5
    return Atlas(
        triangles, uv_triangles, is_opaque, is_skin, opaque, skin, graph, inner,
        build_graph(triangles[inner_triangles]), zones, find_exposed(model, opaque, on_skin),
        find_mirror(model.template, skin), iris_radius(model), texels, coarse,
        np.flatnonzero(np.append(is_skin, False)[coarse.triangle_id]),
        np.flatnonzero(np.append(inner_triangles, False)[coarse.triangle_id]), np.flatnonzero(~covered),
        np.asarray(Image.fromarray(covered.astype(np.uint8) * 255).reduce(max(1, size // FILL_PX))) / np.float32(255),
        base, vertex, base_plain, srgb_to_linear(np.median(vertex[sure] if sure.any() else vertex[on_skin], 0) / 255),
        draw_surface_maps(model, graph, triangles, uv_triangles, min(MAP_PX, size)), find_face_map(model),
    )  # fmt: skip


def find_inner(model: HeadModel, triangles: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles [T] bool of the parts seen through eyes and mouth, and Atlas.inner [V]."""
    inner = np.full(len(model.template), -1)
    is_inner = np.zeros(len(triangles), bool)
    for kind, name in enumerate(INNER_PARTS):
        if name in model.part_names:
            of_part = parts == model.part_names.index(name)
            is_inner |= of_part
            inner[np.unique(triangles[of_part])] = kind
    return is_inner, inner


def draw_surface_maps(
    model: HeadModel, graph: MeshGraph, triangles: np.ndarray, uv_triangles: np.ndarray, size: int
) -> np.ndarray:
    """Atlas.surface_maps: regions' edges softened over the skin, gutters filled."""
    values = surface_at_vertices(model)
    skin = graph.vertices
    middle = np.median(values[skin], 0)
    known = np.ones(len(values))
    soft = stretch_membrane(model.template, graph, values - middle, known, reach_m=1.0, stiffness_m=MAP_SOFT_M) + middle
    values[skin] = soft[skin]
    raster = rasterize_uv(model.uvs, uv_triangles, size)
    maps = np.round(255 * interpolate(values, raster, triangles)).astype(np.uint8)
    share = np.asarray(Image.fromarray(raster.is_covered.astype(np.uint8) * 255).reduce(max(1, size // FILL_PX))) / np.float32(
        255
    )
    fill_gutters(maps, np.flatnonzero(~raster.is_covered), share)
    return maps


def base_pixels(model: HeadModel, size: int) -> np.ndarray:
    """The model's base albedo at `size`, [size, size, 3] uint8."""
    image = Image.fromarray(np.ascontiguousarray(model.base_textures["albedo"][..., :3]))
    return np.asarray(image if image.size == (size, size) else image.resize((size, size), Image.Resampling.LANCZOS))


def find_exposed(model: HeadModel, opaque: np.ndarray, on_skin: np.ndarray) -> np.ndarray:
    """Atlas.exposed [V], of the neutral template."""
    normals = vertex_normals(model.template, opaque)
    openness = np.zeros(len(model.template))
    openness[on_skin] = Occluder(model.template, opaque).openness(model.template[on_skin], normals[on_skin], 16, 0.02)
    return soft_step(openness, 0.1, 0.3)


def find_mirror(template: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners [V, 3] and weights [V, 3] of the template's surface point nearest to each vertex reflected in x = 0."""
    face, weights = Occluder(template, skin).closest(template * np.array([-1.0, 1.0, 1.0]))
    return skin[np.maximum(face, 0)], weights


def base_at_vertices(base: np.ndarray, texels: Texels, triangles: np.ndarray, skin: np.ndarray, num_vertices: int) -> np.ndarray:
    """Mean base colour around each vertex [V, 3]; the skin's median where no texel is near (creases of the layout)."""
    index = np.flatnonzero(texels.triangle_id >= 0)[:: max(1, texels.size**2 // (4 * COUNTED_TEXELS))]
    colour = base.reshape(-1, 3)[index].astype(np.float32)
    sums, share = gather(texels, triangles, index, colour, np.ones(len(index), np.float32), num_vertices)
    vertex = sums / np.maximum(share, 1e-6)[:, None]
    on_skin = np.zeros(num_vertices, bool)
    on_skin[skin] = True
    vertex[share < 0.5] = np.median(vertex[on_skin & (share >= 0.5)], 0)
    return vertex
