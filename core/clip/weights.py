"""A file of CLIP's weights looked at before anything is made of it: whether it is one, and what the Python that works lacks.

Rule of this file: no PyTorch, and of a file no more than its tensors' names and shapes, so that a choice is judged at once.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints import read_outline
from ..errors import BackendError, ModelError

HEAD_WIDTH = 64
"""Channels of an attention head, in every CLIP that was published as a vision transformer."""
MOST_BLOCKS = 128
PARTS = {"torch": "torch", "open_clip": "open_clip_torch"}
"""Module -> what pip calls it."""


@dataclass(frozen=True)
class ClipSizes:
    """embedding: of both encoders; vision: width, layers, patch and picture (px); text: width, layers, context, vocabulary."""

    embedding: int
    vision_width: int
    vision_layers: int
    patch: int
    picture: int
    text_width: int
    text_layers: int
    context: int
    vocabulary: int

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> ClipSizes:
        """From the tensors in open_clip's (and OpenAI's) names. Raises KeyError or ValueError for what is no such CLIP."""
        patches, places = tensors["visual.conv1.weight"].shape, tensors["visual.positional_embedding"].shape
        grid = math.isqrt(places[0] - 1)
        if grid**2 != places[0] - 1 or len(patches) != 4:
            raise ValueError("no square picture")
        vocabulary, text_width = tensors["token_embedding.weight"].shape
        sizes = cls(
            tensors["text_projection"].shape[1], patches[0], _count(tensors, "visual.transformer.resblocks."), patches[-1],
            grid * patches[-1], text_width, _count(tensors, "transformer.resblocks."), tensors["positional_embedding"].shape[0],
            vocabulary,
        )  # fmt: skip
        if sizes.vision_width % HEAD_WIDTH or sizes.text_width % HEAD_WIDTH:
            raise ValueError("no heads of the usual width")
        return sizes


def check_clip_file(path: Path) -> ClipSizes:
    """The sizes of the CLIP in a file, from its names and shapes alone. Raises ModelError where it is missing or no CLIP,
    CheckpointError where it is refused."""
    require_file(path)
    return read_sizes(find_tensors(read_outline(path)), path.name)


def require_file(path: Path) -> None:
    """Raises ModelError where there is no such file."""
    if not path.is_file():
        raise ModelError(
            f"There is no CLIP file {path}: download open_clip's weights of a ViT (open_clip_model.safetensors of ViT-B-32, for "
            "example), and give the path."
        )


def require_parts() -> None:
    """Raises BackendError, which says what to install where, unless this Python has PyTorch and open_clip."""
    lacking = [module for module in PARTS if sys.modules.get(module) is None and importlib.util.find_spec(module) is None]
    if lacking:
        names = [PARTS[module] for module in lacking]
        raise BackendError(
            f"Editing with CLIP needs {' and '.join(names)}, which the Python that does the work lacks: run {sys.executable} -m "
            f"pip install {' '.join(names)}, or choose another Python under Worker in Likeness' preferences."
        )


def find_tensors(content: Any) -> dict[str, np.ndarray]:
    """The arrays of what a file holds, by open_clip's names."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    pairs = content.items() if isinstance(content, Mapping) else ()
    arrays = {str(key): value for key, value in pairs if isinstance(value, np.ndarray)}
    return {key.removeprefix("module."): value for key, value in arrays.items()}


def read_sizes(tensors: Mapping[str, Any], name: str) -> ClipSizes:
    """ClipSizes.read for the tensors of a file called `name`. Raises ModelError."""
    try:
        return ClipSizes.read(tensors)
    except (KeyError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise ModelError(
            f"{name} holds no CLIP with a vision transformer: give open_clip's weights, for example of ViT-B-32."
        ) from error


def _count(tensors: Mapping[str, Any], prefix: str) -> int:
    count = 0
    while count < MOST_BLOCKS and f"{prefix}{count}.ln_1.weight" in tensors:
        count += 1
    return count
