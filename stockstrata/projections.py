"""From the tables of a cycle to the orders of item-locations whose unmet demand is lost."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockstrata.columns import days, numbers, texts
from stockstrata.distributions import DISCRETE, OVERDISPERSION_MIN, widest_variation
from stockstrata.lost_sales import OrderTerms, lost_sale_orders
from stockstrata.parameters import PlanningSettings
from stockstrata.service_targets import ECONOMIC
from stockstrata.stock_paths import ProjectionCase

KEY = ["item_id", "location_id"]
LOST_SALE = "lost_sale"


@dataclass(frozen=True)
class Supply:
    """What a projection of stock rests on beside policies and stock.

    Attributes:
        forecasts: frame of `forecast.demand_forecast`.
        open_lines: frame of `int_purchase_orders__open_lines`: `due_date` (maybe unknown), `order_date`, `open_qty`.
        bucket_days: days in a planning bucket.
    """

    forecasts: pd.DataFrame
    open_lines: pd.DataFrame
    bucket_days: float


def projected_orders(
    policy: pd.DataFrame,
    stock: pd.DataFrame,
    item: pd.DataFrame,
    supply: Supply,
    *,
    settings: PlanningSettings,
    cut_off_date: dt.date,
    wait_days: np.ndarray | float = 0.0,
) -> pd.DataFrame:
    """Orders by projected stock where unmet demand is lost and the cycle has a forecast and a policy of its own.

    An open order arrives on the day it is promised for, else a lead time after it was placed; one that is overdue is
    taken to arrive at the cut-off. What is in transit beside purchase orders has no date: it is spread evenly over the
    arrivals of the orders of the last lead time, one each review period before this order's arrival.

    Args:
        policy: frame of `policy.stock_policy`.
        stock: frame of `int_stock__positions`, the same rows in the same order.
        item: frame of `int_item_locations__planned`, likewise.
        supply: forecasts and open orders.
        settings: number and seed of the paths.
        cut_off_date: day that stock is projected from.
        wait_days: days from it until the order is placed, one or (n,).

    Returns:
        `order_qty`, `expected_arrival_stock_qty`, `window_demand_qty`, `no_stock_out_rate` (chance asked for that
        nothing is lost), one row for each of `policy`; NaN where the order does not follow from projected stock.
    """
    names = ["order_qty", "expected_arrival_stock_qty", "window_demand_qty", "no_stock_out_rate"]
    out = pd.DataFrame(np.nan, index=range(len(policy)), columns=pd.Index(names))
    mean, sd = _by_bucket(policy, supply.forecasts, cut_off_date)
    is_lost = (texts(policy, "unmet_demand_code") == LOST_SALE) & (texts(policy, "policy_status_code") == "current")
    # Cards, zones and a single order for a season have a trigger of their own.
    own = ("make_to_order", "do_not_stock", "kanban", "ddmrp", "newsvendor")
    is_lost &= ~texts(policy, "policy_family").isin(own)
    rows = np.flatnonzero(is_lost.to_numpy() & np.isfinite(mean).any(axis=1))
    if not len(rows):
        return out
    wait = np.broadcast_to(np.asarray(wait_days, dtype=float), len(policy))[rows]
    policy, stock, item = (frame.iloc[rows].reset_index(drop=True) for frame in (policy, stock, item))
    due, due_qty = _arrivals(policy, stock, supply, cut_off_date)
    found = lost_sale_orders(
        _case(policy, stock, wait, (_filled(mean[rows]), _filled(sd[rows])), (due, due_qty), supply.bucket_days),
        _terms(policy, item),
        bucket_weeks=supply.bucket_days / 7,
        path_count=settings.order_path_count,
        seed=settings.order_path_seed,
    )
    out.loc[rows, names] = np.column_stack(
        [found.order_qty, found.arrival_stock_qty, found.window_demand_qty, _chance(policy)]
    )
    return out


def _case(
    policy: pd.DataFrame,
    stock: pd.DataFrame,
    wait_days: np.ndarray,
    by_bucket: tuple[np.ndarray, np.ndarray],
    arrivals: tuple[np.ndarray, np.ndarray],
    bucket_days: float,
) -> ProjectionCase:
    is_whole = policy["method_code"].isin(DISCRETE).to_numpy()
    total, total_sd = numbers(policy, "lead_time_demand_qty"), numbers(policy, "lead_time_demand_sd_qty")
    # As wide as quantiles are taken at: see docs/decisions/0081.
    widest = np.maximum(widest_variation(_chance(policy)) * total, np.sqrt(OVERDISPERSION_MIN * total * is_whole))
    return ProjectionCase(
        seed_key=(texts(policy, "item_id") + "\0" + texts(policy, "location_id")).to_numpy(dtype=object),
        on_hand_qty=np.nan_to_num(numbers(stock, "on_hand_qty")) - np.nan_to_num(numbers(stock, "allocated_qty")),
        arrival=(wait_days + numbers(policy, "lead_time_days")) / bucket_days,
        end=(wait_days + numbers(policy, "protection_interval_days")) / bucket_days,
        bucket_mean_qty=by_bucket[0],
        bucket_sd_qty=by_bucket[1],
        interval_sd_qty=np.minimum(total_sd, widest),
        is_whole=is_whole,
        due=arrivals[0],
        due_qty=arrivals[1],
    )


def _chance(policy: pd.DataFrame) -> np.ndarray:
    """Chance that nothing is lost: the critical ratio, else what the policy's level gives for its own target."""
    is_economic = (texts(policy, "service_measure") == ECONOMIC).to_numpy()
    return np.where(is_economic, numbers(policy, "service_target"), numbers(policy, "expected_cycle_service_rate"))


