"""What the worst values keep all values keep: no expectation that some row breaks is passed over."""

import numpy as np
import pandas as pd
import pytest

from data_quality.suites import vocabulary
from data_quality.suites.worst_values import clauses_to_judge
from data_quality.verdict import run_suite

LEFT_OUT = ("grade", "blocked")
EXPECTATIONS = {
    clause: make(clause)
    for clause, make in {
        "key_is_present": lambda clause: vocabulary.is_filled(clause, "key"),
        "place_is_present": lambda clause: vocabulary.is_filled(clause, "place"),
        "key_place_is_unique": lambda clause: vocabulary.is_unique(clause, ["key", "place"]),
        "stock_is_present": lambda clause: vocabulary.is_filled(clause, "stock", where=LEFT_OUT),
        "stock_is_not_negative": lambda clause: vocabulary.is_between(clause, "stock", 0.0, 1e15),
        "order_is_not_negative": lambda clause: vocabulary.is_between(clause, "order", 0.0, 1e15),
        "fill_is_a_rate": lambda clause: vocabulary.is_between(clause, "fill", 0.0, 1.0),
        "grade_is_known": lambda clause: vocabulary.is_one_of(clause, "grade", ("full", "blocked")),
    }.items()
}


def sound(rows=6):
    return pd.DataFrame(
        {
            "key": [f"K{number // 2}" for number in range(rows)],
            "place": ["P1", "P2"] * (rows // 2),
            "stock": np.arange(rows, dtype=float),
            "order": [0.0, np.nan] * (rows // 2),
            "fill": np.linspace(0.0, 1.0, rows),
            "grade": ["full", "blocked"] * (rows // 2),
        }
    )


def broken_on_all_rows(frame):
    suite = vocabulary.suite("all", list(EXPECTATIONS.values()))
    return {outcome.clause_name for outcome in run_suite(suite, lambda columns: frame[columns]) if not outcome.is_met}


def test_a_sound_frame_and_one_of_one_row_are_not_suspected():
    assert clauses_to_judge(sound(), EXPECTATIONS, LEFT_OUT) == set()
    assert clauses_to_judge(sound().head(1), EXPECTATIONS, LEFT_OUT) == set()


@pytest.mark.parametrize(
    ("row", "column", "value", "broken"),
    [
        (2, "key", None, {"key_is_present"}),
        (3, "place", "P1", {"key_place_is_unique"}),
        (2, "stock", np.nan, {"stock_is_present"}),
        (3, "stock", np.nan, set()),  # a row that is blocked may lack it
        (5, "stock", -1e-9, {"stock_is_not_negative"}),
        (4, "order", np.inf, {"order_is_not_negative"}),
        (0, "order", -np.inf, {"order_is_not_negative"}),
        (1, "fill", 1.0 + 1e-9, {"fill_is_a_rate"}),
        (3, "grade", "good", {"grade_is_known"}),
    ],
)
def test_what_a_row_breaks_is_suspected_with_its_likes_alone(row, column, value, broken):
    frame = sound()
    frame.loc[row, column] = value
    assert broken_on_all_rows(frame) == broken
    suspected = clauses_to_judge(frame, EXPECTATIONS, LEFT_OUT)
    likes = (
        {"stock_is_not_negative", "order_is_not_negative"},
        {"key_is_present", "place_is_present", "stock_is_present"},
    )
    assert broken <= suspected <= broken.union(*(group for group in likes if group & broken))


def test_two_faults_of_one_column_are_both_suspected():
    frame = sound()
    frame.loc[[0, 4], "stock"] = [-1.0, np.nan]
    assert {"stock_is_not_negative", "stock_is_present"} <= clauses_to_judge(frame, EXPECTATIONS, LEFT_OUT)


def test_columns_without_a_value_to_judge_are_passed_over():
    frame = sound().assign(order=np.nan, stock=np.nan, grade="blocked")
    assert broken_on_all_rows(frame) == clauses_to_judge(frame, EXPECTATIONS, LEFT_OUT) == set()
