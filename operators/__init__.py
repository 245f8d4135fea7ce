"""What a person does, one file each. Operators only call core.pipeline and scene, and say in one sentence what went wrong."""

from . import (
    animate,
    cache,
    correct,
    drop_photos,
    export,
    expression,
    expression_presets,
    fit_photo,
    generate,
    identity,
    model_files,
    photos,
    remove,
    restyle_skin,
    skin_presets,
    worker,
)

MODULES = (
    fit_photo,
    photos,
    drop_photos,
    generate,
    correct,
    identity,
    restyle_skin,
    skin_presets,
    expression,
    expression_presets,
    animate,
    export,
    remove,
    model_files,
    cache,
    worker,
)
