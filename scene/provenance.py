"""Where a head comes from, without reading the whole head back: cheap enough for a panel's draw()."""

from __future__ import annotations

import json
from typing import Any

import bpy

from .head import HEAD


def read_provenance(obj: bpy.types.Object) -> dict[str, Any]:
    """HeadAsset.provenance of a head's mesh object."""
    return json.loads(obj[HEAD]["facts"])["provenance"]
