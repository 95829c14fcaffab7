"""Who competes in a stage: declared candidates and the incumbent as full records."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.engines.base import Engine
from bakeoff.errors import EngineError
from bakeoff.records import Candidate, DataSummary, Published
from bakeoff.settings import Settings
from bakeoff.spec import StageSpec, StudySpec, label_of, stage_candidates, value_label


@dataclass(frozen=True, slots=True)
class CandidateMaker:
    """Makes candidate records for one study on one dataset.

    Attributes:
        spec: the study.
        data: sizes of the dataset.
    """

    spec: StudySpec
    data: DataSummary

    def make(
        self,
        label: str,
        declared: Mapping[str, Any],
        *,
        incumbent: bool = False,
        published: Published | None = None,
        tuned: Mapping[str, Any] | None = None,
    ) -> Candidate:
        """The full record of a declared candidate."""
        settings = Settings.model_validate(dict(declared))
        features, classes = self.data.num_features, self.data.num_classes
        return Candidate(
            label=label,
            settings=settings,
            declared=dict(declared),
            num_parameters=settings.num_parameters(features, classes),
            operations_per_epoch=settings.operations_per_epoch(
                features, classes, self.data.num_train
            ),
            incumbent=incumbent,
            published=published,
            tuned=dict(tuned or {}),
        )

    def of_stage(
        self, stage: StageSpec, carried: Mapping[str, Any], incumbent: Candidate | None
    ) -> list[Candidate]:
        """The declared candidates over what was carried in, and the incumbent.

        Where a declared candidate trains exactly what the incumbent trains, it *is* the
        incumbent. A replication has no incumbents: its author trained what is declared.
        """
        if self.spec.kind == "replication":
            incumbent = None
        carried_in = None if incumbent is None else incumbent.settings.effective()
        candidates = []
        for one in stage_candidates(stage, carried):
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
        return candidates


def _incumbent_names() -> Iterator[str]:
    """``incumbent``, and what it is called where an author's candidate has that label."""
    yield "incumbent"
    yield from (f"incumbent ({number})" for number in itertools.count(2))


def varied_names(candidates: Sequence[Candidate], tuned: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the settings that differ between the candidates, tuned ones left out, sorted."""
    dumps = [candidate.settings.model_dump(mode="json") for candidate in candidates]
    return tuple(
        sorted(
            name
            for name in dumps[0]
            if name not in tuned and any(dump[name] != dumps[0][name] for dump in dumps)
        )
    )


def pinned_label(stage: StageSpec, candidates: Sequence[Candidate]) -> str | None:
    """Label of the candidate that the author's ``carry`` names, or None."""
    if stage.carry is None:
        return None
    for candidate in candidates:
        dump = candidate.settings.model_dump(mode="json")
        if all(dump[name] == _plain(value) for name, value in stage.carry.items()):
            return candidate.label
    return None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def costs(candidates: Sequence[Candidate]) -> list[tuple[float, ...]]:
    """What makes a candidate cheap: parameters, then operations of a whole run."""
    return [
        (candidate.num_parameters, candidate.operations_per_epoch * candidate.settings.epochs)
        for candidate in candidates
    ]


def spoken_names(candidates: Sequence[Candidate], varied: Sequence[str]) -> list[str]:
    """What candidates are called in running text, such as ``learning_rate 1``.

    A bare ``1`` or ``none`` cannot be told from the words around it, and an author's own label
    does not say what the candidate is.

    Args:
        varied: names of the settings that differ between them; with several, labels name them.
    """
    if len(varied) != 1:
        return [candidate.label for candidate in candidates]
    names = []
    for candidate in candidates:
        value = value_label(getattr(candidate.settings, varied[0]))
        made = candidate.label in (value, f"{varied[0]}={value}")
        what = f"{varied[0]} {value}"
        names.append(what if made else f"{candidate.label} ({what})")
    return names


def refuse_what_the_engine_cannot(engine: Engine, candidates: Sequence[Candidate]) -> None:
    """Raises EngineError for the first candidate that the engine cannot train."""
    for candidate in candidates:
        why = engine.refuses(candidate.settings)
        if why is not None:
            raise EngineError(f"engine {engine.name} cannot train {candidate.label}: {why}")
