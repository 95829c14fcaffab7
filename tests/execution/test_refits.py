"""Which refit is delivered: judged by its training part, and never a collapsed one."""

from __future__ import annotations

import numpy as np

from bakeoff.execution.final import delivered_refit, far_below


def delivered(refits: list[float | None], validated: list[float | None], **changes: float) -> int:
    options: dict = {"baseline": 0.1, "num_examples": 1_497, **changes}
    found = delivered_refit(refits, validated, **options)
    return -1 if found is None else found


def test_the_first_refit_is_delivered_however_good_the_others_are() -> None:
    assert delivered([0.95, 0.99, 0.97], [0.96] * 12) == 0


def test_a_refit_that_says_one_class_is_passed_over() -> None:
    assert delivered([0.10, 0.963, 0.927], [0.95] * 12) == 1


def test_so_is_one_that_learned_two_classes_of_ten() -> None:
    assert delivered([0.20, 0.28, 0.95], [0.95] * 12) == 2


def test_so_is_one_that_failed() -> None:
    assert delivered([None, 0.95], [0.95] * 12) == 1


def test_where_all_collapsed_or_failed_none_is_delivered() -> None:
    assert delivered([0.10, None, 0.12], [0.95] * 12) == -1
    assert delivered([None, None], []) == -1


def test_settings_that_mostly_collapse_still_deliver_the_one_that_did_not() -> None:
    assert delivered([0.1, 0.1, 0.94], [0.1] * 8 + [0.95]) == 2


def test_one_refit_of_settings_that_always_collapse_is_their_honest_model() -> None:
    """Nothing better was ever seen of them, so this is what they give."""
    assert delivered([0.1], [0.1, 0.11, 0.1]) == 0


def test_a_weak_signal_delivers_its_honest_model() -> None:
    """53 % right where 52.8 % are of one class: hardly better than nothing, and all there is."""
    rng = np.random.default_rng(0)
    shares = 0.534 + 0.003 * rng.standard_normal((200, 17))
    for row in shares:
        found = delivered(list(row[:5]), list(row[5:]), baseline=0.528, num_examples=20_000)
        assert found >= 0


def test_labels_without_a_pattern_deliver_a_model_at_every_size() -> None:
    """No study of noise may end without a model because its luckiest run looked like learning."""
    rng = np.random.default_rng(1)
    for num_examples in (36, 100, 300, 1_000, 10_000):
        for _ in range(400):
            shares = 0.5 + np.abs(rng.normal(0.0, 1.5 / np.sqrt(num_examples), 17))
            found = delivered(
                list(shares[:5]), list(shares[5:]), baseline=0.52, num_examples=num_examples
            )
            assert found >= 0


def test_where_one_class_holds_most_a_refit_that_only_says_it_is_passed_over() -> None:
    assert delivered([0.970, 0.985], [0.986] * 12, baseline=0.97, num_examples=3_000) == 1


def test_few_examples_show_no_collapse() -> None:
    assert not far_below(0.5, 0.9, 0.4, 8)
    assert far_below(0.5, 0.9, 0.4, 80)
