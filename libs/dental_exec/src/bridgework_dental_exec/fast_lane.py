"""The fast lane: a well-formed UTF-8 file is parsed by DuckDB, on all cores.

It is only taken where its result provably equals the careful reader's: strict parsing without a
single error, and exactly as many physical lines consumed as the file has. Anything else, and the
careful reader starts over.
"""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bridgework_dental_exec.reading import RowSource

BREAKS = "_breaks"
"""Column with the line breaks inside a row's cells; it becomes the physical line."""


_MAX_LINE_BYTES = 4 << 20
"""A longer row goes to the careful reader."""

_BUFFER_BYTES = 16 << 20
"""DuckDB holds several at once; unasked it takes 16 times the longest row for each."""


class NotWellFormed(Exception):
    """The file is not what the fast lane may read; nothing is wrong with the export.

    Attributes:
        lines_differ: True where rows were read but do not account for every physical line.
    """

    def __init__(self, *, lines_differ: bool = False) -> None:
        super().__init__("not well formed")
        self.lines_differ = lines_differ


def is_candidate(source: RowSource) -> bool:
    """True where a file's dialect is plain enough to try."""
    dialect, scan = source.dialect, source.scan
    return (
        dialect is not None
        and dialect.encoding == "utf-8"
        and dialect.newline != "\r"
        and dialect.header_line == 1
        and not dialect.trailer
        and scan.nul_bytes == 0
        and scan.carriage_returns in {scan.crlf, 0}
        and len(source.header) > 1
        and source.report.repair_count == 0
        and not len(source.report.quarantine)
    )


def scan_sql(source: RowSource) -> str:
    """Return the SQL that reads the file's cells as text, strictly."""
    dialect = source.dialect
    if dialect is None:
        raise NotWellFormed
    columns = ", ".join(f"{_text(c)}: 'VARCHAR'" for c in source.header)
    return (
        f"read_csv({_text(str(source.table.path))}, auto_detect=false, header=true, "
        f"columns={{{columns}}}, delim={_text(dialect.delimiter)}, quote={_text(dialect.quote)}, "
        f"escape={_text(dialect.quote)}, strict_mode=true, null_padding=false, "
        f"ignore_errors=false, max_line_size={_MAX_LINE_BYTES}, buffer_size={_BUFFER_BYTES}, "
        f"comment='', compression='none')"
    )


def breaks_sql(source: RowSource, *, inside: bool) -> str:
    """Return SQL for the number of line breaks inside a row's cells.

    ``inside`` False assumes that there are none; counting the file's lines proves it afterwards.
    """
    if not inside:
        return "0::INTEGER"
    joined = "concat(" + ", ".join(_name(c) for c in source.header) + ")"
    count = f"strlen({joined}) - strlen(replace({joined}, chr(10), ''))"
    return f"(CASE WHEN contains({joined}, chr(10)) THEN {count} ELSE 0 END)::INTEGER"


def with_lines(
    reader: pa.RecordBatchReader, line_column: str, schema: pa.Schema, expected_lines: int
) -> Iterator[pa.RecordBatch]:
    """Replace the count of line breaks by the physical line of each row.

    Raises:
        NotWellFormed: At the end, where the rows do not account for every line of the file.
    """
    line = 2
    at = reader.schema.get_field_index(BREAKS)
    place = schema.get_field_index(line_column)
    try:
        for batch in reader:
            taken = pc.add(batch.column(at).cast(pa.int64()), 1)
            ends = pc.cumulative_sum(taken)
            columns = [c for i, c in enumerate(batch.columns) if i != at]
            columns.insert(place, pc.add(pc.subtract(ends, taken), line))
            if len(ends):
                line += ends[-1].as_py()
            yield pa.record_batch(columns, schema=schema)
    except (duckdb.Error, pa.ArrowException) as exc:
        raise NotWellFormed from exc
    if line - 1 != expected_lines:
        raise NotWellFormed(lines_differ=True)


def physical_line_count(source: RowSource) -> int:
    """Return the number of physical lines of a file."""
    return source.scan.line_feeds + source.scan.ends_open


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def _name(column: str) -> str:
    escaped = column.replace('"', '""')
    return f'"{escaped}"'
