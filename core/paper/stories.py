"""The stories of the paper's method: a photo, or a seed, and a folder of its files -> a head. As core/pipeline.py's.

Rule of this file: torch is imported within the stories, with what they need of core/albedogan.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FaceError, ModelError
from ..evaluation.realy_keypoints import DENSE_LANDMARKS
from ..head.library import has_to_be_made_ready
from ..photo.dense_landmarks import locate_dense_landmarks
from ..photo.image import load_photo, photo_from_pixels
from ..photo.landmarks import detect_landmarks
from ..pipeline import TEXTURE_SIZE, CalibratedModel, fit_found_face, load_calibrated_model
from ..render.runtime import COMPILING, are_kernels_compiled, warm_up
from ..types import HeadAsset, Landmarks, Photo, Progress
from .beliefs import believe, find_units
from .files import PaperFiles, find_paper_files
from .head import PaperMaps, build_paper_head, widen_code

METHOD = "Rai et al. 2024, Towards realistic generative 3D face models (arXiv 2304.12483)"
ALL_FAULTS = ("all",)
"""As `faults`: everything as it was released."""
LICENCE = "The terms of the networks and of the head model, which are named here, hold for what is made with them"
NO_SKIN = "There is no FLAME_albedo_from_BFM.npz: skin that the picture does not show is of one plain colour."
LOADED, REFINED_FROM, PAINTED_FROM = 0.1, 0.3, 0.8
"""Shares of a story: all is loaded; the method is done where our fit follows, and where it does not."""
CODE_SHARE = 0.6
"""Of the method's, for changing a latent code."""


def fit_photo_by_paper(
    photo: str | Path | Photo,
    folder: str | Path,
    *,
    refine: bool = True,
    faults: Sequence[str] = (),
    face: int = 0,
    texture_size: int = TEXTURE_SIZE,
) -> Generator[Progress, None, HeadAsset]:
    """A photo's `face`-th largest face by the paper's networks, on FLAME's own mesh.

    refine: our fit starts from what they say and goes on, and paints its own texture; else the paper's result as it is. faults:
    names of the release's faults to reproduce (core/albedogan/faithfulness.py), ALL_FAULTS for all. Raises PhotoError, FaceError,
    ModelError (which names the files that are missing), BackendError without PyTorch.
    """
    started = time.perf_counter()
    files = find_paper_files(folder)
    yield Progress("Loading PyTorch", 0.0)
    require_torch()
    yield Progress("Reading the photo", 0.01)
    read = photo if isinstance(photo, Photo) else load_photo(photo)
    yield Progress("Finding the face", 0.02)
    landmarks = detect_landmarks(read, index=face)
    way = yield from _prepare(files, tuple(faults), refine=refine, texture_size=texture_size)
    from ..albedogan.pipeline import reconstruct

    story = reconstruct(read.pixels, to_68(landmarks), way.tools.networks, way.tools.mesh, way.faithfulness)
    found = yield from _within(story, LOADED, way.method_end)
    return (yield from _finish(way, read, landmarks, found, {"paper": time.perf_counter() - started}))


def generate_by_paper(
    seed: int,
    folder: str | Path,
    *,
    truncation: float = 0.5,
    mix_seed: int | None = None,
    mix_at: int | None = None,
    code: Any = None,
    change: Any = None,
    refine: bool = False,
    faults: Sequence[str] = (),
    texture_size: int = TEXTURE_SIZE,
) -> Generator[Progress, None, HeadAsset]:
    """A random person by StyleGAN2 and the paper's networks; the picture of the person is the head's photo.

    truncation: how far from the mean person, 0 to 1; from row mix_at of the latent code on (default: the middle) it is
    mix_seed's. code: the person's (core/latent/code_files.LatentCode), instead of the seed's; change: what is done with the one
    or the other (core/latent/person.CodeChange). refine, faults: as fit_photo_by_paper's. Raises FaceError where no face is found
    in the picture, ModelError (which names the files that are missing), BackendError without PyTorch.
    """
    files = find_paper_files(folder, is_generated=True)
    yield Progress("Loading PyTorch", 0.0)
    require_torch()
    way = yield from _prepare(files, tuple(faults), refine=refine, texture_size=texture_size, is_generated=True)
    from ..albedogan.pipeline import generate
    from ..latent.person import draw_code, pack_code

    name = f"person_{seed}" if code is None else Path(code.name).stem
    seen: list[tuple[Photo, Landmarks]] = []

    def find_landmarks(picture: np.ndarray) -> np.ndarray | None:
        photo = photo_from_pixels(picture, f"{name}.png")
        with suppress(FaceError):
            seen.append((photo, detect_landmarks(photo)))
        return to_68(seen[0][1]) if seen else None

    styles: dict[str, Any] = {"truncation": truncation, "mix_seed": mix_seed, "mix_at": mix_at}
    begin, given, told = LOADED, styles, {"from": f"seed {seed}"}
    if code is not None or change is not None:
        drawing = draw_code(seed, code, change, files, way.tools.networks.generator, styles)
        begin = LOADED + CODE_SHARE * (way.method_end - LOADED)
        drawn = yield from _within(drawing, LOADED, begin)
        given, told = {"latent": drawn.latent, "noise": drawn.noise}, drawn.told
    story = generate(seed, way.tools.networks, way.tools.mesh, find_landmarks, way.faithfulness, **given)
    found = yield from _within(story, begin, way.method_end)
    asset = yield from _finish(way, *seen[0], found, {})
    if code is None:
        asset.provenance["paper"] |= {"seed": seed, **{name: value for name, value in styles.items() if value is not None}}
        asset.provenance["seed"] = seed
    asset.provenance["latent"] = told | {"code": pack_code(found.latent[0].numpy())}
    del asset.provenance["times_s"]  # the seed alone decides, to the last byte
    return asset


