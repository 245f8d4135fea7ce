"""A finished head -> the same head with another skin: the story behind `--skin` and the Skin panel."""

from __future__ import annotations

import weakref
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from .appearance.albedo import paint_albedo, skin_colour
from .appearance.canvas import get_canvas
from .appearance.catalogue import RELIEF
from .appearance.face_map import find_face_map
from .appearance.parameters import Appearance, describe_appearance, read_appearance
from .appearance.restyle import OF_THE_RELIEF, change_appearance, move_albedo, restyle_relief
from .errors import SkinError
from .fit.texture import bake_surface_maps
from .head.library import EMBEDDED, embedded_identity, get_model
from .head.model import HeadModel
from .render.runtime import COMPILING, are_kernels_compiled, load_relief_kernels, load_skin_kernels, warm_up
from .story import run
from .types import HeadAsset, Progress, Texture

KERNELS = (load_skin_kernels, load_relief_kernels)

_kept: list[tuple[weakref.ref[HeadModel], Appearance, np.ndarray]] = []


@dataclass(frozen=True)
class RestyledSkin:
    """What another skin changes of a head: textures (albedo and subsurface; RELIEF with other lines of age), the numbers, the
    bare skin's linear RGB [3]."""

    textures: dict[str, Texture]
    appearance: Appearance
    skin_linear_rgb: np.ndarray


def restyle_head(asset: HeadAsset, wanted: dict[str, float], model: HeadModel) -> HeadAsset:
    """A finished head of a model, its skin with the wanted numbers (restyle.OF_THE_SKIN); its shape stays. Raises SkinError."""
    return run(restyle_head_in_steps(asset, wanted, model))


def restyle_head_in_steps(
    asset: HeadAsset, wanted: dict[str, float], model: HeadModel | None = None
) -> Generator[Progress, None, HeadAsset]:
    """restyle_head, telling how far it is; model: None for the embedded one."""
    was = read_appearance(asset.provenance.get("appearance"))
    maps = {name: texture.pixels for name, texture in asset.textures.items()}
    identity = asset.identity if model is not None else embedded_identity(asset.identity, asset.provenance)
    restyled = yield from restyle_skin(maps, asset.skin_linear_rgb, was, wanted, identity, model)
    provenance = asset.provenance | {
        "appearance": describe_appearance(restyled.appearance),
        "appearance_chosen": sorted({*asset.provenance.get("appearance_chosen", ()), *wanted}),
    }
    textures = asset.textures | restyled.textures
    return replace(asset, textures=textures, skin_linear_rgb=restyled.skin_linear_rgb, provenance=provenance)


def restyle_skin(
    maps: dict[str, np.ndarray],
    skin_linear_rgb: np.ndarray,
    was: Appearance,
    wanted: dict[str, float],
    identity: np.ndarray,
    model: HeadModel | None = None,
) -> Generator[Progress, None, RestyledSkin]:
    """Textures of a person who looks as `was` says -> with the wanted numbers. maps: 'albedo', and RELIEF where lines of age may
    change; identity [K]: the person's shape; model: None for the embedded one. Raises SkinError."""
    now = change_appearance(was, wanted)
    yield Progress("Loading the head model", 0.0)
    model = model or get_model(EMBEDDED)
    if find_face_map(model) is None:
        raise SkinError(
            "This head model does not say where its face is: leave out the skin's numbers, or use the embedded model."
        )
    if not are_kernels_compiled(KERNELS):
        yield Progress(COMPILING, 0.1, is_once=True)
    warm_up(KERNELS)
    albedo = maps["albedo"]
    if now != was:
        yield Progress("Laying out the texture", 0.1)
        get_canvas(model, len(albedo))
        yield Progress("Painting the skin as it was", 0.15)
        before = _paint_start(model, was, len(albedo))
        yield Progress("Painting the new skin", 0.3)
        after = paint_albedo(model, now, len(albedo))
        yield Progress("Moving the texture", 0.55)
        albedo = move_albedo(albedo, before, after)
    yield Progress("Painting the surface maps", 0.6)
    skin = (skin_linear_rgb * skin_colour(now) / skin_colour(was)).astype(np.float32)
    surface = bake_surface_maps(albedo, model, skin)
    textures = {"albedo": Texture(albedo, "sRGB"), "subsurface": Texture(surface["subsurface"], "Non-Color")}
    if any(getattr(now, name) != getattr(was, name) for name in OF_THE_RELIEF) and set(RELIEF) <= set(maps):
        yield Progress("Raising lines of age", 0.65)
        relief = restyle_relief(maps, surface["roughness"], model, model.shape(identity), was, now)
        textures |= {name: Texture(pixels, "Non-Color") for name, pixels in relief.items()}
    return RestyledSkin(textures, now, skin)


def _paint_start(model: HeadModel, was: Appearance, size: int) -> np.ndarray:
    """The latest one is kept, for who moves one slider moves the next, and all start from the same skin. Not to be written to."""
    for reference, appearance, painted in _kept:
        if reference() is model and appearance == was and len(painted) == size:
            return painted
    painted = paint_albedo(model, was, size)
    painted.flags.writeable = False
    _kept[:] = [(weakref.ref(model), was, painted)]
    return painted
