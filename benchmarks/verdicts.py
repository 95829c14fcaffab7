"""How often verdicts are false, regime by regime, and how much they find.

    python -m benchmarks.verdicts                       # every table
    python -m benchmarks.verdicts --only failures       # one section (repeatable)
    python -m benchmarks.verdicts --only power          # what is found, before and after
    python -m benchmarks.verdicts --studies 500         # fewer studies per row

Every row says how many stages it counts and the 95 % interval (Wilson) of its shares; a share whose
upper end exceeds 6 % is marked.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import scipy

import bakeoff
from bakeoff.evidence.verdicts import Rule
from benchmarks import labels
from benchmarks.processes import num_cores
from benchmarks.regimes import ACCURACY, PAIR_SD, SD, regimes, sections
from benchmarks.session import machine
from benchmarks.simulate import Count, Regime, arms, measure, race, rule_before, wilson

LIMIT = 0.06
"""Where the upper end of an error's interval may be at most."""

STUDIES, LABEL_STUDIES = 2_000, 200
CHUNKS = 8
POWER_SIZES = (0.0, 1.0, 1.25, 1.5, 2.0)
"""True differences of the power table, in sds of the paired difference."""

HEAD = "| studied | stages | false winners | false ties | winner, tie, undecided | mean S |"


def main() -> None:
    rows = regimes()
    names = ["labels", *sections(rows), "power"]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verdicts", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", action="append", choices=names, help="this section alone")
    parser.add_argument("--studies", type=int, help="per row, instead of the usual number")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--workers", type=int, default=num_cores())
    args = parser.parse_args()
    print(where() + f"; seed {args.seed}\n")
    broken: list[str] = []
    with ProcessPoolExecutor(args.workers) as pool:
        for section in args.only or names:
            print(f"### {section}\n")
            if section == "power":
                print(power_table(args.studies or STUDIES, args.seed, pool))
                continue
            print(f"{HEAD}\n|---|---|---|---|---|---|")
            for name, count, covered in counts(section, args.studies, args.seed, pool):
                print(line(name, count), flush=True)
                if covered and breaks(count):
                    broken.append(name)
            print()
    print("Beyond what is promised: " + ("; ".join(broken) if broken else "nothing") + ".")


def where() -> str:
    """Machine and versions, for the head of a table."""
    found = machine()
    return (
        f"{found['cpu']}; {found['num_cores']} cores; {found['system']}; Python {found['python']}; "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, bakeoff {bakeoff.__version__}, "
        f"commit {found['commit']}"
    )


def counts(
    section: str, studies: int | None, seed: int, pool: ProcessPoolExecutor
) -> Iterator[tuple[str, Count, bool]]:
    """Name, count and whether the promise covers it, row by row of a section."""
    if section == "labels":
        for row in labels.ROWS:
            number = max(1, round(row.share * (studies or LABEL_STUDIES)))
            seeds = range(seed, seed + number)
            yield row.name, sum(pool.map(labels.study, [row] * number, seeds), Count()), True
        return
    for index, regime in enumerate(regimes()):
        if regime.section == section:
            number = -(-(studies or STUDIES) // CHUNKS)
            tasks = [(index, number, seed, chunk) for chunk in range(CHUNKS)]
            yield regime.name, sum(pool.map(_measure, tasks), Count()), regime.covered


def _measure(task: tuple[int, int, int, int]) -> Count:
    index, number, seed, chunk = task
    regime = regimes()[index]
    # By its name, so that a new row leaves the numbers of the others as they are.
    rng = np.random.default_rng([seed, zlib.crc32(regime.name.encode()), chunk])
    return measure(regime, number, rng)


def breaks(count: Count) -> bool:
    """Whether an error may be above what is promised, or a study ended without a verdict."""
    ends = (wilson(hits, count.stages)[1] for hits in (count.false_winners, count.false_ties))
    return any(end > LIMIT for end in ends)


def line(name: str, count: Count) -> str:
    """A row of Markdown."""
    total = count.stages
    kinds = (count.winners, count.ties, count.undecided)
    shown = ", ".join(f"{100 * part / total:.0f}" for part in kinds) + " %"
    if count.without_runs:
        shown += f" (no run finished: {100 * count.without_runs / total:.1f} %)"
    if count.chains < total:
        chains = share(count.false_chains, count.chains, limit=1.0)
        shown += f" (a false winner in {chains} of the chains)"
    judged = total - count.without_runs
    return (
        f"| {name} | {total:,} | {share(count.false_winners, total)} | "
        f"{share(count.false_ties, total)} | {shown} | "
        f"{count.replicates / judged if judged else 0:.1f} |"
    )


def share(hits: int, total: int, limit: float = LIMIT) -> str:
    """A share with Wilson's interval, marked where its upper end is above the limit."""
    low, high = wilson(hits, total)
    text = f"{100 * hits / total:.2f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return f"**{text} !**" if high > limit else text


def power_table(studies: int, seed: int, pool: ProcessPoolExecutor) -> str:
    """Two candidates of truly different or equal metrics, by the rule before and the present one."""
    lines = [
        f"Two candidates, normal noise, δ = 1.5 sd of the difference, {studies:,} studies each; "
        "before: the rule of version 0.1.\n",
        "| true difference | right before | right now | mean S before | mean S now |",
        "|---|---|---|---|---|",
    ]
    tasks = [(size, studies, seed) for size in POWER_SIZES]
    for size, found in zip(POWER_SIZES, pool.map(_power, tasks), strict=True):
        before, after, s_before, s_after = found
        name = f"{size:g} sd" if size else "none (right: a tie)"
        lines.append(
            f"| {name} | {100 * before:.1f} % | {100 * after:.1f} % | {s_before:.2f} | {s_after:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _power(task: tuple[float, int, int]) -> tuple[float, float, float, float]:
    size, studies, seed = task
    delta = 1.5 * PAIR_SD
    # So many validation examples that the floor plays no part, as in a table in units of sd.
    regime = Regime(
        "power",
        "",
        arms([ACCURACY + size * PAIR_SD, ACCURACY], SD),
        Rule(delta=delta),
        num_train=1_100_000,
        num_validation=100_000,
    )
    rng = np.random.default_rng([seed, round(100 * size)])
    drawn = [regime.draw(rng) for _ in range(studies)]
    wanted = 1 if size else 2
    kind, ended = rule_before(np.stack([one.values[0] - one.values[1] for one in drawn]), delta)
    verdicts = [race(one, regime) for one in drawn]
    right = [
        verdict.kind == "winner" and verdict.leader == "0" if size else verdict.kind == "tie"
        for verdict in verdicts
    ]
    return (
        float(np.mean(kind == wanted)),
        float(np.mean(right)),
        float(ended.mean()),
        float(np.mean([verdict.num_replicates for verdict in verdicts])),
    )


if __name__ == "__main__":
    main()
