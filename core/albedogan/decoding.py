"""From codes and a crop to a face: geometry with displacement, and the texture.

Rule of this file: one face at a time, plain functions, no state; the order of the steps is the release's.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..nets.displacement import picture_to_displacement
from .camera import project_to_screen
from .codes import PaperCodes, PaperGeometry
from .displacement import MAP_SIZE, detail_normals, exported
from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_maps
from .landmarks import contour_rows
from .light_removal import estimate_light, harmonics, remove_light
from .normals import vertex_normals
from .parts import PaperMesh, PaperNetworks
from .perlin import draw_from, grain
from .texture_composite import compose, plain_skin, skin_outside
from .texture_correction import correct, mirror
from .unwrap import sample_crop, seen_texels, uv_positions
from .yaw import yaw_codes, yaw_deg

NUM_DISPLACEMENT_LATENTS = 14
SURE_MASK = 0.9


def rows_to_map(rows: Tensor) -> np.ndarray:
    """[1, C, H, W] -> [H, W, C] (or [H, W] of one channel)."""
    return rows[0].permute(1, 2, 0).numpy()


def map_to_rows(image: np.ndarray) -> Tensor:
    """[H, W, C] -> [1, C, H, W] float32."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))[None]


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """[H, W, C] -> [size, size, C] float32, bilinear."""
    return rows_to_map(resize_maps(map_to_rows(image), size))


def decode_displacement(codes: PaperCodes, networks: PaperNetworks, latent: Tensor | None = None) -> Tensor:
    """[1, 1, 256, 256] m: of a random face's latent where there is such a generator, else of the detail code, else nothing."""
    if latent is not None and networks.displacement is not None:
        return picture_to_displacement(networks.displacement(latent[:, :NUM_DISPLACEMENT_LATENTS]))
    if networks.decoder is not None and codes.detail is not None:
        given = np.concatenate([codes.pose[3:], codes.expression, codes.detail]).astype(np.float32)
        return networks.decoder(torch.from_numpy(given)[None])
    return torch.zeros(1, 1, MAP_SIZE, MAP_SIZE)


def pose_head(codes: PaperCodes, mesh: PaperMesh, faithfulness: Faithfulness = FIXED) -> Tensor:
    """The posed vertices [1, V, 3] m, FLAME's axes."""
    shape, expression = (torch.from_numpy(np.float32(code))[None] for code in (codes.shape, codes.expression))
    return mesh.flame.pose(shape, expression, codes.poses(is_neck_straight=faithfulness.neck_ignored))


def decode_geometry(codes: PaperCodes, z: Tensor, mesh: PaperMesh, faithfulness: Faithfulness = FIXED) -> PaperGeometry:
    """z [1, 1, 256, 256] m: the networks' displacement."""
    vertices = pose_head(codes, mesh, faithfulness)
    normals = vertex_normals(vertices, mesh.flame.faces)
    camera = torch.from_numpy(np.float32(codes.camera))[None]
    screen = project_to_screen(vertices, camera)
    mask, coarse = mesh.mask.at(MAP_SIZE), mesh.layout.coarse
    detailed = detail_normals(coarse.interpolate(vertices), coarse.interpolate(normals), z, mask, mesh.fixed)
    displacement = exported(z, mask, mesh.fixed, faithfulness)[0, 0].numpy()
    landmarks2d = landmarks3d = None
    if mesh.landmarks is not None:
        rows = contour_rows(codes.poses(is_neck_straight=faithfulness.neck_ignored).matrices())
        landmarks2d = mesh.landmarks.landmarks2d(screen, mesh.flame.faces, rows)[0].numpy()
        landmarks3d = mesh.landmarks.landmarks3d(screen, mesh.flame.faces)[0].numpy()
    return PaperGeometry(
        vertices[0].numpy(),
        normals[0].numpy(),
        screen[0].numpy(),
        landmarks2d,
        landmarks3d,
        displacement,
        rows_to_map(detailed),
        mesh.dense.displace(vertices[0].numpy(), normals[0].numpy(), displacement),
    )


def decode_texture(
    crop: Tensor,
    codes: PaperCodes,
    geometry: PaperGeometry,
    mesh: PaperMesh,
    texture_space: Tensor | None,
    faithfulness: Faithfulness = FIXED,
    *,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crop [1, 3, N, N] in 0..1, RGB; texture_space: the texture [1, 3, 256, 256] of its code, if there is one.

    What is seen neither on its own side nor on the other is skin of the texture space, as outside of the mask.
    Returns the texture [N, N, 3] float32, how well each texel was seen [N, N], and the light [9, 3] that was taken off (the
    codes' where none was). seed: of the grain outside of the face.
    """
    size = mesh.layout.fine.weights.shape[0]
    positions = uv_positions(torch.from_numpy(geometry.screen)[None], mesh.layout, faithfulness)
    inside = rows_to_map(sample_crop(crop, positions)).astype(np.float64)
    seen = np.ones((size, size))
    if not faithfulness.occlusion_ignored:
        normals = map_to_rows(geometry.detail_normals)
        seen = seen_texels(positions, normals, geometry.screen, mesh.flame.faces.numpy(), crop.shape[-1])
    mask = mesh.mask.at(size)[0, 0].numpy().astype(np.float64)
    sure = seen * (mask > SURE_MASK)
    if texture_space is None:
        albedo = plain_skin(inside, sure, size)
    else:
        albedo = resized(rows_to_map(texture_space), size)
    light = codes.light.astype(np.float64)
    if not faithfulness.texture_lit:
        normal_map = resized(geometry.detail_normals, size)
        light = estimate_light(inside, albedo, normal_map, sure, light)
        inside = remove_light(inside, normal_map, light, albedo).albedo
    elif texture_space is not None:
        albedo = resized(rows_to_map(texture_space) * (harmonics(geometry.detail_normals) @ light), size)
    outside = skin_outside(albedo, grain(draw_from(np.random.default_rng(seed)), size), faithfulness)
    texture = correct(
        compose(inside, outside, mask).astype(np.float32),
        head_turn(codes, geometry, faithfulness),
        faithfulness,
        seen=None if faithfulness.occlusion_ignored else seen,
        midline_u=mesh.midline_u,
        eye_share=mesh.eye_share,
    )
    if not faithfulness.occlusion_ignored:
        mask = mask * np.maximum(seen, mirror(seen[..., None], faithfulness, mesh.midline_u)[..., 0])
    return compose(texture, outside, mask).astype(np.float32), seen, light


def head_turn(codes: PaperCodes, geometry: PaperGeometry, faithfulness: Faithfulness = FIXED) -> float:
    """What the texture's correction goes by: the head's turn in degrees, or the released code if only its sign counts."""
    if faithfulness.yaw_sign_only:
        return float(yaw_codes(geometry.vertices[None], faithfulness)[0])
    return float(yaw_deg(codes.poses(is_neck_straight=faithfulness.neck_ignored))[0])
