"""What many tests start from: an empty Blender file, the registered extension, a photo, a pipeline that takes no time."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import types
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "blender"))
sys.path.insert(0, str(ROOT / "tests" / "stand_ins"))


@pytest.fixture
def context():
    """Blender's context in an empty file."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    return bpy.context


@pytest.fixture
def extension(context):
    """The extension, enabled; disabled afterwards."""
    import likeness

    likeness.register()
    yield context
    likeness.unregister()


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory) -> Path:
    """The public-domain portrait of Eileen Collins that scikit-image carries."""
    import skimage

    target = tmp_path_factory.mktemp("photos") / "astronaut.png"
    shutil.copy(Path(skimage.__file__).parent / "data" / "astronaut.png", target)
    return target


@pytest.fixture(scope="session")
def flame_file(tmp_path_factory) -> Path:
    """The human-like stand-in for FLAME in its original container, generic_model.pkl."""
    from flame_file import write_flame_pickle
    from flame_head import flame_head

    return write_flame_pickle(tmp_path_factory.mktemp("flame") / "generic_model.pkl", flame_head().arrays)


@pytest.fixture(scope="session")
def flame_cache(flame_file, tmp_path_factory) -> Path:
    """A cache folder in which the stand-in is made ready, once for all processes of a session (some twenty seconds)."""
    from likeness.core.config import cache_dir
    from likeness.core.head.library import get_model
    from likeness.core.render.runtime import load_warp

    load_warp()
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "flame cache"
    folder.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (folder / "warp").symlink_to(cache_dir() / "warp", target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch, (folder / "lock").open("w") as lock:
        with suppress(ImportError):  # on Windows each process makes its own
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setenv("LIKENESS_CACHE", str(folder))
        get_model(str(flame_file))
    return folder


@pytest.fixture
def flame_model(flame_file, flame_cache, monkeypatch) -> str:
    """What stories call `model`: the stand-in's file, made ready already."""
    monkeypatch.setenv("LIKENESS_CACHE", str(flame_cache))
    return str(flame_file)


@pytest.fixture
def small_textures(monkeypatch):
    """The real pipeline with an albedo of 512 x 512 texels, for tests that look at something else."""
    from likeness.core import pipeline
    from likeness.worker import stories

    for story in (pipeline.fit_photo, pipeline.fit_all_faces):
        monkeypatch.setitem(story.__kwdefaults__, "texture_size", 512)
    fit_photos = stories.STORIES["fit_photos"]
    monkeypatch.setitem(stories.STORIES, "fit_photos", lambda **given: fit_photos(**given | {"texture_size": 512}))


@pytest.fixture
def quick_pipeline(monkeypatch):
    """core.pipeline with the same interface and a small synthetic head: for tests of what surrounds the fit."""
    import likeness.core
    from likeness.core.errors import PhotoError
    from likeness.core.types import Progress
    from synthetic import make_asset

    def fit_photo(photo, *, model="embedded", face=0, texture_size=2048):
        yield Progress("Reading the photo", 0.1)
        if not Path(photo).is_file():
            raise PhotoError(f"There is no photo {photo}: check the path.")
        yield Progress("Fitting", 0.5)
        name = Path(photo).stem
        asset = make_asset(seed=face, name=name)
        digest = hashlib.sha256(Path(photo).read_bytes()).hexdigest()
        provenance = asset.provenance | {"photo_sha256": digest, "warnings": ["The face is small."]}
        return replace(asset, provenance=provenance)

    def fit_all_faces(photo, *, model="embedded", texture_size=2048):
        first = yield from fit_photo(photo, face=0)
        second = yield from fit_photo(photo, face=1)
        return [first, replace(second, name=f"{second.name}_2")]

    def run(job, on_progress=None):
        while True:
            try:
                next(job)
            except StopIteration as end:
                return end.value

    pipeline = types.ModuleType("likeness.core.pipeline")
    pipeline.fit_photo, pipeline.fit_all_faces, pipeline.run = fit_photo, fit_all_faces, run
    monkeypatch.setitem(sys.modules, "likeness.core.pipeline", pipeline)
    monkeypatch.setattr(likeness.core, "pipeline", pipeline, raising=False)
    return pipeline
