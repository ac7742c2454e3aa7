"""Whether a board's model gives what it should, how fast it is, and in which layer it goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.evaluation_views import Shown
from tinyml_labs.host_board import HostBoardComparison, compare_host_board
from tinyml_labs.layer_outputs import layer_outputs
from tinyml_labs.link import Board, BoardError, BoardRefused
from tinyml_labs.link.messages import ErrorCode

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class LayerDivergence:
    """The first layer whose output is not the host's.

    Attributes
    ----------
    layer : int
        Its number in the compiled model.
    op, name : str
    window : int
        Of which window.
    values_compared, values_differing : int
        Of the layer's output.
    at : int
        The number of the first value that differs.
    host, board : float
        That value.
    """

    layer: int
    op: str
    name: str
    window: int
    values_compared: int
    values_differing: int
    at: int
    host: float
    board: float

    def __str__(self) -> str:
        """Say where it goes wrong, in one line."""
        return (
            f"Layer {self.layer} ({self.op}, {self.name}) is the first that differs: {self.values_differing:,} of "
            f"{self.values_compared:,} values in window {self.window}, the first at {self.at}: {self.host:g} on the "
            f"host, {self.board:g} on the board."
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ParityReport(Shown):
    """A board's answers against the host's, on the same inputs.

    Attributes
    ----------
    where : str
        The board.
    engine : str
        What computed on the host.
    outputs : HostBoardComparison
    bytes_compared, bytes_differing : int
    microseconds : int array, (windows,)
        Of each inference, by the board's clock.
    divergence : LayerDivergence or None
        None if nothing differs, or no layer could be asked: then ``layers_note`` says why.
    layers_note : str
    """

    where: str
    engine: str
    outputs: HostBoardComparison
    bytes_compared: int
    bytes_differing: int
    microseconds: NDArray[np.int64] = field(repr=False)
    divergence: LayerDivergence | None = None
    layers_note: str = ""

    @property
    def equal(self) -> bool:
        """Whether every byte is the same."""
        return self.bytes_differing == 0

    @property
    def windows(self) -> int:
        """How many inputs were compared."""
        return self.outputs.inputs_compared

    @property
    def median_us(self) -> float:
        """The median of the times, in microseconds."""
        return float(np.median(self.microseconds))

    @property
    def p95_us(self) -> float:
        """The time that 95 % of the inferences do not exceed, in microseconds."""
        return float(np.percentile(self.microseconds, 95))

    def headline(self) -> str:
        """Say in one line whether the board computes what the host does, and how fast."""
        times = f"{self.median_us:,.0f} µs an inference (95 %: {self.p95_us:,.0f} µs)"
        if self.equal:
            return f"All {self.bytes_compared:,} bytes of {self.windows:,} windows are the same. {times}."
        return f"{self.bytes_differing:,} of {self.bytes_compared:,} bytes differ. {times}."

    @property
    def table(self) -> pd.DataFrame:
        """The counts, the times and the first difference, as a pandas DataFrame."""
        import pandas as pd

        first = self.outputs.first_difference
        rows: dict[str, str] = {
            "board": self.where,
            "host": self.engine,
            "windows compared": f"{self.windows:,}",
            "windows that differ": f"{self.outputs.inputs_differing:,}",
            "bytes compared": f"{self.bytes_compared:,}",
            "bytes that differ": f"{self.bytes_differing:,}",
            "median of the times (µs)": f"{self.median_us:,.0f}",
            "95 % are within (µs)": f"{self.p95_us:,.0f}",
        }
        if first is not None:
            known = self.outputs.histogram.items()
            counts = ", ".join(f"{difference:+g}: {count:,}" for difference, count in known if difference)
            rows[f"values by their difference ({self.outputs.unit})"] = counts
            rows["first difference at"] = f"{first.index}: {first.host:g} on the host, {first.board:g} on the board"
            rows["in which layer"] = str(self.divergence or self.layers_note)
        return pd.DataFrame({"board against host": rows})

    def to_dict(self) -> dict[str, Any]:
        """Give the figures, for JSON."""
        return {
            "board": self.where,
            "host": self.engine,
            "windows": self.windows,
            "bytes_compared": self.bytes_compared,
            "bytes_differing": self.bytes_differing,
            "median_us": self.median_us,
            "p95_us": self.p95_us,
            "outputs": self.outputs.to_dict(),
            "divergence": None if self.divergence is None else vars(self.divergence),
            "layers_note": self.layers_note,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many values differ by how much."""
        return self.outputs.plot(ax)


