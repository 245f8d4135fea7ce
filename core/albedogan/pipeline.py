"""The paper's flow: a photo or a random code becomes a face; a face's expression and light are changed.

Rule of this file: generators of Progress (core/types.py) that end with a frozen value; the networks are callables that are given
(parts.py). Detectors are not the method's: landmarks come in, or a function that finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import FaceError, ModelError
from ..story import run
from ..types import Progress
from .alignment import align_face, five_points, whole_image_face
from .camera import ENCODER_SIZE
from .codes import PaperCodes, PaperFace
from .crop import Crop, box_of_landmarks, crop_photo, whole_image_box
from .decoding import decode_displacement, decode_geometry, decode_texture, map_to_rows, rows_to_map
from .faithfulness import FIXED, Faithfulness
from .image_sampling import resize_maps
from .light_removal import harmonics
from .obj_file import write_dense_obj
from .parts import PaperMesh, PaperNetworks, PictureGenerator

TRUNCATION, LATENT_SIZE = 0.5, 512
FindLandmarks = Callable[[np.ndarray], np.ndarray | None]
"""Picture [H, W, 3] uint8 RGB -> 68 points [68, 2] (index coordinates), or None where there is no face."""
FaceStory = Generator[Progress, None, PaperFace]


def cut_face(image: np.ndarray, landmarks68: np.ndarray | None, faithfulness: Faithfulness = FIXED) -> Crop:
    """The crop of a photo [H, W, 3] uint8 by its 68 points; the whole of it without."""
    size = image.shape[1], image.shape[0]
    return crop_photo(image, whole_image_box(size, faithfulness) if landmarks68 is None else box_of_landmarks(landmarks68))


@torch.no_grad()
def encode(crop: Crop, networks: PaperNetworks, face: np.ndarray | None = None) -> PaperCodes:
    """The crop's codes; face: the face network's blob [3, 112, 112], whose shape then replaces the coarse encoder's."""
    small = resize_maps(map_to_rows(crop.pixels), ENCODER_SIZE)
    detail = None if networks.detail is None else networks.detail(small)[0]
    codes = PaperCodes.split(networks.coarse(small)[0], detail)
    if face is None or networks.identity is None:
        return codes
    return replace(codes, shape=networks.identity(torch.from_numpy(face)[None])[0].numpy())


@torch.no_grad()
def reconstruct(
    image: np.ndarray,
    landmarks68: np.ndarray | None,
    networks: PaperNetworks,
    mesh: PaperMesh,
    faithfulness: Faithfulness = FIXED,
    *,
    points5: np.ndarray | None = None,
    seed: int = 0,
) -> FaceStory:
    """A photo [H, W, 3] uint8 RGB with 68 points of its face [68, 2] (None: the photo is the face) -> PaperFace.

    points5 [5, 2]: where a detector saw eyes, nose and mouth (alignment.TEMPLATE's order); without it they are taken of the 68.
    """
    yield Progress("Cropping the face", 0.0)
    crop = cut_face(image, landmarks68, faithfulness)
    face = None
    if networks.identity is not None:
        points = five_points(landmarks68) if points5 is None and landmarks68 is not None else points5
        face = whole_image_face(image, faithfulness) if points is None else align_face(image, points, faithfulness)
    yield Progress("Reading the face", 0.1)
    codes = encode(crop, networks, face)
    return (yield from _decode(crop, codes, networks, mesh, faithfulness, None, seed))


def _decode(
    crop: Crop,
    codes: PaperCodes,
    networks: PaperNetworks,
    mesh: PaperMesh,
    faithfulness: Faithfulness,
    latent: Tensor | None,
    seed: int,
) -> FaceStory:
    yield Progress("Shaping the head", 0.4)
    geometry = decode_geometry(codes, decode_displacement(codes, networks, latent), mesh, faithfulness)
    yield Progress("Making the texture", 0.6)
    skin = None
    if networks.texture_space is not None:
        skin = networks.texture_space.texture(torch.from_numpy(np.float32(codes.texture))[None])
    texture, seen, light = decode_texture(map_to_rows(crop.pixels), codes, geometry, mesh, skin, faithfulness, seed=seed)
    if latent is not None and networks.albedo is not None:
        texture = rows_to_map(networks.albedo(latent).clamp(0, 1))
    return PaperFace(replace(codes, light=light), geometry, texture, seen, crop, latent)


