"""Random people: a seed -> a whole head that nobody has. A story as pipeline.py's.

Rule of this file: the seed alone decides, to the last byte of every export: no clock, no thread count, no order of calls. Sums
over many numbers go through einsum, whose order is fixed, not through a threaded matrix product.

A person is drawn as the people behind the identity space were (sex, ancestry, age: head/build/population.py), the code's
coordinates along those traits moved to the person's (data/identity_traits.npz), so that bones, skin and hair are one person's.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from .appearance.albedo import paint_albedo, skin_colour
from .appearance.parameters import Appearance, describe_appearance, sample_appearance
from .appearance.skin_relief import paint_relief
from .appearance.surface_maps import take_slopes
from .config import DATA_DIR, VERSION
from .errors import ModelError
from .fit.texture import bake_surface_maps
from .head.asset import fields_of_model
from .head.library import EMBEDDED, describe_model, get_model
from .head.model import HeadModel
from .render.runtime import COMPILING, FIT_KERNELS, are_kernels_compiled, load_relief_kernels, load_skin_kernels, warm_up
from .types import HeadAsset, Progress, Texture

TEXTURE_SIZE = 2048
GENERATE_KERNELS = (*FIT_KERNELS, load_skin_kernels, load_relief_kernels)
LICENCE = "Made by Likeness from a seed and of no person: free for any use"
MOST_EXTREME = 3.0
"""No coordinate of an identity code is further from the mean, in standard deviations."""
LARGEST_DISTANCE = 1.15
"""No code is further from the mean than this share of the usual distance, the root of the number of coordinates."""
ADMIXTURE = 0.2
GENDER_SPREAD = 0.10


@dataclass(frozen=True)
class Person:
    """Who is generated: male in [0, 1], ancestry's shares, age in years, identity [K], and how the person looks."""

    male: float
    ancestry: dict[str, float]
    age: float
    identity: np.ndarray
    appearance: Appearance


@dataclass(frozen=True)
class Traits:
    """What an identity code says about its owner: names [T], weights [K, T], mean [T]."""

    names: tuple[str, ...]
    weights: np.ndarray
    mean: np.ndarray


@cache
def load_traits() -> Traits:
    """data/identity_traits.npz. Raises ModelError when it is missing or damaged."""
    path = DATA_DIR / "identity_traits.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return Traits(tuple(map(str, file["names"])), file["weights"].astype(np.float64), file["mean"].astype(np.float64))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The table {path} is missing or damaged ({error}): reinstall the extension.") from error


def draw_person(seed: int, num_identity: int, is_embedded: bool = True) -> Person:
    """The person of a seed. Another model's codes (is_embedded False) say nothing about traits: there they stay as drawn."""
    rng = np.random.default_rng((seed, 1))
    traits = load_traits()
    races = traits.names[1:4]
    is_male = bool(rng.integers(2))
    male = float(abs(is_male - min(abs(rng.normal(0, GENDER_SPREAD)), 0.4)))
    shares = (1 - ADMIXTURE) * np.eye(3)[rng.integers(3)] + ADMIXTURE * rng.dirichlet(np.ones(3))
    age = float(rng.triangular(18, 28, 80))
    identity = draw_identity(rng, num_identity)
    if is_embedded:
        identity = with_traits(identity, traits, np.array([male, *shares, age]))
    ancestry = {name: float(share) for name, share in zip(races, shares, strict=True)}
    appearance = sample_appearance(np.random.default_rng((seed, 2)), male=male, age=age, ancestry=ancestry)
    return Person(male, ancestry, age, identity, appearance)


def draw_identity(rng: np.random.Generator, count: int) -> np.ndarray:
    """A code [count] from the normal distribution without its implausible ends."""
    code = rng.standard_normal(count)
    while np.abs(code).max(initial=0) > MOST_EXTREME or np.linalg.norm(code) > LARGEST_DISTANCE * np.sqrt(count):
        code = np.where(np.abs(code) > MOST_EXTREME, rng.standard_normal(count), code)
        code *= min(1.0, LARGEST_DISTANCE * np.sqrt(count) / np.linalg.norm(code))
    return code