def _terms(policy: pd.DataFrame, item: pd.DataFrame) -> OrderTerms:
    is_economic = (texts(policy, "service_measure") == ECONOMIC).to_numpy()
    is_periodic = (texts(policy, "policy_family") == "R_S").to_numpy()
    weekly = numbers(policy, "annual_demand_qty") * 7 / 365.25
    lot = np.where(is_periodic, 0.0, numbers(policy, "order_qty"))
    review_weeks = numbers(policy, "review_period_days") / 7
    cover = np.divide(lot, weekly, out=np.zeros_like(lot), where=weekly > 0)
    return OrderTerms(
        holding_cost=np.where(is_economic, numbers(policy, "holding_cost_per_unit_week_amount"), 0.0),
        shortage_cost=np.where(is_economic, numbers(policy, "shortage_cost_per_unit_amount"), 1.0),
        no_stock_out_rate=_chance(policy),
        cover_weeks=np.maximum(review_weeks, cover),
        weekly_demand_qty=weekly,
        lot_qty=lot,
        minimum=numbers(item, "moq_qty"),
        multiple=numbers(item, "order_multiple_qty"),
        inflation=numbers(policy, "order_inflation_ratio"),
    )


def _by_bucket(policy: pd.DataFrame, forecasts: pd.DataFrame, cut_off_date: dt.date) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each bucket from the one that holds the cut-off, (n, F) each, NaN where none."""
    horizon = numbers(forecasts, "horizon_bucket")
    begun = horizon[days(forecasts, "bucket_start_date") <= np.datetime64(cut_off_date, "D")]
    ahead = (horizon - (begun.max() if len(begun) else 1)).astype(np.int64)
    row = pd.MultiIndex.from_frame(policy[KEY]).get_indexer(pd.MultiIndex.from_frame(forecasts[KEY]))
    held = (row >= 0) & (ahead >= 0)
    mean = np.full((len(policy), max(int(ahead.max(initial=0)) + 1, 1)), np.nan)
    sd = mean.copy()
    mean[row[held], ahead[held]] = numbers(forecasts, "mean_qty")[held]
    sd[row[held], ahead[held]] = numbers(forecasts, "sd_qty")[held]
    return mean, sd


def _filled(by_bucket: np.ndarray) -> np.ndarray:
    """The last known bucket goes on where a series is forecast for fewer."""
    return pd.DataFrame(by_bucket).ffill(axis=1).fillna(0.0).to_numpy(dtype=float)


def _arrivals(
    policy: pd.DataFrame, stock: pd.DataFrame, supply: Supply, cut_off_date: dt.date
) -> tuple[np.ndarray, np.ndarray]:
    """When what is under way arrives, buckets from the cut-off (NaN where nothing is), and how much of it in good.

    Both (n, A).
    """
    lines, bucket_days = supply.open_lines, supply.bucket_days
    row = pd.MultiIndex.from_frame(policy[KEY]).get_indexer(pd.MultiIndex.from_frame(lines[KEY]))
    lines, row = lines.loc[row >= 0], row[row >= 0]
    today = np.datetime64(cut_off_date, "D")
    lead_days = numbers(policy, "lead_time_days")
    placed = (days(lines, "order_date") - today).astype(float) + lead_days[row]
    promised = days(lines, "due_date")
    wait = np.where(np.isnat(promised), placed, (promised - today).astype(float))
    review_days = numbers(policy, "review_period_days")
    steps = np.maximum(np.floor(lead_days / review_days + 1e-9), 1).astype(np.int64)
    transit_qty = np.nan_to_num(numbers(stock, "in_transit_qty"))
    sent = np.repeat(np.arange(len(policy)), np.where(transit_qty > 0, steps, 0))
    back = pd.Series(sent).groupby(sent).cumcount().to_numpy() + 1
    table = pd.DataFrame(
        {
            "row": np.concatenate([row, sent]),
            "due": np.maximum(np.concatenate([wait, lead_days[sent] - back * review_days[sent]]), 0.0) / bucket_days,
            "qty": np.concatenate([numbers(lines, "open_qty"), transit_qty[sent] / steps[sent]]),
        }
    )
    table = table.groupby(["row", "due"], as_index=False)["qty"].sum()
    table["qty"] /= numbers(policy, "order_inflation_ratio")[table["row"].to_numpy()]
    place = table.groupby("row").cumcount().to_numpy()
    due = np.full((len(policy), int(place.max(initial=-1)) + 1), np.nan)
    quantity = np.zeros_like(due)
    due[table["row"].to_numpy(), place], quantity[table["row"].to_numpy(), place] = table["due"], table["qty"]
    return due, quantity
