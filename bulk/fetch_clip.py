"""`batch.py fetch-clip`: the one command that goes online, and only when it is told twice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .inputs import UsageError
from .terminal import OK, say

OFFLINE = "Blender is not allowed to go online: tick Allow Online Access in Preferences > System > Network first."


def add_command(commands: Any) -> None:
    """The command and its arguments."""
    fetch = commands.add_parser("fetch-clip", help="fetch CLIP's weights (online)", description=fetch_clip_command.__doc__)
    fetch.add_argument("--out", required=True, metavar="DIR", help="folder for the weights")
    fetch.add_argument("--yes", action="store_true", help="do it, after reading what is fetched, from where and how much it is")
    fetch.set_defaults(run=fetch_clip_command)


def fetch_clip_command(arguments: argparse.Namespace, script: Path) -> int:
    """Say which weights of CLIP would be fetched, from where and how large they are; with --yes, fetch them. Nothing else goes
    online."""
    from ..core.clip.download import OFFER, fetch_clip

    say(OFFER)
    if not arguments.yes:
        raise UsageError("Nothing was fetched: give --yes to do it.")
    if "bpy" in sys.modules and not sys.modules["bpy"].app.online_access:
        raise UsageError(OFFLINE)
    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    say(f"{fetch_clip(folder)}: give it to --clip, or choose it in the preferences.")
    return OK
