"""What the commands share of a terminal: exit codes, a parser that keeps to them, lines said at once."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

OK, USAGE, SOME_FAILED = 0, 1, 2
TEXTURE_SIZES = (512, 1024, 2048, 4096)


class Parser(argparse.ArgumentParser):
    """argparse, with our exit code for a command that cannot be followed."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def parse_jobs(text: str) -> int:
    """A number of processes, at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of processes: give 1 or more")
    return int(text)


def say_line(line: dict[str, Any], number: int, count: int) -> None:
    """One photo's outcome for the terminal."""
    if line["ok"]:
        sure = f"{line['confidence']:.0%} sure, " if "confidence" in line else ""
        say(f"[{number}/{count}] {line['input']}: {sure}{line['times_s']['total']:.1f} s")
        for sentence in line.get("understood", ()):
            say(f"    {sentence}")
        for warning in line["warnings"]:
            say(f"    {warning}")
    else:
        say_error(f"[{number}/{count}] {line['input']}: {line['error']}")


def say(text: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_error(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
