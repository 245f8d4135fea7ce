"""A head in the scene as words see it, and the plan that words made, followed: shape, expression, and what was said.

Rule of this file: the shape moves as its sliders move it, the face by its keys alone; the skin is scene/skin.py's, which is
painted beside Blender.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import bpy

from ..core.appearance.catalogue import NAMES as SKIN_NAMES
from ..core.identity.catalogue import NAMES
from ..core.types import ARKIT_NAMES
from ..core.words.edit import EDITS
from ..core.words.plan import COLOUR, FACE, SHAPE, EditPlan, Look
from . import expression, identity, skin
from .head import HEAD

LINKED_KEYS = "this head is linked from another file: make it local, or override it in the library"


def why_not(obj: bpy.types.Object) -> str | None:
    """Why words can change nothing of this head now, as a sentence for the user; None when they can change something."""
    return None if has_keys(obj) else identity.why_not(obj) and skin.why_not(obj)


def look_at(obj: bpy.types.Object, locks: Collection[str] = ()) -> Look:
    """The head as its sliders show it now; what cannot be changed is left out, with the reason."""
    found = {SHAPE: identity.why_not(obj), COLOUR: skin.why_not(obj)}
    reasons = {kind: reason[0].lower() + reason[1:] for kind, reason in found.items() if reason}
    traits = {} if SHAPE in reasons else {name: identity.get_trait(obj, name) for name in NAMES}
    numbers = {} if COLOUR in reasons else {name: skin.shown_number(obj, name) for name in SKIN_NAMES}
    units = {unit: value for unit, value in expression.read_keys(obj).items() if unit in ARKIT_NAMES} if has_keys(obj) else {}
    if obj.data.shape_keys is not None and not obj.data.shape_keys.is_editable:
        reasons[FACE] = LINKED_KEYS
    held = frozenset(name for name in traits if identity.is_held(obj, name, locks))
    unspanned = frozenset(name for name in traits if not identity.is_offered(obj, name))
    return Look(traits, numbers, units, reasons, held, unspanned)


def follow(obj: bpy.types.Object, plan: EditPlan, words: str, locks: Collection[str] = ()) -> None:
    """Move shape and face as the plan says, and keep what was said in the head's provenance. Raises IdentityError, before
    anything has changed."""
    if plan.traits:
        identity.set_traits(obj, plan.traits, locks)
    if plan.expression:
        expression.set_keys(obj, expression.read_keys(obj) | plan.expression)
    tell(obj, {"words": words, "understood": list(plan.understood), "ignored": list(plan.ignored)})


def tell(obj: bpy.types.Object, told: dict[str, Any]) -> None:
    """Keep what words did in the head's provenance: 'words', 'understood', 'ignored', and what else there is to tell."""
    facts = json.loads(obj[HEAD]["facts"])
    facts["provenance"][EDITS] = [*facts["provenance"].get(EDITS, ()), told]
    obj[HEAD]["facts"] = json.dumps(facts)


def last_edit(obj: bpy.types.Object) -> dict[str, Any] | None:
    """What words did last to this head: 'words', 'understood', 'ignored'; None where they did nothing yet."""
    edits = json.loads(obj[HEAD]["facts"])["provenance"].get(EDITS)
    return edits[-1] if edits else None


def has_keys(obj: bpy.types.Object) -> bool:
    """Whether the head has expressions that can be moved."""
    keys = obj.data.shape_keys
    return keys is not None and keys.is_editable and len(keys.key_blocks) > 1
