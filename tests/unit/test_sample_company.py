"""The sample company: same seed same bytes, and an extract that agrees with the truth behind it."""

import dataclasses
import functools
import hashlib

import numpy as np
import pandas as pd
import pytest

from stockstrata.sample.company import SampleCompany, generate_company, generate_divisions
from stockstrata.sample.files import to_csv_bytes
from stockstrata.sample.sizes import SCALES

KEY = ["item_id", "location_id"]
WEEK = [*KEY, "bucket_start_date"]
LEDGER_INS = ["opening_qty", "received_qty", "moved_in_qty", "returned_qty"]
LEDGER_OUTS = ["sold_qty", "moved_out_qty"]
EVENTS = {"promotion", "launch", "phase_out", "supersession", "dormancy", "lead_time_jump"}
ROLES = {"steady", "launch", "launch_undated", "phase_out", "phase_out_undated", "superseded", "successor", "dormant"}
ODD_ROLES = {"single_sale", "no_demand", "zero_price", "no_cost"}


@functools.cache
def company(size: str = "tiny", seed: int = 20250101) -> SampleCompany:
    return generate_company(size, seed=seed)  # type: ignore[arg-type]


def fingerprint(made: SampleCompany) -> dict[str, str]:
    tables = {**made.extract, **{f"truth {name}": table for name, table in made.truth.items()}}
    return {name: hashlib.sha256(to_csv_bytes(table)).hexdigest() for name, table in tables.items()}


def clean(made: SampleCompany, entity: str) -> pd.DataFrame:
    """The table without its planted rows, numbers and dates typed again."""
    planted = made.truth["planted_errors"]
    lines = planted.loc[planted["entity"] == entity, "row_number"].to_numpy()
    table = made.extract[entity].drop(index=lines - 2)
    for name in table.columns:
        if name.endswith("_qty"):
            table[name] = pd.to_numeric(table[name])
        elif name.endswith("_date"):
            table[name] = pd.to_datetime(table[name])
    return table.reset_index(drop=True)


def whole_weeks(made: SampleCompany) -> pd.DataFrame:
    """True demand while the item was on sale, without the weeks that the ends of history cut."""
    weeks = made.truth["true_demand"].merge(made.truth["item_locations"], on=KEY)
    week = weeks["bucket_start_date"]
    weeks = weeks[(week > week.min()) & (week < week.max())]
    begun = weeks["start_date"].isna() | (weeks["bucket_start_date"] >= weeks["start_date"])
    not_over = weeks["end_date"].isna() | (weeks["bucket_start_date"] <= weeks["end_date"])
    return weeks[begun & not_over]


def test_same_seed_gives_the_same_bytes() -> None:
    assert fingerprint(generate_company("tiny", seed=20250101)) == fingerprint(company())


def test_another_seed_gives_another_company() -> None:
    one, other = fingerprint(company()), fingerprint(company(seed=1))
    assert one["demand"] != other["demand"]
    assert one["items"] != other["items"]
    assert one["calendar"] == other["calendar"]


