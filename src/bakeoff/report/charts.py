"""The charts of a report by name: one place that pages, notebooks and tests ask."""

from __future__ import annotations

from bakeoff.report.chart_curves import curves, panels
from bakeoff.report.chart_final import chain, confusion, recall, reliability
from bakeoff.report.chart_stage import forest, heatmap, nuisance, nuisance_names, replicates
from bakeoff.report.chart_style import AnyChart

__all__ = [
    "AnyChart",
    "chain",
    "confusion",
    "curves",
    "forest",
    "heatmap",
    "nuisance",
    "nuisance_names",
    "panels",
    "recall",
    "reliability",
    "replicates",
]
