"""Any picture mode to 8-bit sRGB and alpha.

Two steps, so that huge pictures can be reduced between them: `to_base_mode` brings a mode and depth to one of
L, LA, RGB, RGBA, CMYK and LAB with 8 bits; `to_srgb` then applies the colour profile.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

BASE_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "LAB")
BACKDROP = 128
"""Transparent pixels are shown on this grey: neither skin, nor hair, nor an edge against most faces."""
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}


def full_scale(image: Image.Image) -> float:
    """The value that stands for white in a picture of mode I or F, judged by its largest; 65535 for 16 bits."""
    if image.mode.startswith("I;16"):
        return 65535.0
    extrema = np.array(image.getextrema(), np.float64)
    high = float(np.nan_to_num(np.abs(extrema)).max())
    for scale in (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0):
        if high <= scale:
            return scale
    return high


def to_base_mode(image: Image.Image, white: float) -> Image.Image:
    """A decoded picture, or a part of one, in one of BASE_MODES; white: full_scale of the whole for I, F and I;16."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image).astype(np.float32)) * (255 / white)
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        return image.convert("RGBA")
    if image.mode in BASE_MODES:
        return image
    return image.convert("L" if image.mode == "1" else "RGBA" if image.mode == "P" and _has_alpha(image) else "RGB")


def _has_alpha(image: Image.Image) -> bool:
    return image.palette is not None and image.palette.mode == "RGBA"


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """A picture in one of BASE_MODES with its ICC profile -> pixels [H, W, 3] uint8, alpha [H, W] uint8 or None, notes."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colour = image.convert(image.mode[:-1]) if alpha is not None else image
    colour, notes = _apply_profile(colour, profile)
    if alpha is None or alpha.getextrema()[0] == 255:
        return np.array(colour), None, notes
    shown = Image.new("RGB", colour.size, (BACKDROP,) * 3)
    shown.paste(colour, mask=alpha)
    return np.array(shown), np.array(alpha), (*notes, "its transparent pixels are shown on grey")


def _apply_profile(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """L, RGB, CMYK or LAB -> RGB in sRGB, and notes."""
    if profile and image.mode != "LAB":
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            name = ImageCms.getProfileDescription(source).strip()
            mode = _PROFILE_MODES[source.profile.xcolor_space.strip()]
            if image.mode == "L" and mode == "RGB":
                image = image.convert("RGB")
            if mode == image.mode:
                if "sRGB" in name:
                    return image, ()
                return _convert(image, source), (f"its colours were converted from {name} to sRGB",)
        except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError) as error:
            rgb, notes = _apply_profile(image, None)
            return rgb, (*notes, f"its colour profile is damaged and was ignored ({error})")
        rgb, notes = _apply_profile(image, None)
        return rgb, (*notes, f"its colour profile ({name}) is for other colours than its own and was ignored")
    if image.mode == "LAB":
        return _convert(image, ImageCms.createProfile("LAB")), ("its colours were converted from Lab to sRGB",)
    if image.mode == "CMYK":
        return image.convert("RGB"), ("it is in CMYK without a usable profile, so its colours are approximate",)
    return image if image.mode == "RGB" else image.convert("RGB"), ()


def _convert(image: Image.Image, source: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, source, ImageCms.createProfile("sRGB"), renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    assert converted is not None
    return converted
