"""ReportView: every number and sentence of a report, computed once from a stored result.

Page, notebook and charts are siblings over it. It is made of plain frozen records, holds no array,
and imports neither an engine nor the store.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from bakeoff.records import Claim, LintFinding, StudyResult
from bakeoff.report import sentences
from bakeoff.report.observations import Observation, observe_chain, observe_stage
from bakeoff.report.view_chain import AuditView, ChainLink, build_audit, build_link
from bakeoff.report.view_final import FinalView, build_final
from bakeoff.report.view_stages import StageView, build_stage
from bakeoff.report.words import finite, metric, plural, visible

FORMAT = 1


@dataclass(frozen=True, slots=True)
class StripLine:
    """One line of the verdict strip; ``seconds`` is the training time of all its runs."""

    anchor: str
    name: str
    question: str
    kind: str
    word: str
    chosen: str
    margin: str
    interval: str
    against: str
    num_replicates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LintView:
    """The lint findings of one code and remedy.

    Attributes:
        items: (stage or None, what was found there).
    """

    code: str
    level: str
    remedy: str
    page: str
    items: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A published number or order against the measured one."""

    kind: str
    text: str
    published: float | None
    measured_mean: float | None
    measured_sd: float | None
    low: float | None
    high: float | None
    outcome: str
    sentence: str
    stage: str | None
    candidate: str | None


@dataclass(frozen=True, slots=True)
class OpeningView:
    """One opening of the test set."""

    purpose: str
    opened_at: str
    ordinal: int
    test_hash: str


@dataclass(frozen=True, slots=True)
class DataView:
    """The data as the report describes it."""

    name: str
    hash: str
    num_train: int
    num_validation: int
    num_test: int
    num_features: int
    num_classes: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    image_shape: tuple[int, ...] | None
    zero_share: float
    duplicates_across_splits: int | None


@dataclass(frozen=True, slots=True)
class ReportView:
    """Every number and sentence of a report.

    Attributes:
        error_bars: what the bars and ± of this report mean, in sentences.
        method: how the numbers were made, in sentences.
        environment: (what, value) pairs.
        commands: shell lines that make the study and this report again.
        replicates: all replicates that occur, sorted.
    """

    format: int
    name: str
    kind: str
    metric: str
    metric_title: str
    data: DataView
    engine: str
    started_at: str
    seconds: float
    num_trained: int
    num_reused: int
    num_failed: int
    replicates: tuple[int, ...]
    strip: tuple[StripLine, ...]
    observations: tuple[Observation, ...]
    chain: tuple[ChainLink, ...]
    stages: tuple[StageView, ...]
    audit: tuple[AuditView, ...]
    final: FinalView | None
    lint: tuple[LintView, ...]
    claims: tuple[ClaimView, ...]
    openings: tuple[OpeningView, ...]
    error_bars: tuple[str, ...]
    method: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    spec: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: tuples as lists, missing numbers as None."""
        values: dict[str, Any] = dataclasses.asdict(self)
        return values

    def stage(self, name: str) -> StageView:
        """The stage of that name; KeyError, naming those there are, if there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(
            f"no stage {name!r} in study {self.name!r}: it has "
            f"{', '.join(stage.name for stage in self.stages)}"
        )


def _strip(stage: StageView) -> StripLine:
    margin, ends = sentences.strip_finding(stage)
    against = ""
    if margin and stage.margin_second:
        # A tie carries the cheapest on, which may not be the one that led.
        leader = stage.margin_first if stage.margin_first != stage.chosen else ""
        against = f"{leader} over {stage.margin_second}".strip()
    return StripLine(
        anchor=stage.anchor,
        name=stage.name,
        question=stage.question,
        kind="only"
        if len(stage.candidates) == 1
        else "open"
        if stage.num_replicates <= 1
        else stage.kind,
        word=sentences.verdict_word(stage),
        chosen=stage.chosen,
        margin=margin,
        interval=ends,
        against=against,
        num_replicates=stage.num_replicates,
        seconds=stage.train_seconds,
    )


def _claim(claim: Claim) -> ClaimView:
    return ClaimView(
        kind=claim.kind,
        text=visible(claim.text),
        published=finite(claim.published),
        measured_mean=finite(claim.measured_mean),
        measured_sd=finite(claim.measured_sd),
        low=finite(claim.low),
        high=finite(claim.high),
        outcome=claim.outcome,
        sentence=visible(claim.sentence),
        stage=visible(claim.stage) if claim.stage else None,
        candidate=visible(claim.candidate) if claim.candidate else None,
    )


