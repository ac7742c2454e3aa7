"""The child process that holds the TensorFlow Lite Micro interpreter.

TFLM aborts its process on what it does not like: here that costs a child, not the notebook's kernel.
It reads requests from standard input and answers on standard output: a 4-byte length, a JSON header, then
as many raw bytes as the header's ``bytes`` says. Whatever TFLM itself prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import Any, BinaryIO

import numpy as np

ARENA_ALIGNMENT = 16


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read one header and its bytes; None at the end of the stream."""
    length = stream.read(4)
    if len(length) < 4:
        return None
    header = json.loads(stream.read(struct.unpack("<I", length)[0]))
    body = stream.read(header["bytes"]) if header.get("bytes") else b""
    return header, body


def write_message(stream: BinaryIO, header: dict[str, Any], *parts: Any) -> None:
    """Write one header and its bytes (objects with the buffer protocol)."""
    header["bytes"] = sum(memoryview(part).nbytes for part in parts)
    text = json.dumps(header).encode()
    stream.write(struct.pack("<I", len(text)) + text)
    for part in parts:
        stream.write(part)
    stream.flush()


class Worker:
    """Answers requests about one model."""

    def __init__(self) -> None:
        self.interpreter: Any = None
        self.model = b""
        self.arena_bytes = 0
        self.outputs: list[tuple[list[int], np.dtype]] = []

    def answer(self, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], list[Any]]:
        """Do what the header's ``do`` asks for; give the reply's header and byte parts."""
        if header["do"] == "load":
            return self.load(body, header["arena_bytes"], header["inputs"], header["outputs"]), []
        if header["do"] == "run":
            return {}, self.run(header["count"], header["inputs"], body, timed=header["timed"])
        if header["do"] == "reset":
            self.make_anew()
            return {}, []
        if header["do"] == "arena":
            smallest = self.smallest_arena(body, header["inputs"], header["limit"])
            return {"smallest_bytes": smallest}, []
        raise ValueError(f"unknown request {header['do']!r}")

    def load(self, model: bytes, arena_bytes: int, inputs: int, outputs: int) -> dict[str, Any]:
        """Make the interpreter, and say what its tensors are."""
        self.model, self.arena_bytes = model, arena_bytes
        self.make_anew()
        details = [self.interpreter.get_output_details(index) for index in range(outputs)]
        self.outputs = [([int(n) for n in d["shape"]], np.dtype(d["dtype"])) for d in details]
        return {
            "inputs": [_describe(self.interpreter.get_input_details(index)) for index in range(inputs)],
            "outputs": [_describe(detail) for detail in details],
        }

    def make_anew(self) -> None:
        """Make the interpreter, whose variables then hold what the model's set-up puts there.

        TFLM's own Reset() fills resource variables with zeros, and does not run the set-up again: a model whose
        variables begin with other values would go on from a state that it never had.
        """
        from tflite_micro.python.tflite_micro import runtime

        self.interpreter = None  # its memory first
        self.interpreter = runtime.Interpreter.from_bytes(self.model, arena_size=self.arena_bytes)

    def run(self, count: int, inputs: list[dict[str, Any]], body: bytes, *, timed: bool) -> list[Any]:
        """Run ``count`` inferences; the body holds each input's arrays one after the other.

        With ``timed``, the nanoseconds of each invocation follow the outputs, as int64.
        """
        arrays, start = [], 0
        for item in inputs:
            dtype, shape = np.dtype(item["dtype"]), (count, *item["shape"])
            size = int(np.prod(shape, dtype=np.int64))
            arrays.append(np.frombuffer(body, dtype, size, start).reshape(shape))
            start += size * dtype.itemsize
        results = [np.empty((count, *shape), dtype) for shape, dtype in self.outputs]
        set_input, invoke = self.interpreter.set_input, self.interpreter.invoke
        get_output = self.interpreter.get_output
        if len(arrays) == 1 and len(results) == 1 and not timed:  # nearly every model: the shortest loop
            result = results[0]
            for index, sample in enumerate(arrays[0]):
                set_input(sample, 0)
                invoke()
                result[index] = get_output(0)
        else:
            times = np.zeros(count, np.int64)
            for index in range(count):
                for position, array in enumerate(arrays):
                    set_input(array[index], position)
                start_ns = time.perf_counter_ns()
                invoke()
                times[index] = time.perf_counter_ns() - start_ns
                for position, result in enumerate(results):
                    result[index] = get_output(position)
            if timed:
                results.append(times)
        return [result.reshape(-1).view(np.uint8).data if result.size else b"" for result in results]

    def smallest_arena(self, model: bytes, inputs: list[dict[str, Any]], limit: int) -> int:
        """Search for the smallest arena in which the model allocates and runs; 0 if none up to ``limit``."""
        from tflite_micro.python.tflite_micro import runtime  # before the forks: once, not once a try

        zeros = [np.zeros(item["shape"], np.dtype(item["dtype"])) for item in inputs]

        def works(arena_bytes: int) -> bool:
            child = os.fork()
            if child == 0:  # a fork, because a wrong guess may abort the process
                try:
                    quiet = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(quiet, 2)
                    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
                    for position, zero in enumerate(zeros):
                        interpreter.set_input(zero, position)
                    interpreter.invoke()
                    os._exit(0)
                except BaseException:
                    os._exit(1)
            _, status = os.waitpid(child, 0)
            return status == 0

        low, high = 0, 1024
        while not works(high):
            low, high = high, high * 2
            if high > limit:
                return 0
        while high - low > ARENA_ALIGNMENT:
            middle = (low + high) // 2 // ARENA_ALIGNMENT * ARENA_ALIGNMENT
            low, high = (low, middle) if works(middle) else (middle, high)
        self.interpreter = runtime.Interpreter.from_bytes(model, arena_size=high)
        for position, zero in enumerate(zeros):
            self.interpreter.set_input(zero, position)
        self.interpreter.invoke()
        self.interpreter.print_allocations()  # to standard error, where the parent reads it
        return high


def _describe(detail: dict[str, Any]) -> dict[str, Any]:
    return {"shape": [int(n) for n in detail["shape"]], "dtype": np.dtype(detail["dtype"]).name}


def main() -> None:
    """Answer until standard input ends."""
    requests = sys.stdin.buffer
    # Our answers get a descriptor of their own, so that nothing that a library prints can mix with them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    worker = Worker()
    while (message := read_message(requests)) is not None:
        try:
            header, parts = worker.answer(*message)
        except Exception as error:
            write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        else:
            write_message(answers, header, *parts)


if __name__ == "__main__":
    main()
