"""Pictures as a model gets them, each with its label and with what it must not be parted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LabelledImages:
    """Pictures of one size. All arrays are read-only, and of one length N.

    Attributes
    ----------
    images : uint8 array, (N, H, W, 1)
        Grey, 0 to 255.
    labels : int array, (N,)
        Places in ``names``.
    names : tuple of str
        The classes, such as ``("no_person", "person")``.
    groups : str array, (N,)
        Pictures of one group show the same person or scene: they belong into one part, all for training or all for
        the test.
    table : mapping of str to array, (N,)
        What else is known of each picture: numbers as float64, NaN where there is none; texts as str.

    Raises
    ------
    ValueError
        Arrays of other shapes or lengths, or a label that has no name.
    TypeError
        Images that are no uint8, or labels that are no whole numbers.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.integer]
    names: tuple[str, ...]
    groups: NDArray[np.str_]
    table: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images, labels, groups = np.asarray(self.images), np.asarray(self.labels), np.asarray(self.groups, dtype=str)
        if images.dtype != np.uint8:
            raise TypeError(f"images are of dtype {images.dtype}, expected uint8, 0 to 255.")
        if images.ndim != 4 or images.shape[-1] != 1:
            raise ValueError(f"images have shape {images.shape}, expected (N, H, W, 1). See features.image_input.")
        if labels.dtype.kind not in "iu":
            raise TypeError(f"labels are of dtype {labels.dtype}, expected whole numbers: places in names.")
        table = {name: np.asarray(column) for name, column in self.table.items()}
        for name, column in {"labels": labels, "groups": groups, **table}.items():
            if column.shape != (len(images),):
                raise ValueError(f"{name} has shape {column.shape}, expected ({len(images)},): one for each picture.")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.names):
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise ValueError(f"A label is {wrong}; expected 0 to {len(self.names) - 1}: {', '.join(self.names)}.")
        object.__setattr__(self, "images", _freeze(images))
        object.__setattr__(self, "labels", _freeze(labels))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "groups", _freeze(groups))
        frozen = {name: _freeze(column) for name, column in table.items()}
        object.__setattr__(self, "table", MappingProxyType(frozen))

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.images)

    def part(self, name: str) -> LabelledImages:
        """Give the pictures of one part, such as "train".

        Parameters
        ----------
        name : str
            A value of the table's column ``part``.

        Returns
        -------
        LabelledImages
            In the same order.

        Raises
        ------
        ValueError
            There are no parts, or none of that name.
        """
        parts = self.table.get("part")
        if parts is None:
            raise ValueError(
                "These pictures have no parts: the table has no column part. Split them by groups: those of one "
                "group into one part."
            )
        if name not in parts:
            raise ValueError(f"There is no part {name!r}; there are {', '.join(sorted(set(parts.tolist())))}.")
        return self.select(parts == name)

    def select(self, mask: ArrayLike) -> LabelledImages:
        """Give some of the pictures.

        Parameters
        ----------
        mask : bool array, (N,), or int array
            Which, or their places in the order that they shall have.

        Returns
        -------
        LabelledImages
            A copy.

        Raises
        ------
        ValueError
            A mask of another length.
        IndexError
            A place that there is not.
        """
        chosen = np.asarray(mask)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise ValueError(f"The mask has shape {chosen.shape}, expected ({len(self)},): one value a picture.")
        if chosen.dtype != bool:
            chosen = chosen.astype(np.intp) if not chosen.size else chosen
            if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
                raise ValueError(
                    f"Expected a mask of bool or places in whole numbers; got {chosen.dtype}, {chosen.shape}."
                )
        return LabelledImages(
            images=self.images[chosen],
            labels=self.labels[chosen],
            names=self.names,
            groups=self.groups[chosen],
            table={name: column[chosen] for name, column in self.table.items()},
        )

    def __repr__(self) -> str:
        height, width = self.images.shape[1:3]
        counts = np.bincount(self.labels, minlength=len(self.names))
        classes = ", ".join(f"{count:,} {name}" for name, count in zip(self.names, counts, strict=True))
        parts = self.table.get("part")
        split = ""
        if parts is not None and len(parts):
            split = "; " + ", ".join(f"{part} {(parts == part).sum():,}" for part in dict.fromkeys(parts.tolist()))
        groups = len(set(self.groups.tolist()))
        return f"<LabelledImages: {len(self):,} of {width} x {height}: {classes}; {groups:,} groups{split}>"


def _freeze(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
