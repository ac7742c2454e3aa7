"""``tinyml-labs`` on the command line. ``tinyml-labs COMMAND --help`` says what each takes."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml_labs import __version__
from tinyml_labs.compile_command import add_compile_command
from tinyml_labs.deploy_command import add_deploy_command
from tinyml_labs.fetch_command import add_fetch_command
from tinyml_labs.figures_command import add_figures_command
from tinyml_labs.grading.course.course_command import add_course_command
from tinyml_labs.make_keywords_command import add_make_keywords_command
from tinyml_labs.record_command import add_record_commands
from tinyml_labs.replay_command import add_replay_command

if TYPE_CHECKING:  # imported where it is used: `doctor` has to run in an installation that lacks it
    import numpy as np

    from tinyml_labs.inference import TensorInfo


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit code: 0, or 1 after an error that was printed in one line."""
    for stream in (sys.stdout, sys.stderr):  # a Windows pipe may have no ✓: better a question mark than a crash
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    parser = _make_parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen) or 0)
    except BrokenPipeError:  # such as `tinyml-labs inspect m.tflite | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, TypeError, RuntimeError, EOFError) as error:
        if chosen.traceback:
            raise
        print(f"tinyml-labs {chosen.command}: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        from tinyml_labs.link import BoardError

        if chosen.traceback or not isinstance(error, BoardError):
            raise
        print(f"tinyml-labs {chosen.command}: {error}", file=sys.stderr)
        return 1


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tinyml-labs", description="The TinyML lab kit on the command line.")
    parser.add_argument("--version", action="version", version=f"tinyml-labs {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error comes from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser("lab", help="make your copies of the labs, and open them in JupyterLab")
    lab.add_argument("--solutions", action="store_true", help="open the source notebooks, with the solutions")
    lab.add_argument("--folder", type=Path, help="where your copies live (default: lab/ beside notebooks/)")
    lab.add_argument("--copies-only", action="store_true", help="make the copies, and open nothing")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    lab.add_argument("--port", type=int, default=8888, help="the first port to try (default: 8888)")
    lab.set_defaults(run=_lab)

    doctor = commands.add_parser("doctor", help="check the installation, with the mend for each finding")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)

    add_record_commands(commands)
    add_make_keywords_command(commands)
    add_fetch_command(commands)
    add_deploy_command(commands)
    add_replay_command(commands)
    add_compile_command(commands)
    add_figures_command(commands)
    add_course_command(commands)

    demo = commands.add_parser("demo", help="hello world's whole circle, here in the terminal")
    demo.add_argument("--json", action="store_true", help="print JSON")
    demo.add_argument("--port", default="virtual://", help="the board (default: virtual://)")
    demo.set_defaults(run=_demo)

    inspect = commands.add_parser("inspect", help="what a .tflite model holds, and what it needs on a board")
    inspect.add_argument("model", type=Path, metavar="MODEL.tflite")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.set_defaults(run=_inspect)

    run = commands.add_parser("run", help="run a model on an array of samples, on the host or on a board")
    run.add_argument("model", type=Path, metavar="MODEL.tflite")
    run.add_argument(
        "input",
        type=Path,
        metavar="INPUT.npy|.csv",
        help="one row a sample: real values, or (.npy of integers) raw ones",
    )
    run.add_argument(
        "-o", "--output", type=Path, help="write the outputs to a .npy or .csv file, not to the terminal"
    )
    run.add_argument("--raw", action="store_true", help="a CSV file holds the model's own integers, not real values")
    run.add_argument("--engine", default="auto", help="auto, tflm, litert or litert-default (default: auto)")
    run.add_argument("--port", help="run on the board at this port instead: /dev/ttyACM0, COM5, virtual://")
    run.add_argument("--json", action="store_true", help="print JSON")
    run.set_defaults(run=_run)

    board = commands.add_parser("virtual-board", help="start a virtual board, and print its port")
    board.add_argument("--model", type=Path, help="a .tflite model that is on the board from the start")
    board.add_argument(
        "--play", type=Path, help="a CSV or WAV file, a folder of PNG files, or a recording, that a sensor plays"
    )
    board.add_argument(
        "--gestures",
        default="",
        help="what a simulated person does, over and over, such as circle or idle,circle,punch "
        "(also --set gesture_s=4, --set person=31, --set gesture_log=FILE)",
    )
    board.add_argument("--speed", type=float, default=1.0, help="board time against real time (default: 1)")
    board.add_argument("--ram-kb", type=int, default=8192, help="memory for model and arena (default: 8192 KiB)")
    board.add_argument("--boot-ms", type=int, default=0, help="milliseconds from reset to first answer (default: 0)")
    board.add_argument("--reset-on-open", action="store_true", help="start anew when the port is opened, as an Uno")
    board.add_argument("--baud-pacing", action="store_true", help="no faster than the host's baud rate, as a UART")
    board.add_argument("--socket", action="store_true", help="a localhost socket instead of a pty")
    board.add_argument(
        "--dialect",
        default="frames",
        help="frames (the kit's own), mlperf (MLPerf Tiny's runner) or csv (prints numbers) (default: frames)",
    )
    board.add_argument("--sensor", default="imu", help="the sensor that --dialect csv prints (default: imu)")
    board.add_argument("--link", default="", help="a symbolic link to keep pointed at the port")
    board.add_argument("--fault-log", default="", help="a file for what goes wrong, a line of JSON each")
    board.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other setting, such as --set flip_rate=1e-5; as often as you like. A wrong name lists them all",
    )
    board.set_defaults(run=_virtual_board)
    return parser


