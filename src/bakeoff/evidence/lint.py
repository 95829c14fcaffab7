"""The lint of a study: what its author should know, before training and after it.

Codes, levels and remedies stand in ``lint_codes`` and in ``docs/lint.md``; what a study protocol
shows by itself is found in ``lint_protocol``, what the runs show in ``lint_runs``.
"""

from __future__ import annotations

from bakeoff.evidence.lint_protocol import (
    lint_outline,
    lint_plan_only,
    most_grave_first,
    outline_of_plan,
    outline_of_result,
)
from bakeoff.evidence.lint_runs import lint_runs
from bakeoff.records import LintFinding, StudyPlan, StudyResult


def lint_plan(plan: StudyPlan) -> tuple[LintFinding, ...]:
    """Findings that need no training, errors first."""
    return most_grave_first([*lint_outline(outline_of_plan(plan)), *lint_plan_only(plan)])


def lint_result(result: StudyResult) -> tuple[LintFinding, ...]:
    """Findings of a finished study, errors first: those of its protocol and those of its runs."""
    return most_grave_first([*lint_outline(outline_of_result(result)), *lint_runs(result)])
