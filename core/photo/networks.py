"""The two landmark networks: which files they are, and loading each once per process.

Both come out of the mediapipe 0.10.21 wheel (Apache-2.0), see build.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from .. import config
from ..errors import ModelError
from .tflite import Network, load_network


@dataclass(frozen=True)
class NetworkFile:
    """A network's file: its name in the assets folder, its path in the wheel and the SHA-256 of its bytes."""

    name: str
    wheel_path: str
    sha256: str


FACE_DETECTOR = NetworkFile(
    "face_detection_short_range.tflite",
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
FACE_LANDMARKER = NetworkFile(
    "face_landmark_with_attention.tflite",
    "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
)


@cache
def open_network(file: NetworkFile) -> Network:
    """The network in the assets folder. Raises ModelError when it is missing or not the file it should be."""
    path = config.ASSETS_DIR / file.name
    network = load_network(path)
    if sha256(path.read_bytes()).hexdigest() != file.sha256:
        raise ModelError(f"The network {path} is not the one of this version: run `make assets`, or reinstall the extension.")
    return network
