"""What to say when a Keras model does not convert: which layer it is, and what to use instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Call = Callable[..., Any]
Input = tuple[str, tuple[int, ...], str]
"""Name, shape with the batch of 1, and dtype of an input."""

_UNROLL = (
    "Pass unroll=True to it (the model grows with the number of time steps), or use Conv1D layers, which are "
    "smaller and faster on a board"
)
_OUTSIDE = "Do it before the model, on the samples, with NumPy, and on the board in the sketch"
_ADVICE = {
    "LSTM": _UNROLL,
    "GRU": _UNROLL,
    "SimpleRNN": _UNROLL,
    "Bidirectional": "A board sees the samples as they come. Use Conv1D layers, or one LSTM with unroll=True",
    "RNN": _UNROLL,
    "ConvLSTM1D": "Use Conv2D layers with time as an axis",
    "ConvLSTM2D": "Use Conv2D layers on a few frames stacked as channels",
    "ConvLSTM3D": "Use Conv2D layers on a few frames stacked as channels",
    "Conv3D": "Use Conv2D with the third axis as channels, or DepthwiseConv2D and Conv2D one after the other",
    "Conv3DTranspose": "Use Conv2DTranspose with the third axis as channels",
    "MaxPooling3D": "Use MaxPooling2D with the third axis as channels",
    "AveragePooling3D": "Use AveragePooling2D with the third axis as channels",
    "LayerNormalization": "Use BatchNormalization, which the converter folds into the layer before it",
    "GroupNormalization": "Use BatchNormalization, which the converter folds into the layer before it",
    "RMSNormalization": "Use BatchNormalization, which the converter folds into the layer before it",
    "UnitNormalization": f"{_OUTSIDE}, or use BatchNormalization",
    "Lambda": "Write it with Keras layers or keras.ops that a board has, or do it before the model with NumPy",
    "StringLookup": f"{_OUTSIDE}: a board has numbers only",
    "IntegerLookup": _OUTSIDE,
    "TextVectorization": f"{_OUTSIDE}: a board has numbers only",
    "Hashing": _OUTSIDE,
    "HashedCrossing": _OUTSIDE,
    "CategoryEncoding": f"{_OUTSIDE}: pass one-hot vectors to the model",
    "Discretization": _OUTSIDE,
    "Resizing": "Use interpolation='nearest' or 'bilinear', or resize the images before the model",
    "MelSpectrogram": "Compute the spectrogram before the model, on the host and on the board alike",
    "STFTSpectrogram": "Compute the spectrogram before the model, on the host and on the board alike",
    "MultiHeadAttention": "Use Conv1D layers, or GlobalAveragePooling1D over time",
    "GroupQueryAttention": "Use Conv1D layers, or GlobalAveragePooling1D over time",
    "Attention": "Use Conv1D layers, or GlobalAveragePooling1D over time",
    "AdditiveAttention": "Use Conv1D layers, or GlobalAveragePooling1D over time",
    "Embedding": f"Use Dense on one-hot vectors, or look the vectors up before the model. {_OUTSIDE}",
    "UpSampling1D": "Use Conv1DTranspose",
    "UpSampling2D": "Use interpolation='bilinear', or Conv2DTranspose",
    "RepeatVector": "Use Dense and Reshape",
    "BaseRandomLayer": "Augment the samples before training instead of inside the model",
    "RandomLayer": "Augment the samples before training instead of inside the model",
}
_ACTIVATION_ADVICE = "Use activation 'relu', 'relu6', 'tanh' or 'sigmoid', which every board's kernels have"
_ACTIVATION_CLASSES = ("Activation", "Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "ELU", "SeparableConv2D")


class ConversionError(RuntimeError):
    """A Keras model that does not convert, or that no board could run.

    `layer_name` and `layer_class` say which layer it is (empty where no single one could be found), `op` is
    the operation that stopped it, and `converter_log` the last lines that the converter wrote.
    """

    def __init__(
        self, message: str, *, layer_name: str = "", layer_class: str = "", op: str = "", log: str = ""
    ) -> None:
        self.layer_name = layer_name
        self.layer_class = layer_class
        self.op = op
        self.converter_log = last_lines(log)
        note = f"The converter's last lines:\n{self.converter_log}" if self.converter_log else ""
        # Python 3.10 has no notes.
        super().__init__(message if hasattr(self, "add_note") or not note else f"{message}\n{note}")
        if note and hasattr(self, "add_note"):
            self.add_note(note)


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """The layer that stopped a conversion, and the op in it."""

    name: str
    kind: str
    advice: str
    reason: str

    @property
    def described(self) -> str:
        """For messages: `Layer 'conv' (Conv3D)`."""
        return f"Layer '{self.name}' ({self.kind})"


def find_culprit(model: Any, attempt: Callable[[Any, Call, list[Input]], str], hint: str) -> Culprit | None:
    """Try a model's layers one by one.

    Parameters
    ----------
    model
        A Keras model.
    attempt
        Called with a layer, a function of its input tensors, and its inputs; returns what is wrong with the
        layer, or an empty string.
    hint
        What the converter wrote: layers that it names are tried first.

    Returns
    -------
    Culprit or None
        None where each layer alone is fine, or where the model's graph cannot be read.
    """
    named = set(re.findall(r"[\w.\-]+", hint))
    calls = sorted(layer_calls(model), key=lambda found: found[0].name not in named)
    for layer, call, inputs in calls:
        reason = attempt(layer, call, inputs)
        if reason:
            inside = (
                find_culprit(layer, attempt, hint)
                if hasattr(layer, "_functional") or hasattr(layer, "_nodes_by_depth")
                else None
            )
            return inside or Culprit(
                name=layer.name, kind=type(layer).__name__, advice=advice_for(layer, reason), reason=reason
            )
    return None


def layer_calls(model: Any) -> Iterator[tuple[Any, Call, list[Input]]]:
    """Each layer of a Sequential or Functional model, as a function of tensors with a batch of 1."""
    graph = getattr(model, "_functional", None) or model
    by_depth = getattr(graph, "_nodes_by_depth", {})
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        tensors = list(node.arguments.keras_tensors)
        if node.is_input or not tensors:
            continue

        def call(*values: Any, node: Any = node, tensors: Sequence[Any] = tensors) -> Any:
            args, kwargs = node.arguments.fill_in({id(t): v for t, v in zip(tensors, values, strict=True)})
            return node.operation(*args, **kwargs)

        yield (
            node.operation,
            call,
            [(f"x{k}", (1, *(size or 1 for size in t.shape[1:])), t.dtype) for k, t in enumerate(tensors)],
        )


def advice_for(layer: Any, reason: str) -> str:
    """What to use instead of a layer; general advice where the table has no line for it."""
    for kind in type(layer).__mro__:
        if kind.__name__ in _ADVICE:
            return _ADVICE[kind.__name__]
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if type(layer).__name__ in _ACTIVATION_CLASSES and activation not in ("linear", "relu"):
        return _ACTIVATION_ADVICE
    return "Replace it by layers that boards have (Dense, Conv1D, Conv2D, DepthwiseConv2D, pooling), or move it " + (
        "out of the model"
    )


def failed_op(text: str) -> str:
    """The op that a converter's message names: `tf.MaxPool3D`, `RFFT2D`; empty where it names none."""
    for pattern in (
        r"'(tf\.\w+)' op (?:is neither|requires)",
        r"Node number \d+ \((\w+)\) failed",
        r"'(tfl?\.\w+)' op",
    ):
        match = re.search(pattern, text)
        if match:
            return match[1]
    return ""


def last_lines(log: str, count: int = 12) -> str:
    """The end of a converter's log, without routine lines and without the dump of the whole graph."""
    kept = [
        line if len(line) <= 300 else line[:297] + "..."
        for line in log.splitlines()
        if line.strip()
        and not re.match(r"[IW]\d{4} |WARNING: All log messages before absl|\s*(func|module|%|\"|\})", line)
    ]
    return "\n".join(kept[-count:])
