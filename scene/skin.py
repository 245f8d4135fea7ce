"""A head's skin in the scene: its numbers, what is asked of them, and another skin put on.

Rule of this file: every other skin is made from the textures that the head had before any was, which stay in the file: so nothing
wears out however often sliders move, and the way back is exact. What an artist painted over in between is kept: it becomes what
the next skin is made from. What is asked for and not painted yet is kept beside the file, never in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import bpy
import numpy as np

from ..core.appearance.albedo import skin_colour, with_colour
from ..core.appearance.catalogue import IN_RELIEF, NAMES, NUMBERS, RELIEF
from ..core.appearance.parameters import OLD_HEAD, read_appearance
from ..core.appearance.restyle import change_appearance
from ..core.errors import SkinError
from ..core.head.kinds import kinds_of_parts
from ..core.head.library import EMBEDDED, LAYOUT, embedded_identity
from ..core.identity.gauges import load_gauges
from ..core.image_files import EncodedImage, PackedPaint
from . import ownership
from .head import BASE_PREFIX, HEAD, TEXTURE_PREFIX, head_rig, texture_images
from .image import create_image, create_images_in_steps, read_file
from .material import retint_skin

RECORD = "likeness_painted"
"""The mesh object's property with what the skin was: 'made' and 'base', numbers as JSON; 'base_linear_rgb'; 'told', the numbers
that were put on last, as JSON, 'painted', their albedo file's hash, and 'has_relief', whether the lines of age are ours. Images
of the base: BASE_PREFIX + name."""
COLOUR = ("albedo", "subsurface")
SAME = 5e-5
"""Numbers nearer than this are the same: provenance rounds to four decimals."""
USUAL = {number.name: number.usual for number in NUMBERS}
RANGES = {number.name: (number.lowest, number.highest) for number in NUMBERS}


@dataclass
class Wish:
    """Numbers that sliders ask for; stamp: the head that they were asked of."""

    stamp: tuple[str, str]
    numbers: dict[str, float] = field(default_factory=dict)


_wishes: dict[int, Wish] = {}


def why_not(obj: bpy.types.Object) -> str | None:
    """Why this head's skin cannot be changed, as a sentence for the user; None when it can be."""
    facts = json.loads(obj[HEAD]["facts"])
    model_name, rig = facts["model_name"], head_rig(obj)
    blocks = [*filter(None, obj.data.materials), *texture_images(obj).values(), *([rig] if rig else [])]
    if model_name != load_gauges().model_name and facts["provenance"].get(LAYOUT) != EMBEDDED:
        return f"This head was made with another model ({model_name}), whose skin has no numbers: use the built-in head model"
    if (reason := ownership.why_not(obj, blocks)) is not None:
        return reason
    if not read_numbers(obj):
        return OLD_HEAD.rstrip(".")
    if "albedo" not in texture_images(obj):
        return "This head's albedo is gone from this file: make the head again"
    return None


def require_skin(obj: bpy.types.Object) -> None:
    """Raises SkinError with why_not's sentence."""
    if (reason := why_not(obj)) is not None:
        raise SkinError(f"{reason}.")


def read_numbers(obj: bpy.types.Object) -> MappingProxyType[str, Any]:
    """The appearance that the head's textures show; empty where it is not known."""
    return _numbers_in(obj[HEAD]["facts"])


def made_numbers(obj: bpy.types.Object) -> dict[str, float]:
    """The skin's numbers (NAMES) as the head was made."""
    record = _current_record(obj)
    told = json.loads(record["made"]) if record is not None else read_numbers(obj)
    return {name: told[name] for name in NAMES if name in told}


def is_as_made(obj: bpy.types.Object) -> bool:
    """Whether the head shows, and is asked for, the skin that it was made with."""
    made = made_numbers(obj)
    return all(abs(shown_number(obj, name) - made[name]) <= SAME for name in made)


def changed_numbers(obj: bpy.types.Object) -> dict[str, float]:
    """What an artist changed, painted or still asked for: the numbers shown that are not those that the head was made with."""
    shown = {name: (shown_number(obj, name), made) for name, made in made_numbers(obj).items()}
    return {name: number for name, (number, made) in shown.items() if abs(number - made) > SAME}


def names_read(obj: bpy.types.Object) -> frozenset[str]:
    """The numbers that were read from the photo; the others are what is usual, or a random person's."""
    return frozenset(json.loads(obj[HEAD]["facts"])["provenance"].get("appearance_read", ()))


def shown_number(obj: bpy.types.Object, name: str) -> float:
    """What a slider shows: the number that is asked for, else the texture's."""
    asked = wished_numbers(obj)
    return asked[name] if name in asked else float(read_numbers(obj).get(name, USUAL[name]))


def shown_colour(obj: bpy.types.Object) -> np.ndarray:
    """The bare skin's linear RGB [3] with the numbers that the sliders show: at once, before anything is painted."""
    skin, told = np.array(obj[HEAD]["skin_linear_rgb"]), dict(read_numbers(obj))
    if not told:
        return skin
    was = read_appearance(told)
    colour: np.ndarray = skin * skin_colour(change_appearance(was, wished_numbers(obj))) / skin_colour(was)
    return colour


