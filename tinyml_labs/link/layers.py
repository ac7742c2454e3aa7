"""What the layers of a board's model gave in one inference: collected from the frames that show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinyml_labs.link.errors import BoardError
from tinyml_labs.link.framing import Frame
from tinyml_labs.link.messages import Layer, Result, Type


@dataclass(frozen=True, kw_only=True)
class LayerTrace:
    """What :meth:`tinyml_labs.link.Board.infer_layers` gives.

    Attributes
    ----------
    layers : dict of int to bytes
        By the layer's number, in the order in which they ran: the bytes of its output.
    output : bytes
        Of the model.
    """

    layers: dict[int, bytes]
    output: bytes


def collect_layers(frames: Iterable[Frame]) -> LayerTrace:
    """Put the pieces of LAYER and RESULT frames together.

    Raises
    ------
    BoardError
        If a piece is missing.
    """
    layers: dict[int, bytearray] = {}
    wanted: dict[int, int] = {}
    output, output_bytes = bytearray(), None
    for frame in frames:
        if frame.type == Type.LAYER:
            piece = Layer.unpack(frame.payload)
            known = layers.setdefault(piece.layer, bytearray())
            before = wanted.get(piece.layer, 0)
            if piece.offset == 0 and len(known) == before:  # a layer of several outputs shows one after the other
                wanted[piece.layer] = before + piece.total
            _append(known, piece, wanted.get(piece.layer, 0) - piece.total, f"layer {piece.layer}")
        elif frame.type == Type.RESULT:
            result = Result.unpack(frame.payload)
            output_bytes = result.total
            _append(output, result, 0, "the output")
    for number, data in layers.items():
        if len(data) != wanted[number]:
            raise BoardError(f"Layer {number} is not whole: {len(data)} of {wanted[number]} bytes came.")
    if output_bytes is None or len(output) != output_bytes:
        raise BoardError(f"The output is not whole: {len(output)} of {output_bytes} bytes came.")
    return LayerTrace(layers={number: bytes(data) for number, data in layers.items()}, output=bytes(output))


def _append(known: bytearray, piece: Layer | Result, start: int, what: str) -> None:
    if start + piece.offset != len(known):
        raise BoardError(f"A piece of {what} is missing: {len(known)} bytes came, and the next is {piece.offset}.")
    known += piece.data
