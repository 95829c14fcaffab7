"""The charts of a report by name: one place that pages, notebooks and tests ask."""

from __future__ import annotations

from bakeoff.report.chart_chain import chain
from bakeoff.report.chart_curves import curves, panels
from bakeoff.report.chart_final import confusion, recall, reliability
from bakeoff.report.chart_published import published
from bakeoff.report.chart_stage import forest, replicates
from bakeoff.report.chart_tuning import heatmap, nuisance, nuisance_names

__all__ = [
    "chain",
    "confusion",
    "curves",
    "forest",
    "heatmap",
    "nuisance",
    "nuisance_names",
    "panels",
    "published",
    "recall",
    "reliability",
    "replicates",
]