def wish(obj: bpy.types.Object, numbers: dict[str, float]) -> None:
    """Ask for numbers beside what is asked for already, kept within their ranges. Raises SkinError."""
    require_skin(obj)
    told = read_numbers(obj)
    asked = wished_numbers(obj) | {name: min(max(value, RANGES[name][0]), RANGES[name][1]) for name, value in numbers.items()}
    asked = {name: value for name, value in asked.items() if abs(value - told[name]) > SAME}
    forget_wish(obj)
    if asked:
        _wishes[obj.session_uid] = Wish(stamp(obj), asked)


def wish_colour(obj: bpy.types.Object, linear_rgb: np.ndarray) -> None:
    """Ask for the melanin and blood whose bare skin comes nearest to a linear RGB [3]. Raises SkinError."""
    require_skin(obj)
    was = read_appearance(dict(read_numbers(obj)))
    shown = change_appearance(was, wished_numbers(obj))
    wanted = with_colour(shown, linear_rgb * skin_colour(was) / np.array(obj[HEAD]["skin_linear_rgb"]))
    wish(obj, {"melanin": wanted.melanin, "blood": wanted.blood})


def wished_numbers(obj: bpy.types.Object) -> dict[str, float]:
    """What is asked for and not painted yet. A head that was painted otherwise in between is asked for nothing."""
    asked = _wishes.get(obj.session_uid)
    return dict(asked.numbers) if asked is not None and asked.stamp == stamp(obj) else {}


def forget_wish(obj: bpy.types.Object) -> None:
    """Sliders show the textures' numbers again."""
    _wishes.pop(obj.session_uid, None)


def has_wishes() -> bool:
    """Whether anything is asked of any head."""
    return bool(_wishes)


def forget_wishes() -> None:
    """The same for all heads."""
    _wishes.clear()


def stamp(obj: bpy.types.Object) -> tuple[str, str]:
    """What tells the head's present skin from any other."""
    image = texture_images(obj).get("albedo")
    return (image.name_full if image else "", json.dumps(dict(read_numbers(obj))))


def restyle_arguments(obj: bpy.types.Object, wanted: dict[str, float]) -> dict[str, Any]:
    """What the story 'restyle' needs for the head's present skin with the wanted numbers. Raises SkinError."""
    require_skin(obj)
    told = dict(read_numbers(obj))
    change_appearance(read_appearance(told), wanted)
    record = _painted_record(obj)
    if record is None:
        base, images, skin = told, texture_images(obj), obj[HEAD]["skin_linear_rgb"]
    else:
        base, images, skin = json.loads(record["base"]), _base_images(obj), record["base_linear_rgb"]
    numbers = {name: told[name] for name in NAMES} | wanted
    changed = {name: number for name, number in numbers.items() if abs(number - base[name]) > SAME}
    needed = ("albedo", *(RELIEF if set(changed) & set(IN_RELIEF) else ()))
    return {
        "images": {key: read_file(images[key]) for key in needed if key in images},
        "skin_linear_rgb": np.array(skin), "appearance": base, "wanted": changed,
        "identity": embedded_identity(np.array(obj[HEAD]["identity"]), json.loads(obj[HEAD]["facts"])["provenance"]),
    }  # fmt: skip


def put_on(obj: bpy.types.Object, paint: PackedPaint) -> None:
    """Another skin, made from restyle_arguments, takes the place of the head's. Raises SkinError."""
    require_skin(obj)
    files = _files_to_put_on(obj, paint)
    _put_on(obj, paint, {key: create_image(encoded, f"{obj.name} restyled {key}") for key, encoded in files.items()})


def put_on_in_steps(obj: bpy.types.Object, paint: PackedPaint) -> Generator[None, None, None]:
    """As put_on, with pauses for a window to be drawn: first the textures, one by one, and all of the head in the last step.

    Whatever ends it early leaves the head as it was. Raises SkinError, SceneError when the head has changed in a pause.
    """
    require_skin(obj)
    uid, was = obj.session_uid, stamp(obj)
    new = yield from create_images_in_steps(_files_to_put_on(obj, paint), f"{obj.name} restyled")
    try:
        found = next((other for other in bpy.data.objects if other.session_uid == uid), None)
        if found is None or stamp(found) != was:
            raise SkinError("The head was changed or removed meanwhile: please choose its skin again.")
        _put_on(found, paint, new)
    except BaseException:
        bpy.data.batch_remove([image for image in new.values() if image.users == 0])
        raise


def _files_to_put_on(obj: bpy.types.Object, paint: PackedPaint) -> dict[str, EncodedImage]:
    """None where the paint is what the head had before any other skin: these textures are in the file."""
    record = _painted_record(obj)
    base = json.loads(record["base"]) if record is not None else dict(read_numbers(obj))
    return {} if _is_base(base, paint) else paint.textures


def _is_base(base: dict[str, Any], paint: PackedPaint) -> bool:
    return all(abs(paint.provenance["appearance"][name] - base[name]) <= SAME for name in NAMES)