def require_torch() -> None:
    """Raises BackendError, which says what to install where, before anything else is done."""
    from ..nets import kinds

    kinds.require_torch()


def to_68(landmarks: Landmarks) -> np.ndarray:
    """iBUG's 68 [68, 2] of the face mesh, whose outline goes with the head's turn as a 68-point detector's; index coordinates."""
    return landmarks.points_px[list(DENSE_LANDMARKS)] - 0.5


@dataclass(frozen=True)
class _Way:
    """What a story goes by. tools: core/albedogan/tools.PaperTools; faithfulness: core/albedogan/faithfulness.Faithfulness."""

    files: PaperFiles
    head: CalibratedModel
    tools: Any
    faithfulness: Any
    faults: tuple[str, ...]
    refine: bool
    texture_size: int
    is_generated: bool

    @property
    def method_end(self) -> float:
        return REFINED_FROM if self.refine else PAINTED_FROM


def _prepare(
    files: PaperFiles, faults: tuple[str, ...], *, refine: bool, texture_size: int, is_generated: bool = False
) -> Generator[Progress, None, _Way]:
    from ..albedogan.tools import load_tools

    faithfulness = _choose_faults(faults)
    name = str(files.flame)
    first = has_to_be_made_ready(name)
    yield Progress("Making the FLAME file ready, once" if first else "Loading the head model", 0.03, is_once=first)
    head = load_calibrated_model(name)
    if not are_kernels_compiled():
        yield Progress(COMPILING, 0.04, is_once=True)
    warm_up()
    if head.model.worn is None:
        raise ModelError(f"{files.flame.name} is no FLAME file: give generic_model.pkl as FLAME's authors publish it.")
    yield Progress("Loading the networks", 0.05)
    tools = load_tools(files, head.model.worn, is_generated=is_generated)
    return _Way(files, head, tools, faithfulness, faults, refine, texture_size, is_generated)


def _choose_faults(faults: tuple[str, ...]) -> Any:
    from ..albedogan.faithfulness import RELEASED, Faithfulness

    if faults == ALL_FAULTS:
        return RELEASED
    known = [field.name for field in fields(Faithfulness)]
    if unknown := [name for name in faults if name not in known]:
        raise ModelError(f"The release has no fault named {', '.join(unknown)}: choose from all, {', '.join(known)}.")
    return Faithfulness(**dict.fromkeys(faults, True))


def _within(story: Generator[Progress, None, Any], begin: float, end: float) -> Generator[Progress, None, Any]:
    """A part of a longer story."""
    while True:
        try:
            step = next(story)
        except StopIteration as done:
            return done.value
        yield replace(step, fraction=begin + (end - begin) * step.fraction)


def _finish(
    way: _Way, photo: Photo, landmarks: Landmarks, found: Any, times_s: dict[str, float]
) -> Generator[Progress, None, HeadAsset]:
    """found: core/albedogan/codes.PaperFace, which becomes our head: refined by our fit, or as it is."""
    from ..albedogan.fit_start import head_code, model_light, pinhole_camera

    model, worn, tools = way.head.model, way.head.model.worn, way.tools
    assert worn is not None
    size = photo.pixels.shape[1], photo.pixels.shape[0]
    flame = tools.mesh.flame
    face = worn.regions["face"][: len(flame.template)]
    camera = pinhole_camera(found.codes, found.picture, flame, size, photo.focal_px, face)
    code = widen_code(worn, head_code(found.codes))
    if way.refine:
        start = believe(model, code, camera)
        story = fit_found_face(photo, landmarks, str(way.files.flame), way.texture_size, times_s, start)
        asset = yield from _within(story, way.method_end, 1.0)
    else:
        yield Progress("Laying the texture on the head", way.method_end)
        from ..albedogan.lay_on_head import lay_on_head

        is_invented = way.is_generated and tools.networks.albedo is not None
        maps = PaperMaps(**vars(lay_on_head(found, tools.mesh, worn, way.texture_size, is_invented=is_invented)))
        dense, units = locate_dense_landmarks(photo, landmarks), find_units(model, code)
        has_eyes = way.faults == ALL_FAULTS and way.files.has_layout  # our own layout's mask has no eyeballs
        asset = build_paper_head(
            photo, landmarks, dense, way.head, code, units, camera, model_light(found.codes), maps,
            has_eyes_of_photo=has_eyes, times_s=times_s,
        )  # fmt: skip
        yield Progress("Done", 1.0)
    asset.provenance["paper"] = _describe(way, found.codes)
    asset.provenance["warnings"] += asset.provenance["paper"]["lacking"]
    return replace(asset, provenance=asset.provenance | {"licence": LICENCE})


def _describe(way: _Way, codes: Any) -> dict[str, Any]:
    """JSON-able facts: what made the face, and what the networks said."""
    said = ("shape", "expression", "pose", "camera", "light")
    told = ("kind", "title", "source_file", "source_sha256", "licence")
    return {
        "method": METHOD,
        "refined": way.refine,
        "faults": list(way.faults),
        "networks": [{name: asdict(one)[name] for name in told} for one in way.tools.told],
        "lacking": [*way.files.lacking(is_generated=way.is_generated), *([] if way.tools.has_texture_space else [NO_SKIN])],
        "codes": {name: np.round(np.float64(getattr(codes, name)), 6).tolist() for name in said},
    }
