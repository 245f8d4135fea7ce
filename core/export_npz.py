"""A head as one .npz of plain arrays, for measuring and learning (keys and frames: README, "npz")."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from .animation.visemes import KEYS
from .head.bones import nearest_surface_points, pose_asset
from .head.model import triangulate, triangulate_corners
from .staging import staged
from .types import HeadAsset


def export_npz(asset: HeadAsset, path: Path) -> None:
    """Writes head_arrays(asset), compressed, whole or not at all. Raises ExportError."""
    packed = BytesIO()
    np.savez_compressed(packed, **head_arrays(asset))
    with staged(path.parent) as folder:
        (folder / path.with_suffix(".npz").name).write_bytes(packed.getbuffer())


def head_arrays(asset: HeadAsset) -> dict[str, np.ndarray]:
    """vertices [V,3] m: neutral, model space; vertices_posed [V,3] m: with expression and pose, in OpenCV camera axes;
    faces, face_uvs [F,3]; uvs [U,2]; landmarks7(_posed) [7,3] in the same two frames; K [3,3] px; albedo [H,W,3] sRGB;
    albedo_confidence [H,W]; displacement uint16 (appearance/relief.decode_displacement) and normal, of half that size
    (a random person's of that size);
    expression [E] with expression_names; identity [K]; light [9,3]; skin_linear_rgb [3]; appearance [A] with appearance_names
    (appearance/parameters.py, all but the iris); times_s with time_names. Of a head without a photo the camera's and the light's
    keys are absent. Of a FLAME head whose files came with them: landmarks68 [68,3] m (neutral), and corner_uvs_FLAME [F,3,2], a
    face's corners on FLAME's own layout. Of one that was made from a latent code: latent, w [D] or w+ [L,D].
    Of a head with viseme keys: viseme_names [N] and viseme_offsets [N,V,3] m from `vertices`.
    """
    times_s: dict[str, float] = asset.provenance.get("times_s", {})
    told = {k: v for k, v in asset.provenance.get("appearance", {}).items() if not isinstance(v, list)}
    arrays = {
        "vertices": asset.vertices.astype(np.float32),
        "faces": triangulate(asset.faces).astype(np.int32),
        "uvs": asset.uvs.astype(np.float32),
        "face_uvs": triangulate(asset.face_uvs).astype(np.int32),
        "landmarks7": asset.landmarks7.astype(np.float32),
        "expression": np.array(list(asset.expression.values()), np.float32),
        "expression_names": np.array(list(asset.expression), np.str_),
        "identity": asset.identity.astype(np.float32),
        "skin_linear_rgb": asset.skin_linear_rgb.astype(np.float32),
        "appearance": np.array(list(told.values()), np.float64),
        "appearance_names": np.array(list(told), np.str_),
        "times_s": np.array(list(times_s.values()), np.float64),
        "time_names": np.array(list(times_s), np.str_),
    }
    arrays |= {name: texture.pixels for name, texture in asset.textures.items()}
    if asset.landmarks68 is not None:
        arrays["landmarks68"] = asset.landmarks68.astype(np.float32)
    for name, corners in asset.more_uvs.items():
        arrays[f"corner_uvs_{name}"] = triangulate_corners(asset.faces, corners)
    if "code" in asset.provenance.get("latent", {}):
        arrays["latent"] = np.array(asset.provenance["latent"]["code"], np.float32)
    if names := [key for key in KEYS if key in asset.shape_keys]:
        arrays["viseme_names"] = np.array(names, np.str_)
        arrays["viseme_offsets"] = np.stack([asset.shape_keys[name] for name in names]).astype(np.float32)
    if asset.light is not None:
        arrays["light"] = asset.light.astype(np.float32)
    if asset.camera is not None:
        camera = asset.camera
        posed = pose_asset(asset, asset.expression, asset.pose)
        landmarks = nearest_surface_points(asset.vertices, asset.faces, asset.landmarks7).evaluate(posed)
        arrays["vertices_posed"] = (posed @ camera.R.T + camera.t).astype(np.float32)
        arrays["landmarks7_posed"] = (landmarks @ camera.R.T + camera.t).astype(np.float32)
        arrays["K"] = camera.K.astype(np.float64)
    return arrays