def _put_on(obj: bpy.types.Object, paint: PackedPaint, new: dict[str, bpy.types.Image]) -> None:
    record = _painted_record(obj)
    if record is None:
        record = _keep_base(obj)
    base, numbers, skin = json.loads(record["base"]), paint.provenance["appearance"], paint.skin_linear_rgb
    kept = {key: image for key, image in _base_images(obj).items() if key in COLOUR or record["has_relief"]}
    if _is_base(base, paint):
        skin, numbers = np.array(record["base_linear_rgb"]), base
    images = kept | new
    swap_textures(obj, images, skin)
    _tell(obj, numbers, json.loads(record["made"]), skin)
    record["told"], record["painted"] = json.dumps(numbers), _fingerprint(images["albedo"])
    record["has_relief"] = any(images.get(key, image) != image for key, image in _base_images(obj).items() if key in RELIEF)


def _base_images(obj: bpy.types.Object) -> dict[str, bpy.types.Image]:
    images = ((key, obj.get(BASE_PREFIX + key)) for key in (*COLOUR, *RELIEF))
    return {key: image for key, image in images if image is not None}


def _keep_base(obj: bpy.types.Object) -> Any:
    """Remember the head's present textures and numbers: what other skins are made from."""
    earlier, told = _current_record(obj), json.dumps(dict(read_numbers(obj)))
    made = earlier["made"] if earlier is not None else told
    obj[RECORD] = {
        "made": made, "base": told, "told": told, "base_linear_rgb": list(obj[HEAD]["skin_linear_rgb"]), "painted": "",
        "has_relief": False,
    }  # fmt: skip
    for key, image in texture_images(obj).items():
        if key in COLOUR or key in RELIEF:
            if image.is_dirty:
                image.pack()
            obj[BASE_PREFIX + key] = image
    return obj[RECORD]


def forget_base(obj: bpy.types.Object) -> None:
    """The head is painted from its photo: what it had before any other skin is gone with the old textures."""
    obj.pop(RECORD, None)
    names = [name for name, _ in obj.items() if name.startswith(BASE_PREFIX)]
    images = [obj.pop(name) for name in names]
    bpy.data.batch_remove({image for image in images if image is not None and image.users == 0})


def _painted_record(obj: bpy.types.Object) -> Any:
    """RECORD, or None where the albedo is not the one that was put on last: somebody painted on it."""
    record = _current_record(obj)
    return record if record is not None and record["painted"] == _fingerprint(texture_images(obj)["albedo"]) else None


def _current_record(obj: bpy.types.Object) -> Any:
    """RECORD, or None where the head was painted from its photo since: then it tells of a skin that is gone."""
    record = obj.get(RECORD)
    return record if record is not None and json.loads(record["told"]) == dict(read_numbers(obj)) else None


def swap_textures(obj: bpy.types.Object, images: dict[str, bpy.types.Image], skin_linear_rgb: np.ndarray) -> None:
    """New images in the place of the old ones, in the head's own materials; materials of other objects stay as they are."""
    before = texture_images(obj)
    replaced = {before[key]: image for key, image in images.items() if key in before}
    kinds = kinds_of_parts(json.loads(obj[HEAD]["facts"])["part_names"])
    for slot, material in enumerate(obj.data.materials):
        if material is None:
            continue
        if material.users - material.use_fake_user > 1:
            material = obj.data.materials[slot] = material.copy()
        for node in material.node_tree.nodes if material.node_tree else ():
            if node.type == "TEX_IMAGE" and node.image in replaced:
                node.image = replaced[node.image]
        if slot < len(kinds) and kinds[slot] == "skin":
            retint_skin(material, np.array(obj[HEAD]["skin_linear_rgb"]), skin_linear_rgb)
    for key, image in images.items():
        obj[TEXTURE_PREFIX + key] = image
    bpy.data.batch_remove([image for image in replaced if image.users == 0])


def _tell(obj: bpy.types.Object, numbers: dict[str, Any], made: dict[str, Any], skin_linear_rgb: np.ndarray) -> None:
    """HeadAsset.provenance: the numbers, and which of them an artist chose."""
    stored = obj[HEAD]
    facts = json.loads(stored["facts"])
    chosen = [name for name in NAMES if abs(numbers[name] - made[name]) > SAME]
    facts["provenance"]["appearance"] = numbers
    facts["provenance"].pop("appearance_chosen", None)
    if chosen:
        facts["provenance"]["appearance_chosen"] = sorted(chosen)
    stored["facts"] = json.dumps(facts)
    stored["skin_linear_rgb"] = np.asarray(skin_linear_rgb, float).tolist()


def _fingerprint(image: bpy.types.Image) -> str:
    """What tells an image as we packed it from one that was painted on or exchanged."""
    if image.packed_file is None or image.is_dirty:
        return "painted on"
    return hashlib.sha1(image.packed_file.data, usedforsecurity=False).hexdigest()


@lru_cache(maxsize=8)
def _numbers_in(facts: str) -> MappingProxyType[str, Any]:
    told = json.loads(facts)["provenance"].get("appearance") or {}
    return MappingProxyType(told if set(NAMES) <= set(told) else {})
