"""Who a head in the scene is: its traits read and changed live, somebody else drawn around what is locked, and the way back.

Rule of this file: the state (core/identity/state.py) is stored beside the head's other facts, its traits with it so that a
panel reads them without the model; the mesh is moved by the difference of two states and never rebuilt, so sculpting survives.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ..core.errors import IdentityError, ModelError
from ..core.identity.catalogue import NAMES, TRAITS
from ..core.identity.directions import EditingSpace
from ..core.identity.state import (
    IdentityState,
    change_axis,
    change_trait,
    change_traits,
    is_same,
    move,
    read_traits,
    reroll,
    shape,
)
from . import head_model, ownership
from .head import HEAD, head_rig, is_head
from .mesh import read_vertices
from .neutral_shape import move_bones, move_vertices
from .visemes import follow_shape

HISTORY = "likeness_history"
"""The mesh object's property with earlier states: 'place', 'last' and states by number; number 0 is the head as it was made."""
LONGEST_HISTORY = 24
TRAITS_KEY, KEPT_KEY, CODE_KEY, PULLED_KEY = "traits", "kept", "identity", "pulled"
SMALLEST_CHANGE = 1e-6
"""In standard deviations; what is smaller moves nothing and is no step of the history."""
LEAST_CHANGE = 0.02
"""Provenance tells of traits that were changed by more than this share of their range."""


def why_not(obj: bpy.types.Object) -> str | None:
    """Why this head's shape cannot be edited now, as a sentence for the user; None when it can be."""
    rig = head_rig(obj)
    if (reason := head_model.why_not(obj)) is not None:
        return reason
    model_name = json.loads(obj[HEAD]["facts"])["model_name"]
    try:
        gauges = head_model.table_of(obj)
    except ModelError as error:
        return str(error).rstrip(".")
    is_known = gauges.is_of_file or model_name == gauges.model_name
    if not is_known or len(obj[HEAD].get(CODE_KEY, ())) != len(gauges.weights):
        return f"This head was made with another model ({model_name}), whose shape has no sliders: use the built-in head model"
    if (reason := ownership.why_not(obj, [rig, rig.data] if rig else [])) is not None:
        return reason
    if len(obj.data.vertices) != gauges.num_vertices:
        return "Vertices were added to this head or taken away: its shape can be edited by sculpting only"
    if rig and any(other != obj and is_head(other) and head_rig(other) == rig for other in rig.children):
        return "This head shares its bones with a copy: duplicate a head together with its bones, or sculpt the copy"
    if obj.mode != "OBJECT":
        return "Leave this mode first (Object Mode in the 3D view's header): sliders move the head in Object Mode"
    if rig and rig.mode == "EDIT":
        return "The head's bones are being edited: leave Edit Mode first (Tab)"
    return None


def prepare(obj: bpy.types.Object) -> None:
    """Load what the first change of this head would wait for, a third of a second once a session (of a FLAME head a whole one):
    better when a panel opens than in a drag. Raises ModelError."""
    head_model.space_of(obj)


def require_editable(obj: bpy.types.Object) -> None:
    """Raises IdentityError with why_not's sentence."""
    if (reason := why_not(obj)) is not None:
        raise IdentityError(f"{reason}.")


def get_trait(obj: bpy.types.Object, name: str) -> float:
    """A trait as it is now; cheap enough for a panel. 0 where the head's model is not at hand."""
    stored = obj.get(HEAD)
    code = stored.get(CODE_KEY, ()) if stored is not None else ()
    try:
        gauges = head_model.gauges_of(obj) if len(code) else None
    except ModelError:
        return 0.0
    if gauges is None or len(code) != len(gauges.weights):
        return 0.0
    t = NAMES.index(name)
    if TRAITS_KEY in stored:
        return float(stored[TRAITS_KEY][t])
    return float(gauges.mean[t] + np.array(code) @ gauges.weights[:, t])


def is_offered(obj: bpy.types.Object, name: str) -> bool:
    """Whether the people of an editable head's model differ in a trait, so that it has a slider. A shape axis always has."""
    return name not in NAMES or head_model.gauges_of(obj).offers(name)


def get_axis(obj: bpy.types.Object, axis: int) -> float:
    """A coordinate of the identity code, in standard deviations; 0 where there is none."""
    stored = obj.get(HEAD)
    code = stored.get(CODE_KEY, ()) if stored is not None else ()
    return float(code[axis]) if axis < len(code) else 0.0


