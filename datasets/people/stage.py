"""What is put on the stage: a growing list of meshes, materials and the light; and the props from models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from figures import place_mesh
from furniture import Model
from materials import TEXTURE, material
from numpy.typing import NDArray
from rasteriser import Mesh


@dataclass
class Stage:
    """A scene while it is built. `models` are those of the part that the picture is for."""

    random: np.random.Generator
    part: str
    models: list[Model]
    meshes: list[Mesh] = field(default_factory=list)
    table: list[NDArray[np.float32]] = field(default_factory=list)

    def surface(self, **settings: Any) -> int:
        """Add a material; gives its number."""
        settings.setdefault("seed", float(self.random.uniform(0, 90)))
        self.table.append(material(**settings))
        return len(self.table) - 1

    def add(self, mesh: Mesh) -> None:
        """Add a mesh whose materials are numbers of this stage."""
        self.meshes.append(mesh)

    def add_figure(self, mesh: Mesh, table: NDArray[np.float32], number: int) -> None:
        """Add a mesh that brings its own materials; `number` marks whom its pixels belong to."""
        start = len(self.table)
        self.table.extend(table)
        self.meshes.append(
            mesh._replace(materials=mesh.materials + start, things=np.full(len(mesh.faces), number, np.int32))
        )

    def add_model(self, model: Model, at: Any, yaw: float, size: float = 1.0, dye: float = 0.4) -> Mesh:
        """Add a prop; its plain colours are changed by chance."""
        used = sorted(set(model.textures.tolist()))
        gloss = float(self.random.choice([0, 0, 0.15]))
        numbers = {
            t: self.surface(gloss=gloss) if t < 0 else self.surface(kind=TEXTURE, texture=t, gloss=gloss)
            for t in used
        }
        colours = model.colours
        if self.random.random() < dye:
            tint = np.exp(self.random.normal(0, 0.5)) * (1 + 0.2 * self.random.uniform(-1, 1, 3))
            colours = np.clip(colours * tint + 0.01, 0.012, 0.9).astype(np.float32)
        row = np.array([numbers[t] for t in used], np.int32)[np.searchsorted(used, model.textures)]
        mesh = Mesh(model.points, model.places, colours, model.faces, row, np.zeros(len(row), np.int32))
        placed = place_mesh(mesh, at, yaw, size)
        self.meshes.append(placed)
        return placed

    def pick(self, test: Any) -> Model | None:
        """Choose one of the part's models by a test of category, name and size; None if there is none."""
        fitting = [model for model in self.models if test(model)]
        return fitting[int(self.random.integers(len(fitting)))] if fitting else None

    def tone(self, low: float, high: float, tint: float = 0.15) -> NDArray[np.float64]:
        """Draw a reflectance (3,) between two tones, with a little colour."""
        tone = np.exp(self.random.uniform(np.log(low), np.log(high)))
        return np.clip(tone * (1 + tint * self.random.uniform(-1, 1, 3)), 0.01, 0.92)

    def bump(self) -> float:
        """Draw a number that stays within 0 to 90, for patterns."""
        return float(self.random.uniform(0, 90))


_sizes: dict[int, NDArray[np.float32]] = {}


def size_of(model: Model) -> NDArray[np.float32]:
    """Give a model's width, depth and height in metres; asked often, so it is kept."""
    key = id(model.points)
    if key not in _sizes:
        _sizes[key] = np.asarray(model.points.max(0) - model.points.min(0))
    return _sizes[key]


_longest: dict[int, float] = {}


def longest(model: Model) -> float:
    """Give a model's greatest size in metres."""
    key = id(model.points)
    if key not in _longest:
        _longest[key] = float(size_of(model).max())
    return _longest[key]
