"""What a worker can do: stories by name, each a generator of Progress. Blender without a window runs the same ones itself."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.image_files import (
    EncodedImage,
    PackedEdit,
    PackedHead,
    PackedPaint,
    PackedPhoto,
    decode_pixels,
    pack_edit,
    pack_head,
    pack_paint,
    unpack_photo,
)
from ..core.types import Camera, HeadAsset, HeadCode, Photo, Progress, Texture

Story = Generator[Progress, None, Any]
PACKING = Progress("Packing the head", 0.99)


def fit_photos(
    photos: list[str], face: int | None = 0, texture_size: int = 2048, model: str = "embedded"
) -> Generator[Progress, None, list[PackedHead]]:
    """Photos of one person -> one head; of one photo its `face`-th largest face, or a head for every face (None)."""
    from ..core import pipeline

    if len(photos) > 1:
        assets = [(yield from pipeline.fit_photos(photos, texture_size=texture_size, model=model))]
    elif face is None:
        assets = yield from pipeline.fit_all_faces(photos[0], texture_size=texture_size, model=model)
    else:
        assets = [(yield from pipeline.fit_photo(photos[0], face=face, texture_size=texture_size, model=model))]
    yield PACKING
    return [pack_head(asset) for asset in assets]


def repaint(
    photo: Photo,
    code: HeadCode,
    camera: Camera,
    further: Sequence[PackedPhoto] = (),
    texture_size: int = 2048,
    model: str = "embedded",
) -> Generator[Progress, None, PackedPaint]:
    """A head's photo, its corrected shape and its further photos -> its textures anew."""
    from ..core import pipeline

    others = [unpack_photo(packed) for packed in further]
    painted = yield from pipeline.repaint_head(photo, code, camera, further=others, texture_size=texture_size, model=model)
    yield PACKING
    return pack_paint(painted.textures, painted.provenance, painted.skin_light.skin_linear_rgb)


def restyle(
    images: dict[str, EncodedImage], skin_linear_rgb: Any, appearance: dict[str, Any], wanted: dict[str, float], identity: Any
) -> Generator[Progress, None, PackedPaint]:
    """A head's textures, its skin's numbers and its shape -> the textures with the wanted numbers."""
    from ..core.appearance.parameters import describe_appearance, read_appearance
    from ..core.restyle import restyle_skin

    maps = {name: decode_pixels(image) for name, image in images.items()}
    skin = yield from restyle_skin(maps, skin_linear_rgb, read_appearance(appearance), wanted, identity)
    yield Progress("Packing the textures", 0.9)
    return pack_paint(skin.textures, {"appearance": describe_appearance(skin.appearance)}, skin.skin_linear_rgb)


def generate(seed: int, texture_size: int = 2048) -> Generator[Progress, None, list[PackedHead]]:
    """A seed -> a head of nobody."""
    from ..core.generation import generate_head

    asset = yield from generate_head(seed, texture_size=texture_size)
    yield PACKING
    return [pack_head(asset)]


def fit_photo_by_paper(
    photo: str, folder: str, refine: bool = True, faults: Sequence[str] = (), face: int | None = 0, texture_size: int = 2048
) -> Generator[Progress, None, list[PackedHead]]:
    """A photo and the folder of the paper's files -> by the paper's networks a head of its `face`-th largest face, or of every
    face (None)."""
    from ..core.paper import all_faces, stories

    told: dict[str, Any] = {"refine": refine, "faults": faults, "texture_size": texture_size}
    if face is None:
        assets = yield from all_faces.fit_all_faces_by_paper(photo, folder, **told)
    else:
        assets = [(yield from stories.fit_photo_by_paper(photo, folder, face=face, **told))]
    yield PACKING
    return [pack_head(asset) for asset in assets]


def generate_by_paper(
    seed: int, folder: str, truncation: float = 0.5, mix_seed: int | None = None, faults: Sequence[str] = (),
    texture_size: int = 2048,
) -> Generator[Progress, None, list[PackedHead]]:  # fmt: skip
    """A seed and the folder of the paper's files -> a random person by the paper's networks."""
    from ..core.paper import stories

    asset = yield from stories.generate_by_paper(
        seed, folder, truncation=truncation, mix_seed=mix_seed, faults=faults, texture_size=texture_size
    )
    yield PACKING
    return [pack_head(asset)]


