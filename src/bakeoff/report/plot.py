"""The report's charts as Altair objects for people who work in Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from bakeoff.errors import UsageError
from bakeoff.records import StudyResult
from bakeoff.report import charts
from bakeoff.report.chart_spec import Chart, Panels
from bakeoff.report.view import ReportView, build_view
from bakeoff.report.view_final import FinalView
from bakeoff.report.view_stages import StageView

if TYPE_CHECKING:
    import altair as alt

    AnyChart: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart


class Plots:
    """The charts of one result, such as ``result.plot.forest("depth")``.

    Every method returns an Altair chart and raises ``UsageError`` where the study has nothing to
    draw: an unknown stage, a stage that tuned nothing, a test set that was not opened.
    """

    def __init__(self, result: StudyResult) -> None:
        self._result = result
        self._view: ReportView | None = None

    @property
    def view(self) -> ReportView:
        """What the charts are drawn from; computed on first use."""
        if self._view is None:
            self._view = build_view(self._result)
        return self._view

    def _stage(self, stage: str | int) -> StageView:
        names = [view.name for view in self.view.stages]
        if isinstance(stage, str) and stage in names:
            return self.view.stages[names.index(stage)]
        if isinstance(stage, int) and -len(names) <= stage < len(names):
            return self.view.stages[stage]
        raise UsageError(
            f"stage: must be one of {', '.join(names)} or an index below {len(names)}, but got {stage!r}"
        )

    def _final(self) -> FinalView:
        if self.view.final is None:
            raise UsageError(f"study {self.view.name}: has no final model to draw")
        return self.view.final

    def forest(self, stage: str | int) -> AnyChart:
        """Paired differences from the chosen candidate, with the ±δ band."""
        return _drawn(charts.forest(self._stage(stage)), "a second candidate with finished runs")

    def replicates(self, stage: str | int) -> AnyChart:
        """Every run, one line per replicate."""
        return _drawn(charts.replicates(self._stage(stage)), "finished runs")

    def curves(self, stage: str | int, what: str = "accuracy") -> AnyChart:
        """Training curves of all replicates; ``what`` is ``accuracy`` or ``loss``."""
        if what not in ("accuracy", "loss"):
            raise UsageError(f"what: must be accuracy or loss, but got {what!r}")
        return _drawn(charts.curves(self._stage(stage), what), "runs with a history")

    def nuisance(self, stage: str | int, name: str | None = None) -> AnyChart:
        """The metric along a tuned hyperparameter (the first one by default)."""
        return _drawn(charts.nuisance(self._stage(stage), name), "a `tune` of that name")

    def heatmap(self, stage: str | int, name: str | None = None) -> AnyChart:
        """Tuned hyperparameter by candidate (the learning rate by default)."""
        return _drawn(charts.heatmap(self._stage(stage), name), "a `tune` of that name")

    def chain(self) -> AnyChart:
        """The chain of decisions with the audit's counterfactuals."""
        return _drawn(charts.chain(self.view), "stages with finished runs")

    def published(self) -> AnyChart:
        """A replication's published test accuracies against ours."""
        return _drawn(charts.published(self.view), "a replication with published numbers")

    def confusion(self) -> AnyChart:
        """The confusion matrix on the test set."""
        return _drawn(charts.confusion(self._final()), "an opened test set")

    def recall(self) -> AnyChart:
        """Recall per class on the test set."""
        return _drawn(charts.recall(self._final()), "an opened test set")

    def reliability(self) -> AnyChart:
        """Accuracy against confidence on the test set."""
        return _drawn(charts.reliability(self._final()), "an opened test set")


def _drawn(chart: Chart | Panels | None, needs: str) -> AnyChart:
    if chart is None:
        raise UsageError(f"nothing to draw: this chart needs {needs}")
    # Half a second of imports, for those who ask for an Altair chart and for nobody else.
    import altair as alt

    spec = _with_rows_as_text(chart)
    shape = alt.FacetChart if "facet" in spec else alt.LayerChart
    drawn: AnyChart = shape.from_dict(spec)
    return drawn


def _with_rows_as_text(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification with its rows as JSON text, one value however many runs are in it.

    Altair copies and checks everything it holds at every step.
    """
    copy = dict(spec)
    if "data" in copy:
        rows = json.dumps(copy["data"]["values"], allow_nan=False)
        copy["data"] = {"values": rows, "format": {"type": "json"}}
    if "layer" in copy:
        copy["layer"] = [_with_rows_as_text(layer) for layer in copy["layer"]]
    return copy
