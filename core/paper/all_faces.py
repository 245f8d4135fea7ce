"""A head by the paper's networks for every face of a photo, as core/pipeline.py's fit_all_faces."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from ..photo.image import load_photo
from ..photo.landmarks import find_faces
from ..pipeline import TEXTURE_SIZE
from ..types import HeadAsset, Progress
from .stories import fit_photo_by_paper


def fit_all_faces_by_paper(
    photo: str | Path, folder: str | Path, *, refine: bool = True, faults: Sequence[str] = (), texture_size: int = TEXTURE_SIZE
) -> Generator[Progress, None, list[HeadAsset]]:
    """Largest face first. Raises as fit_photo_by_paper; FaceError for a photo without a face."""
    yield Progress("Reading the photo", 0.0)
    read = load_photo(photo)
    yield Progress("Finding the faces", 0.01)
    number = max(1, len(find_faces(read)))
    assets: list[HeadAsset] = []
    for index in range(number):
        job = fit_photo_by_paper(read, folder, refine=refine, faults=faults, face=index, texture_size=texture_size)
        while True:
            try:
                step = next(job)
            except StopIteration as end:
                asset: HeadAsset = end.value
                assets.append(asset if number == 1 else replace(asset, name=f"{asset.name}_{index + 1}"))
                break
            yield Progress(f"Face {index + 1} of {number}: {step.stage}", (index + step.fraction) / number, step.is_once)
    return assets
