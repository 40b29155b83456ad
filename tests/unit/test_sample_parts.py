"""Parts of the sample company that have an answer of their own: holidays, portions, serving, lead times, CSV."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from stockstrata.sample.files import to_csv_bytes
from stockstrata.sample.holidays import calendar_frame, easter_sunday
from stockstrata.sample.order_lines import OrderLines, split_into_lines
from stockstrata.sample.sizes import SCALES
from stockstrata.sample.suppliers import draw_lead_times


@pytest.mark.parametrize(
    ("year", "month", "day"), [(1991, 3, 31), (1992, 4, 19), (1993, 4, 11), (1954, 4, 18), (2000, 4, 23), (1818, 3, 22)]
)
def test_easter_as_in_meeus_astronomical_algorithms_chapter_8(year: int, month: int, day: int) -> None:
    assert easter_sunday(year) == dt.date(year, month, day)


def test_calendar_names_the_days() -> None:
    calendar = calendar_frame(2025, 2025).set_index("event_name")["calendar_date"]
    assert calendar["Easter Monday"] == pd.Timestamp("2025-04-21")
    assert calendar["Black Friday"] == pd.Timestamp("2025-11-28")


def test_weeks_start_on_monday_and_history_never_moves() -> None:
    for scale in SCALES.values():
        assert pd.Timestamp(scale.first_monday).weekday() == 0
        assert scale.first_monday <= scale.first_date
        assert len(scale.week_of_step) == scale.step_count
        assert scale.week_of_step[-1] == scale.week_count - 1
    assert SCALES["large"].week_count == 130
    assert SCALES["large"].series_count == 30_000
    assert str(SCALES["demo"].last_date) == "2025-12-31"


def test_lines_are_served_in_queue_order() -> None:
    lines = OrderLines(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]), np.arange(4), np.array([3, 5, 4, 2]))
    sold = np.array([[6.0, 0.0], [2.0, 0.0]])
    assert lines.serve(sold).tolist() == [3, 3, 0, 2]


def test_split_lines_keep_every_unit_on_open_days() -> None:
    scale = SCALES["tiny"]
    items = pd.DataFrame({"pattern": ["smooth"] * scale.item_count})
    item = np.repeat(np.arange(scale.item_count), scale.location_count)
    series = pd.DataFrame({"item": item, "location": np.tile(np.arange(scale.location_count), scale.item_count)})
    weekly = np.zeros((scale.series_count, scale.week_count), dtype=np.int64)
    weekly[:, 5:20] = np.arange(1, 16)
    is_closed = np.zeros(scale.day_count, dtype=bool)
    is_closed[40:43] = True
    lines = split_into_lines(
        weekly, items=items, series=series, is_closed=is_closed, scale=scale, rng=np.random.default_rng(3)
    )
    assert lines.qty.sum() == weekly.sum()
    assert lines.qty.min() >= 1
    assert not is_closed[lines.day].any()
    per_series = np.bincount(lines.series, weights=lines.qty)
    assert (per_series == weekly.sum(axis=1)).all()


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
def test_lead_times_have_the_planted_moments(distribution: str) -> None:
    suppliers = pd.DataFrame(
        {
            "distribution": [distribution],
            "mean_before": [20.0], "sd_before": [3.0], "mean_after": [45.0], "sd_after": [6.0],
        }
    )  # fmt: skip
    rng = np.random.default_rng(5)
    for has_jumped, mean, sd in ((False, 20, 3), (True, 45, 6)):
        days = draw_lead_times(suppliers, np.zeros(20_000, dtype=int), has_jumped=has_jumped, rng=rng)
        assert days.mean() == pytest.approx(mean, rel=0.01)
        assert days.std() == pytest.approx(sd, rel=0.03)
        assert days.min() >= 1


def test_csv_bytes_are_plain() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-02-29", None]),
            "is_open": [True, False],
            "qty": pd.array([3, None], dtype="Int64"),
            "name": ["a,b", None],
        }
    )
    assert to_csv_bytes(frame) == b'day,is_open,qty,name\n2024-02-29,true,3,"a,b"\n,false,,\n'


def test_csv_of_an_empty_frame_is_its_header() -> None:
    assert to_csv_bytes(pd.DataFrame({"a": [], "b": []})) == b"a,b\n"