def draw_latent(seed: int, size: int = LATENT_SIZE) -> Tensor:
    """z [1, size] of a seed, the same on every machine."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((1, size)).astype(np.float32))


def arrange_styles(
    seed: int,
    generator: PictureGenerator,
    *,
    truncation: float = TRUNCATION,
    mix_seed: int | None = None,
    mix_at: int | None = None,
) -> Tensor:
    """w+ [1, L, D] of a seed; see `generate`."""
    styles = [draw_latent(seed)] if mix_seed is None else [draw_latent(seed), draw_latent(mix_seed)]
    return generator.arrange(styles, truncation=truncation, mix_at=mix_at)


@dataclass(frozen=True)
class Person:
    """A random person before the face is made: the crop of its picture, its codes, and its latent code [1, L, D]."""

    crop: Crop
    codes: PaperCodes
    latent: Tensor


@torch.no_grad()
def draw_person(
    seed: int,
    networks: PaperNetworks,
    find_landmarks: FindLandmarks,
    faithfulness: Faithfulness = FIXED,
    *,
    truncation: float = TRUNCATION,
    mix_seed: int | None = None,
    mix_at: int | None = None,
    latent: Tensor | None = None,
    noise: Sequence[Tensor] | None = None,
) -> Generator[Progress, None, Person]:
    """z of the seed -> picture -> codes; see `generate`."""
    if networks.generator is None:
        raise ModelError("Random people of the paper need a face generator: give a StyleGAN2 file (stylegan2_ffhq.pt).")
    yield Progress("Drawing a person", 0.0)
    who, remedy = "this code", "take one nearer to the mean person (a lower truncation, shorter moves)"
    if latent is None:
        who, remedy = f"seed {seed}", "choose another seed or a lower truncation"
        latent = arrange_styles(seed, networks.generator, truncation=truncation, mix_seed=mix_seed, mix_at=mix_at)
    picture = (networks.generator.synthesise(latent, *([] if noise is None else [noise])) + 1) / 2
    image = np.round(rows_to_map(picture.clamp(0, 1)) * 255).astype(np.uint8)
    yield Progress("Finding the face", 0.2)
    landmarks68 = find_landmarks(image)
    if landmarks68 is None:
        raise FaceError(f"No face was found in the picture of {who}: {remedy}.")
    yield Progress("Reading the face", 0.3)
    crop = cut_face(image, landmarks68, faithfulness)
    has_identity = networks.identity is not None and not faithfulness.generate_without_identity
    face = align_face(image, five_points(landmarks68), faithfulness) if has_identity else None
    return Person(crop, encode(crop, networks, face), latent)


@torch.no_grad()
def generate(
    seed: int,
    networks: PaperNetworks,
    mesh: PaperMesh,
    find_landmarks: FindLandmarks,
    faithfulness: Faithfulness = FIXED,
    *,
    truncation: float = TRUNCATION,
    mix_seed: int | None = None,
    mix_at: int | None = None,
    latent: Tensor | None = None,
    noise: Sequence[Tensor] | None = None,
) -> FaceStory:
    """A random person: z of the seed -> picture -> PaperFace, with the latent code's own albedo and displacement where there are
    such generators. truncation: how far from the mean face, 0..1; mix_seed: from row mix_at of w+ on (default: the middle) the
    code is this seed's. latent: w+ [1, L, D] instead of all this; noise: of the picture, a map [1, 1, R, R] a layer (None: the
    generator's own). Raises ModelError without a generator, FaceError where no face is found in its picture.
    """
    styles = {"truncation": truncation, "mix_seed": mix_seed, "mix_at": mix_at, "latent": latent, "noise": noise}
    person = yield from draw_person(seed, networks, find_landmarks, faithfulness, **styles)  # type: ignore[arg-type]
    return (yield from _decode(person.crop, person.codes, networks, mesh, faithfulness, person.latent, seed))


def generate_many(
    seeds: Sequence[int],
    networks: PaperNetworks,
    mesh: PaperMesh,
    find_landmarks: FindLandmarks,
    faithfulness: Faithfulness = FIXED,
    *,
    truncation: float = TRUNCATION,
) -> Iterator[PaperFace]:
    """One person after the other; the release's mask gets softer from each to the next."""
    for seed in seeds:
        story = generate(seed, networks, mesh, find_landmarks, faithfulness, truncation=truncation)
        yield run(story)
        mesh = replace(mesh, mask=mesh.mask.after_use(faithfulness))


@torch.no_grad()
def edit_expression(
    face: PaperFace,
    networks: PaperNetworks,
    mesh: PaperMesh,
    faithfulness: Faithfulness = FIXED,
    *,
    expression: np.ndarray | None = None,
    jaw: np.ndarray | None = None,
    root: np.ndarray | None = None,
    neck: np.ndarray | None = None,
    eyes: np.ndarray | None = None,
) -> PaperFace:
    """The same person and texture with another expression [50] or pose (axis-angles in rad); None leaves as it is. The detail
    decoder's wrinkles follow."""
    pose = face.codes.pose.copy()
    if root is not None:
        pose[:3] = root
    if jaw is not None:
        pose[3:] = jaw
    codes = replace(
        face.codes,
        pose=pose,
        expression=face.codes.expression if expression is None else np.asarray(expression, np.float32),
        neck=face.codes.neck if neck is None else np.asarray(neck, np.float32),
        eyes=face.codes.eyes if eyes is None else np.asarray(eyes, np.float32),
    )
    z = decode_displacement(codes, networks, face.latent)
    return replace(face, codes=codes, geometry=decode_geometry(codes, z, mesh, faithfulness))


def relight(face: PaperFace, light: np.ndarray) -> tuple[PaperFace, np.ndarray]:
    """The face under another light [9, 3], and its texture times that light's shading, [N, N, 3], not clamped. Lights are
    exchanged and blended by spherical_harmonics' functions."""
    shading = harmonics(face.geometry.detail_normals) @ np.asarray(light, np.float64)
    lit = face.texture * rows_to_map(resize_maps(map_to_rows(shading), face.texture.shape[0]))
    return replace(face, codes=replace(face.codes, light=np.asarray(light))), lit


def export_face(face: PaperFace, mesh: PaperMesh, path: Path, faithfulness: Faithfulness = FIXED) -> None:
    """The dense mesh with its texture as path's .obj, .mtl and .png. Raises ExportError."""
    dense = face.geometry.dense_vertices, mesh.dense.faces, mesh.dense.uvs(faithfulness)
    write_dense_obj(path, *dense, face.texture, faithfulness)
