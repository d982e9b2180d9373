"""How fast rows are read, typed, hashed and sealed, beside DuckDB's bare ``read_csv``.

    python tests/load/bench_snapshot.py [ROWS] [--export FOLDER] [--repeat 3] [--records]

Generates a practice of that many rows, then takes turns: seals it, reads the same files with
DuckDB alone. Each turn is a process of its own, so that neither's memory counts for the other; the
best of each counts. A tenth of the rows is sealed too: memory must not grow with the practice.
``--records`` also makes every canonical record of the sealed snapshot. Nothing is asserted; the
goals stand beside.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

SEAL = b"bench-key-bench-key-bench-key-00"
GOAL_MIB, GOAL_RATIO, GOAL_CPU_MS = 1024, 2.5, 0.15


def _used(started: float) -> dict[str, float]:
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time(),
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def seal(export: Path, out: Path) -> dict[str, float]:
    """Seal an export."""
    from bridgework_dental_exec.export import open_export
    from bridgework_dental_exec.export_sealer import seal_snapshot

    started = time.perf_counter()
    with open_export(export, out / "work") as opened:
        snapshot = seal_snapshot(opened, out / "snapshot", seal=SEAL)
    tables = snapshot.tables.values()
    return {
        **_used(started),
        "rows": sum(t.rows for t in tables),
        "quarantined": sum(q.rows for q in snapshot.quarantine),
        "fast_tables": sum(t.lane == "fast" for t in tables),
        "tables": len(tables),
        "bytes": sum(f.stat().st_size for f in (out / "snapshot").iterdir()),
    }


def bare(export: Path, out: Path) -> dict[str, float]:
    """Read the same files with DuckDB alone, every cell as text, into a table in memory."""
    return _bare(export, out, ", all_varchar=true, header=true")


def sniffed(export: Path, out: Path) -> dict[str, float]:
    """Read the same files with DuckDB alone as it does by default: types guessed from a sample."""
    return _bare(export, out, "")


def _bare(export: Path, out: Path, options: str) -> dict[str, float]:
    import duckdb

    del out
    connection = duckdb.connect(config={"threads": 2})
    started = time.perf_counter()
    for file in sorted(export.glob("*.csv")):
        source = f"read_csv('{file}'{options})"
        connection.execute(f"CREATE OR REPLACE TABLE t AS SELECT * FROM {source}")
    return _used(started)


def records(export: Path, out: Path) -> dict[str, float]:
    """Make every canonical record of the sealed snapshot."""
    from bridgework_contracts.runs import SourceSpec
    from bridgework_dental_exec.canonical import CanonicalSource
    from bridgework_dental_exec.snapshot import Snapshot

    started = time.perf_counter()
    source = CanonicalSource(Snapshot.load(out / "snapshot", SEAL), SourceSpec(export_path=""))
    found: dict[str, float] = {}
    total = 0
    for name in source.objects():
        cpu, count = time.process_time(), sum(1 for _ in source.records(name))
        total += count
        if count >= 1_000:
            found[name] = (time.process_time() - cpu) * 1_000 / count
    used = _used(started)
    return {**used, "records": total, **{f"ms {name}": ms for name, ms in found.items()}}


STEPS = {"seal": seal, "bare": bare, "sniffed": sniffed, "records": records}


def _step(name: str, export: Path, out: Path) -> dict[str, float]:
    """Run one step in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--export", str(export), "--out", str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _best(turns: list[dict[str, float]]) -> dict[str, float]:
    return min(turns, key=lambda turn: turn["seconds"])


def _generated(folder: Path, rows: int) -> Path:
    from bridgework_synthetic import generate_rows

    generate_rows(folder, rows=rows, seed=1)
    return folder / "export"


def _table(export: Path, small: Path | None, out: Path, repeat: int) -> str:
    turns: dict[str, list[dict[str, float]]] = {"seal": [], "bare": [], "sniffed": []}
    for number in range(repeat):
        for name, done in turns.items():
            done.append(_step(name, export, out / f"turn{number}"))
    sealed, text, guessed = (_best(done) for done in turns.values())
    peak_mib = max(turn["rss_mib"] for turn in turns["seal"])
    in_bytes = sum(f.stat().st_size for f in export.glob("*.csv"))
    lines = [
        f"{os.cpu_count()} cores, {in_bytes / 2**20:,.0f} MiB of CSV, best of {repeat}",
        "",
        f"{'':28}{'rows/s':>12}{'seconds':>10}{'CPU s':>8}{'peak MiB':>10}",
    ]
    named = (("read, typed, hashed, sealed", sealed), ("bare read_csv, all text", text),
             ("bare read_csv, types guessed", guessed))  # fmt: skip
    for name, turn in named:
        lines.append(
            f"{name:28}{sealed['rows'] / turn['seconds']:>12,.0f}{turn['seconds']:>10.1f}"
            f"{turn['cpu_seconds']:>8.1f}{turn['rss_mib']:>10,.0f}"
        )
    ratio, cpu = sealed["seconds"] / text["seconds"], sealed["cpu_seconds"] / text["cpu_seconds"]
    lines += [
        "",
        (
            f"rows sealed                 {sealed['rows']:>12,.0f}   quarantined "
            f"{sealed['quarantined']:.0f}, fast lane {sealed['fast_tables']:.0f} of "
            f"{sealed['tables']:.0f} tables, {sealed['bytes'] / 2**20:,.0f} MiB encrypted"
        ),
        f"ratio to bare, time         {ratio:>12.2f}   goal {GOAL_RATIO}",
        f"ratio to bare, CPU          {cpu:>12.2f}",
        f"peak memory                 {peak_mib:>12,.0f}   MiB, goal {GOAL_MIB}",
    ]
    if small is not None:
        tenth = _step("seal", small, out / "small")
        lines.append(
            f"peak memory, a tenth        {tenth['rss_mib']:>12,.0f}   MiB of "
            f"{tenth['rows']:,.0f} rows"
        )
    return "\n".join(lines)


def _records_table(export: Path, out: Path) -> str:
    made = _step("records", export, out)
    lines = [
        "",
        (
            f"canonical records           {made['records'] / made['seconds']:>12,.0f}   records/s, "
            f"{made['cpu_seconds'] * 1_000 / made['records']:.3f} ms CPU each, goal "
            f"{GOAL_CPU_MS}; peak {made['rss_mib']:,.0f} MiB"
        ),
    ]
    lines += [
        f"  {name[3:]:26}{ms:>12.3f}   ms CPU"
        for name, ms in made.items()
        if name.startswith("ms ")
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the bench, or one of its steps in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=500_000)
    parser.add_argument("--export", type=Path, help="measure this export instead")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=sorted(STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        sys.stdout.write(json.dumps(STEPS[given.step](given.export, given.out)) + "\n")
        return
    with TemporaryDirectory() as folder:
        out = Path(folder)
        export = given.export or _generated(out / "practice", given.rows)
        small = None if given.export else _generated(out / "tenth", given.rows // 10)
        sys.stdout.write(_table(export, small, out, given.repeat) + "\n")
        if given.records:
            sys.stdout.write(_records_table(export, out / "turn0") + "\n")


if __name__ == "__main__":
    main()
