"""Start-up times of the command line and of ``import bakeoff``, and what they import."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from benchmarks.processes import command_seconds
from benchmarks.session import Session

HEAVY = ("numpy", "scipy", "sklearn", "pandas", "pydantic", "jinja2")
_HELP = "import contextlib, io, sys\nsys.argv = ['bakeoff', '--help']\nfrom bakeoff.cli import main\nwith contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main()\n"
_HEAVY = (
    f"\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
)


def run(session: Session) -> None:
    section = session.begin("startup")
    section["measurements"].clear()
    python = sys.executable
    commands = {
        "python -c pass": ([python, "-c", "pass"], None),
        "import bakeoff": ([python, "-c", "import bakeoff"], "import bakeoff"),
        "bakeoff --help": ([str(Path(python).with_name("bakeoff")), "--help"], _HELP),
    }
    for name, (command, code) in commands.items():
        try:
            command_seconds(command, timeout=60)
            times = [
                command_seconds(command, timeout=60)[0] for _ in range(3 if session.quick else 21)
            ]
            heavy = (
                json.loads(command_seconds([python, "-c", code + _HEAVY], timeout=60)[1])
                if code
                else []
            )
        except (OSError, RuntimeError) as error:
            section["measurements"].append({"command": name, "missing": str(error)})
            print(f"startup   {name:16} missing: {error}")
            continue
        entry = {
            "command": name,
            "median_seconds": statistics.median(times),
            "min_seconds": min(times),
            "num_starts": len(times),
            "heavy_imports": heavy,
        }
        section["measurements"].append(entry)
        print(
            f"startup   {name:16} {entry['median_seconds']:.3f} s; heavy imports: {heavy or 'none'}"
        )
    session.save()