def set_trait(obj: bpy.types.Object, name: str, value: float, locks: Collection[str] = ()) -> None:
    """Moves the head so that the trait is `value`. A trait that locks hold or that is not offered stays. Raises IdentityError."""
    require_editable(obj)
    space = head_model.space_of(obj)
    if space.is_held(name, locks) or not space.gauges.offers(name):
        return
    before = read_state(obj)
    now = read_traits(space, before, read_vertices(obj.data))[NAMES.index(name)]
    _become(obj, space, before, change_trait(space, before, name, value - now, locks), _slider_key(name, locks))


def set_traits(obj: bpy.types.Object, values: Mapping[str, float], locks: Collection[str] = ()) -> None:
    """Moves the head so that several traits have these values at once, in one step of the history; traits that locks hold stay.
    Raises IdentityError."""
    require_editable(obj)
    space, before = head_model.space_of(obj), read_state(obj)
    now = read_traits(space, before, read_vertices(obj.data))
    by = {name: value - now[NAMES.index(name)] for name, value in values.items()}
    _become(obj, space, before, change_traits(space, before, by, locks), "")


def set_axis(obj: bpy.types.Object, axis: int, value: float, locks: Collection[str] = ()) -> None:
    """Moves the head so that a coordinate of its code is `value`. Raises IdentityError."""
    require_editable(obj)
    before = read_state(obj)
    _become(obj, head_model.space_of(obj), before, change_axis(before, axis, value, locks), _slider_key(f"axis {axis}", locks))


def set_code(obj: bpy.types.Object, code: np.ndarray, pulled: np.ndarray, key: str) -> None:
    """Makes the head's identity code [K] `code`, of which `pulled` [K] is a correction's; changes with one key are one step of
    the history. Raises IdentityError."""
    require_editable(obj)
    before = read_state(obj)
    after = replace(before, code=np.asarray(code, float), pulled=np.asarray(pulled, float))
    _become(obj, head_model.space_of(obj), before, after, key)


def move_head(obj: bpy.types.Object, change: np.ndarray, locks: Collection[str] = ()) -> None:
    """Adds `change` [K] to the head's identity code; locked parts stay where they are. Raises IdentityError."""
    require_editable(obj)
    before = read_state(obj)
    _become(obj, head_model.space_of(obj), before, move(before, np.asarray(change, float), locks), "")


def reroll_head(obj: bpy.types.Object, seed: int, strength: float, locks: Collection[str] = (), keep_person: bool = True) -> None:
    """Makes the head somebody else around what is locked. Raises IdentityError."""
    require_editable(obj)
    space, before = head_model.space_of(obj), read_state(obj)
    _become(obj, space, before, reroll(space, before, seed, strength, locks, keep_person), "")


def reset_head(obj: bpy.types.Object, key: str = "") -> None:
    """Makes the head who it was when it was made, with what a correction adds to that now (scene/correction.py's reset solves it
    anew); sculpting stays. A step of the history as any other. Raises IdentityError."""
    require_editable(obj)
    if HISTORY in obj:
        before = read_state(obj)
        made = _read_entry(obj[HISTORY]["0"])
        _become(obj, head_model.space_of(obj), before, replace(made, code=made.code + before.pulled, pulled=before.pulled), key)


def step_history(obj: bpy.types.Object, by: int) -> None:
    """Back (-1) or forward (1) among the states that the head had. Raises IdentityError, also where there is none."""
    require_editable(obj)
    if not can_step(obj, by):
        raise IdentityError("There is no earlier shape." if by < 0 else "There is no later shape.")
    history = obj[HISTORY]
    history["place"], history["last"] = history["place"] + by, ""
    _write_state(obj, head_model.space_of(obj), read_state(obj), _read_entry(history[str(history["place"])]))


def can_step(obj: bpy.types.Object, by: int) -> bool:
    """Whether there is a state that far back (by < 0) or forward."""
    return HISTORY in obj and str(obj[HISTORY]["place"] + by) in obj[HISTORY]


def is_as_made(obj: bpy.types.Object) -> bool:
    """Whether nobody changed who the head is but by correcting it."""
    if HISTORY not in obj:
        return True
    state = read_state(obj)
    return is_same(replace(state, code=state.code - state.pulled), _read_entry(obj[HISTORY]["0"]))


def is_held(obj: bpy.types.Object, name: str, locks: Collection[str]) -> bool:
    """Whether locks hold a trait; a shape axis is never held."""
    return bool(locks) and name in NAMES and head_model.space_of(obj).is_held(name, locks)


