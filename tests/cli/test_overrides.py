"""Keys of a study that a command gives another value."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.cli import main

STUDY = """\
format = 1
name = "x"
data = "digits"
[[stage]]
name = "a"
vary.hidden = [[4], [8]]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(STUDY, encoding="utf-8")
    return "study.toml"


def code_of(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_check_reads_a_study_as_if_it_said_so(study: str, capsys: pytest.CaptureFixture) -> None:
    assert code_of(["check", study, "--set", "stage.0.vary.hidden=[[5], [6], [7]]", "--plain"]) == 0
    assert "7" in capsys.readouterr().out
    assert code_of(["check", study, "--set", "base.epoch=3"]) == 2
    assert 'unknown setting "epoch"; did you mean "epochs"?' in capsys.readouterr().err


def test_seed_and_delta_are_keys_too(study: str, capsys: pytest.CaptureFixture) -> None:
    assert code_of(["check", study, "--seed", "5", "--delta", "0.01", "--plain"]) == 0
    assert code_of(["check", study, "--set", "seed"]) == 2
    assert "--set: must be KEY=VALUE" in capsys.readouterr().err
