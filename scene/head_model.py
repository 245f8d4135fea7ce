"""Which model a head in the scene was made with, and the space of its people: what its sliders, re-rolls and corrections move in.

Rule of this file: of a FLAME head the .blend holds no more than its mesh and keys. Its people are read from the user's own file,
made ready in the cache, each time they are needed; without that file nothing moves.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import bpy

from ..core.errors import ModelError
from ..core.head.library import (
    EMBEDDED,
    FILE_NAME,
    FILE_SHA256,
    find_model,
    forget_models,
    get_model,
    has_to_be_made_ready,
    why_not_found,
)
from ..core.head.model import HeadModel
from ..core.identity.directions import EditingSpace, open_space
from ..core.identity.gauges import Gauges, load_gauges
from .head import HEAD

_opened: dict[str, EditingSpace] = {}
"""Spaces of FLAME files by their SHA-256."""


def why_not(obj: bpy.types.Object) -> str | None:
    """Why the people of this head's model are not at hand, as a sentence for the user; None when they are."""
    provenance = _read_provenance(obj[HEAD]["facts"])
    if (reason := why_not_found(provenance)) is not None:
        return reason
    try:
        is_ready = not has_to_be_made_ready(find_model(provenance))
    except ModelError as error:
        return str(error).rstrip(".")
    name = provenance.get(FILE_NAME, "")
    return (
        None if is_ready else f"This head's FLAME file ({name}) has to be made ready here, once: press Make Ready under Identity"
    )


def find_unready(obj: bpy.types.Object) -> str | None:
    """The FLAME file that the head was made with, where it is here and has to be made ready."""
    try:
        name = find_model(_read_provenance(obj[HEAD]["facts"]))
        return name if has_to_be_made_ready(name) else None
    except ModelError:
        return None


def name_of_model(obj: bpy.types.Object) -> str:
    """What core/head/library.get_model calls the head's model. Raises ModelError."""
    return find_model(_read_provenance(obj[HEAD]["facts"]))


def fitted_model(obj: bpy.types.Object) -> HeadModel:
    """The model that the head's photo was fitted with, on the embedded mesh. Raises ModelError."""
    space_of(obj)
    return get_model(name_of_model(obj))


def space_of(obj: bpy.types.Object) -> EditingSpace:
    """The people of the head's model on the mesh that the head has. Raises ModelError."""
    name = name_of_model(obj)
    if name == EMBEDDED:
        return open_space()
    sha256 = _read_provenance(obj[HEAD]["facts"])[FILE_SHA256]
    if open_space(name).model.sha256 != sha256:  # another file lay there when it was read
        forget_models()
        open_space.cache_clear()
    _opened[sha256] = open_space(name)
    return _opened[sha256]


def table_of(obj: bpy.types.Object) -> Gauges:
    """gauges_of, but of the built-in head the table as it is, without its model: enough to tell what head this is."""
    return gauges_of(obj) if _read_provenance(obj[HEAD]["facts"]).get(FILE_SHA256) else load_gauges()


def gauges_of(obj: bpy.types.Object) -> Gauges:
    """What the head's sliders read; the file is not looked for again. Raises ModelError."""
    sha256 = _read_provenance(obj[HEAD]["facts"]).get(FILE_SHA256)
    return open_space().gauges if not sha256 else _opened[sha256].gauges if sha256 in _opened else space_of(obj).gauges


@lru_cache(maxsize=16)
def _read_provenance(facts: str) -> dict[str, Any]:
    """Not to be written to."""
    provenance: dict[str, Any] = json.loads(facts)["provenance"]
    return provenance
