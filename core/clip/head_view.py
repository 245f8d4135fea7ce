"""A head as a differentiable function of its codes: identity, expression and colour in, pictures out.

    neutral  = vertices + identity @ basis            colour = texture * exp(sum over regions of field * tint)
    posed    = skin(neutral + expression @ keys + pose correctives), as core/head/bones.pose_asset
    picture  = sRGB(colour * half-Lambert light)

Rule of this file: tints are three numbers a region, logarithms of factors of linear colour, on smooth fields over the vertices;
tints.py lays the same onto a texture. What a head shows before any change is exactly the asset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..albedogan.normals import vertex_normals
from ..albedogan.rotations import axis_angle_to_matrix
from ..errors import IdentityError
from ..head.bones import locate_joints
from ..head.model import HeadModel, triangulate
from ..render.camera import orbit_camera
from ..render.differentiable import load_backend
from ..render.differentiable.projection import clip_matrix
from ..render.shading import SRGB_TABLE
from ..types import ARKIT_NAMES, JOINT_NAMES, JOINT_PARENTS, Camera, HeadAsset
from .tints import tint_fields

TEXTURE_PX = 512
"""The albedo is looked at in no more texels a side."""
AMBIENT, KEY, KEY_DIRECTION = 0.45, 0.65, (0.35, 0.45, 0.82)
YAW_RAD, PITCH_RAD = 0.45, 0.18
FILL, GREYS = (0.75, 1.0), (0.1, 0.6)
FRAMED = "face"
CLEAR = ("left_cornea", "right_cornea", "lashes")
"""Parts that are seen through, wholly or between hairs: they are not drawn."""


@dataclass(frozen=True)
class View:
    """A camera and the linear grey behind the head."""

    camera: Camera
    grey: float


class HeadView:
    """A HeadAsset of a HeadModel, made into tensors; `expression_names`: the units that may move, `tint_names`: the regions.

    held: how far the identity leaves each vertex where it is, [V] in [0, 1].
    """

    def __init__(self, asset: HeadAsset, model: HeadModel, *, held: np.ndarray | None = None, backend: str = "warp") -> None:
        worn = model.worn or model
        if worn.template.shape != asset.vertices.shape or len(asset.identity) > worn.num_identity:
            raise IdentityError(f"{asset.name} is no head of the model {model.name}: give the model that it was made with.")
        self.renderer = load_backend(backend)
        basis = worn.identity_basis[: len(asset.identity)]
        basis = basis if held is None else basis * (1 - held[:, None])
        self.num_identity = len(basis)
        self.expression_names = [n for n in ARKIT_NAMES if n in asset.expression and _moves(asset, n)]
        fields = tint_fields(asset)
        self.tint_names = list(fields)
        self.vertices, self.weights = _tensor(asset.vertices), _tensor(asset.weights)
        self.basis = _tensor(basis).reshape(self.num_identity, -1)
        self.joints = _tensor(locate_joints(asset, asset.expression))
        self.joint_basis = torch.einsum("jv,kvc->kjc", _tensor(worn.joint_regressor), _tensor(basis)).flatten(1)
        still = np.zeros_like(asset.vertices)
        keys = [asset.shape_keys.get(name, still) for name in self.expression_names]
        self.keys = _tensor(np.array(keys).reshape(len(keys), asset.vertices.size))
        self.turns = _tensor(_unit_turns(asset, self.expression_names))
        self.others, self.rest = _other_units(asset, self.expression_names)
        self.correctives = _tensor(asset.pose_correctives).flatten(1)
        seen = ~np.isin(asset.face_parts, [i for i, part in enumerate(asset.part_names) if part in CLEAR])
        shown = (triangulate(table[seen]).astype(np.int32) for table in (asset.faces, asset.face_uvs))
        self.triangles, self.corners = (torch.from_numpy(table) for table in shown)
        self.normal_faces = self.triangles.long()
        self.uvs = _tensor(asset.uvs * [1, -1] + [0, 1])[None]
        self.fields = _tensor(np.stack(list(fields.values()), 1))
        self.texture = _linear_texture(asset)
        framed = asset.regions.get(FRAMED)
        self.framed = asset.vertices[framed > 0.5] if framed is not None and (framed > 0.5).any() else asset.vertices
        self.topology = self.renderer.antialias_construct_topology_hash(self.triangles)

    def expression(self, asset: HeadAsset) -> Tensor:
        """The asset's weights of the units that may move, [E]."""
        return torch.tensor([asset.expression[name] for name in self.expression_names], dtype=torch.float32)

    def pose(self, identity: Tensor, expression: Tensor) -> Tensor:
        """A change of identity [K] and weights [E] -> vertices [V, 3] m."""
        neutral = self.vertices + (identity @ self.basis).reshape(-1, 3)
        joints = self.joints + (identity @ self.joint_basis).reshape(-1, 3)
        angles = self.rest + torch.einsum("e,ejc->jc", expression, self.turns)
        rotations = axis_angle_to_matrix(angles)
        offsets = expression @ self.keys + self.others.flatten()
        offsets = offsets + (rotations[1:] - torch.eye(3)).flatten() @ self.correctives
        return _skin(neutral + offsets.reshape(-1, 3), joints, rotations, self.weights)

    def draw(self, identity: Tensor, expression: Tensor, tints: Tensor, views: list[View], size: int) -> Tensor:
        """Codes, with tints [R, 3], -> sRGB pictures [B, 3, size, size] in [0, 1], differentiable in all three."""
        vertices = self.pose(identity, expression)
        matrices = torch.stack([_tensor(clip_matrix(view.camera, size=(size, size))) for view in views])
        points = torch.cat([vertices, torch.ones_like(vertices[:, :1])], 1)
        positions = (points @ matrices.transpose(1, 2)).contiguous()
        raster, _ = self.renderer.rasterize(positions, self.triangles, (size, size))
        uv, _ = self.renderer.interpolate(self.uvs, raster, self.corners)
        table = torch.cat([vertex_normals(vertices[None], self.normal_faces)[0], self.fields @ tints], 1)
        at_pixels, _ = self.renderer.interpolate(table[None], raster, self.triangles)
        colour = self.renderer.texture(self.texture, uv, filter_mode="linear", boundary_mode="clamp")
        normals = torch.nn.functional.normalize(at_pixels[..., :3], dim=-1)
        key = torch.nn.functional.normalize(torch.tensor(KEY_DIRECTION), dim=0)
        light = AMBIENT + KEY * (0.5 + 0.5 * normals @ key).square()
        lit = colour * at_pixels[..., 3:].exp() * light[..., None]
        greys = torch.tensor([view.grey for view in views]).view(-1, 1, 1, 1)
        composed = torch.where(raster[..., 3:] > 0, lit, greys.expand_as(lit)).contiguous()
        picture = self.renderer.antialias(composed, raster, positions, self.triangles, self.topology)
        return encode(picture).permute(0, 3, 1, 2)

    def frontal_view(self) -> View:
        """The face from before."""
        return View(orbit_camera(self.framed, (256, 256), fill=FILL[1]), GREYS[1] / 2)

    def random_views(self, count: int, seed: int) -> list[View]:
        """Cameras around the face, further and nearer, off its middle, before different greys; the first is the frontal one."""
        random = np.random.default_rng((seed, 7))
        views = [self.frontal_view()]
        for _ in range(count - 1):
            yaw, pitch = random.uniform(-1, 1, 2) * (YAW_RAD, PITCH_RAD)
            camera = orbit_camera(self.framed, (256, 256), float(yaw), float(pitch), fill=float(random.uniform(*FILL)))
            K = camera.K.copy()
            K[:2, 2] += random.uniform(-12, 12, 2)
            views.append(View(Camera(K, camera.R, camera.t, camera.size), float(random.uniform(*GREYS))))
        return views


