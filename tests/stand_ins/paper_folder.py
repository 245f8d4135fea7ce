"""A folder of the paper's files, laid out as the release has them: the human stand-in for FLAME and small networks (needs torch).

The coarse encoder answers nearly the same whatever it is shown: a head that looks ahead and fills the crop. The generator's noise
maps hold a picture of a face, so that its pictures are of one person, in a tone that the latent code gives.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from likeness.core.albedogan.spherical_harmonics import ambient
from likeness.core.checkpoints import read_file
from likeness.core.nets.arcface import ArcFace, ArcFaceSizes, MappingNetwork
from likeness.core.nets.detail_decoder import DetailDecoder
from likeness.core.nets.resnet import DecaEncoder, ResNetSizes
from likeness.core.nets.stylegan2 import Generator, GeneratorSizes
from torch_files import training_dump, write_states, write_torch

RESNET = ResNetSizes(3, 8, (1, 1, 1, 1), (4, 4, 4, 4), (16, 16, 16, 16))
CHECKPOINTS = Path("stylegan2", "training_logs", "checkpoint")
PICTURE_SIZE = 256
FACE, ALBEDO, DISPLACEMENT = (-0.85, -0.98, -1.05), (0.25, 1.3, 0.4), (0.75, 0.0, -1.0)
"""Colours of generators of pictures in -1..1, of albedos in 0..1, and of displacements."""
ROOT, JAW = (0.0685, -0.0072, -0.0407), (0.05, 0.0, 0.0)
CAMERA = (10.35, -0.00896, 0.03443)
"""Root's turn (rad) and s, tx, ty with which the stand-in's face lies on the astronaut's in its crop."""


def random_state(module: torch.nn.Module, seed: int) -> dict[str, np.ndarray]:
    """A network's tensors: small random weights, batch normalisation that changes nothing."""
    draw, found = np.random.default_rng(seed), {}
    for name, tensor in module.state_dict().items():
        shape = tuple(tensor.shape)
        values = draw.standard_normal(shape) / np.sqrt(max(np.prod(shape[1:]), 1.0))
        if name.endswith("tracked"):
            found[name] = np.zeros((), np.int64)
        elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith(".weight")):
            found[name] = np.ones(shape, np.float32)
        elif name.endswith(("running_mean", "bias")):
            found[name] = np.zeros(shape, np.float32)
        else:
            found[name] = values.astype(np.float32)
    return found


def coarse_answer() -> np.ndarray:
    """[236]: what the coarse encoder says of any face: the astronaut's place, the mouth a little open, light from a side."""
    draw = np.random.default_rng(3).standard_normal
    light = ambient()
    light[1] = 0.25
    parts = (0.1 * draw(100), 0.3 * draw(50), 0.2 * draw(50), ROOT, JAW, CAMERA, light.ravel())
    return np.concatenate(parts).astype(np.float32)


def write_paper_folder(folder: Path, flame: Path, picture: np.ndarray | None = None) -> Path:
    """Everything but head_template.obj and DECA's maps. flame: its file, which is copied; picture [256, 256] in 0..1: what the
    generator shows (without: there is none)."""
    for place in ("data/mica_pretrained", CHECKPOINTS):
        (folder / place).mkdir(parents=True)
    shutil.copy(flame, folder / "data" / "generic_model.pkl")
    coarse = random_state(DecaEncoder(RESNET, 6, 236), 1)
    coarse["layers.2.weight"] *= 0.01
    coarse["layers.2.bias"] = coarse_answer()
    states = {"E_flame": coarse, "E_detail": random_state(DecaEncoder(RESNET, 6, 128), 2)}
    states["D_detail"] = random_state(DetailDecoder(181, (8, 8, 4, 4, 4, 4)), 3)
    states["D_detail"]["conv_blocks.21.weight"] *= 8
    write_states(folder / "data" / "deca_model.tar", states)
    face = random_state(ArcFace(ArcFaceSizes(3, 4, (1, 1, 1, 1), (4, 4, 4, 4), 4 * 49, 512)), 4)
    mapping = random_state(MappingNetwork(512, (16, 16), 300), 5)
    dump = training_dump(arcface=face, flameModel=mapping)
    write_torch(folder / "data" / "mica_pretrained" / "mica.tar", dump)
    if picture is not None:
        write_states(folder / CHECKPOINTS / "stylegan2_ffhq.pt", {"g_ema": generator_state(picture)})
    return folder


def combine_networks(folder: Path) -> None:
    """Six networks in one mica.tar, as the method's own training saves them, and no deca_model.tar."""
    deca, mica = folder / "data" / "deca_model.tar", folder / "data" / "mica_pretrained" / "mica.tar"
    networks = {**read_file(deca), **{name: read_file(mica)[name] for name in ("arcface", "flameModel")}}
    networks["otherParamModel"] = random_state(MappingNetwork(512, (16, 16), 86), 8)
    deca.unlink()
    mica.unlink()
    write_torch(mica, training_dump(**networks))


def write_random_people(folder: Path) -> None:
    """albedogan.pt and disp_GAN.pt as torch.nn.DataParallel leaves them: ALBEDO, whose blue goes with the latent code, and
    DISPLACEMENT, whose first channel alone means something."""
    grey = np.full((PICTURE_SIZE, PICTURE_SIZE), 0.5)
    albedo = generator_state(grey, ALBEDO, (0.0, 0.0, 0.04))
    displacement = generator_state(grey, DISPLACEMENT, (0.0, 0.04, 0.04))
    write_states(folder / CHECKPOINTS / "albedogan.pt", {"g": albedo}, prefix="module.", **training_dump())
    write_states(folder / CHECKPOINTS / "disp_GAN.pt", {"g": displacement}, prefix="module.")


def generator_state(
    picture: np.ndarray, colour: Sequence[float] = FACE, tint: Sequence[float] = (0.16, 0.16, 0.16)
) -> dict[str, np.ndarray]:
    """A generator of 256 px: colour, and tint times its last layer's noise, which is the picture [256, 256] in 0..1, and its
    latent code's."""
    state = random_state(Generator(GeneratorSizes(512, 512, 2, 4, (8, 8, 8, 8, 8, 8, 4), 3)), 6)
    for name in state:
        if name.endswith("modulation.bias"):
            state[name] = np.ones_like(state[name])
        if name.endswith("noise.weight") or (name.startswith("to_rgb") and name.endswith("conv.weight")):
            state[name] = np.zeros_like(state[name])
        if name.startswith("style.") and name.endswith("weight"):
            state[name] *= 100 * np.sqrt(state[name].shape[1])
        if name.endswith("kernel"):
            taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32)
            state[name] = taps / taps.sum() * 4
    last = len([name for name in state if name.startswith("noises.")]) - 1
    state[f"noises.noise_{last}"] = (picture * 4).astype(np.float32)[None, None]
    state[f"convs.{last - 1}.noise.weight"] = np.ones(1, np.float32)
    state[f"convs.{last - 1}.conv.weight"] = 0 * state[f"convs.{last - 1}.conv.weight"]
    rgb = f"to_rgbs.{last // 2 - 1}"
    state[f"{rgb}.conv.weight"] = np.tile(np.reshape(tint, (1, 3, 1, 1, 1)), (1, 1, 4, 1, 1)).astype(np.float32)
    state[f"{rgb}.conv.modulation.weight"] *= 0.3 * np.sqrt(512)
    state[f"{rgb}.bias"] = np.array(colour, np.float32).reshape(1, 3, 1, 1)
    return state