@pytest.mark.parametrize("seed", [1, 2, 20250101])
def test_tiny_holds_every_role_pattern_and_event(seed: int) -> None:
    truth = company(seed=seed).truth
    assert set(truth["item_locations"]["role_code"]) == ROLES | ODD_ROLES
    patterns = set(truth["item_locations"]["pattern_code"])
    assert patterns == {"smooth", "erratic", "intermittent", "lumpy", "insufficient"}
    events = truth["events"]
    assert set(events["event_code"]) == EVENTS
    assert set(events.loc[events["event_code"] == "launch", "is_stated"]) == {True, False}
    assert set(events.loc[events["event_code"] == "phase_out", "is_stated"]) == {True, False}
    assert (truth["item_locations"]["trend_rate_per_year"] > 0.1).any()
    assert (truth["item_locations"]["trend_rate_per_year"] < -0.1).any()
    assert (truth["item_locations"]["season_amplitude_rate"] > 0.2).any()


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_true_demand_lies_in_the_planted_quadrant(size: str) -> None:
    """Cuts 1.32 and 0.49 of Syntetos, Boylan and Croston, JORS 56 (2005) 495-503."""
    weeks = whole_weeks(company(size))
    weeks = weeks[weeks["role_code"] == "steady"]
    sizes = weeks["true_demand_qty"].where(weeks["true_demand_qty"] > 0)
    groups = sizes.groupby([weeks["item_id"], weeks["location_id"], weeks["pattern_code"]])
    adi = groups.size() / groups.count()
    cv2 = groups.var(ddof=0) / groups.mean() ** 2
    found = np.select(
        [(adi < 1.32) & (cv2 < 0.49), adi < 1.32, cv2 < 0.49], ["smooth", "erratic", "intermittent"], "lumpy"
    )
    is_right = pd.Series(found == adi.index.get_level_values("pattern_code"), index=adi.index)
    assert (is_right.groupby("pattern_code").mean() >= 0.7).all()
    assert is_right.mean() > 0.9


def test_planted_mean_interval_and_variation_are_drawn() -> None:
    weeks = whole_weeks(company("demo"))
    weeks = weeks[(weeks["role_code"] == "steady") & (weeks["pattern_code"] == "intermittent")]
    assert weeks["true_demand_qty"].sum() == pytest.approx(weeks["mean_qty"].sum(), rel=0.02)
    assert (weeks["true_demand_qty"] > 0).sum() == pytest.approx((1 / weeks["adi_buckets"]).sum(), rel=0.02)


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_stockouts_cut_sales_below_demand(size: str) -> None:
    truth = company(size).truth["true_demand"]
    assert (truth["sold_qty"] <= truth["true_demand_qty"]).all()
    assert (truth["is_censored"] == (truth["sold_qty"] < truth["true_demand_qty"])).all()
    assert truth["is_censored"].any()
    served = truth["sold_qty"].sum() / truth["true_demand_qty"].sum()
    assert 0.88 <= served <= 0.96


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_order_lines_add_up_to_what_was_sold_and_returned(size: str) -> None:
    made = company(size)
    lines = clean(made, "demand")
    lines["bucket_start_date"] = lines["demand_date"] - pd.to_timedelta(lines["demand_date"].dt.weekday, unit="D")
    sums = lines.groupby(["is_return", *WEEK])["demand_qty"].sum()
    truth = made.truth["stock_ledger"].set_index(WEEK)
    sold = sums[False].reindex(truth.index, fill_value=0)
    returned = -sums[True].reindex(truth.index, fill_value=0)
    assert (sold == truth["sold_qty"]).all()
    assert (sold == made.truth["true_demand"].set_index(WEEK)["sold_qty"]).all()
    assert (returned == truth["returned_qty"]).all()
    assert (lines["is_return"] == (lines["demand_qty"] < 0)).all()
    assert lines.loc[lines["is_return"], "reason"].notna().all()
    assert returned.sum() > 0


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_most_lines_arrive_on_time_and_in_full(size: str) -> None:
    lines = clean(company(size), "demand").dropna(subset="delivered_date")
    days = {name: lines[f"{name}_date"] for name in ("demand", "requested", "promised", "shipped", "delivered")}
    assert (days["promised"] > days["requested"]).all()
    assert (days["shipped"] > days["demand"]).all()
    assert (days["delivered"] > days["shipped"]).all()
    is_on_time = days["delivered"] <= days["promised"]
    is_in_full = lines["shipped_qty"] >= lines["demand_qty"]
    assert 0.9 <= is_on_time.mean() < 0.95
    assert 0.85 <= (is_on_time & is_in_full).mean() < is_on_time.mean()


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_stock_ledger_conserves_units(size: str) -> None:
    ledger = company(size).truth["stock_ledger"]
    assert (ledger[LEDGER_INS].sum(axis=1) - ledger[LEDGER_OUTS].sum(axis=1) == ledger["closing_qty"]).all()
    assert (ledger["closing_qty"] >= 0).all()
    before = ledger.groupby(KEY)["closing_qty"].shift()
    assert (before.isna() | (before == ledger["opening_qty"])).all()
    assert ledger["moved_out_qty"].sum() >= ledger["moved_in_qty"].sum() > 0


