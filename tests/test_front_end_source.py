"""The library MicroFrontend is made of the one archive that is meant, and says what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinyml_labs import front_end_source
from tinyml_labs.front_end_source import ARCHIVE, front_end_archive, write_front_end_library

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def archive() -> Path:
    try:
        return front_end_archive(download=False)
    except FileNotFoundError as error:
        if os.environ.get("CI") == "true":
            raise  # there, set-up has to have fetched it
        pytest.skip(str(error))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give where the archive belongs, in an environment that has none."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path / "share" / "tinyml-labs" / ARCHIVE


def test_the_library_is_whole_and_says_where_it_is_from(archive: Path, tmp_path: Path) -> None:
    library = write_front_end_library(tmp_path, download=False)
    assert library == tmp_path / "MicroFrontend"
    properties = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines())
    assert (properties["name"], properties["includes"]) == ("MicroFrontend", "MicroFrontend.h")
    assert properties["category"] == "Signal Input/Output"
    assert "Apache License" in (library / "LICENSE").read_text()
    assert "Mark Borgerding" in (library / "src/micro_frontend/kissfft/kiss_fft.inc").read_text()
    assert front_end_source.ARCHIVE_SHA256 in (library / "NOTICE.txt").read_text()
    sources = [path for path in (library / "src").rglob("*") if path.is_file()]
    for source in sources:
        text = source.read_text()
        assert 'extern "C" {' not in text
        for name in re.findall(r'#include "(.*)"', text):
            assert (source.parent / name).exists(), (source.name, name)
    assert [path.name for path in sources if path.suffix in {".c", ".cc", ".cpp"}]  # what Arduino compiles
    assert {path.name for path in sources if path.suffix == ".cpp"} == {"MicroFrontend.cpp", "MicroFrontendFft.cpp"}


def test_writing_it_again_gives_the_same_files(archive: Path, tmp_path: Path) -> None:
    library = write_front_end_library(tmp_path, download=False)
    before = {path: path.read_bytes() for path in library.rglob("*") if path.is_file()}
    (library / "src" / "MicroFrontend.h").write_text("changed")
    write_front_end_library(tmp_path, download=False)
    assert {path: path.read_bytes() for path in library.rglob("*") if path.is_file()} == before


def test_another_archive_is_refused(archive: Path, environment: Path) -> None:
    environment.parent.mkdir(parents=True)
    environment.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"has the SHA-256 .*, expected 0d0bed78.*Delete it, and ask again"):
        front_end_archive()
    shutil.copy(archive, environment)
    assert front_end_archive() == environment


def test_a_missing_archive_says_how_it_is_fetched(environment: Path) -> None:
    with pytest.raises(FileNotFoundError, match="`python -m tinyml_labs.front_end_source` fetches it"):
        front_end_archive(download=False)


@pytest.mark.slow
def test_without_a_network_it_says_what_pip_said(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(FileNotFoundError, match=r"pip could not fetch it: .*No matching distribution.*network on"):
        front_end_archive()
    assert list(environment.parent.iterdir()) == []
    assert front_end_source.main() == 1
    assert "The audio front end's source is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_pip_fetches_it_from_wherever_it_looks(
    archive: Path, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder stands for the index: pip checks the sum, and builds nothing."""
    links = tmp_path / "links"
    links.mkdir()
    shutil.copy(archive, links)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert front_end_archive() == environment
    assert [path.name for path in environment.parent.iterdir()] == [ARCHIVE]


def test_without_the_course_a_folder_has_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end_source, "LIBRARIES", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="the package is installed without the course. Name a folder"):
        write_front_end_library()


def test_git_ignores_what_is_written() -> None:
    name = "arduino_sketches/libraries/MicroFrontend/library.properties"
    done = subprocess.run(["git", "check-ignore", name], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.stdout.strip() == name