def with_traits(identity: np.ndarray, traits: Traits, wanted: np.ndarray) -> np.ndarray:
    """The nearest code whose traits are `wanted` [T]."""
    weights = traits.weights
    error = wanted - traits.mean - np.einsum("k,kt->t", identity, weights)
    gram = np.einsum("kt,ku->tu", weights, weights)
    return identity + np.einsum("kt,t->k", weights, np.linalg.pinv(gram, rcond=1e-4) @ error)


def generate_head(
    seed: int, *, model: str = EMBEDDED, texture_size: int = TEXTURE_SIZE, appearance: Appearance | None = None
) -> Generator[Progress, None, HeadAsset]:
    """A seed (0 to 2^31 - 1) -> its head; appearance: instead of the seed's own. Raises ModelError."""
    yield Progress("Loading the head model", 0.0)
    head = get_model(model)
    if not are_kernels_compiled(GENERATE_KERNELS):
        yield Progress(COMPILING, 0.1, is_once=True)
    warm_up(GENERATE_KERNELS)
    yield Progress("Drawing a person", 0.2)
    person = draw_person(seed, head.num_identity, model == EMBEDDED)
    if appearance is not None:
        person = replace(person, appearance=appearance)
    yield Progress("Painting the skin", 0.3)
    albedo = paint_albedo(head, person.appearance, texture_size)
    yield Progress("Raising pores and lines", 0.7)
    vertices = neutral_vertices(head, person)
    relief = paint_relief(head, vertices, person.appearance, texture_size)
    yield Progress("Painting the surface maps", 0.9)
    skin = skin_colour(person.appearance)
    textures = {"albedo": Texture(albedo, "sRGB"), "albedo_confidence": Texture(np.zeros_like(albedo[..., 0]), "Non-Color")}
    maps = bake_surface_maps(albedo, head, skin) | relief
    maps["roughness"] = take_slopes(maps["roughness"], maps["normal"])
    textures |= {name: Texture(pixels, "Non-Color") for name, pixels in maps.items()}
    asset = build_person(head, seed, person, vertices, textures)
    yield Progress("Done", 1.0)
    return asset


def neutral_vertices(model: HeadModel, person: Person) -> np.ndarray:
    """[V, 3] m, float32, whatever the number of threads."""
    return (model.template + np.einsum("k,kvc->vc", person.identity, model.identity_basis)).astype(np.float32)


def build_person(model: HeadModel, seed: int, person: Person, vertices: np.ndarray, textures: dict[str, Texture]) -> HeadAsset:
    """Everything about one random head, with a neutral face and no photo, on the mesh that the model's heads wear."""
    facts = describe_model(model)
    if model.worn:
        model = model.worn
        vertices = neutral_vertices(model, person)
    provenance: dict[str, Any] = {
        "program": "Likeness",
        "version": VERSION,
        **facts,
        "licence": LICENCE,
        "seed": seed,
        "age": round(person.age),
        "male": round(person.male, 2),
        "ancestry": {name: round(share, 2) for name, share in person.ancestry.items()},
        "appearance": describe_appearance(person.appearance),
        **({"warnings": list(model.warnings)} if model.warnings else {}),
    }
    return HeadAsset(
        name=f"person_{seed}",
        **fields_of_model(model, vertices),
        expression=dict.fromkeys(model.expression_names, 0.0),
        pose=np.zeros(15),
        identity=person.identity,
        textures=textures,
        skin_linear_rgb=skin_colour(person.appearance).astype(np.float32),
        camera=None,
        light=None,
        photo=None,
        provenance=provenance,
    )


__all__ = ["draw_person", "generate_head"]