def read_state(obj: bpy.types.Object) -> IdentityState:
    """The head's state as it is stored."""
    stored = obj[HEAD]
    kept = {key: np.array(change) for key, change in stored[KEPT_KEY].items()} if KEPT_KEY in stored else {}
    return IdentityState(np.array(stored[CODE_KEY]), kept, np.array(stored.get(PULLED_KEY, [0.0])))


def stamp(obj: bpy.types.Object) -> str:
    """What tells who the head is now from who it was or becomes."""
    return repr(read_state(obj))


def _slider_key(name: str, locks: Collection[str]) -> str:
    """Changes with one key are one step of the history: a drag."""
    return f"{name} {','.join(sorted(locks))}"


def _become(obj: bpy.types.Object, space: EditingSpace, before: IdentityState, after: IdentityState, key: str) -> None:
    if is_same(before, after, SMALLEST_CHANGE):
        return
    if HISTORY not in obj:
        obj[HISTORY] = {"place": 0, "last": "", "0": _entry(before)}
    history = obj[HISTORY]
    if not key or history["last"] != key:
        _open_entry(history)
    history[str(history["place"])], history["last"] = _entry(after), key
    _write_state(obj, space, before, after)


def _open_entry(history: Any) -> None:
    """A new place at the end of the history: what lies after the present one goes, and of too many the oldest but the first."""
    place = history["place"] + 1
    for number in range(place, LONGEST_HISTORY + 1):
        if str(number) in history:
            del history[str(number)]
    if place > LONGEST_HISTORY:
        for number in range(1, LONGEST_HISTORY):
            history[str(number)] = history[str(number + 1)].to_dict()
        place = LONGEST_HISTORY
    history["place"] = place


def _write_state(obj: bpy.types.Object, space: EditingSpace, before: IdentityState, after: IdentityState) -> None:
    """Mesh, bones, stored joints, landmarks, code, traits and provenance, from one state to another."""
    model, stored = space.model, obj[HEAD]
    start, end = shape(space, before), shape(space, after)
    offsets = end.astype(np.float64) - start
    joints = np.reshape(stored["joints"], (-1, 3))
    moved = joints + model.joint_regressor @ offsets
    if (rig := head_rig(obj)) is not None:
        move_bones(rig, joints, moved)
    move_vertices(obj.data, start, end)
    follow_shape(obj, offsets, moved - joints, model.weights)
    stored["joints"] = moved.ravel().tolist()
    for key, points in (("landmarks7", model.landmarks7), ("landmarks68", model.landmarks68)):
        if key in stored and points is not None:
            stored[key] = (np.array(stored[key]) + points.evaluate(offsets).ravel()).tolist()
    stored[CODE_KEY] = after.code.tolist()
    stored[KEPT_KEY] = {key: change.tolist() for key, change in after.kept.items()}
    stored[PULLED_KEY] = after.pulled.tolist()
    traits = read_traits(space, after, read_vertices(obj.data))
    stored[TRAITS_KEY] = traits.tolist()
    _tell_provenance(obj, space, after, traits)


def _tell_provenance(obj: bpy.types.Object, space: EditingSpace, after: IdentityState, traits: np.ndarray) -> None:
    """HeadAsset.provenance['identity_edited']: what was changed by hand, trait -> value as made and value now."""
    start = _read_entry(obj[HISTORY]["0"])
    facts = json.loads(obj[HEAD]["facts"])
    made = space.gauges.read_code(start.code)
    changed = {
        trait.name: [round(float(was), 2), round(float(now), 2)]
        for trait, was, now in zip(TRAITS, made, traits, strict=True)
        if abs(now - was) > LEAST_CHANGE * (trait.highest - trait.lowest)
    }
    if is_same(start, after):
        facts["provenance"].pop("identity_edited", None)
    else:
        facts["provenance"]["identity_edited"] = changed
    obj[HEAD]["facts"] = json.dumps(facts)


def _entry(state: IdentityState) -> dict[str, Any]:
    kept = {key: change.tolist() for key, change in state.kept.items()}
    return {"code": state.code.tolist(), "kept": kept, PULLED_KEY: state.pulled.tolist()}


def _read_entry(entry: Any) -> IdentityState:
    kept = {key: np.array(change) for key, change in entry["kept"].items()}
    return IdentityState(np.array(entry["code"]), kept, np.array(entry.get(PULLED_KEY, [0.0])))
