"""A head as CLIP edits it: what the worker is given of it, and what came back put on it, all at once.

Rule of this file: the shape moves as its sliders move it, with locks and history. A skin that CLIP coloured counts as one that an
artist painted over: its numbers stay, and the next skin is made from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Generator
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np

from ..core.errors import SceneError, WordsError
from ..core.head.library import EMBEDDED
from ..core.identity.catalogue import TRAITS
from ..core.identity.gauges import load_gauges
from ..core.image_files import PackedEdit
from ..core.types import HeadAsset
from ..core.words.plan import describe_move
from ..core.words.scales import list_scales
from . import expression, head_model, identity, ownership, skin, words
from .head import HEAD, current_pose, read_bare_head, texture_images
from .image import create_images_in_steps, read_file
from .mesh import read_vertices

SHAPE, ALBEDO, EXPRESSION = MASKS = ("shape", "albedo", "expression")
"""As core/clip/edit_head.py calls them, which needs PyTorch."""
CHANGED = "The head was changed or removed meanwhile: nothing was done. Apply the words again."
MOST_TRAITS = 4
"""So many traits are told of, those that moved most."""
LEAST_TRAIT = 0.02
"""A trait that moved by less than this share of its range is not told of."""


@dataclass(frozen=True)
class Stamp:
    """What tells the head from any other, shape, locks, skin and face; None where it is not looked at."""

    shape: str | None
    locks: tuple[str, ...]
    skin: tuple[str, ...] | None
    face: dict[str, float] | None


def why_not(obj: bpy.types.Object, masks: Collection[str]) -> str | None:
    """Why CLIP cannot change these (MASKS) of the head now, as a sentence for the user; None when it can."""
    if (reason := head_model.why_not(obj)) is not None:
        return reason
    name = json.loads(obj[HEAD]["facts"])["model_name"]
    if head_model.name_of_model(obj) == EMBEDDED and name != load_gauges().model_name:
        return f"This head was made with another model ({name}), which CLIP cannot move: use the built-in head model"
    if "albedo" not in texture_images(obj):
        return "This head's albedo is gone from this file: make the head again"
    if SHAPE in masks and (reason := identity.why_not(obj)) is not None:
        return reason
    blocks = [*filter(None, obj.data.materials), *texture_images(obj).values()]
    if ALBEDO in masks and (reason := ownership.why_not(obj, blocks)) is not None:
        return reason
    if EXPRESSION in masks and not words.has_keys(obj):
        return "This head's expressions are gone, or linked from another file: switch Expression off"
    return None


def stamp(obj: bpy.types.Object, masks: Collection[str], locks: Collection[str]) -> Stamp:
    """The head as it is now, as far as these (MASKS) go."""
    shape = hashlib.sha1(read_vertices(obj.data).tobytes(), usedforsecurity=False).hexdigest() if SHAPE in masks else None
    face = expression.read_keys(obj) if EXPRESSION in masks else None
    return Stamp(shape, tuple(sorted(locks)), _stamp_skin(obj) if ALBEDO in masks else None, face)


def _stamp_skin(obj: bpy.types.Object) -> tuple[str, ...]:
    albedo = texture_images(obj).get("albedo")
    digest = hashlib.sha1(read_file(albedo).data, usedforsecurity=False).hexdigest() if albedo is not None else ""
    return (*skin.stamp(obj), digest)


def edit_arguments(obj: bpy.types.Object, masks: Collection[str], locks: Collection[str]) -> dict[str, Any]:
    """What the story 'edit_with_clip' needs of the head. Raises WordsError with why_not's sentence."""
    if not masks:
        raise WordsError("Nothing may change: switch on Shape, Skin or Expression.")
    if (reason := why_not(obj, masks)) is not None:
        raise WordsError(f"{reason}.")
    images = texture_images(obj)
    return {
        "asset": _read_shown(obj), "images": {key: read_file(images[key]) for key in skin.COLOUR if key in images},
        "masks": sorted(masks), "locks": sorted(locks), "model": head_model.name_of_model(obj),
    }  # fmt: skip


def _read_shown(obj: bpy.types.Object) -> HeadAsset:
    """The head with the face that its keys show, jaw and eyes as they were turned by hand, looking ahead."""
    asset, keys, pose = read_bare_head(obj), expression.read_keys(obj), current_pose(obj).copy()
    pose[:6] = 0
    shown = {name: keys.get(name, 0.0) for name in asset.expression}
    return replace(asset, expression=shown, pose=pose, provenance={})


def require_same(obj: bpy.types.Object | None, was: Stamp, masks: Collection[str], locks: Collection[str]) -> bpy.types.Object:
    """The head. Raises SceneError unless it is there, as it was, and can be changed now."""
    if obj is None or stamp(obj, masks, locks) != was:
        raise SceneError(CHANGED)
    if (reason := why_not(obj, masks)) is not None:
        raise SceneError(f"{reason}.")
    return obj


def put_on_in_steps(obj: bpy.types.Object, found: PackedEdit, locks: Collection[str]) -> Generator[None, None, None]:
    """What CLIP found under these locks takes hold of the head, with pauses for a window to be drawn: first the space of its
    people is opened and new textures are made, one by one, then comes all of the head in the last step. (Whoever asks for the
    next step sees to it that the head is still the same.)

    Whatever ends it early leaves the head as it was. Raises SceneError when it is gone after a pause.
    """
    uid, name = obj.session_uid, f"{obj.name} edited"
    if np.any(found.identity):
        identity.prepare(obj)
        yield
    new = yield from create_images_in_steps(found.paint.textures if found.paint else {}, name)
    try:
        now = next((other for other in bpy.data.objects if other.session_uid == uid), None)
        if now is None:
            raise SceneError(CHANGED)
        _put_on(now, found, new, locks)
    except BaseException:
        bpy.data.batch_remove([image for image in new.values() if image.users == 0])
        raise


def _put_on(obj: bpy.types.Object, found: PackedEdit, new: dict[str, bpy.types.Image], locks: Collection[str]) -> None:
    moved, traits = list(found.told["understood"]), []
    if np.any(found.identity):
        before = _read_traits(obj)
        identity.move_head(obj, found.identity, locks)
        traits = _describe_traits(before, _read_traits(obj))
    if found.expression:
        expression.set_keys(obj, expression.read_keys(obj) | found.expression)
    if found.paint is not None:
        skin.swap_textures(obj, new, found.paint.skin_linear_rgb)
        obj[HEAD]["skin_linear_rgb"] = np.asarray(found.paint.skin_linear_rgb, float).tolist()
        skin.forget_wish(obj)
    at = 1 if np.any(found.identity) else 0
    words.tell(obj, found.told | {"understood": [*moved[:at], *traits, *moved[at:]]})


def _read_traits(obj: bpy.types.Object) -> dict[str, float]:
    return {trait.name: identity.get_trait(obj, trait.name) for trait in TRAITS}


def _describe_traits(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """What became of the traits that moved most, as the lexicon tells it."""
    shares = {trait.name: abs(after[trait.name] - before[trait.name]) / (trait.highest - trait.lowest) for trait in TRAITS}
    most = [name for name in sorted(shares, key=lambda name: -shares[name])[:MOST_TRAITS] if shares[name] >= LEAST_TRAIT]
    scales = list_scales()
    return [describe_move(scales[name], before[name], after[name]) for name in most]
