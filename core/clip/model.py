"""CLIP behind a small interface, and open_clip's networks from a local file of weights.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision". Rule of this file: sizes come from
the tensors, files go through core/checkpoints (nothing in them is run), and nothing is downloaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoints import read_file
from ..errors import BackendError
from ..nets.strict import require_tensors
from .weights import HEAD_WIDTH, ClipSizes, find_tensors, read_sizes, require_file

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on, RGB in [0, 1]."""
QUICK = ("quickgelu", "openai")
"""In the names of files whose networks have OpenAI's approximation of the GELU; the tensors do not tell."""
NEEDS_OPEN_CLIP = "Editing with CLIP needs open_clip: install it (pip install open_clip_torch) for the Python that does the work."


class TextImageModel(Protocol):
    """name; size: the edge of its pictures, px; mean, deviation: what it normalises pictures by."""

    name: str
    size: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """-> [N, E] of unit length, without gradients."""
        ...

    def encode_image(self, pictures: Tensor) -> Tensor:
        """[B, 3, size, size], RGB in [0, 1] -> [B, E] of unit length, differentiable."""
        ...


class OpenClip:
    """A network of open_clip and its tokenizer, as a TextImageModel, frozen."""

    def __init__(self, network: nn.Module, tokenizer: Any, name: str, size: int) -> None:
        self.network, self.tokenizer = network.eval().requires_grad_(False), tokenizer
        self.name, self.size, self.mean, self.deviation = name, size, MEAN, DEVIATION

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """See TextImageModel."""
        with torch.no_grad():
            features = self._network().encode_text(self.tokenizer(list(texts)))
        return functional.normalize(features, dim=-1)

    def encode_image(self, pictures: Tensor) -> Tensor:
        """See TextImageModel."""
        mean, deviation = (pictures.new_tensor(values).view(3, 1, 1) for values in (self.mean, self.deviation))
        return functional.normalize(self._network().encode_image((pictures - mean) / deviation), dim=-1)

    def _network(self) -> Any:
        return self.network


def load_clip(path: Path, *, is_quick: bool | None = None) -> OpenClip:
    """The CLIP in a file of weights (safetensors, or a torch checkpoint of tensors).

    is_quick: whether its GELU is OpenAI's approximation; None: by QUICK in the file's or its folder's name. Raises BackendError
    without open_clip, ModelError where the file is missing or no CLIP, CheckpointError where it is refused.
    """
    path = Path(path)
    require_file(path)
    open_clip = import_open_clip()
    tensors = find_tensors(read_file(path))
    sizes = read_sizes(tensors, path.name)
    quick = any(word in f"{path.parent.name}/{path.name}".lower() for word in QUICK) if is_quick is None else is_quick
    network = build_network(open_clip, sizes, quick)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items() if name != "attn_mask"}
    own = {name: array for name, array in tensors.items() if name not in IGNORED}
    require_tensors("CLIP", expected, {name: tuple(np.shape(array)) for name, array in own.items()})
    network.load_state_dict({name: torch.from_numpy(np.array(array, np.float32)) for name, array in own.items()}, strict=False)
    tokenizer = open_clip.SimpleTokenizer(context_length=sizes.context)
    return OpenClip(network, tokenizer, path.name, sizes.picture)


def get_clip(path: Path) -> OpenClip:
    """load_clip, but the last one is kept as long as its file has not changed. Raises what load_clip raises."""
    path = Path(path)
    require_file(path)
    stat = path.stat()
    return _load(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1)
def _load(path: Path, size_bytes: int, changed_ns: int) -> OpenClip:
    return load_clip(path)


IGNORED = ("attn_mask", "input_resolution", "context_length", "vocab_size")
"""What OpenAI's and old files have beside the tensors."""


def import_open_clip() -> Any:
    """The user's open_clip. Raises BackendError."""
    try:
        return importlib.import_module("open_clip")
    except ImportError as error:
        raise BackendError(NEEDS_OPEN_CLIP) from error
    except (RuntimeError, OSError, AttributeError) as error:
        cause = str(error).split("\n")[0]
        raise BackendError(
            f"open_clip is installed but does not load ({cause}): torch and torchvision must be of one release and for the same "
            "device."
        ) from error


def build_network(open_clip: Any, sizes: ClipSizes, is_quick: bool) -> nn.Module:
    """open_clip's network of these sizes, with random weights."""
    vision = {"layers": sizes.vision_layers, "width": sizes.vision_width, "head_width": HEAD_WIDTH}
    vision |= {"patch_size": sizes.patch, "image_size": sizes.picture}
    text = {"context_length": sizes.context, "vocab_size": sizes.vocabulary, "width": sizes.text_width}
    text |= {"heads": sizes.text_width // HEAD_WIDTH, "layers": sizes.text_layers}
    network: nn.Module = open_clip.CLIP(sizes.embedding, vision, text, quick_gelu=is_quick)
    return network
