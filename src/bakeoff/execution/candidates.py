"""Who competes in a stage: declared candidates and the incumbent as full records."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bakeoff.errors import EngineError
from bakeoff.records import Candidate, DataSummary, Published
from bakeoff.spec import DeclaredCandidate, StageSpec, StudySpec, label_of, stage_candidates
from bakeoff.spec.messages import house_message
from bakeoff.spec.parts import plain
from bakeoff.trainables.base import Trainable


@dataclass(frozen=True, slots=True)
class CandidateMaker:
    """Makes candidate records for one study on one dataset.

    Attributes:
        spec: the study.
        data: sizes of the dataset.
        trainable: whose settings they are.
    """

    spec: StudySpec
    data: DataSummary
    trainable: Trainable

    def make(
        self,
        label: str,
        declared: Mapping[str, Any],
        *,
        incumbent: bool = False,
        published: Published | None = None,
        tuned: Mapping[str, Any] | None = None,
    ) -> Candidate:
        """The full record of a declared candidate.

        Raises:
            EngineError: its settings break a rule that only a value within a range can break.
        """
        try:
            settings = self.trainable.space.complete(declared)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            raise EngineError(
                f"{self.trainable.name} cannot train {label}: `{name}` {house_message(first, name)}"
            ) from error
        return Candidate(
            label=label,
            settings=settings,
            declared=dict(declared),
            cost=self.trainable.cost(settings, self.data),
            incumbent=incumbent,
            published=published,
            tuned=dict(tuned or {}),
        )

    def of_stage(
        self,
        stage: StageSpec,
        carried: Mapping[str, Any],
        incumbent: Candidate | None,
        *,
        found: Sequence[DeclaredCandidate] | None = None,
    ) -> list[Candidate]:
        """The declared candidates over what was carried in, and the incumbent.

        Those that a search ``found`` stand in the place of the declared ones.

        Where a declared candidate trains exactly what the incumbent trains, it *is* the
        incumbent. A replication has no incumbents: its author trained what is declared.

        Raises:
            EngineError: one of them cannot be trained.
        """
        if self.spec.kind == "replication":
            incumbent = None
        carried_in = None if incumbent is None else incumbent.settings.effective()
        candidates = []
        for one in found or stage_candidates(stage, carried):
            candidate = self.make(one.label, one.declared, published=one.published)
            if candidate.settings.effective() == carried_in:
                candidate = self.make(
                    one.label, one.declared, published=one.published, incumbent=True
                )
            candidates.append(candidate)
        if incumbent is not None and not any(one.incumbent for one in candidates):
            taken = {candidate.label for candidate in candidates}
            label = label_of(stage, incumbent.settings)
            if label is None or label in taken:
                label = next(name for name in _incumbent_names() if name not in taken)
            candidates.append(self.make(label, incumbent.declared, incumbent=True))
        for candidate in candidates:
            why = self.trainable.refuses(candidate.settings)
            if why is not None:
                raise EngineError(f"{self.trainable.name} cannot train {candidate.label}: {why}")
        return candidates


def _incumbent_names() -> Iterator[str]:
    """``incumbent``, and what it is called where an author's candidate has that label."""
    yield "incumbent"
    yield from (f"incumbent ({number})" for number in itertools.count(2))


def varied_names(
    candidates: Sequence[Candidate],
    tuned: Sequence[str] = (),
    *,
    before: Candidate | None = None,
) -> tuple[str, ...]:
    """Names of the settings that differ between the candidates, tuned ones left out, sorted.

    Args:
        before: what was carried in: a candidate that is alone is told by what it changes of that.
    """
    told = [*candidates, before] if before is not None and len(candidates) == 1 else candidates
    settings = [candidate.settings for candidate in told]
    names = {name for one in settings for name in one} - {*tuned}
    values = {name: [one[name] for one in settings if name in one] for name in names}
    return tuple(sorted(name for name, given in values.items() if given != given[:1] * len(given)))


def pinned_label(stage: StageSpec, candidates: Sequence[Candidate]) -> str | None:
    """Label of the candidate that the author's ``carry`` names, or None."""
    if stage.carry is None:
        return None
    for candidate in candidates:
        values = candidate.settings.plain()
        if all(values.get(name) == plain(value) for name, value in stage.carry.items()):
            return candidate.label
    return None