def edit_with_clip(
    asset: HeadAsset, images: dict[str, EncodedImage], words: str, clip: str, masks: Sequence[str], locks: Sequence[str] = (),
    strength: float = 1.0, seed: int = 0, steps: int = 100, model: str = "embedded",
) -> Generator[Progress, None, PackedEdit]:  # fmt: skip
    """A head without pictures, its textures, words and a file of CLIP's weights -> how the head becomes what the words say.

    masks: as core/clip/edit_head.py's; locks: parts of the head that keep their shape.
    """
    from ..core.clip.weights import check_clip_file, require_parts
    from ..core.head.library import get_model

    check_clip_file(Path(clip))
    require_parts()
    yield Progress("Loading CLIP", 0.0, is_once=True)
    from ..core.clip import apply, edit_head
    from ..core.clip.model import get_clip
    from ..core.identity.directions import open_space

    network, used = get_clip(Path(clip)), get_model(model)
    head = replace(asset, textures={name: Texture(decode_pixels(image), image.color_space) for name, image in images.items()})
    held = open_space(model).field(locks) if locks else None
    options: dict[str, Any] = {"masks": tuple(masks), "strength": strength, "seed": seed, "steps": steps, "held": held}
    with closing(edit_head.edit_head(words, head, used, network, **options)) as story:
        edit = yield from _tell_losses(story)
    yield Progress("Packing the head", 0.95)
    made = apply.apply_edit(head, edit, used, held)
    return pack_edit(head, made, made.provenance[apply.EDITS][-1])


def _tell_losses(story: Generator[Any, None, Any]) -> Story:
    """An optimisation's steps, as OptimisationStep, in words."""
    while True:
        try:
            step = next(story)
        except StopIteration as end:
            return end.value
        fraction = 0.02 + 0.92 * step.fraction
        if math.isnan(step.loss):
            yield Progress("Reading the words", fraction)
        else:
            yield Progress(f"Moving the head towards the words: loss {step.loss:.3f}", fraction, picture=step.picture)


def variants(
    state: dict[str, Any], vertices: Any, albedo: EncodedImage | None, seeds: list[int | None], strength: float, locks: list[str],
    keep_person: bool, model: str = "embedded",
) -> Story:  # fmt: skip
    """A head's IdentityState, mesh [V, 3] m and albedo -> a picture [h, w, 3] uint8 of each seed's re-roll (contact_sheet.py)."""
    from ..core.identity.contact_sheet import draw_sheet
    from ..core.identity.state import IdentityState

    return draw_sheet(IdentityState(**state), vertices, albedo, seeds, strength, locks, keep_person, model)


def make_ready(model: str) -> Generator[Progress, None, None]:
    """A FLAME file's path -> the file made ready in the cache, so that Blender's own process can move its heads."""
    from ..core.head import library

    yield Progress("Making the FLAME file ready, once", 0.1, is_once=True)
    library.make_ready(model)


def read_capture(
    path: str, frames_per_second: float, rows_per_second: float, flips: tuple[bool, bool, bool], is_mirrored: bool,
    smoothing: float,
) -> Story:  # fmt: skip
    """A recorded face's file -> FaceCapture with one row a frame."""
    from ..core.animation.take import load_take

    return load_take(
        path, frames_per_second=frames_per_second, rows_per_second=rows_per_second, flips=flips, is_mirrored=is_mirrored,
        smoothing=smoothing,
    )  # fmt: skip


def check() -> Generator[Progress, None, tuple[str, ...]]:
    """What this process runs on, as sentences; every part is loaded, so a broken one is an error here."""
    yield Progress("Loading the parts", 0.1)
    return describe_process()


def describe_process() -> tuple[str, ...]:
    """Load what every story needs and say what it is. Raises ImportError when a part is missing or broken."""
    import numpy
    import PIL

    from ..core.render.device import describe_device
    from ..core.render.runtime import get_device, load_warp

    versions = f"NumPy {numpy.__version__}, Pillow {PIL.__version__}, Warp {load_warp().__version__}"
    return (f"Python {platform.python_version()}, {versions}.", *describe_device(get_device()))


STORIES: dict[str, Callable[..., Story]] = {
    "fit_photos": fit_photos, "repaint": repaint, "restyle": restyle, "generate": generate, "variants": variants,
    "make_ready": make_ready,
    "edit_with_clip": edit_with_clip,
    "fit_photo_by_paper": fit_photo_by_paper, "generate_by_paper": generate_by_paper,
    "read_capture": read_capture, "check": check,
}  # fmt: skip