def _lint(result: StudyResult) -> tuple[LintView, ...]:
    """Findings of one code that ask for the same remedy stand together, in the order of the first."""
    groups: dict[tuple[str, str, str], list[LintFinding]] = {}
    for finding in result.lint:
        groups.setdefault((finding.code, finding.level, finding.remedy), []).append(finding)
    return tuple(
        LintView(
            code=code,
            level=level,
            remedy=visible(remedy),
            page=findings[0].page,
            items=tuple(
                (visible(finding.stage) if finding.stage else None, visible(finding.text))
                for finding in findings
            ),
        )
        for (code, level, remedy), findings in groups.items()
    )


def _observations(
    result: StudyResult, stages: tuple[StageView, ...], final: FinalView | None
) -> tuple[Observation, ...]:
    found: list[Observation] = []
    for stage in stages:
        found += observe_stage(stage)
    chain = observe_chain(stages)
    if chain:
        found.append(chain)
    found += [
        Observation(None, "bad", visible(swap.sentence)) for swap in result.audit if swap.confirmed
    ]
    if result.audit and not any(swap.confirmed for swap in result.audit):
        found.append(
            Observation(
                None,
                "good",
                "The chain audit swapped earlier choices back at the final settings; none of "
                f"{plural(len(result.audit), 'swap')} was shown to beat the final.",
            )
        )
    if final is not None:
        found.append(Observation("final", "plain", sentences.final_sentence(final)))
    return tuple(found)


def _environment(result: StudyResult) -> tuple[tuple[str, str], ...]:
    env = result.environment
    rows = [
        ("bakeoff", env.bakeoff),
        ("engine", result.engine),
        ("Python", env.python),
        ("NumPy", env.numpy),
        ("processor", f"{env.cpu}, {plural(env.num_cores, 'core')}"),
        ("platform", env.platform),
        ("git commit", env.git_commit or "none"),
        ("study seed", str(result.seed)),
        ("started", result.started_at),
        ("data hash", result.data.hash),
    ]
    return tuple((name, visible(value)) for name, value in rows)


def build_view(result: StudyResult) -> ReportView:
    """Every number and sentence of the report on one study."""
    from bakeoff.report import method

    measure = metric(result.metric)
    data = result.data
    share = data.num_validation / data.num_train if data.num_train else 0.0
    stages = tuple(
        build_stage(result, number, measure, share) for number in range(len(result.stages))
    )
    final = build_final(result, measure)
    return ReportView(
        format=FORMAT,
        name=visible(result.name),
        kind=result.kind,
        metric=result.metric,
        metric_title=measure.title,
        data=DataView(
            name=visible(data.name),
            hash=data.hash,
            num_train=data.num_train,
            num_validation=data.num_validation,
            num_test=data.num_test,
            num_features=data.num_features,
            num_classes=data.num_classes,
            class_names=tuple(visible(name) for name in data.class_names),
            class_counts=data.class_counts,
            image_shape=data.image_shape,
            zero_share=data.zero_share,
            duplicates_across_splits=data.duplicates_across_splits,
        ),
        engine=visible(result.engine),
        started_at=result.started_at,
        seconds=result.seconds,
        num_trained=result.num_trained,
        num_reused=result.num_reused,
        num_failed=sum(stage.num_failed for stage in stages),
        replicates=tuple(
            sorted(
                {run.replicate for stage in result.stages for runs in stage.runs for run in runs}
            )
        ),
        strip=tuple(_strip(stage) for stage in stages),
        observations=_observations(result, stages, final),
        chain=tuple(build_link(result, stage, measure) for stage in stages),
        stages=stages,
        audit=tuple(build_audit(swap) for swap in result.audit),
        final=final,
        lint=_lint(result),
        claims=tuple(_claim(claim) for claim in result.claims),
        openings=tuple(
            OpeningView(o.purpose, o.opened_at, o.ordinal, o.test_hash) for o in result.openings
        ),
        error_bars=method.error_bars(result, measure, stages),
        method=method.method(result, measure),
        environment=_environment(result),
        commands=method.commands(result),
        spec=method.spec_text(result),
    )
