"""A folder of spoken words with a `labels.csv` that says what each file is: yours, or anybody's."""

from __future__ import annotations

import csv
from pathlib import Path

from tinyml_labs.datasets.speech_files import NOISE_FOLDER, SpeechFiles

LISTING = "labels.csv"
"""Name of the table in the folder."""

_NEEDED = ("path", "label")


def load_labelled_speech(folder: str | Path) -> SpeechFiles:
    """Find the clips that a folder's `labels.csv` lists.

    The table has a row a file and a header. The columns `path` (below the folder, with `/`) and `label` are needed;
    `word` (the label where it is empty) and `speaker` are used, and others are left alone. Files are WAV, 16 bits,
    one channel, 16 kHz. Those with the label `_background_noise_` are long recordings of noise, not clips.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    SpeechFiles
        In the order of the table. Each clip is read when it is asked for.

    Raises
    ------
    FileNotFoundError
        There is no `labels.csv`, or a file that it lists is not there.
    ValueError
        The table lacks a column or a value, or lists nothing.
    """
    folder = Path(folder).expanduser()
    table = folder / LISTING
    if not table.is_file():
        raise FileNotFoundError(
            f"No {LISTING} in {folder}. Expected a folder of WAV files and a table with the columns path, label, "
            "word and speaker, a row a file."
        )
    rows = _read_rows(table)
    _check_files(folder, table, [row["path"] for row in rows])
    clips = [row for row in rows if row["label"] != NOISE_FOLDER]
    return SpeechFiles(
        folder=folder,
        paths=tuple(folder / row["path"] for row in clips),
        labels=tuple(row["label"] for row in clips),
        words=tuple(row["word"] for row in clips),
        speakers=tuple(row["speaker"] for row in clips),
        noise_paths=tuple(folder / row["path"] for row in rows if row["label"] == NOISE_FOLDER),
    )


def _read_rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:  # a spreadsheet begins it with a byte order mark
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [(name or "").strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            if missing := [name for name in _NEEDED if name not in names]:
                raise ValueError(
                    f"{table} has no column {missing[0]}; it has {', '.join(names) or 'none'}. Its first line names "
                    "the columns path, label, word and speaker, with commas between them."
                )
            rows = [_tidy(row, f"{table}, line {reader.line_num}") for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} is no table that can be read: {error}. Save it as CSV, in UTF-8.") from None
    if not rows:
        raise ValueError(f"{table} lists no file: expected a row for each.")
    return rows


def _tidy(row: dict[str, str], where: str) -> dict[str, str]:
    values = {name: (row.get(name) or "").strip() for name in (*_NEEDED, "word", "speaker")}
    if empty := [name for name in _NEEDED if not values[name]]:
        raise ValueError(f"{where} has no {empty[0]}: each row names a file and its label.")
    values["path"] = values["path"].replace("\\", "/")
    values["word"] = values["word"] or values["label"]
    return values


def _check_files(folder: Path, table: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{table} lists {len(names):,} files, and {len(missing):,} of them are not there, such as {missing[0]}. "
            f"Their paths are below {folder}: put the files back, or delete their rows."
        )