def test_receipts_of_the_extract_are_the_receipts_of_the_ledger() -> None:
    made = company()
    orders = clean(made, "purchase_orders")
    good = (orders["received_qty"] - orders["rejected_qty"]).groupby([orders[name] for name in KEY]).sum()
    ledger = made.truth["stock_ledger"].groupby(KEY)["received_qty"].sum()
    assert (good.reindex(ledger.index, fill_value=0) == ledger).all()
    received = orders.groupby(["order_id", "line"]).agg(
        ordered=("ordered_qty", "first"), got=("received_qty", "sum"), parts=("received_qty", "count")
    )
    assert (received["got"] <= received["ordered"]).all()
    assert (received["parts"] == 2).any()
    assert (received["parts"] == 0).any()
    assert (orders["receipt_date"] > orders["promised_date"]).any()
    assert (orders["rejected_qty"] > 0).any()


def test_snapshots_show_the_ledger_plus_what_is_sold_and_not_shipped() -> None:
    made = company()
    stock = clean(made, "stock")
    sundays = stock[(stock["stock_date"].dt.weekday == 6) & (stock["status"] == "available")]
    free = (sundays["on_hand_qty"] - sundays["allocated_qty"]).to_numpy()
    weeks = sundays[KEY].assign(bucket_start_date=sundays["stock_date"] - pd.Timedelta(days=6))
    ledger = weeks.merge(made.truth["stock_ledger"], on=WEEK, how="left", validate="one_to_one")
    assert (free == ledger["closing_qty"].to_numpy()).all()
    assert (sundays["allocated_qty"] > 0).any()
    assert set(stock["status"]) == {"available", "blocked"}
    assert stock["stock_date"].max() == pd.Timestamp("2025-12-31")
    ends = stock.loc[stock["stock_date"].dt.is_month_end, "stock_date"].nunique()
    assert ends == 27


@pytest.mark.parametrize("size", ["tiny", "demo"])
def test_lead_time_jump_shows_in_receipts(size: str) -> None:
    made = company(size)
    jump = made.truth["lead_times"].dropna(subset="jump_date").iloc[0]
    orders = clean(made, "purchase_orders")
    orders = orders[orders["supplier_id"] == jump["supplier_id"]].dropna(subset="receipt_date")
    first = orders.groupby(["order_id", "line"])[["order_date", "receipt_date"]].min()
    days = (first["receipt_date"] - first["order_date"]).dt.days
    is_after = first["order_date"] >= jump["jump_date"]
    assert days[~is_after].mean() == pytest.approx(jump["mean_before_days"], rel=0.1)
    assert days[is_after].mean() == pytest.approx(jump["mean_after_days"], rel=0.15)


def test_promotions_lift_demand_and_leave_a_dip() -> None:
    made = company("demo")
    events = made.truth["events"]
    promoted = events[(events["event_code"] == "promotion") & (events["start_date"] < "2025-12-01")]
    weeks = whole_weeks(made)
    campaigns = promoted.loc[promoted["location_id"].isna(), ["item_id", "start_date", "uplift_rate"]]
    smooth = weeks[weeks["pattern_code"] == "smooth"].drop(columns="start_date")
    everywhere = smooth.merge(campaigns, on="item_id")
    age = (everywhere["bucket_start_date"] - everywhere["start_date"]).dt.days // 7
    mean = everywhere["true_demand_qty"].groupby(age).sum()
    base = mean.loc[-6:-1].mean()
    expected = 1 + np.average(everywhere["uplift_rate"], weights=everywhere["mean_qty"])
    assert mean.loc[0:1].mean() / base == pytest.approx(expected, rel=0.15)
    assert mean.loc[2:3].mean() / base < 0.9
    lines = clean(made, "demand").dropna(subset="promotion_id")
    assert set(lines["promotion_id"]) <= set(made.extract["promotions"]["promotion_id"])
    assert len(lines) > 100


