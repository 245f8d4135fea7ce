"""The NoW challenge's folders: images and lists in, a submission out, scans and their landmarks.

    images       <subject>/<challenge>/<image>.jpg, in iphone_pictures
    boxes        detected_face/<subject>/<challenge>/<image>.npy: a dict of left, top, right, bottom in pixels
    list         one such path a line (imagepathsvalidation.txt, imagepathstest.txt)
    submission   <subject>/<challenge>/<image>.obj (or .ply), and beside it <image>.npy [7, 3] (or .txt: x,y,z a line)
    scans        scans/<subject>/<any name>.obj, scans_lmks_onlypp/<subject>/<the same name>_picked_points.pp, in mm
Meshes are neutral heads in any frame; an .obj carries no colours behind its vertices, which the challenge's reader cannot take.
The scale is free in the non-metrical challenge; the metrical one is told the unit: ours is the millimetre.
Source: the challenge's dataset page and the README of its evaluation code.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ..checkpoints import read_file
from ..errors import EvaluationError
from ..staging import staged
from .landmark_files import find_landmarks, read_landmarks
from .meshes import MESH_SUFFIXES, TriangleMesh, describe_obj, read_mesh

CHALLENGES = {
    "multiview_neutral": "neutral",
    "multiview_expressions": "expression",
    "multiview_occlusions": "occlusion",
    "selfie": "selfie",
}
IMAGES, BOXES = "iphone_pictures", "detected_face"
IMAGE_ROOTS = ("", IMAGES, f"final_release_version/{IMAGES}", f"NoW_Dataset/final_release_version/{IMAGES}")
SCAN_FOLDERS, LANDMARK_FOLDERS = ("scans", ""), ("scans_lmks_onlypp", "scans", "")
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".heic", ".heif", ".webp", ".tif", ".tiff", ".bmp"))


@dataclass(frozen=True)
class ChallengeImage:
    """path of the photo; name: where its prediction goes, "<subject>/<challenge>/<image>" without a suffix."""

    path: Path
    name: str

    @property
    def subject(self) -> str:
        return PurePosixPath(self.name).parts[0]

    @property
    def challenge(self) -> str:
        """neutral, expression, occlusion, selfie, or what another folder is called ("" without one)."""
        parts = PurePosixPath(self.name).parts
        return CHALLENGES.get(parts[-2], parts[-2]) if len(parts) > 2 else ""


def list_images(folder: Path, listed: Path | None = None) -> list[ChallengeImage]:
    """The images of a list, there or not (each needs a prediction), or all under the folder. Raises EvaluationError."""
    if not folder.is_dir():
        raise EvaluationError(f"The folder of images {folder} does not exist: check the path.")
    roots = [folder / name for name in IMAGE_ROOTS if (folder / name).is_dir()]
    root = roots[-1]
    if listed is None:
        names = [p.relative_to(root).as_posix() for p in sorted(root.rglob("*")) if p.suffix.lower() in IMAGE_SUFFIXES]
    else:
        names = _read_list(listed)
    images = [ChallengeImage(root / name, str(PurePosixPath(name).with_suffix(""))) for name in dict.fromkeys(names)]
    if not images:
        raise EvaluationError(f"{listed or folder} names no images: give <subject>/<challenge>/<image>.jpg.")
    if len({image.name.casefold() for image in images}) < len(images):
        raise EvaluationError(f"Two images of {listed or folder} differ by their suffix alone: their predictions would be one.")
    return images


def read_box(photo: Path) -> tuple[float, float, float, float] | None:
    """The dataset's own box (x0, y0, x1, y1) px of the face in one of its photos; None where there is none.

    Raises CheckpointError, EvaluationError where there is one that cannot be read.
    """
    if IMAGES not in photo.parts:
        return None
    place = len(photo.parts) - 1 - photo.parts[::-1].index(IMAGES)
    path = Path(*photo.parts[:place], BOXES, *photo.parts[place + 1 :]).with_suffix(".npy")
    if not path.is_file():
        return None
    box = read_file(path)
    try:
        left, top, right, bottom = (float(box[side]) for side in ("left", "top", "right", "bottom"))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise EvaluationError(f"The box {path} has no left, top, right, bottom: take it away, or give the dataset's.") from error
    return left, top, right, bottom


def _read_list(path: Path) -> list[str]:
    try:
        lines = [line.strip().replace("\\", "/") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"The list {path} cannot be read ({error}): give a text file with one image a line.") from error
    for number, line in enumerate(lines, 1):
        if ".." in PurePosixPath(line).parts or PurePosixPath(line).is_absolute():
            raise EvaluationError(f"Line {number} of {path} leaves the folder of images: give <subject>/<challenge>/<image>.jpg.")
    return [line for line in lines if line]


def write_prediction(folder: Path, name: str, vertices_mm: np.ndarray, triangles: np.ndarray, landmarks_mm: np.ndarray) -> None:
    """A submission's two files of one image: vertices [V, 3], landmarks [7, 3] mm. Raises ExportError."""
    place = folder / name
    packed = io.BytesIO()
    np.save(packed, np.asarray(landmarks_mm, np.float64))
    with staged(place.parent) as partial:
        (partial / f"{place.name}.obj").write_text(describe_obj(vertices_mm, triangles), encoding="ascii")
        (partial / f"{place.name}.npy").write_bytes(packed.getbuffer())


def read_prediction(folder: Path, name: str) -> tuple[TriangleMesh, np.ndarray]:
    """Anyone's prediction of one image: mesh and landmarks [7, 3]. Raises EvaluationError."""
    place = folder / name
    paths = [place.with_name(place.name + suffix) for suffix in MESH_SUFFIXES]
    mesh = next((path for path in paths if path.is_file()), None)
    landmarks = find_landmarks(place.parent, place.name)
    if mesh is None or landmarks is None:
        missing = "mesh" if mesh is None else "landmark file"
        raise EvaluationError(f"There is no {missing} {place}: give {name}.obj or .ply, and {name}.npy or .txt.")
    return read_mesh(mesh), read_landmarks(landmarks)


@dataclass(frozen=True)
class Scan:
    """A subject's scan: points [V, 3] and landmarks [7, 3], mm."""

    points: np.ndarray
    landmarks: np.ndarray


def read_scan(folder: Path, subject: str) -> Scan:
    """The scan of a subject in the benchmark's folder, or <subject>.obj|.ply with its landmarks. Raises EvaluationError."""
    mesh = _find_scan(folder, subject)
    places = [folder / name / subject for name in LANDMARK_FOLDERS] + [folder.parent / LANDMARK_FOLDERS[0] / subject, mesh.parent]
    found = [path for place in places if (path := find_landmarks(place, mesh.stem))]
    if not found:
        raise EvaluationError(f"The scan {mesh} has no landmarks: give {mesh.stem}.npy, .txt or .pp beside it.")
    return Scan(read_mesh(mesh, needs_faces=False).vertices, read_landmarks(found[0]))


def _find_scan(folder: Path, subject: str) -> Path:
    for name in SCAN_FOLDERS:
        for suffix in MESH_SUFFIXES:
            if (path := folder / name / f"{subject}{suffix}").is_file():
                return path
        inside = folder / name / subject
        if inside.is_dir() and (found := sorted(p for p in inside.iterdir() if p.suffix.lower() in MESH_SUFFIXES)):
            return found[0]
    raise EvaluationError(f"There is no scan of {subject} in {folder}: give {subject}.obj, .ply or {subject}/<scan>.obj.")
