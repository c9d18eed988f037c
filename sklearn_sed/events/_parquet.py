"""Parquet files: the table of a list of events, with all digits, small and fast."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sklearn_sed.events._dcase import STRONG, parse_table
from sklearn_sed.events._records import (
    Annotations,
    Reading,
    check_extent,
    check_text,
    extra_columns,
    with_header,
)
from sklearn_sed.exceptions import AnnotationError


def _library() -> Any:
    """Return the pyarrow library, or say how to get it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "Parquet files need the pyarrow library; install it with: "
            "pip install 'sklearn-sed[parquet]'"
        ) from error
    return pyarrow


def parse(path: Path, recording: str, reading: Reading) -> Annotations:
    """Read a table of events, whatever its columns are called."""
    pyarrow = _library()
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            size, facts = path.stat().st_size, file.metadata
            check_extent(path, facts.num_columns, facts.num_rows + 1, size)
            content = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise AnnotationError(
            str(path), f"it cannot be read as Parquet: {error}"
        ) from error
    columns = [[_as_text(value) for value in c.to_pylist()] for c in content.columns]
    rows = [(f"{path}, row {i}", list(row)) for i, row in enumerate(zip(*columns))]
    table = with_header(path, ",", content.column_names, rows)
    return parse_table(table, recording, reading)


def _as_text(value: Any) -> str:
    """Return a value as a text file has it, with all its digits."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def render(
    path: Path, filenames: Sequence[str], tables: Sequence[pd.DataFrame]
) -> bytes:
    """Return a table of events; clips without any get a row with their name alone."""
    pyarrow = _library()
    extra = dict.fromkeys(name for table in tables for name in extra_columns(table))
    columns: dict[str, list[Any]] = {name: [] for name in (*STRONG, *extra)}
    for index, (filename, table) in enumerate(zip(filenames, tables)):
        clip = f"events, clip {index}"
        check_text(filename, "filename", clip, forbidden="")
        n_rows = max(1, len(table))
        columns["filename"] += [filename] * n_rows
        for name in columns.keys() - {"filename"}:
            values = table[name].tolist() if name in table and len(table) else None
            if name == "event_label" and values:
                values = [check_text(str(v), name, clip, forbidden="") for v in values]
            columns[name] += values or [None] * n_rows
    kinds = {"onset": pyarrow.float64(), "offset": pyarrow.float64()}
    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pyarrow.array(values, kinds.get(name), from_pandas=True)
        except (pyarrow.ArrowException, UnicodeEncodeError) as error:
            raise AnnotationError(
                str(path), f"the column {name!r} cannot be written: {error}"
            ) from error
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), stream)
    return stream.getvalue()
