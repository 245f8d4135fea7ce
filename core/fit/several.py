"""Several photos of one person: their textures made one, by confidence and in one tone; what of each is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..render.camera import crop, project
from ..render.shading import encode_srgb, srgb_to_linear
from ..types import Camera, FittedPhoto, HeadCode, Photo

SHARPNESS = 3.0
"""Exponent of the confidence: the better photo of a texel counts for most of it, without an edge where the order changes."""
INVENTED = 1.0
"""Weight of a texel that no photo shows, against 255 ** SHARPNESS / 255 of one that is seen straight on."""
SURE = 128
MARGIN = 0.1
"""Of the head's size in a photo: what is kept around it. Painting looks no farther than 3 %; a corrected head may reach out."""


def crop_to_head(photo: Photo, code: HeadCode, camera: Camera, posed: np.ndarray) -> FittedPhoto:
    """A photo and its fit, posed vertices [V, 3] -> the part of the photo that painting the head looks at, pixel for pixel."""
    pixels, _ = project(camera, posed)
    margin, size = MARGIN * np.ptp(pixels, axis=0).max(), np.array(camera.size)
    x0, y0 = np.clip(np.floor(pixels.min(0) - margin), 0, size - 1).astype(int)
    x1, y1 = np.clip(np.ceil(pixels.max(0) + margin), (x0 + 1, y0 + 1), size).astype(int)
    part = np.ascontiguousarray(photo.pixels[y0:y1, x0:x1])
    alpha = None if photo.alpha is None else np.ascontiguousarray(photo.alpha[y0:y1, x0:x1])
    return FittedPhoto(replace(photo, pixels=part, alpha=alpha), code, crop(camera, x0, y0, (x1 - x0, y1 - y0)))


def blend_textures(textures: list[tuple[np.ndarray, np.ndarray]]) -> tuple[int, np.ndarray, np.ndarray]:
    """(albedo [S, S, 3] sRGB uint8, confidence [S, S] uint8) of each photo -> the one that shows most, albedo, confidence.

    Photos differ in exposure: each albedo is first scaled, in linear light and per channel, so that where two are sure their
    medians agree with the weighted mean of all.
    """
    shown = [float(confidence.mean()) for _, confidence in textures]
    main = int(np.argmax(shown))
    if len(textures) == 1:
        return main, *textures[0]
    tones = np.array(
        [
            np.median(albedo[confidence > SURE], 0) if (confidence > SURE).any() else np.full(3, np.nan)
            for albedo, confidence in textures
        ]
    )
    tones = srgb_to_linear(tones / 255)
    known = ~np.isnan(tones[:, 0])
    common = np.exp(np.average(np.log(tones[known]), axis=0, weights=np.array(shown)[known])) if known.any() else np.ones(3)
    total = np.zeros(textures[0][1].shape, np.float32)
    colour = np.zeros((*total.shape, 3), np.float32)
    for (albedo, confidence), tone, is_known in zip(textures, tones, known, strict=True):
        gain = common / tone if is_known else np.ones(3)
        table = (srgb_to_linear(np.arange(256) / 255)[:, None] * gain).astype(np.float32)
        weight = (confidence / np.float32(255)) ** np.float32(SHARPNESS) * 255 + np.float32(INVENTED / 255)
        for channel in range(3):
            colour[..., channel] += table[albedo[..., channel], channel] * weight
        total += weight
    colour /= total[..., None]
    return main, encode_srgb(colour), np.maximum.reduce([confidence for _, confidence in textures])
