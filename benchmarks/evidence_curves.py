"""Error rates and power of the decision procedure by simulation: tables, and plots for docs/.

python -m benchmarks.evidence_curves            # prints the tables
python -m benchmarks.evidence_curves --docs     # also draws docs/images/evidence-*.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.evidence import simulate
from bakeoff.evidence.verdicts import Rule
from bakeoff.report import svg

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZES = {"num_train": 55_000, "num_validation": 5_000}
CORRELATIONS = {"0": 0.0, "1/12": 1 / 12}
ACCURACY, ARM_SD = 0.96, 0.0020
NUM_STUDIES = 10_000
SEED = 2026


def drawn(gaps: list[float], correlation: float, *, accuracy: float = ACCURACY) -> np.ndarray:
    return simulate.draw_arms(
        np.random.default_rng(SEED),
        accuracy + np.array(gaps),
        ARM_SD,
        num_studies=NUM_STUDIES,
        num_replicates=12,
        correlation=correlation,
    )


def outcomes(gaps: list[float], correlation: float, rule: Rule | None = None) -> simulate.Outcomes:
    return simulate.run_studies(drawn(gaps, correlation), rule or Rule(), **SIZES)


def errors() -> list[dict[str, Any]]:
    """False winners and ties where nothing differs, and beside the naive rule."""
    cases = {
        "2 alike": [0.0] * 2,
        "3 alike": [0.0] * 3,
        "4 alike": [0.0] * 4,
        "2 alike, 1 worse by 1 point": [0.0, 0.0, -0.01],
        "2 alike, 2 worse by 0.5": [0.0, 0.0, -0.005, -0.005],
    }
    rows = []
    for correlation_name, correlation in CORRELATIONS.items():
        for name, gaps in cases.items():
            found = outcomes(gaps, correlation)
            rows.append(
                {
                    "candidates": name,
                    "correlation": correlation_name,
                    "false winner": found.share(simulate.WINNER),
                    "tie": found.share(simulate.TIE),
                    "undecided": found.share(simulate.UNDECIDED),
                }
            )
        naive = simulate.naive_false_winners(drawn([0.0, 0.0], correlation), Rule().looks)
        rows.append(
            {
                "candidates": "2 alike, naive rule",
                "correlation": correlation_name,
                "false winner": naive,
                "tie": None,
                "undecided": None,
            }
        )
    return rows


def power_curve() -> list[dict[str, Any]]:
    """How often a true difference is found, by its size and the replicates allowed."""
    rows = []
    for allowed in (3, 5, 8, 12):
        for name, correlation in CORRELATIONS.items():
            for points in np.arange(0.0, 1.51, 0.1):
                found = outcomes([0.0, points / 100], correlation, Rule().truncated(allowed))
                right = (found.kind == simulate.WINNER) & (found.leader == 1)
                rows.append(
                    {
                        "true difference (points)": round(float(points), 1),
                        "found": float(right.mean()),
                        "correlation": name,
                        "replicates allowed": str(allowed),
                    }
                )
    return rows


def tie_curve() -> list[dict[str, Any]]:
    """How often two alike are called a tie, by δ in units of the paired difference's sd."""
    rows = []
    for name, correlation in CORRELATIONS.items():
        for ratio in np.arange(0.25, 2.51, 0.125):
            rule = Rule(delta=float(ratio) * ARM_SD * np.sqrt(2.0))
            found = outcomes([0.0, 0.0], correlation, rule)
            rows.append(
                {
                    "δ ÷ sd of the difference": float(ratio),
                    "called a tie": found.share(simulate.TIE),
                    "correlation": name,
                }
            )
    return rows


def lines(rows: list[dict[str, Any]], x: str, y: str, colour: str, title: str) -> svg.Picture:
    """A line per group, dashed where replicates share luck."""
    picture = svg.Picture(460, 260, title)
    across = svg.linear(x, (min(row[x] for row in rows), max(row[x] for row in rows)), 460)
    up = svg.linear(f"{y} (%)", (0, 1), 260, factor=100)
    picture.x_axis(across)
    picture.y_axis(up)
    names = list(dict.fromkeys(row[colour] for row in rows))
    roles = {name: f"s{index + 1}" for index, name in enumerate(names)}
    for name in names:
        for correlation in CORRELATIONS:
            own = [r for r in rows if (r[colour], r["correlation"]) == (name, correlation)]
            path = [(across(row[x]), 260 - up(row[y])) for row in own]
            dash = "5,3" if colour != "correlation" and CORRELATIONS[correlation] else ""
            picture.add([svg.line(path)] if path else [], stroke=roles[name], width=2, dash=dash)
    picture.legend([(roles[name], f"{colour} {name}") for name in names])
    return picture


def draw(power: list[dict[str, Any]], ties: list[dict[str, Any]]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    lines(
        power,
        "true difference (points)",
        "found",
        "replicates allowed",
        "Power for two candidates, arm sd 0.20 points, 55,000 / 5,000",
    ).save(IMAGES / "evidence-power.svg")
    lines(
        ties,
        "δ ÷ sd of the difference",
        "called a tie",
        "correlation",
        "Two alike called a tie after 12 replicates",
    ).save(IMAGES / "evidence-ties.svg")


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="also draw the plots into docs/images")
    args = parser.parse_args()
    print(
        f"{NUM_STUDIES:,} studies per row, seed {SEED}, arm sd {100 * ARM_SD:.2f} points, accuracy "
        f"{ACCURACY}, {SIZES['num_train']:,} / {SIZES['num_validation']:,} examples.\n"
    )
    print("| candidates | correlation | false winner | tie | undecided |\n|---|---|---|---|---|")
    for row in errors():
        shares = " | ".join(percent(row[key]) for key in ("false winner", "tie", "undecided"))
        print(f"| {row['candidates']} | {row['correlation']} | {shares} |")
    power, ties = power_curve(), tie_curve()
    sizes = (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
    print("\n| replicates | correlation | " + " | ".join(f"{size} points" for size in sizes) + " |")
    print("|---|---|" + "---|" * len(sizes))
    for allowed in ("3", "5", "8", "12"):
        for name in CORRELATIONS:
            cells = {
                row["true difference (points)"]: percent(row["found"])
                for row in power
                if (row["replicates allowed"], row["correlation"]) == (allowed, name)
            }
            print(f"| {allowed} | {name} | " + " | ".join(cells[size] for size in sizes) + " |")
    if args.docs:
        draw(power, ties)


if __name__ == "__main__":
    main()