def check_parity(
    board: Board, model: bytes, inputs: NDArray[Any], *, same_model: bool = True, progress: bool = True
) -> ParityReport:
    """Run the same inputs here and on a board, and compare to the byte.

    Parameters
    ----------
    board : Board
    model : bytes
        The .tflite file.
    inputs : array, (N, \\*window), in the model's input dtype
    same_model : bool
        Insist that the board runs this very file, by its SHA-256. Without it a changed one is measured against it.
    progress : bool
        Show a progress bar if it takes over two seconds.

    Returns
    -------
    ParityReport
        If a byte differs and the firmware shows its layers, with the first layer that goes wrong, in the first window
        that does.

    Raises
    ------
    ModelMismatch
        If the board runs another model, or none.
    BoardError
    """
    from tinyml_labs import inference

    if same_model:
        board.require_model(model)
    with inference.load(model) as interpreter:
        host = interpreter.run(inputs, progress=progress)
        engine = f"{interpreter.engine} ({interpreter.fidelity})"
    if isinstance(host, tuple):
        raise ValueError(f"The model has {len(host)} outputs; the comparison is of models with one.")
    found = board.infer(inputs, progress=progress)
    theirs = np.ascontiguousarray(found.outputs)
    outputs = compare_host_board(host, theirs, inputs)
    ours = np.ascontiguousarray(host)
    differing = int((ours.reshape(-1).view(np.uint8) != theirs.reshape(-1).view(np.uint8)).sum())
    divergence, note = None, ""
    if outputs.first_difference is not None:
        divergence, note = find_divergence(board, model, inputs, outputs.first_difference.index[0])
    return ParityReport(
        where=f"{board.info.board} on {board.port}: {board.info.firmware} {board.info.firmware_version}",
        engine=engine,
        outputs=outputs,
        bytes_compared=ours.nbytes,
        bytes_differing=differing,
        microseconds=found.microseconds,
        divergence=divergence,
        layers_note=note,
    )


def find_divergence(
    board: Board, model: bytes, inputs: NDArray[Any], window: int
) -> tuple[LayerDivergence | None, str]:
    """Ask the board for what its layers make of one input, and find the first that is not the host's.

    Parameters
    ----------
    board : Board
    model : bytes
    inputs : array, (N, \\*window)
    window : int
        Which of them.

    Returns
    -------
    LayerDivergence or None, and why there is none
    """
    try:
        expected = layer_outputs(model, inputs[window])
        trace = board.infer_layers(inputs[window])
    except BoardRefused as refusal:
        if refusal.code != ErrorCode.UNKNOWN_REQUEST:
            raise
        return None, "Not known: this firmware does not show its layers. Deploy it with taps to see."
    except (ValueError, RuntimeError) as error:
        if isinstance(error, BoardError):
            raise
        return None, f"Not known: {error}"
    for layer in expected:
        raw = trace.layers.get(layer.index)
        if raw is None or len(raw) != len(layer.raw):
            size = "nothing" if raw is None else f"{len(raw):,} bytes"
            return None, (
                f"Not known: of layer {layer.index} ({layer.op}) the board shows {size}, expected "
                f"{len(layer.raw):,} bytes. Its firmware is of another model."
            )
        theirs = np.frombuffer(raw, layer.values.dtype.newbyteorder("<")).astype(layer.values.dtype)
        ours = layer.values.reshape(-1)
        differs = np.flatnonzero(
            (np.frombuffer(raw, np.uint8) != np.frombuffer(layer.raw, np.uint8)).reshape(len(ours), -1).any(axis=1)
        )
        if len(differs):
            first = int(differs[0])
            return LayerDivergence(
                layer=layer.index,
                op=layer.op,
                name=layer.name,
                window=window,
                values_compared=len(ours),
                values_differing=len(differs),
                at=first,
                host=float(ours[first]),
                board=float(theirs[first]),
            ), ""
    return (
        None,
        "Every layer is the same this time: the difference does not come again. Is the line or the power bad?",
    )
