"""The paper's face as a finished head: FLAME's own mesh with all keys and bones, the paper's maps on our layout.

Rule of this file: NumPy; what needs torch has been made of it before (core/albedogan/lay_on_head.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ..appearance.estimate import READ, estimate_appearance
from ..appearance.parameters import Appearance, describe_appearance
from ..fit.atlas import Atlas, base_at_vertices, get_atlas
from ..fit.confidence import judge_fit, shares_of_face
from ..fit.detail import Detail, draw_relief
from ..fit.geometry import FitSettings, HeadState, LandmarkFit, LandmarkProblem, face_frame
from ..fit.gutters import FILL_PX, fill_gutters
from ..fit.light import unknown_light
from ..fit.texels import keep_texels
from ..fit.texture import bake_surface_maps
from ..head.model import HeadModel, triangulate
from ..pipeline import CalibratedModel, build_asset
from ..render.shading import srgb_to_linear
from ..types import Camera, HeadAsset, HeadCode, Landmarks, Photo, Texture
from .files import FIRST_OF_FLAME

EYES = ("left_eye", "right_eye")


@dataclass(frozen=True)
class PaperMaps:
    """core/albedogan/lay_on_head.py's HeadMaps by name: colour [S, S, 3] uint8; is_laid, seen [S, S]; confidence [S, S] uint8;
    height_m [R, R]."""

    colour: np.ndarray
    is_laid: np.ndarray
    seen: np.ndarray
    confidence: np.ndarray
    height_m: np.ndarray


def widen_code(worn: HeadModel, code: HeadCode) -> HeadCode:
    """The networks' code, identity [300] and FLAME's expression [50], as one of worn: our units at rest, then Exp001..."""
    identity = np.zeros(worn.num_identity)
    shared = min(len(identity), len(code.identity))
    identity[:shared] = code.identity[:shared]
    expression = np.zeros(worn.num_expression)
    first = worn.expression_names.index(FIRST_OF_FLAME)
    room = min(len(code.expression), worn.num_expression - first)
    expression[first : first + room] = code.expression[:room]
    return HeadCode(identity, expression, code.pose)


def build_paper_head(
    photo: Photo,
    landmarks: Landmarks,
    dense_px: np.ndarray,
    tools: CalibratedModel,
    code: HeadCode,
    units: np.ndarray,
    camera: Camera,
    light: np.ndarray,
    maps: PaperMaps,
    *,
    has_eyes_of_photo: bool,
    times_s: dict[str, float],
) -> HeadAsset:
    """code: of tools.model.worn; units: the same expression in our units, by which the landmarks judge it; has_eyes_of_photo: the
    eyeballs are the method's all over, also where no picture shows them."""
    model = tools.model
    worn = model.worn
    assert worn is not None
    identity = code.identity[: model.num_identity]
    judged = judge_fit(photo, landmarks, model, explain_landmarks(dense_px, tools, identity, units, camera), light, [], times_s)
    atlas = get_atlas(model, len(maps.colour))
    albedo = complete_texture(maps, atlas, worn, has_eyes_of_photo=has_eyes_of_photo)
    skin, appearance = read_skin(albedo, atlas, model)
    appearance = replace(appearance, seed=int(photo.sha256[:7] or "0", 16))
    textures = {"albedo": Texture(albedo, "sRGB"), "albedo_confidence": Texture(maps.confidence, "Non-Color")}
    surface = bake_surface_maps(albedo, model, skin)
    nothing = np.zeros_like(maps.height_m)
    relief = draw_relief(Detail(maps.height_m, nothing, nothing, 0.0), model, model.shape(identity))
    textures |= {name: Texture(pixels, "Non-Color") for name, pixels in (surface | relief).items()}
    skin_light = replace(unknown_light(), light=light, skin_linear_rgb=skin)
    asset = build_asset(model, replace(judged, code=code, camera=camera), photo, textures, skin_light)
    more: dict[str, Any] = {
        "appearance": describe_appearance(appearance),
        "appearance_read": list(READ),
        "face_shares": shares_of_face(worn, maps.confidence),
    }
    asset.provenance.update(more)
    return asset


def explain_landmarks(
    dense_px: np.ndarray, tools: CalibratedModel, identity: np.ndarray, units: np.ndarray, camera: Camera
) -> LandmarkFit:
    """How the head as it is explains the dense landmarks [478, 2]; nothing is fitted. spread: 1, for nothing is known of it."""
    model = tools.model
    problem = LandmarkProblem(dense_px, camera.size, None, model, tools.calibration, FitSettings())
    problem.center = camera.K[:2, 2]
    direction = face_frame(camera.R, 1.0, 1.0)
    problem.refresh(direction.yaw, direction.pitch)
    known = np.zeros(problem.num_identity)
    known[: len(identity)] = identity[: len(known)]
    modes = np.zeros(len(problem.measurement.modes))
    state = HeadState(camera.R, camera.t, float(np.log(camera.K[0, 0])), known, units, modes)
    return problem.result(state, np.ones(model.num_identity))


def complete_texture(maps: PaperMaps, atlas: Atlas, worn: HeadModel, *, has_eyes_of_photo: bool) -> np.ndarray:
    """The method's colours, on teeth, tongue and lashes our own, and on eyeballs where the picture does not show them."""
    size = len(maps.colour)
    texels = keep_texels(worn, size)
    albedo = np.where(maps.is_laid[..., None], maps.colour, atlas.base)
    if not has_eyes_of_photo:
        parts = np.repeat(worn.face_parts, 1 + (worn.faces[:, 3] >= 0))
        eyes = [worn.part_names.index(name) for name in EYES if name in worn.part_names]
        on_eyes = (texels.triangle_id >= 0) & np.isin(parts[texels.triangle_id], eyes)
        index = np.flatnonzero(on_eyes)
        share = maps.seen.reshape(-1)[index, None]
        flat, base = albedo.reshape(-1, 3), atlas.base.reshape(-1, 3)
        flat[index] = np.round(share * flat[index] + (1 - share) * base[index]).astype(np.uint8)
    covered = (texels.triangle_id >= 0).reshape(size, size)
    share_covered = Image.fromarray(covered.astype(np.uint8) * 255).reduce(max(1, size // FILL_PX))
    fill_gutters(albedo, np.flatnonzero(~covered), np.asarray(share_covered) / np.float32(255))
    return albedo


def read_skin(albedo: np.ndarray, atlas: Atlas, model: HeadModel) -> tuple[np.ndarray, Appearance]:
    """The linear colour [3] of the face's sure skin, and the numbers of the skin that the texture tells."""
    triangles = triangulate(model.faces)
    vertex = base_at_vertices(albedo, atlas.texels, triangles, np.unique(atlas.skin), len(model.template))
    colour = srgb_to_linear(vertex / 255)
    skin = np.median(colour[atlas.zones.sure_skin > 0.5], 0)
    appearance = estimate_appearance(colour, model.regions["face"], atlas.zones.feature, skin, atlas.face_map)
    return skin.astype(np.float32), appearance
