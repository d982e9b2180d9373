"""How fast an export is audited, end to end: sealed, swept, profiled, estimated, written.

    python tests/load/bench_audit.py 1000000 [--limit-s 300]

Generates that many rows, audits them as ``bridgework audit`` does in a process of its own, and
prints rows, rows/s, seconds, peak memory of that process, and the ratio to the limit of five
minutes for a million rows. Ends with 1 above the limit.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_S, LIMIT_ROWS = 300.0, 1_000_000


def audit(export: Path, out: Path) -> dict[str, float]:
    """Audit an export; return rows, seconds and peak memory of this process."""
    from bridgework.local_audit import audit_locally

    started, cpu = time.perf_counter(), time.process_time()
    report = audit_locally(export, out, time_zone="America/New_York", unit_min=10)
    return {
        "rows": sum(file["rows"] for file in report["files"]),
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "defects": sum(entry["count"] for entry in report["defects"].values()),
    }


def main() -> int:
    """Run the bench, or its step in this process; return the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("rows", type=int, nargs="?", default=LIMIT_ROWS)
    arguments.add_argument("--limit-s", type=float, help="Else 300 s per million rows.")
    arguments.add_argument("--export", type=Path, help="Audit this instead of making one.")
    arguments.add_argument("--step", action="store_true")
    given = arguments.parse_args()
    if given.step:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(audit(given.export, Path(folder))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        export = given.export
        if export is None:
            from bridgework_synthetic import generate_rows

            generate_rows(Path(folder) / "practice", rows=given.rows, seed=1)
            export = Path(folder) / "practice" / "export"
        command = [sys.executable, __file__, "--step", "--export", str(export)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    limit_s = given.limit_s or LIMIT_S * told["rows"] / LIMIT_ROWS
    print(
        f"rows          {told['rows']:>12,.0f}\n"
        f"audited       {told['rows'] / told['seconds']:>12,.0f} rows/s\n"
        f"seconds       {told['seconds']:>12.1f}   ({told['cpu_seconds']:.1f} s of processor)\n"
        f"limit         {limit_s:>12.1f} s   ratio {told['seconds'] / limit_s:.2f}\n"
        f"peak memory   {told['rss_mib']:>12,.0f} MiB\n"
        f"defects       {told['defects']:>12,.0f}"
    )
    return 0 if told["seconds"] <= limit_s else 1


if __name__ == "__main__":
    sys.exit(main())
