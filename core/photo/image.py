"""Reading photos: upright, sRGB, 8 bit, with the focal length in pixels where EXIF tells it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import PhotoError
from ..types import Photo


def load_photo(path: str | Path) -> Photo:
    """Read a photo. Raises PhotoError."""
    path = Path(path)
    try:
        data = path.read_bytes()
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except OSError as error:
        raise PhotoError(f"The photo {path} cannot be read ({error}): choose another file.") from error
    return Photo(np.asarray(upright), None, None, str(path), sha256(data).hexdigest())