def _lab(chosen: argparse.Namespace) -> int:
    from tinyml_labs.lab import open_lab

    return open_lab(
        folder=chosen.folder,
        solutions=chosen.solutions,
        copies_only=chosen.copies_only,
        browser=not chosen.no_browser,
        port=chosen.port,
    )


def _doctor(chosen: argparse.Namespace) -> int:
    from tinyml_labs.doctor import examine

    report = examine()
    print(json.dumps(report.to_dict(), indent=2) if chosen.json else report)
    return 1 if report.failed else 0


def _demo(chosen: argparse.Namespace) -> int:
    from tinyml_labs.demo import run_demo

    result = run_demo(port=chosen.port, say=_to_stderr if chosen.json else print)
    print(json.dumps(result.to_dict(), indent=2) if chosen.json else result)
    return 0 if result.equal else 1


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def _inspect(chosen: argparse.Namespace) -> int:
    from tinyml_labs import inspection

    report = inspection.inspect(chosen.model)
    print(json.dumps(report.to_dict(), indent=2) if chosen.json else report)
    return 0


def _run(chosen: argparse.Namespace) -> int:
    from tinyml_labs import inference, link

    if chosen.output and (chosen.output.suffix not in (".npy", ".csv") or chosen.output.is_dir()):
        raise ValueError(f"{chosen.output} is neither a .npy nor a .csv file to write to.")
    samples = _read_samples(chosen.input, raw=chosen.raw)
    microseconds = None
    with inference.load(chosen.model, chosen.engine) as model:
        tensor = model.inputs[0]
        samples = _shape_samples(samples, tensor)
        output = model.outputs[0]
        if chosen.port:
            raw = samples
            if samples.dtype.kind == "f" and tensor.scale:
                raw = inference.quantize(samples, tensor.scale, tensor.zero_point, tensor.dtype)
            with link.Board(chosen.port) as board:
                board.load(chosen.model)
                result = board.infer(raw)
            outputs, microseconds, where = result.outputs, result.microseconds, repr(board)
            if samples.dtype.kind == "f" and output.scale:
                outputs = inference.dequantize(outputs, output.scale, output.zero_point)
        else:
            run = model.predict if samples.dtype.kind == "f" else model.run
            outputs, where = run(samples), f"{model.engine} ({model.fidelity})"
    if isinstance(outputs, tuple):
        raise ValueError(f"The model has {len(outputs)} outputs; this command shows models of one output.")
    if chosen.output:
        _write_array(chosen.output, outputs)
        print(f"{len(outputs)} outputs of {where} are in {chosen.output}", file=sys.stderr)
    elif chosen.json:
        record = {"where": where, "outputs": outputs.tolist()}
        if microseconds is not None:
            record["microseconds"] = microseconds.tolist()
        print(json.dumps(record))
    else:
        print(f"# {len(outputs)} samples on {where}", file=sys.stderr)
        flat = outputs.reshape(len(outputs), -1)
        import numpy as np

        np.savetxt(sys.stdout, flat, fmt="%d" if flat.dtype.kind in "iu" else "%.6g", delimiter=",")
    return 0


