"""The lint of a study, its checks: what each is called, how grave it is and what to do.

What a study protocol shows by itself is found in ``lint_protocol`` (before training and after it),
what the runs show in ``lint_runs``; this module knows no study. Codes are stable: one that falls out of use is never given to another check. Every code has a
section of the same title in ``docs/lint.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bakeoff.records import LintFinding, LintLevel


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the lint.

    Attributes:
        code: stable, such as ``L003``.
        title: what is wrong where it fires; the title of its section in ``docs/lint.md``.
        level: error, warning or info.
        remedy: what to do, in one sentence.
    """

    code: str
    title: str
    level: LintLevel
    remedy: str

    @property
    def page(self) -> str:
        """Where its section stands: the file and the anchor that GitHub gives the heading."""
        words = re.sub(r"[^a-z0-9 -]", "", f"{self.code} {self.title}".lower())
        return f"docs/lint.md#{words.replace(' ', '-')}"

    def finding(
        self, text: str, stage: str | None = None, *, level: LintLevel | None = None
    ) -> LintFinding:
        """A finding of this check, with the numbers in its text."""
        return LintFinding(
            code=self.code,
            level=self.level if level is None else level,
            text=text,
            remedy=self.remedy,
            page=self.page,
            stage=stage,
        )


TEST_SELECTION = Check(
    "L001",
    "Selection read the test set",
    "error",
    "Choose on validation data, and read the test set once, after the last choice.",
)
TEST_REOPENED = Check(
    "L002",
    "The test set was opened before",
    "warning",
    "Report the first opening, or take fresh test data: each further look lets choices leak in.",
)
LOST_INCUMBENT = Check(
    "L003",
    "A stage without its incumbent",
    "error",
    "Let the candidate that was carried in compete in every stage.",
)
REGRESSED = Check(
    "L004",
    "The chain regressed",
    "error",
    "Go back to the choice of the stage before; never carry on what is worse than what one had.",
)
EDGE = Check(
    "L005",
    "Best value at the edge of its range",
    "warning",
    "Widen the range on that side and ask again.",
)
STILL_IMPROVING = Check(
    "L006",
    "Still improving at the last epoch",
    "warning",
    "Train longer or raise the learning rate: what is compared here is speed, not quality.",
)
OVERFITTING = Check(
    "L007",
    "Overfitting",
    "warning",
    "Train for fewer epochs, or add dropout, L2 or data.",
)
NOISY_EPOCHS = Check(
    "L008",
    "Noisy late epochs",
    "info",
    "Lower the learning rate towards the end (a schedule), or use larger batches.",
)
LEADERS_DIFFER = Check(
    "L009",
    "Accuracy and loss disagree on the leader",
    "info",
    "Decide which matters to you: probabilities (loss) or decisions (accuracy); set `metric`.",
)
DEAD_UNITS = Check(
    "L010",
    "Dead ReLU units",
    "warning",
    "Lower the learning rate, scale the inputs, or try leaky_relu or he_normal.",
)
SATURATED_UNITS = Check(
    "L011",
    "Saturated units",
    "warning",
    "Scale the inputs, lower the learning rate, or try an activation that does not saturate.",
)
UNSCALED = Check(
    "L012",
    "Unscaled inputs into a saturating activation",
    "warning",
    "Set `scale` to unit or standard.",
)
IDENTICAL = Check(
    "L013",
    "Identical configurations",
    "info",
    "Drop one; take the difference of their published numbers as a measure of chance.",
)
FEW_REPLICATES = Check(
    "L014",
    "Too few replicates",
    "error",
    "Allow at least 3 replicates; 12 find what 3 cannot.",
)
INTERACTION = Check(
    "L015",
    "An earlier choice was made wrong by a later one",
    "warning",
    "Take the swap (`--follow-audit`), or ask both questions in one stage.",
)
NO_GAIN = Check(
    "L016",
    "The final candidate is not better than a cheaper earlier one",
    "warning",
    "Take the earlier one, or show the gain with more data.",
)
UNBALANCED = Check(
    "L017",
    "Unbalanced classes",
    "warning",
    "Let `metric` be balanced_accuracy, which counts every class alike; collect more of the rare class.",
)
DUPLICATES = Check(
    "L018",
    "Duplicates across splits",
    "warning",
    "Remove the duplicates, or keep all copies of an example on one side of the split.",
)
FAILED_RUNS = Check(
    "L019",
    "Failed runs",
    "warning",
    "Look at the reason; of a network that diverges it is most often the learning rate.",
)
BLUNT = Check(
    "L020",
    "The plan cannot find what matters",
    "info",
    "Use more data or a larger validation part, or set a `delta` that this data can resolve.",
)
UNTUNED = Check(
    "L021",
    "Compared at a single learning rate",
    "info",
    "Add `tune.learning_rate = […]` to the stage, so that each competes at its own.",
)
OWN_DATA = Check(
    "L022",
    "The program reads its data itself",
    "info",
    "Keep a test part where the program cannot read it, and look at it once, after the last choice.",
)
CODE_UNKNOWN = Check(
    "L023",
    "The code is not part of the identity",
    "warning",
    "Name its files with `inputs = […]`, or run with `--fresh` after each change of it.",
)
LEARNED_NOTHING = Check(
    "L024",
    "Learned next to nothing",
    "warning",
    "Check the labels and the features, scale the inputs, or train longer or at another rate.",
)
UNEQUAL_RANGES = Check(
    "L025",
    "Columns of very different ranges, unscaled",
    "warning",
    "Set `scale` to standard or unit.",
)

CHECKS = tuple(check for check in list(vars().values()) if isinstance(check, Check))


def most_grave_first(findings: Iterable[LintFinding]) -> tuple[LintFinding, ...]:
    """Errors, then warnings, then infos; by code within."""
    rank = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(findings, key=lambda finding: (rank[finding.level], finding.code)))
