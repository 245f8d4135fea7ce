"""State dicts in the containers that they were published in: torch.save's two, training dumps, NVIDIA's pickles (needs torch)."""

from __future__ import annotations

import argparse
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from foreign_classes import foreign_classes

BUFFERS = ("noise_const", "resample_filter", "w_avg", "kernel", "running_mean", "running_var", "num_batches_tracked")
"""Names of tensors that are buffers, not parameters."""
SOURCE = "import os\nos.system('exit 1')\nraise RuntimeError('a module source of a checkpoint was run')\n"
CLASS_NAMES = {"": "Generator", "synthesis": "SynthesisNetwork", "mapping": "MappingNetwork"}


def tensors(state: Mapping[str, np.ndarray], prefix: str = "") -> OrderedDict[str, torch.Tensor]:
    """A state dict as torch has it; prefix 'module.' for what torch.nn.DataParallel saved."""
    found: OrderedDict[str, torch.Tensor] = OrderedDict()
    for name, array in state.items():
        found[prefix + name] = torch.from_numpy(np.array(array, order="C"))
    found._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    return found


def write_torch(path: Path, content: Any, layout: str = "zip", protocol: int = 2) -> Path:
    """torch.save. layout: 'zip' (torch 1.6 and later) or 'legacy'. The name of the file may be any."""
    torch.save(content, path, _use_new_zipfile_serialization=layout == "zip", pickle_protocol=protocol)
    return path


def write_states(
    path: Path, states: Mapping[str, Mapping[str, np.ndarray]], layout: str = "zip", prefix: str = "", **more: Any
) -> Path:
    """A checkpoint of several networks by name ('g_ema', 'E_flame', ...), and whatever else the dump had."""
    return write_torch(path, {**{name: tensors(state, prefix) for name, state in states.items()}, **more}, layout)


def training_dump(**states: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What training scripts save beside the networks: an optimiser's state, arguments as a Namespace, counters."""
    weight = torch.nn.Parameter(torch.ones(3, 2))
    adam = torch.optim.Adam([weight], lr=0.002)
    weight.sum().backward()
    adam.step()
    args = argparse.Namespace(size=256, r1=10.0, arch="stylegan2", ckpt=None, mixing=0.9)
    return {
        **{name: tensors(state) for name, state in states.items()}, "g_optim": adam.state_dict(), "args": args,
        "ada_aug_p": 0.0, "global_step": 1000, "batch_size": 8, "loss": np.float64(0.25),
    }  # fmt: skip


class Module:
    """A network as NVIDIA's torch_utils.persistence saves it: its attributes and the source text of its module."""

    def __init__(self, class_name: str, kwargs: dict[str, Any], more: dict[str, Any]) -> None:
        self.class_name = class_name
        none = OrderedDict()
        self.state = {
            "training": False, "_parameters": OrderedDict(), "_buffers": OrderedDict(), "_modules": OrderedDict(),
            "_non_persistent_buffers_set": set(), "_backward_hooks": none, "_forward_hooks": none, **more,
            "_init_args": (), "_init_kwargs": kwargs,
        }  # fmt: skip

    def __reduce__(self):
        meta = {
            "type": "class", "version": 6, "module_src": SOURCE, "class_name": self.class_name, "state": self.state,
        }  # fmt: skip
        return _reconstruct_persistent_obj, (EasyDict(meta),)


class EasyDict(dict):
    """dnnlib's dict."""


def _reconstruct_persistent_obj(meta):
    raise AssertionError("a stand-in is only written")


def network(
    state: Mapping[str, np.ndarray], kwargs: dict[str, Any] | None = None, class_names: Mapping[str, str] = CLASS_NAMES
) -> Module:
    """A tree of modules from dotted names."""
    modules: dict[str, Module] = {}

    def module_at(path: str) -> Module:
        if path not in modules:
            own = {"z_dim": 512, "img_channels": 3} if path == "" else {}
            name = class_names.get(path, "Layer")
            modules[path] = Module(name, EasyDict(kwargs or {}) if path == "" else {}, own)
            if path:
                parent, _, leaf = path.rpartition(".")
                module_at(parent).state["_modules"][leaf] = modules[path]
        return modules[path]

    module_at("")
    for name, array in state.items():
        path, _, leaf = name.rpartition(".")
        tensor = torch.from_numpy(np.array(array, order="C"))
        group = "_buffers" if leaf in BUFFERS else "_parameters"
        value = tensor if group == "_buffers" else torch.nn.Parameter(tensor, requires_grad=False)
        module_at(path).state[group][leaf] = value
    return modules[""]


def write_nvidia_pickle(
    path: Path, states: Mapping[str, Mapping[str, np.ndarray]], kwargs: dict[str, Any] | None = None, protocol: int = 4
) -> Path:
    """A snapshot of stylegan2-ada-pytorch or stylegan3: networks by name ('G', 'D', 'G_ema') and what lies beside them."""
    content: dict[str, Any] = {name: network(state, kwargs) for name, state in states.items()}
    content |= {
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "resolution": 64},
        "augment_pipe": None,
    }
    members = {"_reconstruct_persistent_obj": _reconstruct_persistent_obj}
    with foreign_classes(torch_utils__persistence=members, dnnlib__util={"EasyDict": EasyDict}):
        path.write_bytes(pickle.dumps(content, protocol))
    return path
