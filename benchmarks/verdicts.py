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
import math
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import scipy

import bakeoff
from bakeoff.evidence import audit
from bakeoff.evidence.verdicts import Rule, Sampling
from benchmarks import labels
from benchmarks.other_rules import rule_before
from benchmarks.processes import num_cores
from benchmarks.regimes import ACCURACY, CORRELATIONS, PAIR_SD, SD, regimes, sections
from benchmarks.session import machine
from benchmarks.simulate import Count, Regime, arms, measure, race, wilson

LIMIT = 0.06
"""Where the upper end of an error's interval may be at most."""

STUDIES, LABEL_STUDIES = 1_000, 200
CHUNKS = 8
POWER_SIZES = (0.0, 1.0, 1.25, 1.5, 2.0)
"""True differences of the power table, in sds of the paired difference."""

NUM_SWAPS, AUDIT_SD, AUDIT_VALIDATION = 16, 0.013, 125
"""Of the audit of the built-in digits study."""

AUDIT_GAINS = (0.0, 0.01, 0.015, 0.02, 0.03)

HEAD = "| studied | stages | false winners | false ties | winner, tie, undecided | mean S |"


def main() -> None:
    rows = regimes()
    names = ["labels", *sections(rows), *TABLES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verdicts", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", action="append", choices=names, help="this section alone")
    parser.add_argument("--studies", type=int, help="per row, instead of the usual number")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--workers", type=int, default=num_cores())
    args = parser.parse_args()
    print(where() + f"; seed {args.seed}\n")
    promised: dict[str, list[tuple[str, Count]]] = {}
    with ProcessPoolExecutor(args.workers) as pool:
        for section in args.only or names:
            print(f"### {section}\n")
            if section in TABLES:
                print(TABLES[section](args.studies or STUDIES, args.seed, pool), flush=True)
                continue
            print(f"{HEAD}\n|---|---|---|---|---|---|")
            for name, count, covered in counts(section, args.studies, args.seed, pool):
                print(line(name, count, covered=covered), flush=True)
                if covered:
                    promised.setdefault(section, []).append((name, count))
            print()
    if promised:
        print("\n".join(summary(promised)))


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
            yield row.name, sum(pool.map(labels.study, [row] * number, seeds), Count()), row.null
        return
    for index, regime in enumerate(regimes()):
        if regime.section == section:
            number = -(-regime.weight * (studies or STUDIES) // CHUNKS)
            tasks = [(index, number, seed, chunk) for chunk in range(CHUNKS)]
            yield regime.name, sum(pool.map(_measure, tasks), Count()), regime.covered


def _measure(task: tuple[int, int, int, int]) -> Count:
    index, number, seed, chunk = task
    regime = regimes()[index]
    # By its name, so that a new row leaves the numbers of the others as they are.
    rng = np.random.default_rng([seed, zlib.crc32(regime.name.encode()), chunk])
    return measure(regime, number, rng)


def summary(promised: dict[str, list[tuple[str, Count]]]) -> list[str]:
    """The worst row of each section, and every row that may break the promise."""
    lines = [
        "### Worst rows\n",
        "| section | rows | most false winners | most false ties |",
        "|---|---|---|---|",
    ]
    for section, rows in promised.items():
        cells = []
        for error in ("false_winners", "false_ties"):
            name, count = max(rows, key=lambda row: getattr(row[1], error) / row[1].stages)
            hits = getattr(count, error)
            cells.append(share(hits, count.stages) + (f": {name}" if hits else ""))
        lines.append(f"| {section} | {len(rows)} | {' | '.join(cells)} |")
    broken = [name for rows in promised.values() for name, count in rows if breaks(count)]
    return [*lines, "", f"May be above {100 * LIMIT:g} %: {'; '.join(broken) or 'no row'}."]


def breaks(count: Count) -> bool:
    """Whether the upper end of an error's interval is above what is promised."""
    ends = (wilson(hits, count.stages)[1] for hits in (count.false_winners, count.false_ties))
    return any(end > LIMIT for end in ends)


def line(name: str, count: Count, *, covered: bool = True) -> str:
    """A row of Markdown; nothing is marked where nothing is promised."""
    total, limit = count.stages, LIMIT if covered else 1.0
    kinds = (count.winners, count.ties, count.undecided)
    shown = ", ".join(f"{100 * part / total:.0f}" for part in kinds) + " %"
    if count.without_runs:
        shown += f" (no run finished: {100 * count.without_runs / total:.1f} %)"
    if count.chains < total:
        chains = share(count.false_chains, count.chains, limit=1.0)
        shown += f" (a false winner in {chains} of the chains)"
    judged = total - count.without_runs
    return (
        f"| {name} | {total:,} | {share(count.false_winners, total, limit)} | "
        f"{share(count.false_ties, total, limit)} | {shown} | "
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


def audit_table(studies: int, seed: int, pool: ProcessPoolExecutor) -> str:
    """The chain audit: how often it finds the one swap that is better, and confirms one that is not."""
    lines = [
        f"{NUM_SWAPS} swaps, paired differences with an sd of {100 * AUDIT_SD:g} points on "
        f"{AUDIT_VALIDATION} validation examples, {studies:,} audits each. *Others*: the true "
        "differences of all other swaps.\n",
        "| best swap | others | correlation | found | another confirmed | runs |",
        "|---|---|---|---|---|---|",
    ]
    cases = [(gain, spread, "0") for spread in (0.0, 0.02) for gain in AUDIT_GAINS]
    cases += [(0.0, 0.0, correlation) for correlation in (".04", "1/12")]
    found = pool.map(_audits, [(*case, studies, seed) for case in cases])
    for (gain, spread, correlation), (right, wrong, runs) in zip(cases, found, strict=True):
        best = f"{100 * gain:g} points better" if gain else "as good"
        others = f"0 to {100 * spread:g} points worse" if spread else "none"
        told = f"{100 * right / studies:.1f} %" if gain else "–"
        lines.append(
            f"| {best} | {others} | {correlation} | {told} | {share(wrong, studies)} | {runs:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _audits(task: tuple[float, float, str, int, int]) -> tuple[int, int, float]:
    """(audits that found the better swap, audits that confirmed another, runs of one)."""
    gain, spread, correlation, studies, seed = task
    rng = np.random.default_rng([seed, round(1e4 * gain), round(1e4 * spread)])
    rule, right, wrong, runs = Rule(), 0, 0, 0
    screening, confirming = audit.replicates_of(rule.looks[-1])
    for _ in range(studies):
        truth = np.array([gain, *(-spread * rng.random(NUM_SWAPS - 1))])
        means = ACCURACY + np.array([0.0, *truth])
        sd = AUDIT_SD / math.sqrt(2.0)
        values = arms(means, sd, correlation=CORRELATIONS[correlation])(rng).values
        final, swaps = values[0], values[1:]
        best = audit.screen(final[:screening], list(swaps[:, :screening]), rule)
        runs += screening * len(values) + confirming * (len(best) + bool(best))
        judged = audit.confirm(
            final[screening:],
            [swaps[k, screening:] for k in best],
            labels=[str(k) for k in best],
            rule=rule,
            sampling=Sampling(
                11 * AUDIT_VALIDATION, AUDIT_VALIDATION, float(AUDIT_VALIDATION), num_folds=12
            ),
        )
        confirmed = [k for k, one in zip(best, judged, strict=True) if one.confirmed]
        right += any(truth[k] > 0.0 for k in confirmed)
        wrong += any(truth[k] <= 0.0 for k in confirmed)
    return right, wrong, runs / studies


TABLES = {"power": power_table, "audit": audit_table}


if __name__ == "__main__":
    main()
