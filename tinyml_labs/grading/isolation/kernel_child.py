"""Runs inside the sandbox: an ipykernel that answers one more request, the call of a function.

Nothing here is trusted: the student's code runs in the same process and can change all of it. What it keeps is order:
traces are cut to the cells, values leave as plain data, and what is printed goes nowhere.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ipykernel.compiler import XCachingCompiler
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from traitlets import Type

from tinyml_labs.grading.isolation.call_arguments import read_arguments
from tinyml_labs.grading.isolation.plain_values import PlainValueError, encode, write_json

_MOST_FRAMES = 20
_LONGEST_LINE = 300
_cells: dict[
    str, tuple[str, int]
] = {}  # file name -> what the cell is called, and how many empty lines it begins with


def describe_error(error: BaseException, largest_text: int) -> dict[str, Any]:
    """Return an error as data: its type, its message, and where in the cells it happened."""
    try:
        message = str(error)[:largest_text]
    except BaseException:  # a __str__ of the student's
        message = ""
    last_line = None
    frames = []
    if isinstance(error, SyntaxError) and error.filename in _cells:
        last_line = (error.lineno or 0) + _cells[error.filename][1]
        message = str(error.msg)[:largest_text]
        frames.append(_show_line(error.filename, error.lineno or 0, "", error.text))
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in _cells:
            last_line = trace.tb_lineno + _cells[code.co_filename][1]
            frames.append(_show_line(code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if len(frames) > _MOST_FRAMES:
        left_out = len(frames) - _MOST_FRAMES
        half = _MOST_FRAMES // 2
        frames[half:-half] = [f"... {left_out:,} more of the kind"]
    name = type(error).__name__
    end = f"{name}: {message}" if message else name
    for kind in (SystemExit, MemoryError):  # of numpy's, too, which has a name of its own
        name = kind.__name__ if isinstance(error, kind) else name
    builtin = next((kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"), "Exception")
    return {
        "status": "error", "builtin_type": builtin, "ename": name, "error_type": name, "message": message,
        "line": last_line, "trace": "\n".join([*frames, end])[:largest_text],
    }  # fmt: skip


def answer_call(
    names: Mapping[str, Any], request: Mapping[str, Any], blocks: Sequence[Any]
) -> tuple[dict[str, Any], list[bytes]]:
    """Call a function of the notebook; return the answer as data, and the blocks of bytes that go with it."""
    largest_text = request["largest_text"]
    answer_blocks: list[bytes] = []
    try:
        args, kwargs = read_arguments(blocks, request["read_only"])
        if request["function"] not in names:
            raise NameError(f"name {request['function']!r} is not defined")
        changeable: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        before = {key: _snapshot(value) for key, value in changeable.items()}
        value = names[request["function"]](*args, **kwargs)
        answer: dict[str, Any] = {"status": "ok", "changed": []}
        answer["value"] = encode(value, answer_blocks, largest_bytes=request["largest_value"])
        for key, old in before.items():
            if old is not None and _snapshot(changeable[key]) != old:
                answer["changed"].append([key, _encode_changed(changeable[key], answer_blocks)])
    except PlainValueError as error:
        return {"status": "no plain value", "message": str(error)[:largest_text]}, []
    except BaseException as error:
        return describe_error(error, largest_text), []
    return answer, answer_blocks


def _snapshot(value: Any) -> Any:
    """Return an argument's content if it can be changed in place and read back, else None."""
    import numpy as np

    if type(value) not in (np.ndarray, list, dict, set) or (type(value) is np.ndarray and value.dtype.hasobject):
        return None
    blocks: list[bytes] = []
    try:
        data = encode(value, blocks, largest_bytes=2**40)
    except PlainValueError:
        return () if type(value) is not np.ndarray else None
    return write_json(data) if type(value) is not np.ndarray else data, blocks


def _encode_changed(value: Any, blocks: list[bytes]) -> Any:
    try:
        return encode(value, blocks, largest_bytes=2**40)
    except PlainValueError as error:
        raise PlainValueError(f"The function has changed its argument. {error}") from None


def _show_line(filename: str, number: int, function: str, text: str | None = None) -> str:
    text = (text or linecache.getline(filename, number)).strip()[:_LONGEST_LINE]
    place = f", in {function}" if function and not function.startswith("<") else ""
    label, skipped = _cells[filename]
    return f"{label}, line {number + skipped}{place}\n    {text}"


