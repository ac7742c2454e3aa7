"""The tables of the gradebook, and how its SQLite file is opened and recognised.

One file, no write-ahead log: courses often lie on a network disk, where a write-ahead log does not work, since
it needs memory that all processes share (https://www.sqlite.org/wal.html, "WAL does not work over a network
filesystem"). The rollback journal does, one writer is all there is, and a commit of a few milliseconds is
nothing beside the grading of a submission. The gradebook also stays a single file that can be copied.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.pool import NullPool

SCHEMA_VERSION = 1
APPLICATION_ID = 0x544D4C47  # "TMLG", in the file's header: https://www.sqlite.org/pragma.html#pragma_application_id

_WAIT_SECONDS = 30.0  # for a reader that looks at the file while the grader writes

METADATA = sql.MetaData()

SUBMISSIONS = sql.Table(
    "submissions",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("lab", sql.Text, nullable=False),
    sql.Column("student", sql.Text, nullable=False),
    sql.Column("attempt", sql.Text, nullable=False),
    sql.Column("file_sha256", sql.Text, nullable=False),
    sql.Column("source_sha256", sql.Text, nullable=False),
    sql.Column("run", sql.Integer, nullable=False),  # 0; one more for each time that it was graded again on purpose
    sql.Column("final", sql.Boolean, nullable=False),  # nothing in it is "not graded"
    sql.Column("verdict", sql.Text, nullable=False),
    sql.Column("points", sql.Float, nullable=False),
    sql.Column("max_points", sql.Float, nullable=False),
    sql.Column("submitted_at", sql.Text, nullable=False),
    sql.Column("recorded_at", sql.Text, nullable=False),  # ISO 8601, UTC
    sql.Column("result", sql.Text, nullable=False),  # all of it, as JSON
    sqlite_autoincrement=True,
)
sql.Index(
    "one_final_result",
    *(SUBMISSIONS.c[name] for name in ("lab", "student", "attempt", "file_sha256", "source_sha256", "run")),
    unique=True,
    sqlite_where=SUBMISSIONS.c.final,
)

POINTS_BY_HAND = sql.Table(
    "points_by_hand",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("lab", sql.Text, nullable=False),
    sql.Column("student", sql.Text, nullable=False),
    sql.Column("grade_id", sql.Text, nullable=False),
    sql.Column("judged_sha256", sql.Text, nullable=False),  # of what the person has read
    sql.Column("points", sql.Float, nullable=True),  # NULL: withdrawn
    sql.Column("comment", sql.Text, nullable=False),
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("given_by", sql.Text, nullable=False),
    sql.Column("given_at", sql.Text, nullable=False),
    sql.Index("points_by_lab", "lab", "student", "grade_id"),
    sqlite_autoincrement=True,
)


class GradebookError(RuntimeError):
    """The gradebook cannot be used, or does not hold what was asked for; the text says what to do."""


def connect(path: Path, *, read_only: bool) -> sql.Engine:
    """Return an engine for a gradebook, made and checked.

    Parameters
    ----------
    path : Path
        Its file. A writer makes it if it is not there, readable for its owner alone.
    read_only : bool
        Whether to refuse every change.

    Raises
    ------
    GradebookError
        If there is no file to read, it is no gradebook, or another version of the kit has made it.
    """
    if not path.exists():
        if read_only:
            raise GradebookError(f"There is no gradebook at {path}. Grade something first, or name another file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # an empty file is an empty database

    engine = sql.create_engine("sqlite://", creator=lambda: _open(path, read_only), poolclass=NullPool)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"  # a transaction that writes takes its lock at once

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql(begin)

    with transaction(engine, path) as connection:
        _check_or_make(connection, path, read_only)
    return engine


@contextmanager
def transaction(engine: sql.Engine, path: Path) -> Iterator[sql.Connection]:
    """Open a transaction: it is kept as a whole if the block ends, and undone if it fails.

    Raises
    ------
    GradebookError
        If SQLite cannot read or write the file: a full disk, a damaged file, no permission.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sql.exc.DatabaseError as error:
        raise GradebookError(f"The gradebook {path} cannot be used: {error.orig}.") from error


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    # Transactions are begun by hand: https://docs.sqlalchemy.org/en/20/dialects/sqlite.html (pysqlite).
    # A reader may write as far as SQLite is concerned: it has to undo what a killed writer has left half done.
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = EXTRA")  # what is committed outlives a power cut
    return connection


def _check_or_make(connection: sql.Connection, path: Path, read_only: bool) -> None:
    def pragma(name: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    application, version = pragma("application_id"), pragma("user_version")
    tables = sorted(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    if application == 0 and not tables:
        if read_only:
            raise GradebookError(f"The gradebook {path} is empty. Grade something first, or name another file.")
        METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    elif application != APPLICATION_ID:
        raise GradebookError(
            f"{path} is a database of another program (its tables: {', '.join(tables[:6])}). "
            "Name a file of its own for this gradebook."
        )
    elif version != SCHEMA_VERSION:
        newer = version > SCHEMA_VERSION
        raise GradebookError(
            f"The gradebook {path} has version {version}, this kit knows version {SCHEMA_VERSION}. "
            + ("Update the kit." if newer else "Use the release of the kit that made it, or begin a new file.")
        )
