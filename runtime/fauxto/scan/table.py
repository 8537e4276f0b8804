"""The scan's tables: rows of answers, and the list of what to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fauxto.files import replacing

ROWS = pa.schema(
    [
        ("schema", pa.int32()),
        ("path", pa.string()),
        ("status", pa.string()),
        ("verdict", pa.string()),
        ("lean", pa.string()),
        ("p_ai", pa.float64()),
        ("prior", pa.float64()),
        ("logit", pa.float64()),
        ("operating_point", pa.string()),
        ("threshold", pa.float64()),
        ("reason", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("model", pa.string()),
        ("model_sha256", pa.string()),
        ("provider", pa.string()),
        ("elapsed_ms", pa.float64()),
        ("error", pa.string()),
        ("declared", pa.string()),
        ("declared_by", pa.string()),
        ("signature", pa.string()),
        ("size", pa.int64()),
        ("format", pa.string()),
        ("mtime", pa.timestamp("us", "UTC")),
    ]
)
"""The record of the command line (fauxto.Prediction), then the file's size in bytes, its format and its time."""
FUSED_ROWS = pa.schema([*ROWS, ("logit_pixels", pa.float64()), ("logit_scene", pa.float64())])
"""The same with a second opinion (fauxto.FusedPrediction)."""

LIST = pa.schema(
    [
        ("path", pa.string()),
        ("file", pa.binary()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("mtime", pa.float64()),
        ("error", pa.string()),
    ]
)
"""fauxto.scan.sources.Item, one row each; `file` is bytes, as a file's name need not be valid text."""


def write(path: Path, table: pa.Table, facts: Mapping[str, str] | None = None) -> None:
    """Write a table to the disk, whole or not at all. `facts` go into the file's metadata. Raises OSError.

    Pages have checksums. Statistics have none, and a reader would skip rows by them, so there are none.
    """
    told = table.replace_schema_metadata(dict(facts or {}))
    with replacing(path, "wb", sync=True) as file:
        pq.write_table(told, file, write_page_checksum=True, write_statistics=False)


def rows_table(rows: Sequence[Mapping[str, Any]], fused: bool) -> pa.Table:
    """Rows as `fauxto.scan.rows` gives them -> a table of the schema ROWS; `fused`: of FUSED_ROWS."""
    return pa.Table.from_pylist(rows, schema=FUSED_ROWS if fused else ROWS)


def read_checked(path: Path) -> pa.Table:
    """A part's table, every checksum compared. Raises for a damaged file, whatever the reader makes of it."""
    return pq.ParquetFile(path, page_checksum_verification=True).read()