class _CellCompiler(XCachingCompiler):
    """Names the code of a cell after the cell, so that a trace can say so."""

    label = ""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        name = f"<{self.label}>" if self.label else f"<cell {number}>"
        skipped = next((index for index, line in enumerate(raw_code.split("\n")) if line.strip()), 0)
        _cells[name] = (self.label or f"cell {number}", skipped)  # IPython leaves the empty lines out
        return name


class _Shell(ZMQInteractiveShell):
    """Keeps an error as it is, where IPython would lay out a page in colours."""

    last_error: BaseException | None = None

    def _keep_error(self) -> None:
        self.last_error = sys.exc_info()[1]
        self._last_traceback = []

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        if exc_tuple is not None and exc_tuple[1] is not None:
            self.last_error, self._last_traceback = exc_tuple[1], []
        else:
            self._keep_error()

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        self._keep_error()

    def showindentationerror(self, *args: Any, **kwargs: Any) -> None:
        self._keep_error()


class _Kernel(IPythonKernel):
    shell_class = Type(_Shell)
    msg_types = [*IPythonKernel.msg_types, "call_request"]  # noqa: RUF012 -- as ipykernel has it
    largest_text = 2**18

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shell.compile = _CellCompiler()

    async def poll_stopped_queue(self) -> None:
        """Do nothing: there is no debugger."""

    async def do_execute(self, code: str, silent: bool, *args: Any, **kwargs: Any) -> dict[str, Any]:
        shell = self.shell
        shell.last_error = None
        shell.compile.label = kwargs.get("cell_id") or ""
        try:
            reply = await super().do_execute(code, silent, *args, **kwargs)
        except BaseException as error:
            return describe_error(shell.last_error or error, self.largest_text)
        if any(item.get("source") == "ask_exit" for item in reply.get("payload", [])):
            return describe_error(SystemExit("exit"), self.largest_text)
        if reply["status"] == "ok":
            return {"status": "ok"}
        raised = shell.last_error or RuntimeError(f"{reply.get('ename')}: {reply.get('evalue')}")
        shell.last_error = None
        return describe_error(raised, self.largest_text)

    async def call_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        blocks = [getattr(block, "buffer", block) for block in parent["buffers"]]
        answer, answer_blocks = answer_call(self.shell.user_ns, parent["content"], blocks)
        self.session.send(stream, "call_reply", {}, parent, ident=ident, buffers=[write_json(answer), *answer_blocks])


class _KernelApp(IPKernelApp):
    """An ipykernel on sockets that the grader has made, without the parts that grading has no use for."""

    kernel_class = Type(_Kernel)
    outstream_class = ""  # what is printed goes nowhere
    settings: ClassVar[dict[str, Any]] = {}

    def init_connection_file(self) -> None:
        self.connection_file = "none"
        self.session.key = self.settings["key"].encode()
        if "sockets" not in self.settings:
            self.transport, self.ip = "tcp", "127.0.0.1"
        else:
            self.transport, self.ip = "ipc", "kernel"

    def _bind_socket(self, s: Any, port: int) -> int:
        import zmq

        sockets = self.settings.get("sockets", {})
        name = next((name for name in ("shell", "control") if s is getattr(self, f"{name}_socket", None)), "")
        if not name:
            return 0  # nobody connects to the others
        if not sockets:
            return s.bind_to_random_port("tcp://127.0.0.1")
        s.setsockopt(zmq.USE_FD, sockets[name])
        s.bind(f"ipc://kernel-{name}")
        return 0

    def init_heartbeat(self) -> None:
        self.hb_port = 0

    def init_pdb(self) -> None:
        pass

    def write_connection_file(self, **kwargs: Any) -> None:
        if "sockets" in self.settings:
            return
        path = Path(self.settings["ports"])
        ports = {"shell": self.shell_port, "control": self.control_port}
        path.with_suffix(".part").write_text(json.dumps(ports))
        path.with_suffix(".part").replace(path)

    def cleanup_connection_file(self) -> None:
        pass

    def log_connection_info(self) -> None:
        self._ports = {}

    def init_io(self) -> None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8", errors="replace")  # noqa: SIM115 -- for good
        sys.stderr = sys.stdout
        super().init_io()


def main() -> None:
    """Be the kernel that the first argument describes, until the grader ends it."""
    _KernelApp.settings = json.loads(sys.argv[1])
    _Kernel.largest_text = _KernelApp.settings["largest_text"]
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # a debugger would be a fifth of the time to start
    app = _KernelApp.instance()
    app.initialize(["--HistoryManager.enabled=False"])
    del sys.modules["debugpy"]
    app.debug_shell_socket.close()
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # until here an error was the grader's to read
        os.dup2(nothing, stream)
    app.start()
