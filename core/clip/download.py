"""CLIP's default weights, fetched by open_clip's own downloader.

Rule of this file: nothing here is called but by a command that a person gave for this, after being told OFFER.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import BackendError
from .weights import check_clip_file, require_parts

NAME, TAG = "ViT-B-32", "laion2b_s34b_b79k"
SOURCE = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
SIZE_MB = 605
"""151 million numbers of four bytes."""
OFFER = (
    f"The weights of CLIP {NAME} ({TAG}), about {SIZE_MB} MB, from the Hugging Face hub ({SOURCE}), by open_clip's downloader. "
    "Their licence is on that page (MIT, by its authors)."
)


def fetch_clip(folder: Path) -> Path:
    """Fetch the weights into a folder, or find them there -> their file, checked. Raises BackendError without PyTorch and
    open_clip and where they cannot be fetched, ModelError where what came is no CLIP."""
    require_parts()
    from .model import import_open_clip

    open_clip = import_open_clip()
    try:
        settings = open_clip.get_pretrained_cfg(NAME, TAG)
        path = Path(open_clip.download_pretrained(settings, cache_dir=str(folder)))
    except Exception as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackendError(
            f"CLIP's weights could not be fetched ({cause}): look at the connection and whether huggingface_hub is installed, "
            f"and try again, or download them from {SOURCE} by hand."
        ) from error
    check_clip_file(path)
    return path