def _read_samples(path: Path, *, raw: bool) -> np.ndarray:
    import numpy as np

    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    if path.suffix != ".csv":
        raise ValueError(f"{path} is neither .npy nor .csv. Save an array with numpy.save(path, array).")
    try:
        with path.open(encoding="utf-8-sig") as file:  # Excel begins its CSV with a byte order mark
            samples = np.loadtxt(file, delimiter=",", ndmin=2, comments="#", dtype=np.int64 if raw else np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: one row a sample, numbers between commas, no header ({error}).") from None
    return samples


def _shape_samples(samples: np.ndarray, tensor: TensorInfo) -> np.ndarray:
    """Fit rows to the model's window: a CSV row is flat, and integers that the model takes stay integers."""
    import numpy as np

    if samples.ndim == 0 or len(samples) == 0:
        raise ValueError(f"The input is empty: {list(samples.shape)}.")
    if samples.dtype.kind not in "iuf":
        raise ValueError(f"The input is {samples.dtype}, and not numbers.")
    size = int(np.prod(tensor.window_shape, dtype=np.int64))
    if samples.shape[1:] != tensor.window_shape:
        if samples[:1].size != size:
            raise ValueError(
                f"A sample of this model is {list(tensor.window_shape)}, {size} numbers, and the input is "
                f"{list(samples.shape)}: one row a sample."
            )
        samples = samples.reshape(len(samples), *tensor.window_shape)
    if tensor.dtype.kind == "f":
        return samples.astype(tensor.dtype)
    if samples.dtype.kind in "iu" and samples.dtype != tensor.dtype:
        if samples.min() < np.iinfo(tensor.dtype).min or samples.max() > np.iinfo(tensor.dtype).max:
            raise ValueError(f"The input's integers do not fit the model's {tensor.dtype}.")
        return samples.astype(tensor.dtype)
    return samples.astype(np.float32) if samples.dtype.kind == "f" else samples


def _write_array(path: Path, array: np.ndarray) -> None:
    import numpy as np

    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        if path.suffix == ".csv":
            np.savetxt(file, array.reshape(len(array), -1), fmt="%.9g", delimiter=",")
        else:
            np.save(file, array, allow_pickle=False)
    temporary.replace(path)


def _virtual_board(chosen: argparse.Namespace) -> int:
    from tinyml_labs.virtual import VirtualBoardSettings, read_settings
    from tinyml_labs.virtual.__main__ import run

    pairs = [text.partition("=") for text in chosen.set]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise ValueError(f"--set {wrong[0]}: expected NAME=VALUE, such as --set boot_ms=500.")
    given = {
        "model": str(chosen.model or ""),
        "play": str(chosen.play or ""),
        "gestures": chosen.gestures,
        "speed": chosen.speed,
        "ram_kb": chosen.ram_kb,
        "boot_ms": chosen.boot_ms,
        "reset_on_open": chosen.reset_on_open,
        "baud_pacing": chosen.baud_pacing,
        "dialect": chosen.dialect,
        "sensor": chosen.sensor,
        "link": chosen.link,
        "fault_log": chosen.fault_log,
    }
    settings = VirtualBoardSettings(**given | read_settings("--set", [(name, value) for name, _, value in pairs]))
    print("A virtual board. Open the port below with link.Board(port); end it with Ctrl-C.", file=sys.stderr)
    run(settings, "socket" if chosen.socket else "auto")
    return 0


if __name__ == "__main__":
    sys.exit(main())
