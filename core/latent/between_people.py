"""Two heads of one model -> one becomes the other: as a shape key whose slider morphs them, or as heads in named steps.

Rule of this file: NumPy alone. A key is offsets of the neutral face, so it goes with every expression; bones and textures have no
key, which is what the steps are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..appearance.catalogue import NAMES as SKIN_NAMES
from ..appearance.parameters import describe_appearance, read_appearance
from ..appearance.restyle import change_appearance
from ..errors import IdentityError
from ..head.library import FILE_NAME, FILE_SHA256, LAYOUT
from ..head.visemes import follow_shape
from ..render.shading import SRGB_TABLE, encode_srgb
from ..types import HeadAsset, Texture

TOWARDS = "Towards {name}"
LONGEST_KEY = 63
"""Blender's names are that many bytes at most."""
OTHER_MODEL = "{one} and {other} are heads of different models ({ours}, {theirs}): make both with the same --model."
OTHER_MESH = "{one} and {other} have different meshes: make both anew with the same version and model."
OTHER_SIZE = "The texture {name} has {ours} texels in {one} and {theirs} in {other}: make both with the same --texture-size."


def require_same_model(one: HeadAsset, other: HeadAsset) -> None:
    """Raises IdentityError where vertex numbers or UVs do not mean the same on both heads."""
    names = {"one": one.name, "other": other.name}
    if one.model_name != other.model_name:
        raise IdentityError(OTHER_MODEL.format(ours=one.model_name, theirs=other.model_name, **names))
    same = [(one.faces, other.faces), (one.face_uvs, other.face_uvs)]
    if one.vertices.shape != other.vertices.shape or not all(np.array_equal(a, b) for a, b in same):
        raise IdentityError(OTHER_MESH.format(**names))


def name_key(other: HeadAsset) -> str:
    """'Towards <name>', cut to what Blender takes."""
    return TOWARDS.format(name=other.name).encode()[:LONGEST_KEY].decode(errors="ignore")


def add_key_towards(one: HeadAsset, other: HeadAsset) -> HeadAsset:
    """The head with one shape key more, at 0: at 1 its neutral shape is the other's. A key of that name is replaced. Raises
    IdentityError."""
    require_same_model(one, other)
    offsets = (other.vertices.astype(np.float64) - one.vertices).astype(np.float32)
    name = name_key(other)
    return replace(one, shape_keys=one.shape_keys | {name: offsets}, expression=one.expression | {name: 0.0})


def mix_people(one: HeadAsset, other: HeadAsset, share: float) -> HeadAsset:
    """The head `share` of the way from the one to the other: mesh, bones, code, textures and the skin's numbers; it shows the
    one's expression, has no photo, and its marks are both people's, fainter. Raises IdentityError.
    """
    require_same_model(one, other)
    keys = ["program", "version", "model", "model_licence"]
    keys += [key for key in (FILE_NAME, FILE_SHA256, LAYOUT) if one.provenance.get(key) == other.provenance.get(key)]
    facts = {key: one.provenance[key] for key in keys if key in one.provenance}
    licences = list(dict.fromkeys(str(head.provenance["licence"]) for head in (one, other) if "licence" in head.provenance))
    provenance = facts | {"between": [one.name, other.name], "share": float(share), "licence": "; ".join(licences)}
    mixed = replace(
        one,
        name=f"{one.name} {100 * share:g}% {other.name}",
        vertices=_between(one.vertices, other.vertices, share),
        joints=_between(one.joints, other.joints, share),
        landmarks7=_between(one.landmarks7, other.landmarks7, share),
        landmarks68=_mix_landmarks(one, other, share),
        identity=_between(one.identity, other.identity, share, np.float64),
        textures=mix_textures(one, other, share),
        skin_linear_rgb=_between(one.skin_linear_rgb, other.skin_linear_rgb, share),
        camera=None, light=None, photo=None, further=(),
        provenance=provenance | _mix_appearance(one, other, share),
    )  # fmt: skip
    return follow_shape(one, mixed)


def mix_in_steps(one: HeadAsset, other: HeadAsset, shares: Sequence[float]) -> list[HeadAsset]:
    """mix_people at each share. Raises IdentityError."""
    return [mix_people(one, other, share) for share in shares]


def mix_textures(one: HeadAsset, other: HeadAsset, share: float) -> dict[str, Texture]:
    """The maps that both have: colours mixed in linear light, normals renormalised, others as their numbers. Raises
    IdentityError where sizes differ."""
    mixed = {}
    for name in (name for name in one.textures if name in other.textures):
        ours, theirs = one.textures[name], other.textures[name]
        if ours.pixels.shape != theirs.pixels.shape or ours.pixels.dtype != theirs.pixels.dtype:
            sizes = {"ours": ours.pixels.shape, "theirs": theirs.pixels.shape}
            raise IdentityError(OTHER_SIZE.format(name=name, one=one.name, other=other.name, **sizes))
        mixed[name] = Texture(_mix_pixels(name, ours, theirs.pixels, share), ours.color_space)
    return mixed


def _mix_pixels(name: str, ours: Texture, theirs: np.ndarray, share: float) -> np.ndarray:
    if share in (0, 1):
        return ours.pixels if share == 0 else theirs
    if ours.color_space == "sRGB":
        return encode_srgb((1 - share) * SRGB_TABLE[ours.pixels] + share * SRGB_TABLE[theirs])
    values = (1 - share) * ours.pixels.astype(np.float32) + share * theirs.astype(np.float32)
    if name == "normal":
        normals = values / np.float32(127.5) - 1
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        values = (normals + 1) * np.float32(127.5)
    return np.rint(values).astype(ours.pixels.dtype)


def _mix_appearance(one: HeadAsset, other: HeadAsset, share: float) -> dict[str, Any]:
    """The skin's numbers between the two, where both heads say theirs; the skin's sliders start from these."""
    told = [head.provenance.get("appearance") or {} for head in (one, other)]
    if not all(set(SKIN_NAMES) <= set(each) for each in told):
        return {}
    ours, theirs = (read_appearance(each) for each in told)
    numbers = {name: (1 - share) * getattr(ours, name) + share * getattr(theirs, name) for name in SKIN_NAMES}
    return {"appearance": describe_appearance(change_appearance(ours, numbers))}


def _between(one: np.ndarray, other: np.ndarray, share: float, dtype: type = np.float32) -> np.ndarray:
    return ((1 - share) * one.astype(np.float64) + share * other.astype(np.float64)).astype(dtype)


def _mix_landmarks(one: HeadAsset, other: HeadAsset, share: float) -> np.ndarray | None:
    ours, theirs = one.landmarks68, other.landmarks68
    return None if ours is None or theirs is None else _between(ours, theirs, share)