def encode(linear: Tensor) -> Tensor:
    """Linear -> sRGB in [0, 1]."""
    clipped = linear.clamp(0, 1)
    return torch.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _moves(asset: HeadAsset, name: str) -> bool:
    key = asset.shape_keys.get(name)
    return bool(asset.bone_rotations.get(name)) or (key is not None and bool(np.any(key)))


def _unit_turns(asset: HeadAsset, names: list[str]) -> np.ndarray:
    """Axis-angles [E, 5, 3] of the joints at weight 1."""
    turns = np.zeros((len(names), len(JOINT_NAMES), 3))
    for i, name in enumerate(names):
        for rotation in asset.bone_rotations.get(name, ()):
            turns[i, JOINT_NAMES.index(rotation.joint)] += rotation.axis_angle
    return turns


def _other_units(asset: HeadAsset, names: list[str]) -> tuple[Tensor, Tensor]:
    """What units beside these and the asset's pose do: offsets [V, 3] m and axis-angles [5, 3]."""
    offsets, turns = np.zeros(asset.vertices.shape), np.reshape(asset.pose, (-1, 3)).astype(np.float64)
    others = [name for name, weight in asset.expression.items() if weight and name not in names]
    for name in others:
        offsets += asset.expression[name] * asset.shape_keys.get(name, 0.0)
    turns = turns + np.einsum("e,ejc->jc", [asset.expression[n] for n in others], _unit_turns(asset, others))
    return _tensor(offsets), _tensor(turns)


def _linear_texture(asset: HeadAsset) -> Tensor:
    pixels = asset.textures["albedo"].pixels
    step = max(1, len(pixels) // TEXTURE_PX)
    linear = SRGB_TABLE[pixels[..., :3]]
    height, width = len(linear) // step, linear.shape[1] // step
    small = linear[: height * step, : width * step].reshape(height, step, width, step, 3).mean((1, 3))
    return _tensor(small)[None]


def _skin(vertices: Tensor, joints: Tensor, rotations: Tensor, weights: Tensor) -> Tensor:
    """Linear blend skinning: vertices [V, 3], joints [5, 3], local rotations [5, 3, 3] -> [V, 3]."""
    turns: list[Tensor] = []
    places: list[Tensor] = []
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent < 0:
            turns.append(rotations[joint])
            places.append(joints[joint])
        else:
            turns.append(turns[parent] @ rotations[joint])
            places.append(places[parent] + turns[parent] @ (joints[joint] - joints[parent]))
    turn = torch.stack(turns)
    shift = torch.stack(places) - (turn @ joints[..., None])[..., 0]
    blended = (weights @ turn.flatten(1)).reshape(-1, 3, 3)
    return (blended @ vertices[..., None])[..., 0] + weights @ shift
