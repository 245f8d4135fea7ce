"""The commands of batch.py: what they are called, what they print, how they exit."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

from ..core.errors import LikenessError
from . import between, clip, evaluate, fetch_clip, latent, paper, project, texture_space, workers
from .fit import FORMATS, FitOptions
from .inputs import Task, UsageError, join_tasks, list_heads, list_people, list_tasks
from .report import reporting
from .terminal import OK, SOME_FAILED, TEXTURE_SIZES, USAGE, Parser, parse_jobs, say, say_error, say_line
from .workers import fit_all

MAX_SEED = 2**31 - 1
MOST_STRENGTH = 2.0
KINDS = ("shape", "skin", "expression")
"""What words can change (core/words/plan.py)."""


def run(argv: list[str], script: Path) -> int:
    """Follow the arguments; `script` is what a worker process has to run."""
    if argv[:1] == [workers.WORKER_COMMAND]:
        return workers.work()
    arguments = make_parser().parse_args(argv)
    try:
        require_keys(arguments)
        return arguments.run(arguments, script)
    except (UsageError, LikenessError) as error:
        say_error(str(error))
        return USAGE


def make_parser() -> Parser:
    """The command line."""
    parser = Parser(prog="batch.py", description="Heads from photos without a window.")
    commands = parser.add_subparsers(title="commands", required=True, parser_class=Parser, metavar="COMMAND")
    fit = commands.add_parser("fit", help="photos to heads", description=fit_command.__doc__)
    sources = 'a photo, a folder, a pattern like "shots/*.jpg", or a .txt, .csv or .jsonl list'
    fit.add_argument("inputs", nargs="+", metavar="PHOTO", help=sources)
    which = "0: the largest face (default), 1: the next, or all"
    fit.add_argument("--face", type=parse_face, default=0, metavar="N|all", help=which)
    together = "all photos show one person: one head from them together (the largest face of each)"
    fit.add_argument("--same-person", action="store_true", help=together)
    add_output_arguments(fit)
    paper.add_fit_arguments(fit)
    fit.set_defaults(run=fit_command)
    generate = commands.add_parser("generate", help="random people", description=generate_command.__doc__)
    generate.add_argument("--seed", type=parse_seed, metavar="N", help=f"0 to {MAX_SEED}: who it is")
    generate.add_argument("--count", type=parse_count, default=1, metavar="N", help="people, with the seeds from --seed on (1)")
    add_output_arguments(generate)
    paper.add_generate_arguments(generate, parse_seed)
    latent.add_arguments(generate, paper.parse_share, parse_strength, parse_count)
    generate.set_defaults(run=generate_command)
    edit = commands.add_parser("edit", help="heads changed by words", description=edit_command.__doc__)
    edit.add_argument(
        "heads", nargs="+", metavar="HEAD", help="a .blend or .npz that Likeness wrote, a folder of them, or a pattern"
    )
    edit.add_argument("words", metavar="WORDS", help='what to change, in English: "a bit older, with a wider nose, not smiling"')
    edit.add_argument(
        "--strength", type=parse_strength, default=1.0, metavar="X", help="0 nothing, 1 as the words say (1), up to 2"
    )
    edit.add_argument("--only", type=parse_kinds, default=KINDS, metavar="LIST", help=f"what may change: {','.join(KINDS)} (all)")
    clip.add_arguments(edit, parse_count, parse_seed)
    add_result_arguments(edit)
    edit.set_defaults(run=edit_command)
    between.add_command(commands, add_result_arguments)
    project.add_command(commands, parse_count, parse_seed)
    info = commands.add_parser("info", help="what a file of ours holds", description=info_command.__doc__)
    info.add_argument("file", metavar="FILE", help="a .blend, .glb or .npz file")
    info.set_defaults(run=info_command)
    evaluate.add_commands(commands)
    fetch_clip.add_command(commands)
    return parser


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Where heads go and in what form, which model and skin they have."""
    add_result_arguments(parser)
    parser.add_argument("--model", default="embedded", metavar="PATH", help="a head model file instead of the embedded one")
    sizes = ",".join(map(str, TEXTURE_SIZES))
    parser.add_argument("--texture-size", type=int, choices=TEXTURE_SIZES, metavar="N", help=f"albedo of {sizes} texels (2048)")
    texture_space.add_argument(parser)
    moved = "numbers of the skin to move, as in melanin=2,freckles=0.6 (a wrong name lists them all)"
    parser.add_argument("--skin", type=parse_skin, default={}, metavar="NAME=VALUE,...", help=moved)