def test_odd_items_are_there() -> None:
    made = company()
    role = made.truth["item_locations"].drop_duplicates("item_id").set_index("role_code")["item_id"]
    lines = clean(made, "demand")
    assert (lines["item_id"] == role["single_sale"]).sum() == 1
    assert (lines["item_id"] == role["no_demand"]).sum() == 0
    assert (made.extract["stock"]["item_id"] == role["no_demand"]).any()
    items = made.extract["items"].set_index("item_id")
    assert items.loc[role["zero_price"], "unit_price"] == 0
    assert (lines.loc[lines["item_id"] == role["zero_price"], "unit_price"] == 0).all()
    assert np.isnan(items.loc[role["no_cost"], "unit_cost"])
    assert items.loc[role["superseded"], "successor_item_id"] == role["successor"]
    last = lines.loc[lines["item_id"] == role["dormant"], "demand_date"].max()
    assert last < pd.Timestamp("2025-12-31") - pd.Timedelta(days=273)


def test_demo_has_the_promised_extent() -> None:
    made = company("demo")
    assert 150_000 <= len(made.extract["demand"]) <= 350_000
    assert made.extract["items"].shape[0] == 300
    assert made.extract["locations"].shape[0] == 3
    assert (made.grain, made.currency) == ("day", "EUR")
    assert clean(made, "demand")["demand_date"].agg(["min", "max"]).dt.year.tolist() == [2023, 2025]


def test_weekly_company_sells_in_whole_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of `large` on 60 items."""
    small = dataclasses.replace(
        SCALES["large"], item_count=60, supplier_count=6, campaign_count=4, campaign_item_count=2
    )
    monkeypatch.setitem(SCALES, "large", small)
    made = generate_company("large", seed=4)
    demand = made.extract["demand"]
    assert made.grain == "week"
    assert (demand["demand_date"].dt.weekday == 0).all()
    assert demand["demand_date"].nunique() == 130
    assert not demand.duplicated([*KEY, "demand_date"]).any()
    truth = made.truth["true_demand"].rename(columns={"bucket_start_date": "demand_date"})
    both = demand.merge(truth, on=[*KEY, "demand_date"], validate="one_to_one")
    assert (both["demand_qty"] == both["sold_qty"]).all()
    assert (both["sold_qty"] <= both["true_demand_qty"]).all()
    assert not both.loc[both["is_censored"], "in_stock"].any()
    assert both["is_censored"].any()
    assert made.truth["planted_errors"].empty
    assert all(len(table) for table in made.extract.values())
    assert made.extract["stock"]["stock_date"].nunique() == 30
    assert made.extract["purchase_orders"]["receipt_date"].max() <= pd.Timestamp("2025-12-28")


def test_a_division_depends_on_none_before_it() -> None:
    scale = dataclasses.replace(SCALES["large"], item_count=90, campaign_count=6, division_item_count=40)
    parts = list(generate_divisions(scale, seed=4))
    assert [len(part.extract["items"]) for part in parts] == [30, 30, 30]
    alone = generate_divisions(dataclasses.replace(scale, item_count=30, campaign_count=2), seed=4)
    assert fingerprint(next(alone)) == fingerprint(parts[0])
    for entity, key in (("items", ["item_id"]), ("purchase_orders", ["order_id", "line", "receipt_date"])):
        whole = pd.concat([part.extract[entity] for part in parts])
        assert not whole.duplicated(key).any(), entity
    promoted = pd.concat([part.extract["promotions"] for part in parts])
    assert promoted.groupby("promotion_id")["start_date"].nunique().eq(1).all()
    assert "suppliers" in parts[0].extract
    assert "suppliers" not in parts[1].extract
    demands = [part.extract["demand"]["demand_qty"].to_numpy() for part in parts]
    assert not np.array_equal(demands[0][:100], demands[1][:100])
