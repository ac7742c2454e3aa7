"""The library as compilers see it: without a warning on a computer, an AVR and an Arm, without heap and Arduino.h."""

import re
import subprocess
from pathlib import Path

import pytest
from cpp_programs import FOLDER, LIBRARY, SOURCES, STRICT, require_compiler

pytestmark = pytest.mark.slow

NEED_MORE = {SOURCES / f"TinyML{name}.h" for name in ("Imu", "Audio", "Tflm")}
NEED_MORE |= {*(SOURCES / "imu").glob("*.h"), *(SOURCES / "tflm").glob("*.h")}
HEADERS = sorted({*SOURCES.rglob("*.h")} - NEED_MORE)
EXAMPLES = sorted((LIBRARY / "examples").glob("*/*.ino"))
MORE = ("-Wshadow", "-Wconversion", "-Wdouble-promotion", "-Wnon-virtual-dtor")
ARM = ("arm-none-eabi-g++", "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib")
AVR = ("avr-g++", "gcc-avr avr-libc")
SMALL = ("-Os", "-ffunction-sections", "-fdata-sections")


def compile_object(compiler: tuple[str, str], source: Path, target: Path, *flags: str) -> Path:
    command = [require_compiler(*compiler), *STRICT, f"-I{SOURCES}", *flags, "-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize("standard", ["c++11", "c++14", "c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_without_a_warning_on_this_computer(compiler: str, standard: str, tmp_path: Path) -> None:
    package = compiler.removesuffix("++") if compiler == "clang++" else compiler
    compile_object(
        (compiler, package), FOLDER / "every_part.cpp", tmp_path / "every_part.o", f"-std={standard}", *MORE
    )


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: path.name)
def test_each_header_stands_alone(header: Path, tmp_path: Path) -> None:
    source = tmp_path / "alone.cpp"
    source.write_text(f'#include "{header}"\n#include "{header}"\nint main() {{}}\n')
    compile_object(("g++", "g++"), source, tmp_path / "alone.o", "-std=c++11", *MORE)


def test_two_files_of_a_sketch_may_include_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first.cpp", tmp_path / "second.cpp"
    first.write_text((FOLDER / "every_part.cpp").read_text())
    second.write_text("#include <TinyMLLabs.h>\nuint32_t second() { return tinyml::crc32(nullptr, 0); }\n")
    command = [require_compiler("g++", "g++"), "-std=c++11", *STRICT, f"-I{SOURCES}", str(first), str(second)]
    done = subprocess.run([*command, "-o", str(tmp_path / "both")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_on_an_arm_without_heap_exceptions_or_atomics_of_a_library(core: str, tmp_path: Path) -> None:
    flags = (
        f"-mcpu={core}",
        "-mthumb",
        "-std=c++11",
        "-fno-exceptions",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        *SMALL,
    )
    compiled = compile_object(ARM, FOLDER / "every_part.cpp", tmp_path / "every_part.o", *flags)
    names = subprocess.run(
        ["arm-none-eabi-nm", "-u", str(compiled)], capture_output=True, text=True, check=True
    ).stdout
    needed = set(re.findall(r"U (\S+)", names))
    compiler_own = {name for name in needed if name.startswith(("__aeabi_", "__gnu_thumb1_"))}
    of_c = {"memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strtol", "atol"}
    assert needed - compiler_own <= of_c | {"sqrtf", "sinf", "log10f"}  # none for doubles


def test_on_an_avr_its_texts_are_in_flash(tmp_path: Path) -> None:
    """Linked for a Mega 2560: what uses every part at once is too much for an Uno."""
    program = tmp_path / "every_part.elf"
    command = [require_compiler(*AVR), *STRICT, "-std=gnu++11", "-mmcu=atmega2560", *SMALL, "-Wl,--gc-sections"]
    command += ["-fno-exceptions", "-fno-threadsafe-statics", f"-I{SOURCES}", str(FOLDER / "every_part.cpp")]
    done = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    flash_only = program.read_bytes().count(b"a stream is running; stop it first.")
    data = tmp_path / "data.bin"
    subprocess.run(["avr-objcopy", "-O", "binary", "-j", ".data", str(program), str(data)], check=True)
    assert flash_only == 1
    assert b"a stream is running" not in data.read_bytes()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_compile(example: Path, tmp_path: Path) -> None:
    flags = ("-std=c++11", f"-I{FOLDER / 'host_board'}", "-include", "Arduino.h", "-x", "c++")
    command = [require_compiler("g++", "g++"), "-Wall", "-Wextra", f"-I{SOURCES}", *flags, str(example)]
    done = subprocess.run([*command, "-c", "-o", str(tmp_path / "x.o")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_nothing_of_arduino_heap_or_standard_library() -> None:
    allowed = {"stddef.h", "stdint.h", "string.h", "stdlib.h", "math.h"}
    allowed |= {"avr/pgmspace.h", "avr/interrupt.h", "avr/io.h"}
    for header in HEADERS:
        text = header.read_text()
        assert set(re.findall(r"#include <(.*)>", text)) <= allowed, header.name
        code = re.sub(r"//.*", "", text)
        assert not re.search(r"\b(new|delete|malloc|calloc|realloc|free|throw|std::|String)\b", code), header.name
        assert len(text.splitlines()) <= 330, header.name


def test_library_properties_are_those_of_the_arduino_specification() -> None:
    lines = (LIBRARY / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    names = "name version author maintainer sentence paragraph category url architectures includes"
    assert list(fields) == names.split()
    assert fields["category"] in {"Communication", "Data Processing"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert (fields["name"], fields["architectures"], fields["includes"]) == (LIBRARY.name, "*", "TinyMLLabs.h")


def test_keywords_are_names_of_the_library() -> None:
    text = "".join(header.read_text() for header in HEADERS)
    for line in (LIBRARY / "keywords.txt").read_text().splitlines():
        word, kind = line.split("\t")
        assert kind in {"KEYWORD1", "KEYWORD2", "LITERAL1"}
        assert re.search(rf"\b{word}\b", text), word