def add_result_arguments(parser: argparse.ArgumentParser) -> None:
    """Where heads go, in what form, and how many are made at a time."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results and report.jsonl")
    listed = f"any of {','.join(FORMATS)} (default: blend)"
    parser.add_argument("--export", type=parse_formats, default=("blend",), metavar="LIST", help=listed)
    parser.add_argument("--jobs", type=parse_jobs, default=1, metavar="N", help="heads at a time, each in a process of its own")
    parser.add_argument("--preview", action="store_true", help="also render <name>_preview.png")
    keys = "also 15 shape keys viseme_PP ... for lip-sync (a fifth more in a .glb; an .obj has no keys)"
    parser.add_argument("--visemes", action="store_true", help=keys)


def require_keys(arguments: argparse.Namespace) -> None:
    """Raises UsageError where visemes are asked for and no format that is to be written has shape keys."""
    if getattr(arguments, "visemes", False) and set(arguments.export) <= {"obj"}:
        raise UsageError("An .obj has one shape and no visemes: export blend, glb, fbx or npz too, or leave --visemes out.")


def parse_strength(text: str) -> float:
    """0 to MOST_STRENGTH."""
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= MOST_STRENGTH:
        raise argparse.ArgumentTypeError(f"{text} is no strength: give a number from 0 to {MOST_STRENGTH:g}")
    return strength


def parse_kinds(text: str) -> tuple[str, ...]:
    """'shape,skin' -> ('shape', 'skin')."""
    kinds = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} cannot change: choose from {','.join(KINDS)}")
    return kinds


def parse_formats(text: str) -> tuple[str, ...]:
    """'glb,npz' -> ('glb', 'npz')."""
    formats = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} cannot be written: choose from {','.join(FORMATS)}")
    return formats


def parse_skin(text: str) -> dict[str, float]:
    """'melanin=2,freckles=0.6' -> {'melanin': 2.0, 'freckles': 0.6}, names and ranges checked."""
    from ..core.appearance.parameters import Appearance
    from ..core.appearance.restyle import change_appearance

    try:
        pairs = [part.split("=") for part in text.split(",") if part.strip()]
        wanted = {name.strip(): float(value) for name, value in pairs}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no list of numbers: give NAME=VALUE,NAME=VALUE") from error
    try:
        change_appearance(Appearance(), wanted)
    except LikenessError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return wanted


def parse_face(text: str) -> int | None:
    """'all' -> None, '1' -> 1."""
    if text == "all":
        return None
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is no face: give 0 for the largest, 1 for the next, or all")
    return int(text)


def parse_seed(text: str) -> int:
    """0 ... MAX_SEED."""
    if not text.isdigit() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text} is no seed: give a whole number from 0 to {MAX_SEED}")
    return int(text)


def parse_count(text: str) -> int:
    """A number of people, at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of people: give 1 or more")
    return int(text)


def fit_command(arguments: argparse.Namespace, script: Path) -> int:
    """Fit every photo and write its files; report.jsonl has one line a photo."""
    tasks = list_tasks(arguments.inputs)
    if arguments.same_person:
        tasks = join_tasks(tasks)
    options = FitOptions(
        arguments.out,
        arguments.export,
        arguments.model,
        arguments.face,
        arguments.preview,
        arguments.texture_size,
        arguments.skin,
        has_visemes=arguments.visemes,
        paper=paper.read_options(arguments),
        texture_space=texture_space.read_option(arguments),
    )
    return make_heads(tasks, options, arguments.jobs, script, "people" if arguments.same_person else "photos")


def generate_command(arguments: argparse.Namespace, script: Path) -> int:
    """Make random people, whole heads of nobody; the same seed gives the same bytes. report.jsonl has one line a person."""
    told, by_paper = latent.read_options(arguments), paper.read_options(arguments)
    if told or arguments.code:
        by_paper |= {"latent": told}
    if arguments.code:
        tasks = latent.list_codes(arguments.code, Path(arguments.out))
    elif arguments.seed + arguments.count - 1 > MAX_SEED:
        raise UsageError(f"The last seed would be {arguments.seed + arguments.count - 1}: seeds end at {MAX_SEED}.")
    else:
        tasks = list_people(arguments.seed, arguments.count)
    options = FitOptions(
        arguments.out,
        arguments.export,
        arguments.model,
        preview=arguments.preview,
        has_visemes=arguments.visemes,
        texture_size=arguments.texture_size,
        skin=arguments.skin,
        paper=by_paper,
        texture_space=texture_space.read_option(arguments),
    )
    return make_heads(tasks, options, arguments.jobs, script, "people")


def edit_command(arguments: argparse.Namespace, script: Path) -> int:
    """Change heads by words, offline: traits, skin, expressions; or by CLIP, with --clip. report.jsonl has one line a
    file, with what was understood."""
    from ..core.words.plan import require_understood

    by_clip = clip.read_options(arguments)
    if not by_clip:
        require_understood(arguments.words)
    tasks = list_heads(arguments.heads, Path(arguments.out))
    options = FitOptions(
        arguments.out,
        arguments.export,
        preview=arguments.preview,
        has_visemes=arguments.visemes,
        words=arguments.words,
        strength=arguments.strength,
        only=arguments.only,
        clip=by_clip,
    )
    return make_heads(tasks, options, arguments.jobs, script, "files")


def make_heads(tasks: list[Task], options: FitOptions, num_jobs: int, script: Path, what: str) -> int:
    """Make every task's head, say and report how it went; the command's exit code."""
    started, num_failed = time.perf_counter(), 0
    with reporting(Path(options.out)) as report, contextlib.closing(fit_all(tasks, options, num_jobs, script)) as lines:
        for number, line in enumerate(lines, 1):
            report.write(line)
            num_failed += not line["ok"]
            say_line(line, number, len(tasks))
    seconds = time.perf_counter() - started
    say(f"{len(tasks) - num_failed} of {len(tasks)} {what} became heads in {seconds:.1f} s; {report.path}")
    return SOME_FAILED if num_failed else OK


def info_command(arguments: argparse.Namespace, script: Path) -> int:
    """Say what a .blend, .glb or .npz file of ours holds."""
    from .info import describe_file

    for line in describe_file(Path(arguments.file)):
        say(line)
    return OK
