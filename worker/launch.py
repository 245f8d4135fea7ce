"""The first file that a worker process runs, by path: python -I launch.py PACKAGE STORIES [SITE ...].

Rule of this file: any Python 3 can read it, so that an old one says so in a sentence; the standard library only. It makes the
package importable as `likeness` from its folder alone, whatever stands beside that folder; SITE folders come last on the path,
so what the chosen Python has itself is preferred.
"""

import importlib
import importlib.util
import os
import sys

OLDEST = (3, 10)
PARTS = ("numpy", "PIL", "warp", "threadpoolctl")


def load_package(folder):
    """The package in `folder` as the module `likeness`."""
    path = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location("likeness", path, submodule_search_locations=[folder])
    module = importlib.util.module_from_spec(spec)
    sys.modules["likeness"] = module
    spec.loader.exec_module(module)


def main():
    if sys.version_info < OLDEST:
        version, oldest = (".".join(map(str, numbers)) for numbers in (sys.version_info[:3], OLDEST))
        sys.exit(f"Python {version} is too old for the worker: choose one from {oldest} on.")
    folder, stories, sites = sys.argv[1], sys.argv[2], sys.argv[3:]
    sys.dont_write_bytecode = True  # the add-on's folder is never written to
    sys.path += [site for site in sites if site not in sys.path]
    for part in PARTS:
        try:
            importlib.import_module(part)
        except Exception as error:
            needed = "numpy, Pillow, warp-lang and threadpoolctl"
            sys.exit(f"The worker's Python ({sys.executable}) cannot use {part} ({error}): it needs {needed}.")
    load_package(folder)
    serve = importlib.import_module("likeness.worker.serve")
    serve.serve_standard_streams(stories)


if __name__ == "__main__":
    main()
