from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from stockstrata.columns import aligned, days, flags, numbers, texts
from stockstrata.errors import PlanningError
from stockstrata.evidence import worst_grade


def frame(values, dtype=object):
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


def test_unknown_numbers_become_nan_whatever_stood_for_them():
    assert numbers(frame([1, None, pd.NA, Decimal("2.5"), "x", np.inf]), "x") == pytest.approx(
        [1, np.nan, np.nan, 2.5, np.nan, np.nan], nan_ok=True
    )
    assert numbers(frame([1, None], "Int64"), "x") == pytest.approx([1, np.nan], nan_ok=True)
    assert np.isnan(numbers(frame([None, None]), "x")).all()


def test_days_keep_far_years_and_unknown_ones():
    found = days(frame(np.array(["9999-12-31", "NaT", "2024-02-29"], dtype="datetime64[s]"), None), "x")
    assert found.astype(str).tolist() == ["9999-12-31", "NaT", "2024-02-29"]
    assert np.isnat(days(frame([None, None]), "x")).all()


def test_unknown_texts_and_flags():
    assert texts(frame(["a", None, np.nan, pd.NA]), "x").tolist() == ["a", "", "", ""]
    assert flags(frame([True, False, None, pd.NA]), "x").tolist() == [True, False, False, False]


def test_aligned_follows_the_keys_and_names_what_is_missing_or_doubled():
    table = pd.DataFrame({"item_id": ["b", "a"], "location_id": "L", "value": [2, 1]})
    keys = pd.DataFrame({"item_id": ["a", "b"], "location_id": "L"})
    assert aligned(table, keys, table="t")["value"].tolist() == [1, 2]
    with pytest.raises(PlanningError, match="t: no row for item a at L"):
        aligned(table.iloc[:1], keys, table="t")
    with pytest.raises(PlanningError, match="t: item b at L stands there twice"):
        aligned(table.iloc[[0, 0, 1]], keys, table="t")


def test_the_worst_grade_wins_and_an_unknown_one_blocks():
    first, second = pd.Series(["full", "full", "assumed", "full"]), pd.Series(["full", "degraded", "degraded", None])
    assert worst_grade(first, second).tolist() == ["full", "degraded", "assumed", "blocked"]
