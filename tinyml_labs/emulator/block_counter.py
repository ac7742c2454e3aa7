"""The counter of basic blocks: a few lines of C that Unicorn calls before each. A Python function would be too slow.

``native/block_counter.c`` is compiled for this computer by Zig, once. A call costs about 6 ns.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import tempfile
from functools import cache
from pathlib import Path

from tinyml_labs.emulator.zig import cache_folder, run_zig, zig_version

SOURCE = Path(__file__).parent / "native" / "block_counter.c"
NEVER = 2**63
_ENDINGS = {"win32": "dll", "darwin": "dylib"}


class Block(ctypes.Structure):
    """As in ``block_counter.c``."""

    _fields_ = (
        ("runs", ctypes.c_uint64),
        ("refill_cycles", ctypes.c_uint64),
        ("cycles", ctypes.c_uint32),
        ("instructions", ctypes.c_uint16),
        ("bytes", ctypes.c_uint16),
        ("leaves", ctypes.c_uint8),
        ("begins_across", ctypes.c_uint8),
        ("watched", ctypes.c_uint8),
        ("unused", ctypes.c_uint8 * 5),
    )


Meet = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)
Visit = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)


class Counter(ctypes.Structure):
    """As in ``block_counter.c``."""

    _fields_ = (
        ("instructions", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("stop_at_instructions", ctypes.c_uint64),
        ("stop_at_cycles", ctypes.c_uint64),
        ("blocks", ctypes.POINTER(Block)),
        ("code_start", ctypes.c_uint32),
        ("code_bytes", ctypes.c_uint32),
        ("follows", ctypes.c_uint32),
        ("wait_cycles", ctypes.c_uint32),
        ("before", ctypes.POINTER(Block)),
        ("stop", ctypes.c_void_p),
        ("meet", Meet),
        ("visit", Visit),
    )


@cache
def load_block_counter() -> ctypes.CDLL:
    """Compile it, unless that has been done, and load it.

    Raises
    ------
    EmulatorMissingError
        If ``ziglang`` is not installed.
    BuildError
        If it does not compile.
    """
    key = hashlib.sha256(SOURCE.read_bytes() + zig_version().encode()).hexdigest()[:16]
    library = cache_folder() / f"block_counter-{key}.{_ENDINGS.get(sys.platform, 'so')}"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as temporary:
            made = Path(temporary) / library.name
            flags = ["-O2", "-shared", "-nostdlib", "-fno-stack-protector", "-fno-sanitize=undefined"]
            flags += [] if sys.platform == "win32" else ["-fPIC"]
            run_zig(["cc", *flags, SOURCE, "-o", made], folder=Path(temporary), what=SOURCE.name)
            made.replace(library)
    return ctypes.CDLL(str(library))
