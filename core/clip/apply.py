"""What CLIP found, made a head of: a finished head and a HeadEdit -> the edited head. NumPy alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..fit.texture import bake_surface_maps
from ..head.model import HeadModel
from ..head.visemes import follow_shape
from ..types import HeadAsset, Texture
from .tints import SKIN, tint_albedo

if TYPE_CHECKING:
    from .edit_head import HeadEdit

EDITS = "words"
"""HeadAsset.provenance's key, the lexicon's too: one entry an edit."""
LEAST_WEIGHT = 0.005
"""Expressions that moved by less are as they were."""


def apply_edit(asset: HeadAsset, edit: HeadEdit, model: HeadModel, held: np.ndarray | None = None) -> HeadAsset:
    """The head with the change, its own sculpting and texture's detail kept; what is not changed keeps its bits.

    held: as edit_head was given it.
    """
    edited = replace(asset, expression=asset.expression | _moved_units(asset, edit))
    edited = _move_shape(edited, edit, model.worn or model, held)
    edited = _move_colours(edited, edit, model)
    moved = _describe_moves(asset, edit)
    told = {
        "words": edit.words, "strength": edit.strength, "seed": edit.seed, "by": "CLIP", "understood": moved, "ignored": [],
        "loss_before": round(edit.loss_before, 5), "loss_after": round(edit.loss_after, 5), "steps": len(edit.losses),
    }  # fmt: skip
    return replace(edited, provenance=edited.provenance | {EDITS: [*asset.provenance.get(EDITS, ()), told]})


def _describe_moves(asset: HeadAsset, edit: HeadEdit) -> list[str]:
    """What moved: the identity, then units and tints, those that moved most first."""
    units = sorted(_moved_units(asset, edit).items(), key=lambda unit: -abs(unit[1] - asset.expression[unit[0]]))
    tints = sorted(edit.tints.items(), key=lambda tint: -max(map(abs, tint[1])))
    told = [f"identity by {np.linalg.norm(edit.identity):.2f} standard deviations"] if np.any(edit.identity) else []
    told += [f"expression {name} {weight:.2f}" for name, weight in units]
    return told + [f"tint of {name} {r:+.2f} {g:+.2f} {b:+.2f}" for name, (r, g, b) in tints]


def _moved_units(asset: HeadAsset, edit: HeadEdit) -> dict[str, float]:
    return {name: weight for name, weight in edit.expression.items() if abs(weight - asset.expression[name]) >= LEAST_WEIGHT}


def _move_shape(asset: HeadAsset, edit: HeadEdit, model: HeadModel, held: np.ndarray | None) -> HeadAsset:
    if not np.any(edit.identity):
        return asset
    offsets = np.tensordot(edit.identity, model.identity_basis[: len(edit.identity)].astype(np.float64), 1)
    offsets = offsets if held is None else offsets * (1 - held[:, None])
    identity = asset.identity.astype(np.float64)
    identity[: len(edit.identity)] += edit.identity
    points = asset.landmarks68
    if points is not None and model.landmarks68 is not None:
        points = (points + model.landmarks68.evaluate(offsets)).astype(np.float32)
    edited = replace(
        asset,
        vertices=(asset.vertices + offsets).astype(np.float32),
        joints=(asset.joints + model.joint_regressor @ offsets).astype(np.float32),
        landmarks7=(asset.landmarks7 + model.landmarks7.evaluate(offsets)).astype(np.float32),
        landmarks68=points,
        identity=identity,
    )
    return follow_shape(asset, edited)


def _move_colours(asset: HeadAsset, edit: HeadEdit, model: HeadModel) -> HeadAsset:
    if not edit.tints:
        return asset
    albedo = tint_albedo(asset, edit.tints)
    skin = (asset.skin_linear_rgb * np.exp(np.array(edit.tints.get(SKIN, (0, 0, 0))))).astype(np.float32)
    textures = asset.textures | {"albedo": Texture(albedo, "sRGB")}
    if "subsurface" in textures:
        textures |= {"subsurface": Texture(bake_surface_maps(albedo, model, skin)["subsurface"], "Non-Color")}
    return replace(asset, textures=textures, skin_linear_rgb=skin)
