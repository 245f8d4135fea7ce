"""The further photos of a head from several: their heads' crops packed in the .blend, each with its own fit.

Rule of this file: they are written once, when the head is made, and only read afterwards; so copies of a head may share the
images, and a correction always starts from what was found in the photos, never from what followed from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.image_files import EncodedImage, PackedPhoto, encode_photo, unpack_photo
from ..core.types import Camera, FittedPhoto, HeadCode, Photo
from .image import create_image, read_pixels

FURTHER = "likeness_further"
"""The mesh object's property with each photo's facts and fit, by number."""
IMAGE_PREFIX = "likeness_further_photo_"


def photo_facts(photo: Photo) -> dict[str, Any]:
    """What is known of a photo beside its pixels; of its path only the file's name, for a .blend may be given away."""
    return {"focal_px": photo.focal_px, "source": Path(photo.source).name, "sha256": photo.sha256, "notes": photo.notes}


def write_further(
    obj: bpy.types.Object, further: Sequence[FittedPhoto], files: Sequence[EncodedImage], units: Sequence[str]
) -> None:
    """Pack the photos beside the head; files: theirs; units: the expression's names, by which it is kept."""
    if not further:
        return
    entries = {}
    for number, (fitted, file) in enumerate(zip(further, files, strict=True)):
        obj[f"{IMAGE_PREFIX}{number}"] = create_image(file, f"{obj.name} photo {number + 2}")
        code, camera = fitted.code, fitted.camera
        expression = dict(zip(units, map(float, code.expression), strict=True))
        facts = {**photo_facts(fitted.photo), "expression": expression, "camera_size": camera.size}
        arrays = {"identity": code.identity, "pose": code.pose, "camera_K": camera.K, "camera_R": camera.R, "camera_t": camera.t}
        numbers = {key: np.ravel(values).astype(float).tolist() for key, values in arrays.items()}
        entries[str(number)] = {"facts": json.dumps(facts), **numbers}
    obj[FURTHER] = entries


def read_further(obj: bpy.types.Object, units: Sequence[str]) -> tuple[FittedPhoto, ...]:
    """All that are there, with their pixels."""
    return tuple(unpack_photo(packed) for packed in pack_further(obj, units))


def read_fits(obj: bpy.types.Object, units: Sequence[str]) -> list[tuple[HeadCode, Camera]]:
    """Code and camera of each, without its picture."""
    fitted = [_read_fit(entry, units) for entry, _ in _entries(obj)]
    return [(one.code, one.camera) for one in fitted]


def pack_further(obj: bpy.types.Object, units: Sequence[str]) -> list[PackedPhoto]:
    """All that are there, as the files that the .blend carries: whoever needs the pixels decodes them."""
    return [PackedPhoto(_read_file(image, entry), _read_fit(entry, units)) for entry, image in _entries(obj)]


def count_missing(obj: bpy.types.Object, provenance: dict[str, Any]) -> int:
    """How many of the further photos that the head was made from are not in this file."""
    return max(len(provenance.get("photos", ())) - 1 - len(list(_entries(obj))), 0)


def further_images(obj: bpy.types.Object) -> list[bpy.types.Image]:
    """Their packed images."""
    return [value for key, value in obj.items() if key.startswith(IMAGE_PREFIX) and value is not None]


def _entries(obj: bpy.types.Object) -> Iterator[tuple[Any, bpy.types.Image]]:
    """What is kept of each photo whose image is there."""
    for number, entry in obj.get(FURTHER, {}).items():
        if (image := obj.get(f"{IMAGE_PREFIX}{number}")) is not None:
            yield entry, image


def _read_fit(entry: Any, units: Sequence[str]) -> FittedPhoto:
    """Without pixels. A unit that the photo's fit did not know is at rest."""
    facts = json.loads(entry["facts"])
    photo = Photo(np.empty((0, 0, 3), np.uint8), None, facts["focal_px"], facts["source"], facts["sha256"], tuple(facts["notes"]))
    expression = np.array([facts["expression"].get(name, 0.0) for name in units])
    K, R, t = (np.array(entry[f"camera_{key}"]) for key in "KRt")
    camera = Camera(K.reshape(3, 3), R.reshape(3, 3), t, tuple(facts["camera_size"]))
    return FittedPhoto(photo, HeadCode(np.array(entry["identity"]), expression, np.array(entry["pose"])), camera)


def _read_file(image: bpy.types.Image, entry: Any) -> EncodedImage:
    """The packed file as it is; an image that somebody painted on is made a file anew."""
    if image.packed_file is None or image.is_dirty:
        pixels = read_pixels(image)
        return encode_photo(Photo(pixels[..., :3], pixels[..., 3] if pixels.shape[-1] == 4 else None, None, "", ""))
    size = tuple(json.loads(entry["facts"])["camera_size"])
    return EncodedImage(bytes(image.packed_file.data), size, False, image.colorspace_settings.name)
