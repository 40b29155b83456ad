"""The verdict of a replay: hashes held against each other, and what a deviation means."""

import pandas as pd
import pytest

from orchestration.resources.replay import KEY, explanation, is_identical, verdicts

RECORDED = {
    ("landing_file", "demand/a.parquet"): "1",
    ("environment", "duckdb"): "1.5.5",
    ("feature", "intermediate.planned"): "2",
    ("table", "policy.stock_policy"): "3",
    ("mart", "marts.fct_policy"): "4",
}
HELD = {key: RECORDED[key] for key in RECORDED if key[0] in ("landing_file", "feature", "table")}


def frame(hashes: dict[tuple[str, str], str]) -> pd.DataFrame:
    rows = [(*key, content) for key, content in hashes.items()]
    return pd.DataFrame(rows, columns=[*KEY, "content_hash"])


def judged(replayed: dict | None = None, held: dict | None = None, gone: tuple[str, str] | None = None) -> pd.DataFrame:
    replay = {key: content for key, content in {**RECORDED, **(replayed or {})}.items() if key != gone}
    return verdicts(frame(RECORDED), frame(replay), frame({**HELD, **(held or {})}))


def deviating(verdict: pd.DataFrame) -> dict[str, str]:
    chosen = verdict[verdict["verdict_code"] != "same"]
    return dict(zip(chosen["object_name"], chosen["verdict_code"], strict=True))


def test_the_same_everywhere_is_identical():
    verdict = judged()
    assert deviating(verdict) == {}
    assert is_identical(verdict)
    assert explanation(verdict).startswith("Identical")


@pytest.mark.parametrize(
    ("made", "name", "code"),
    [
        ({"replayed": {("table", "policy.stock_policy"): "x"}}, "policy.stock_policy", "different"),
        ({"replayed": {("mart", "marts.fct_policy"): "x"}}, "marts.fct_policy", "different"),
        ({"replayed": {("table", "policy.new"): "x"}}, "policy.new", "unexpected"),
        ({"gone": ("mart", "marts.fct_policy")}, "marts.fct_policy", "missing"),
        ({"held": {("table", "policy.stock_policy"): "x"}}, "policy.stock_policy", "altered"),
        ({"held": {("landing_file", "demand/a.parquet"): "x"}}, "demand/a.parquet", "altered"),
    ],
)
def test_each_deviation_is_named_and_none_is_identical(made, name, code):
    verdict = judged(**made)
    assert deviating(verdict) == {name: code}
    assert not is_identical(verdict)


def test_another_library_that_gives_the_same_is_told_but_decides_nothing():
    verdict = judged(replayed={("environment", "duckdb"): "1.6.0"})
    assert is_identical(verdict)
    assert explanation(verdict).endswith("Not as recorded of what the cycle rests on: environment (1).")


def test_the_explanation_tells_changed_inputs_from_altered_tables():
    changed = judged({("environment", "duckdb"): "1.6.0", ("table", "policy.stock_policy"): "x"})
    assert explanation(changed).startswith("Not identical: the replay gives something else.")
    assert "environment (1)" in explanation(changed)
    unexplained = judged({("table", "policy.stock_policy"): "x"})
    assert "not deterministic" in explanation(unexplained)
    altered = judged(held={("table", "policy.stock_policy"): "x"})
    assert "the home was altered since" in explanation(altered)
    assert explanation(altered).endswith("No longer what the cycle wrote: policy.stock_policy.")
