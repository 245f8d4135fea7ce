"""A finished head and words -> the head that the words ask for. A story as pipeline.py's; `batch.py edit` tells it.

Rule of this file: only what the plan names changes. The shape is moved by the difference of two identities, so what was sculpted
stays; the skin is moved by the ratio of two painted ones, so a photo's own pores stay.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import replace
from typing import Any

import numpy as np

from ..appearance.catalogue import NAMES as SKIN_NAMES
from ..appearance.parameters import read_appearance
from ..errors import ModelError
from ..head.library import EMBEDDED, FILE_SHA256, LAYOUT, find_model
from ..head.visemes import follow_shape
from ..identity.catalogue import NAMES, TRAITS
from ..identity.directions import EditingSpace, open_space
from ..identity.gauges import load_gauges
from ..identity.state import IdentityState, change_traits, read_traits, shape
from ..restyle import restyle_head_in_steps
from ..types import HeadAsset, Progress
from .plan import KINDS, SHAPE, EditPlan, Look, plan_edit

EDITS = "words"
"""HeadAsset.provenance's key: what was asked for by words, one entry an edit."""


def edit_head(
    asset: HeadAsset, words: str, strength: float = 1.0, only: Collection[str] = KINDS
) -> Generator[Progress, None, HeadAsset]:
    """The head as the words want it; what was understood is in provenance[EDITS][-1]. Raises WordsError, SkinError."""
    yield Progress("Reading the words", 0.0)
    plan = plan_edit(words, look_at(asset), strength, only)
    edited = replace(asset, expression=asset.expression | plan.expression)
    if plan.skin:
        edited = yield from restyle_head_in_steps(edited, plan.skin)
    edited = move_shape(edited, plan.traits)
    told = {"words": words, "strength": strength, "understood": list(plan.understood), "ignored": list(plan.ignored)}
    edits = [*asset.provenance.get(EDITS, ()), told]
    yield Progress("Done", 1.0)
    return replace(edited, provenance=edited.provenance | {EDITS: edits})


def look_at(asset: HeadAsset) -> Look:
    """A head in the numbers that words can change; what it has no sliders for is left out."""
    expression = dict(asset.expression)
    told: dict[str, Any] = asset.provenance.get("appearance") or {}
    is_ours = _is_embedded(asset)
    is_told = set(SKIN_NAMES) <= set(told) and (is_ours or asset.provenance.get(LAYOUT) == EMBEDDED)
    appearance = read_appearance(told) if is_told else None
    skin = {name: float(getattr(appearance, name)) for name in SKIN_NAMES} if appearance is not None else {}
    try:
        space = find_space(asset)
    except ModelError as error:
        reason = str(error).rstrip(".")
        return Look({}, skin, expression, {SHAPE: f"{reason[0].lower()}{reason[1:]}; in a batch give its place with --model"})
    if space is None:
        return Look({}, skin, expression)
    values = read_traits(space, IdentityState(np.asarray(asset.identity, float)), asset.vertices)
    unspanned = frozenset(name for name in NAMES if not space.gauges.offers(name))
    return Look(dict(zip(NAMES, map(float, values), strict=True)), skin, expression, unspanned=unspanned)


def find_space(asset: HeadAsset) -> EditingSpace | None:
    """The people among whom a head's sliders move it; None for a head without sliders. Raises ModelError where its FLAME file is
    not at hand."""
    if _is_embedded(asset):
        return open_space()
    if not asset.provenance.get(FILE_SHA256):
        return None
    space = open_space(find_model(asset.provenance))
    is_whole = len(asset.identity) == len(space.gauges.weights) and len(asset.vertices) == space.gauges.num_vertices
    return space if is_whole else None


def move_shape(asset: HeadAsset, traits: dict[str, float]) -> HeadAsset:
    """The head with traits at these values, all at once; joints and landmarks go along. Raises ModelError."""
    space = find_space(asset) if traits else None
    if space is None:
        return asset
    before = IdentityState(np.asarray(asset.identity, float))
    values = read_traits(space, before, asset.vertices)
    after = change_traits(space, before, {name: value - values[NAMES.index(name)] for name, value in traits.items()}, ())
    offsets = shape(space, after).astype(np.float64) - shape(space, before)
    vertices = (asset.vertices + offsets).astype(np.float32)
    points = asset.landmarks68
    if points is not None and space.model.landmarks68 is not None:
        points = (points + space.model.landmarks68.evaluate(offsets)).astype(np.float32)
    edited = replace(
        asset,
        vertices=vertices,
        identity=after.code,
        joints=(asset.joints + space.model.joint_regressor @ offsets).astype(np.float32),
        landmarks7=(asset.landmarks7 + space.model.landmarks7.evaluate(offsets)).astype(np.float32),
        landmarks68=points,
    )
    changed = {
        trait.name: [round(float(was), 2), round(float(now), 2)]
        for trait, was, now in zip(TRAITS, values, read_traits(space, after, vertices), strict=True)
        if trait.name in traits
    }
    told = dict(asset.provenance.get("identity_edited", {}))
    told |= {name: [told.get(name, was_now)[0], was_now[1]] for name, was_now in changed.items()}
    return replace(follow_shape(asset, edited), provenance=asset.provenance | {"identity_edited": told})


def _is_embedded(asset: HeadAsset) -> bool:
    gauges = load_gauges()
    is_whole = len(asset.identity) == len(gauges.weights) and len(asset.vertices) == gauges.num_vertices
    return asset.model_name == gauges.model_name and is_whole


__all__ = ["EDITS", "KINDS", "EditPlan", "Look", "edit_head", "look_at", "move_shape", "plan_edit"]
