"""`batch.py project`: pictures -> the latent codes whose pictures are most like them, by the generator of the paper's folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..core.errors import describe_error
from ..core.staging import staged
from ..core.story import run
from ..core.types import Progress
from .fit import hash_photo
from .inputs import Task, list_tasks
from .interruption import held_back
from .report import reporting
from .terminal import OK, SOME_FAILED, say, say_error

STEPS = 300
"""A third of the published number: through a generator of 1024 px each takes ten seconds and more on two cores."""
SPACES = ("w+", "w")
SAID = 10
"""How often it is said how far a picture is."""


def add_command(commands: Any, parse_count: Callable[[str], int], parse_seed: Callable[[str], int]) -> None:
    """The command and its arguments."""
    project = commands.add_parser("project", help="pictures to latent codes", description=project_command.__doc__)
    sources = 'a photo, a folder, a pattern like "shots/*.jpg", or a .txt, .csv or .jsonl list'
    project.add_argument("inputs", nargs="+", metavar="PICTURE", help=sources)
    folder = "the paper's files, or a folder with a StyleGAN2 alone; vgg19*.pth and ArcFace are used where they are there"
    project.add_argument("--paper", required=True, metavar="FOLDER", help=folder)
    project.add_argument("--out", required=True, metavar="DIR", help="folder for the codes and report.jsonl")
    spaces = "w+: a code for every layer, closer (default); w: one for all, easier to edit"
    project.add_argument("--space", choices=SPACES, default=SPACES[0], help=spaces)
    steps = f"of the optimisation ({STEPS}; published: 1000)"
    project.add_argument("--steps", type=parse_count, default=STEPS, metavar="N", help=steps)
    project.add_argument("--seed", type=parse_seed, default=0, metavar="N", help="of the search's noise (0)")
    project.set_defaults(run=project_command)


def project_command(arguments: argparse.Namespace, script: Path) -> int:
    """Find the code of every picture: <name>_code.safetensors (which generate --code takes), the picture that it gives, the
    portrait that was looked for, the loss of each step. report.jsonl has one line a picture."""
    from ..core.nets.kinds import require_torch

    tasks = list_tasks(arguments.inputs)
    require_torch()
    from ..core.latent.tools import load_latent_tools

    tools = load_latent_tools(arguments.paper)
    num_failed = 0
    with reporting(Path(arguments.out)) as report:
        for number, task in enumerate(tasks, 1):
            line = project_to_files(task, tools, arguments)
            report.write(line)
            num_failed += not line["ok"]
            said = f"[{number}/{len(tasks)}] {task.photo}: "
            if line["ok"]:
                first, last = line["loss"]
                say(f"{said}{line['times_s']['total']:.1f} s, unlikeness {first:.4f} -> {last:.4f}")
            else:
                say_error(said + line["error"])
            for sentence in line.get("warnings", ()):
                say(f"    {sentence}")
    say(f"{len(tasks) - num_failed} of {len(tasks)} pictures became codes; {report.path}")
    return SOME_FAILED if num_failed else OK


def project_to_files(task: Task, tools: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """One picture's files and its line of the report; tools: core/latent/tools.LatentTools. A failure is a line, too."""
    from ..core.latent.person import project_photo, write_photo_code

    started, out = time.perf_counter(), Path(arguments.out)
    line: dict[str, Any] = {
        "input": task.photo,
        "ok": False,
        "error": None,
        "outputs": [],
        "sha256": hash_photo(Path(task.photo)),
    }
    try:
        story = project_photo(task.photo, tools, space=arguments.space, steps=arguments.steps, seed=arguments.seed)
        found = run(story, say_progress(task.photo))
        with ExitStack() as end, staged(out) as folder:
            write_photo_code(found, folder, task.stem)
            line["outputs"] = sorted(str(out / path.name) for path in folder.iterdir())
            end.enter_context(held_back())
        line |= {"ok": True, "loss": [found.losses[0], found.losses[-1]], "compared_by": list(found.compared_by)}
        line["warnings"] = list(found.warnings)
    except Exception as error:
        line |= {"error": describe_error(error), "outputs": []}
    line["times_s"] = {"total": round(time.perf_counter() - started, 4)}
    return line


def say_progress(photo: str) -> Callable[[Progress], None]:
    """To standard error, every tenth of the way: a picture can take an hour."""
    said = 0

    def tell(step: Progress) -> None:
        nonlocal said
        if int(step.fraction * SAID) > said:
            said = int(step.fraction * SAID)
            sys.stderr.write(f"{photo}: {step.fraction:.0%}\n")
            sys.stderr.flush()

    return tell
