"""Textures of several photos of one person -> one: by confidence, in one tone."""

from __future__ import annotations

import numpy as np

from ..render.shading import encode_srgb, srgb_to_linear

SHARPNESS = 3.0
"""Exponent of the confidence: the better photo of a texel counts for most of it, without an edge where the order changes."""
INVENTED = 1.0
"""Weight of a texel that no photo shows, against 255 ** SHARPNESS / 255 of one that is seen straight on."""
SURE = 128


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
