"""What the first version of the store wrote, in the words of today's records; knows plain JSON only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bakeoff.records import Candidate, Final, Verdict


def _verdict(plain: dict[str, Any]) -> dict[str, Any]:
    """It named the tied, and those beaten before the last look."""
    if "best" in plain:
        return plain
    labels: list[str] = plain.get("labels", {"$tuple": []})["$tuple"]
    beaten, failed = plain["eliminated"]["$tuple"], plain["failed"]["$tuple"]
    best = plain["tied"]["$tuple"]
    if plain["kind"] == "winner":
        best = [plain["leader"]]
        beaten = [*beaten, *(one for one in labels if one not in (*best, *beaten, *failed))]
    elif not best:
        best = [one for one in labels if one not in (*beaten, *failed)]
    return {**plain, "best": {"$tuple": best}, "beaten": {"$tuple": beaten}}


def _candidate(plain: dict[str, Any]) -> dict[str, Any]:
    """Its cost were two fields, the operations those of an epoch."""
    if "num_parameters" not in plain:
        return plain
    settings = plain["settings"].get("values", plain["settings"])
    operations = plain["operations_per_epoch"] * settings["epochs"]
    return {**plain, "cost": _cost(plain["num_parameters"], operations)}


def _final(plain: dict[str, Any]) -> dict[str, Any]:
    """It was a dense network's: layers, scaling and what the exam showed were its own fields."""
    if "layers" not in plain:
        return plain
    model = {
        f"layers/{number}/{part}": layer[part]
        for number, layer in enumerate(plain["layers"]["$tuple"])
        for part in ("kernel", "bias")
    }
    model |= {f"scaling/{part}": plain["scaling"][part] for part in ("shift", "factor")}
    shown = ("confusion", "reliability", "calibration_error", "mistakes", "examples")
    exam = {name: plain[name] for name in shown if name in plain}
    return {
        **plain,
        "delivered": plain.get("delivered", 0),
        "cost": _cost(plain["num_parameters"]),
        "model": model,
        "exam": None if exam["confusion"] is None else exam,
    }


def _cost(parameters: int, *operations: float) -> dict[str, Any]:
    counts = [("parameters", float(parameters)), *(("operations", float(o)) for o in operations)]
    return {"$tuple": [{"$tuple": list(one)} for one in counts]}


IN_TODAYS_WORDS: dict[type, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Verdict: _verdict,
    Candidate: _candidate,
    Final: _final,
}
