"""Tables and chart of a results file: every number found, every missing peer named."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from benchmarks import chart, tables
from benchmarks.peers import PEERS
from benchmarks.sections import overhead
from benchmarks.workloads import BY_NAME, load, prepare


def epoch_entry(workload: str, peer: str, seconds: float, threads: str = "one core") -> Any:
    return {
        "workload": workload,
        "peer": peer,
        "threads": threads,
        "median_seconds": seconds,
        "median_cpu_seconds": seconds,
        "num_epochs": 7,
        "operations": 20_000_000_000,
        "accuracy": 0.95,
        "versions": {peer: "1.2.3"},
    }


SECTION: dict[str, Any] = {
    "measured_at": "2026-01-01T00:00:00+00:00",
    "load_average_before": 0.1,
    "quick": False,
    "fma_peak": [{"workload": "mnist", "gflops": 250.0}],
    "measurements": [
        epoch_entry("mnist", "bakeoff", 0.1),
        epoch_entry("mnist", "jax-scan", 0.35),
        epoch_entry("mnist-dense", "bakeoff", 0.125),
        epoch_entry("mnist-dense", "keras-tf", 2.5),
        {"workload": "mnist", "peer": "keras-tf", "threads": "one core", "missing": "tensorflow is not installed"},
        epoch_entry("mnist", "bakeoff", 0.1, "all cores"),
        epoch_entry("mnist", "jax-scan", 0.05, "all cores"),
    ],
}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "machine": {"cpu": "A", "num_cores": 2, "system": "Linux", "python": "3.11", "commit": "abc"},
    "sections": {"epochs": SECTION},
}


def test_ratios_are_against_bakeoff_on_the_same_network_and_threads() -> None:
    one = tables.ratios(SECTION, "one core")
    assert one["mnist"] == {"jax-scan": pytest.approx(3.5)}
    assert one["mnist-dense"] == {"keras-tf": pytest.approx(20.0)}
    assert tables.ratios(SECTION, "all cores")["mnist"]["jax-scan"] == pytest.approx(0.5)


def test_the_table_shows_times_ratios_peak_counts_and_missing_peers() -> None:
    text = tables.render(DOCUMENT)
    assert "100 ms, 200 GFLOP/s, n = 7" in text
    assert "125 ms, 160 GFLOP/s = 64% of the peak" in text
    assert "350 ms (3.5 ×), n = 7" in text
    assert "tensorflow is not installed" in text
    assert "jax-scan 1.2.3" in text
    assert "load average before: 0.1" in text


def test_a_busy_machine_is_compared_by_processor_time_and_says_so() -> None:
    busy = copy.deepcopy(DOCUMENT)
    for entry in busy["sections"]["epochs"]["measurements"]:
        if "median_seconds" in entry:
            entry["median_seconds"] *= 3.0
    text = tables.render(busy)
    assert "processor time, because other programs shared the core" in text
    assert "100 ms, 200 GFLOP/s" in text
    assert "processor time" not in tables.render(DOCUMENT)


def test_peers_that_end_elsewhere_are_pointed_out() -> None:
    other = copy.deepcopy(DOCUMENT)
    other["sections"]["epochs"]["measurements"][1]["accuracy"] = 0.80
    assert "differs by 0.150" in tables.render(other)
    assert "differs" not in tables.render(DOCUMENT)


def test_docs_keep_what_is_outside_the_markers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    monkeypatch.setattr(tables, "DOCS", page)
    tables.write_docs("new")
    tables.write_docs("newer")
    assert page.read_text() == f"before\n{tables.BEGIN}\n\nnewer\n\n{tables.END}\nafter\n"


def test_the_page_in_the_docs_has_its_markers() -> None:
    page = tables.DOCS.read_text()
    assert page.index(tables.BEGIN) < page.index(tables.END)


def test_the_chart_is_svg_with_one_mark_per_measured_peer() -> None:
    drawn = chart.svg(tables.ratios(SECTION, "one core"))
    root = ET.fromstring(drawn)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["JAX, epoch in one lax.scan: 3.5×", "Keras on TensorFlow, fit: 20.0×"]
    assert "prefers-color-scheme:dark" in drawn


def test_every_peer_of_the_chart_has_a_colour_and_a_shape() -> None:
    others = {peer.name for peer in PEERS} - {"bakeoff"}
    assert set(chart.COLOURS) == set(chart.SHAPES) == others
    assert len(set(chart.SHAPES.values())) == len(others)


def test_overhead_is_wall_time_minus_training_per_run() -> None:
    count = 2_000
    answer = {
        "ends": [0.004 * (index + 1) for index in range(count)],
        "cpu_ends": [0.003 * (index + 1) for index in range(count)],
        "train_seconds": [0.001] * count,
        "memory": [(index, 50.0 + index / 1000) for index in range(100, count + 1, 100)],
        "total_seconds": 8.0,
    }
    found = overhead.summary(answer)
    assert found["overhead_ms"] == pytest.approx(3.0)
    assert found["overhead_first_ms"] == pytest.approx(3.0)
    assert found["cpu_ms"] == pytest.approx(3.0)
    assert found["memory_growth_mib"] == pytest.approx(1.5)


def test_all_peers_read_the_same_arrays(tmp_path: Path) -> None:
    folder = prepare(BY_NAME["tabular"], tmp_path)
    arrays = load(folder)
    assert arrays.scaled.shape == (55_000, 20)
    assert arrays.scaled.dtype == "float32"
    assert len(arrays.val_labels) == len(arrays.val_scaled) == 5_000
    assert set(arrays.labels.tolist()) == {0, 1, 2, 3}
    assert prepare(BY_NAME["tabular"], tmp_path) == folder
