"""Speech from eSpeak NG in a process of its own: the same list of texts gives the same samples, each time.

The library goes on trembling where the last text left it; only a new process takes it back to its beginning.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml_labs.child_program import child_program


def speak_all(requests: Sequence[dict[str, Any]]) -> Iterator[tuple[NDArray[np.int16], int]]:
    """Say one text after the other.

    Parameters
    ----------
    requests : sequence of dict
        The arguments of :func:`tinyml_labs.voices.espeak.speak`, ``text`` among them.

    Yields
    ------
    samples : int16 array, (n,)
    rate_hz : int

    Raises
    ------
    ValueError
        A text cannot be said, or eSpeak NG is missing; the message says which and why.
    RuntimeError
        The process ended early.
    """
    program = child_program("tinyml_labs.voices.espeak_process")
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for request in requests:  # one at a time: neither pipe can fill while the other side waits
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                head = json.loads(process.stdout.readline() or "{}")
                if "error" in head:
                    raise ValueError(head["error"])
                content = process.stdout.read(2 * head.get("count", 0))
                if not content or len(content) != 2 * head["count"]:
                    raise RuntimeError(f"The process of eSpeak NG ended at {request['text']!r}: {process.wait(10)}.")
                yield np.frombuffer(content, "<i2").astype(np.int16), head["rate_hz"]
        finally:
            process.stdin.close()


def main() -> int:
    """Read requests from standard input, a line of JSON each; write a line of JSON and the samples for each."""
    from tinyml_labs.voices import espeak

    head: dict[str, Any]
    for line in sys.stdin.buffer:
        try:
            samples, rate_hz = espeak.speak(**json.loads(line))
            head, content = {"count": len(samples), "rate_hz": rate_hz}, samples.astype("<i2").tobytes()
        except (ValueError, ModuleNotFoundError, RuntimeError, OSError) as error:
            head, content = {"error": str(error)}, b""
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + content)
        sys.stdout.buffer.flush()
    return 0
