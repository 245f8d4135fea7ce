"""A finished head -> the same head with another skin: the story behind `--skin`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .appearance.albedo import skin_colour
from .appearance.face_map import find_face_map
from .appearance.parameters import Appearance, describe_appearance
from .appearance.restyle import change_appearance, restyle_albedo
from .errors import SkinError
from .fit.texture import bake_surface_maps
from .head.model import HeadModel
from .render.runtime import load_skin_kernels, warm_up
from .types import HeadAsset, Texture


def restyle_head(asset: HeadAsset, wanted: dict[str, float], model: HeadModel) -> HeadAsset:
    """A finished head of a model, its skin with the wanted numbers (restyle.OF_THE_SKIN); shape and relief stay, and so do the
    roughness and the specular, which know the relief and not the skin. Raises SkinError."""
    told = asset.provenance.get("appearance")
    if not told:
        raise SkinError("This head does not say how its skin was read: make it again with this version of Likeness.")
    if find_face_map(model) is None:
        raise SkinError(
            "This head model does not say where its face is: leave out the skin's numbers, or use the embedded model."
        )
    numbers: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    was = Appearance(**numbers)
    now = change_appearance(was, wanted)
    warm_up((load_skin_kernels,))
    albedo = restyle_albedo(asset.textures["albedo"].pixels, model, was, now)
    skin = (asset.skin_linear_rgb * skin_colour(now) / skin_colour(was)).astype(np.float32)
    subsurface = bake_surface_maps(albedo, model, skin)["subsurface"]
    textures = asset.textures | {"albedo": Texture(albedo, "sRGB"), "subsurface": Texture(subsurface, "Non-Color")}
    provenance = asset.provenance | {"appearance": describe_appearance(now), "appearance_chosen": sorted(wanted)}
    return replace(asset, textures=textures, skin_linear_rgb=skin, provenance=provenance)
