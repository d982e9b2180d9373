"""How fast an export is read, typed, hashed and sealed, beside DuckDB's bare ``read_csv``.

    python tests/load/bench_source.py --rows 5000000

Prints rows per second, peak memory of the sealing process, the ratio to the bare reader, and the
canonical records per second of each object. Sealing and the bare reader run in processes of their
own, so that neither's memory counts for the other. Nothing is asserted; the goals stand beside.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEAL = b"bench-key-bench-key-bench-key-00"
GOAL_RSS_MIB, GOAL_RATIO, GOAL_RECORDS = 1024, 2.5, 6000


def seal(export: Path, out: Path) -> dict[str, float]:
    """Seal an export; return rows, seconds and peak memory."""
    from bridgework_dental_exec.export import open_export
    from bridgework_dental_exec.snapshot import seal_snapshot

    started, cpu = time.perf_counter(), time.process_time()
    with open_export(export, out / "work") as opened:
        snapshot = seal_snapshot(opened, out / "snapshot", seal=SEAL)
    return {
        "rows": sum(t.rows for t in snapshot.tables.values()),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "quarantined": sum(q.rows for q in snapshot.quarantine),
        "fast_tables": sum(t.lane == "fast" for t in snapshot.tables.values()),
        "tables": len(snapshot.tables),
    }


def bare(export: Path, out: Path) -> dict[str, float]:
    """Read the same files with DuckDB's ``read_csv`` alone, every cell as text, into a table."""
    import duckdb

    del out
    connection = duckdb.connect(config={"threads": 2})
    started, cpu = time.perf_counter(), time.process_time()
    for file in sorted(export.glob("*.csv")):
        connection.execute(
            f"CREATE OR REPLACE TABLE t AS SELECT * FROM read_csv('{file}', all_varchar=true, "
            "header=true)"
        )
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def canonical(export: Path, out: Path) -> dict[str, float]:
    """Make every canonical record of the sealed snapshot; return records per second."""
    from bridgework_contracts.runs import SourceSpec
    from bridgework_dental_exec.canonical import CanonicalSource
    from bridgework_dental_exec.snapshot import Snapshot

    snapshot = Snapshot.load(out / "snapshot", SEAL)
    source = CanonicalSource(snapshot, SourceSpec(export_path=str(export)))
    rates: dict[str, float] = {}
    total, started = 0, time.perf_counter()
    for name in source.objects():
        begun, count = time.perf_counter(), 0
        for _ in source.records(name):
            count += 1
        total += count
        if count:
            rates[name] = count / (time.perf_counter() - begun)
    rates["all"] = total / (time.perf_counter() - started)
    rates["rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return rates


STEPS = {"seal": seal, "bare": bare, "canonical": canonical}


def _step(name: str, export: Path, out: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--export", str(export), "--out", str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run the bench, or one of its steps in this process."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--export", type=Path)
    arguments.add_argument("--out", type=Path)
    arguments.add_argument("--step", choices=sorted(STEPS))
    arguments.add_argument("--skip-canonical", action="store_true")
    given = arguments.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.export, given.out)))
        return
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder)
        export = given.export
        if export is None:
            from bridgework_synthetic import generate_rows

            generate_rows(out / "practice", rows=given.rows, seed=1)
            export = out / "practice" / "export"
        sealed, read = _step("seal", export, out), _step("bare", export, out)
        ratio = sealed["seconds"] / read["seconds"]
        lines = [
            f"rows                 {sealed['rows']:>12,.0f}",
            (
                f"sealed               {sealed['rows'] / sealed['seconds']:>12,.0f} rows/s"
                f"  ({sealed['seconds']:.1f} s, {sealed['cpu_seconds']:.1f} s of processor)"
            ),
            f"peak memory          {sealed['rss_mib']:>12,.0f} MiB   goal {GOAL_RSS_MIB}",
            f"bare read_csv        {read['seconds']:>12.1f} s   ({read['rss_mib']:,.0f} MiB)",
            f"ratio                {ratio:>12.2f}     goal {GOAL_RATIO}",
            f"fast lane            {sealed['fast_tables']:>12.0f} of {sealed['tables']:.0f} tables",
        ]
        if not given.skip_canonical:
            rates = _step("canonical", export, out)
            lines += [
                f"canonical {name:<16} {rate:>12,.0f} records/s   goal {GOAL_RECORDS}"
                for name, rate in rates.items()
                if name != "rss_mib"
            ]
            lines.append(f"canonical memory     {rates['rss_mib']:>12,.0f} MiB")
        print("\n".join(lines))


if __name__ == "__main__":
    main()
