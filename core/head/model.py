"""The parametric head: template -> shaped -> posed, with FLAME's structure and conventions.

    joints   = joint_regressor @ (template + identity) + expression @ joint_moves
    vertices = skin(template + identity + expression + pose correctives(R - I), joints, pose, weights)

Identity coefficients are in standard deviations. Expression units have names; a unit may also turn joints
(bone_rotations), and what a rotation leaves over is in its basis vector. Pose is axis-angle per joint, [15] rad,
in JOINT_NAMES order. The embedded head and FLAME files are both of this type; joint_moves are of FLAME's own expressions alone.
Source: Li et al. 2017, "Learning a model of facial shape and expression from 4D scans", section 3.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError
from ..types import JOINT_NAMES, JOINT_PARENTS, BoneRotation, HeadCode

if TYPE_CHECKING:
    from ..flame.carry import Carry

FORMAT = 1


@dataclass(frozen=True)
class SurfacePoints:
    """Points on the mesh: sum over k of weights[:, k] * vertices[indices[:, k]]; indices, weights [N, 3]."""

    indices: np.ndarray
    weights: np.ndarray

    def evaluate(self, vertices: np.ndarray) -> np.ndarray:
        """vertices [..., V, C] -> [..., N, C]."""
        return np.einsum("nk,...nkc->...nc", self.weights, vertices[..., self.indices, :])


@dataclass(frozen=True)
class HeadModel:
    """A head model's arrays. V vertices, K identity, E expression units, F faces (quads, -1 pads triangles), U uvs.

    template [V,3] m; identity_basis [K,V,3] m per standard deviation; expression_basis [E,V,3] m at weight 1;
    pose_correctives [36,V,3] m per element of R - I (neck, jaw, left eye, right eye; row-major);
    joint_regressor [5,V]; weights [V,5]; faces, face_uvs [F,4]; uvs [U,2]; face_parts [F] into part_names;
    regions: name -> [V] in [0,1]; landmarks7: HeadAsset.landmarks7's points;
    base_textures: name -> uint8 image on the UVs (at least 'albedo', sRGB);
    warnings: sentences for whoever makes heads with it;
    more_uvs, landmarks68: HeadAsset's, where the model has them;
    joint_moves [E,5,3] m: how far a unit at weight 1 takes the joints along; None: no unit does;
    file_name, sha256: of the user's file that it was made from, '' for the built-in head;
    carry: brings fields on the first vertices of `worn` to this mesh (flame/carry.py);
    worn: the same people on another mesh, with the same layout of textures, which is what their heads are in a scene (FLAME's own
    mesh); its first identity axes and expression units are this model's. None: this mesh itself.
    """

    name: str
    licence: str
    template: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    expression_names: tuple[str, ...]
    bone_rotations: dict[str, tuple[BoneRotation, ...]]
    pose_correctives: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    face_uvs: np.ndarray
    face_parts: np.ndarray
    part_names: tuple[str, ...]
    regions: dict[str, np.ndarray]
    landmarks7: SurfacePoints
    base_textures: dict[str, np.ndarray]
    warnings: tuple[str, ...] = ()
    more_uvs: dict[str, np.ndarray] = field(default_factory=dict)
    landmarks68: SurfacePoints | None = None
    joint_moves: np.ndarray | None = None
    file_name: str = ""
    sha256: str = ""
    carry: Carry | None = None
    worn: HeadModel | None = None

    @property
    def num_identity(self) -> int:
        return len(self.identity_basis)

    @property
    def num_expression(self) -> int:
        return len(self.expression_basis)

    @property
    def topology(self) -> str:
        """sha256 (hex) of the faces: tables indexed by vertex belong to one topology."""
        return hashlib.sha256(np.ascontiguousarray(self.faces, np.int32).tobytes()).hexdigest()

    def neutral_code(self) -> HeadCode:
        return HeadCode(np.zeros(self.num_identity), np.zeros(self.num_expression), np.zeros(15))

    def shape(self, identity: np.ndarray) -> np.ndarray:
        """identity [k <= K] -> neutral vertices [V, 3] m."""
        k = len(identity)
        return self.template + np.tensordot(identity, self.identity_basis[:k], 1)

    def locate_joints(self, shaped: np.ndarray) -> np.ndarray:
        """Neutral vertices [V, 3] -> joints [5, 3] m."""
        return self.joint_regressor @ shaped

    def full_pose(self, code: HeadCode) -> np.ndarray:
        """code.pose plus the rotations that its expression units drive, [15] rad (axis-angles of a joint add)."""
        pose = np.array(code.pose, np.float64)
        for name, weight in zip(self.expression_names, code.expression, strict=True):
            for rotation in self.bone_rotations.get(name, ()):
                joint = JOINT_NAMES.index(rotation.joint)
                pose[3 * joint : 3 * joint + 3] += weight * rotation.axis_angle
        return pose

    def pose(self, code: HeadCode) -> np.ndarray:
        """Vertices [V, 3] m with identity, expression and pose."""
        shaped = self.shape(code.identity)
        pose = self.full_pose(code)
        rotations = rotation_matrices(pose.reshape(-1, 3))
        offsets = np.tensordot(code.expression, self.expression_basis, 1)
        offsets += np.tensordot((rotations[1:] - np.eye(3)).ravel(), self.pose_correctives, 1)
        joints = self.locate_joints(shaped)
        if self.joint_moves is not None:
            joints = joints + np.tensordot(code.expression, self.joint_moves, 1)
        return skin(shaped + offsets, joints, rotations, self.weights)


def rotation_matrices(axis_angles: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: [..., 3] rad -> [..., 3, 3]."""
    angle = np.linalg.norm(axis_angles, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(axis_angles, -1, 0)
    zero = np.zeros_like(x)
    K = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    small = angle < 1e-8
    safe = np.where(small, 1.0, angle)
    a = np.where(small, 1.0, np.sin(safe) / safe)
    b = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.eye(3) + a * K + b * (K @ K)


def joint_transforms(joints: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rest joints [5,3] and local rotations [5,3,3] -> world rotations A [5,3,3] and offsets b [5,3]: x -> A x + b."""
    A = np.empty_like(rotations)
    world = np.empty_like(joints)
    for j, parent in enumerate(JOINT_PARENTS):
        if parent < 0:
            A[j], world[j] = rotations[j], joints[j]
        else:
            A[j] = A[parent] @ rotations[j]
            world[j] = A[parent] @ (joints[j] - joints[parent]) + world[parent]
    return A, world - np.einsum("jab,jb->ja", A, joints)


def skin(vertices: np.ndarray, joints: np.ndarray, rotations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Linear blend skinning: vertices [V,3], joints [5,3], local rotations [5,3,3], weights [V,5] -> [V,3]."""
    A, b = joint_transforms(joints, rotations)
    return np.einsum("vj,jab,vb->va", weights, A, vertices, optimize=True) + weights @ b


def triangulate(faces: np.ndarray) -> np.ndarray:
    """Quads [F, 4] with -1 padding -> triangles [T, 3]; quad (a, b, c, d) gives (a, b, c) and (a, c, d), in order."""
    quads = faces[:, 3] >= 0
    first, second = faces[:, :3], faces[:, [0, 2, 3]]
    both = np.stack([first, second], 1).reshape(-1, 3)
    return both[np.stack([np.ones_like(quads), quads], 1).ravel()]


def triangulate_corners(faces: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """What the corners of faces [F, 4] have [F, 4, C] -> [T, 3, C] of triangulate(faces)."""
    places = np.where(faces < 0, -1, np.arange(faces.size).reshape(faces.shape))
    return corners.reshape(-1, corners.shape[-1])[triangulate(places)]


def save_model(model: HeadModel, path: Path) -> None:
    """Write a model as one compressed npz; bases as float16 (error below .01 mm)."""
    header = {
        "format": FORMAT, "name": model.name, "licence": model.licence,
        "expression_names": model.expression_names, "part_names": model.part_names,
        "bone_rotations": {n: [[r.joint, list(map(float, r.axis_angle))] for r in rs] for n, rs in model.bone_rotations.items()},
        "regions": list(model.regions), "textures": list(model.base_textures),
    }  # fmt: skip
    arrays: dict[str, np.ndarray] = {
        "template": model.template.astype(np.float32),
        "identity_basis": model.identity_basis.astype(np.float16),
        "expression_basis": model.expression_basis.astype(np.float16),
        "pose_correctives": model.pose_correctives.astype(np.float16),
        "joint_regressor": model.joint_regressor.astype(np.float32),
        "weights": model.weights.astype(np.float32),
        "faces": model.faces.astype(np.int32), "uvs": model.uvs.astype(np.float32),
        "face_uvs": model.face_uvs.astype(np.int32), "face_parts": model.face_parts.astype(np.uint8),
        "landmark7_indices": model.landmarks7.indices.astype(np.int32),
        "landmark7_weights": model.landmarks7.weights.astype(np.float32),
        "region_weights": np.array(list(model.regions.values()), np.float16),
    }  # fmt: skip
    arrays |= {f"texture_{name}": pixels for name, pixels in model.base_textures.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, header=np.array(json.dumps(header)), **arrays)
    partial.replace(path)


def load_model(path: Path) -> HeadModel:
    """Read what save_model wrote. Raises ModelError when the file is missing, damaged or of another format."""
    if not path.exists():
        raise ModelError(f"The head model {path} is missing: run `make assets`, or reinstall the extension.")
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files}
        header = json.loads(str(data["header"]))
        if header["format"] != FORMAT:
            raise ModelError(f"The head model {path} has format {header['format']}, not {FORMAT}: run `make assets` again.")
        return _unpack(header, data)
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        remedy = "run `make assets`, reinstall the extension, or give another model"
        raise ModelError(f"The head model {path} is damaged or is no head model ({error}): {remedy}.") from error


def read_licence(path: Path) -> str:
    """What a model's file says of its licence; only its header is read. Raises ModelError when that cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(json.loads(str(file["header"]))["licence"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"The head model {path} is missing or damaged ({error}): reinstall the extension.") from error


def _unpack(header: dict[str, Any], data: dict[str, np.ndarray]) -> HeadModel:
    wide: dict[str, Any] = {
        key: data[key].astype(np.float32) for key in ("template", "identity_basis", "expression_basis", "pose_correctives")
    }
    rotations = {n: tuple(BoneRotation(j, np.array(a)) for j, a in rs) for n, rs in header["bone_rotations"].items()}
    return HeadModel(
        name=header["name"], licence=header["licence"], **wide,
        expression_names=tuple(header["expression_names"]), bone_rotations=rotations,
        joint_regressor=data["joint_regressor"], weights=data["weights"], faces=data["faces"], uvs=data["uvs"],
        face_uvs=data["face_uvs"], face_parts=data["face_parts"].astype(np.int64), part_names=tuple(header["part_names"]),
        regions=dict(zip(header["regions"], data["region_weights"].astype(np.float32), strict=True)),
        landmarks7=SurfacePoints(data["landmark7_indices"], data["landmark7_weights"]),
        base_textures={name: data[f"texture_{name}"] for name in header["textures"]},
    )  # fmt: skip
