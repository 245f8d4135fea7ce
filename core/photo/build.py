"""Takes the landmark networks and their licence out of the mediapipe wheel.

python -m likeness.core.photo.build --mediapipe WHEEL --out assets/
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ..errors import ModelError
from .networks import FACE_DETECTOR, FACE_LANDMARKER

LICENCE_PATH = "mediapipe-0.10.21.dist-info/LICENSE"
LICENCE_SHA256 = "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8"


def extract_networks(wheel: Path, out: Path) -> list[Path]:
    """Write the two networks to `out` and the licence to `out`/licences; ModelError when the wheel is not the pinned one."""
    members = {file.wheel_path: (file.name, file.sha256) for file in (FACE_DETECTOR, FACE_LANDMARKER)}
    members[LICENCE_PATH] = ("licences/mediapipe.txt", LICENCE_SHA256)
    try:
        with ZipFile(wheel) as archive:
            contents = {target: archive.read(member) for member, (target, _) in members.items()}
    except (OSError, BadZipFile, KeyError) as error:
        raise ModelError(f"{wheel} is not the wheel of mediapipe 0.10.21 ({error}): download that version.") from error
    for member, (target, expected) in members.items():
        if sha256(contents[target]).hexdigest() != expected:
            raise ModelError(f"{member} in {wheel} is not that of mediapipe 0.10.21: download the wheel again.")
    for target, content in contents.items():
        (out / target).parent.mkdir(parents=True, exist_ok=True)
        partial = out / f"{target}.partial"
        partial.write_bytes(content)
        partial.replace(out / target)
    return [out / target for target in contents]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mediapipe", type=Path, required=True, help="the wheel of mediapipe 0.10.21 (any platform)")
    parser.add_argument("--out", type=Path, required=True, help="the assets folder")
    arguments = parser.parse_args()
    extract_networks(arguments.mediapipe, arguments.out)


if __name__ == "__main__":
    main()
