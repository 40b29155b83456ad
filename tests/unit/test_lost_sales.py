"""Lost sales: the bias that stock-outs leave in sales is taken back, and nothing is added where stock never ran out."""

from dataclasses import dataclass

import numpy as np
import pytest

from stockstrata.history.lost_sales import Availability, lost_sales

WEEKS, DAYS = 156, 7


@dataclass
class Simulated:
    """What a shop knows after serving known demand from stock, by week."""

    demand_qty: np.ndarray
    sales_qty: np.ndarray
    in_stock_rate: np.ndarray
    run_outs: np.ndarray
    is_short: np.ndarray


def simulate(demand: np.ndarray, *, cover_steps: float, lead_steps: int, review_steps: int, steps: int) -> Simulated:
    """Order up to a level at each review, sell from stock, lose the rest; `steps` steps are a week."""
    count, length = demand.shape
    level = np.rint(demand.mean(axis=1) * cover_steps)
    stock, pipeline = level.copy(), np.zeros((count, length + lead_steps + 1))
    sales, opening, closing = (np.zeros(demand.shape) for _ in range(3))
    for step in range(length):
        stock = stock + pipeline[:, step]
        opening[:, step] = stock
        sales[:, step] = np.minimum(demand[:, step], stock)
        stock = stock - sales[:, step]
        closing[:, step] = stock
        if step % review_steps == 0:
            pipeline[:, step + lead_steps] += np.maximum(level - stock - pipeline[:, step + 1 :].sum(axis=1), 0)
    by_week = (count, length // steps, steps)
    rate = ((opening > 0).astype(float) + (closing > 0)) / 2
    ran_out = (opening > 0) & (closing <= 0)
    return Simulated(
        demand.reshape(by_week).sum(axis=2),
        sales.reshape(by_week).sum(axis=2),
        rate.reshape(by_week).mean(axis=2),
        ran_out.reshape(by_week).sum(axis=2),
        closing.reshape(by_week)[:, :, -1] <= 0,
    )


def estimate(sales, rate, is_dry, run_outs=0, *, factor=None, span=8.0, gap=26.0):
    sales = np.atleast_2d(np.asarray(sales, dtype=float))
    available = Availability(
        np.broadcast_to(np.asarray(rate, dtype=float), sales.shape),
        np.broadcast_to(np.asarray(is_dry, dtype=bool), sales.shape),
        np.broadcast_to(np.asarray(run_outs, dtype=float), sales.shape),
        np.full(sales.shape, "stock", dtype=object),
    )
    return lost_sales(
        sales, sales, np.ones(sales.shape), available,
        factor=np.ones(sales.shape) if factor is None else factor,
        span_buckets=span, least_buckets=4, most_gap_buckets=gap,
    )  # fmt: skip


def demand_of(kind: str, rng: np.random.Generator) -> np.ndarray:
    shape = (60, WEEKS * DAYS)
    if kind == "poisson":
        return rng.poisson(rng.uniform(1, 8, (60, 1)), shape).astype(float)
    if kind == "erratic":
        return rng.negative_binomial(0.6, 0.6 / (0.6 + rng.uniform(1, 8, (60, 1))), shape).astype(float)
    if kind == "trend":
        return rng.poisson(np.linspace(2, 5, WEEKS * DAYS) * np.ones(shape)).astype(float)
    return (rng.random(shape) < 0.06) * rng.integers(1, 6, shape).astype(float)


COVERS = (12, 12.5, 13, 14, 15, 16, 17, 18, 20, 22, 24, 26, 28, 30, 34, 38, 46, 60)
KINDS = ("poisson", "erratic", "trend", "intermittent")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("knows", ["every_day", "end_of_week"])
def test_bias_falls_below_a_third_at_85_percent_availability(kind, knows):
    daily = demand_of(kind, np.random.default_rng(7))
    found = []
    if knows == "every_day":
        runs = [simulate(daily, cover_steps=c, lead_steps=10, review_steps=7, steps=7) for c in COVERS]
        sold = min(runs, key=lambda run: abs(run.in_stock_rate.mean() - 0.85))
        share = sold.in_stock_rate.mean()
        found = estimate(sold.sales_qty, sold.in_stock_rate, False, sold.run_outs)
    else:
        # A weekly panel only says that the shelf was empty in the end.
        weekly = daily.reshape(60, WEEKS, DAYS).sum(axis=2)
        runs = [simulate(weekly, cover_steps=c / 7, lead_steps=2, review_steps=1, steps=1) for c in COVERS]
        sold = min(runs, key=lambda run: abs(1 - run.is_short.mean() - 0.85))
        share = 1 - sold.is_short.mean()
        rate = np.where(sold.is_short, np.where(sold.sales_qty > 0, 0.5, 0.0), 1.0)
        found = estimate(sold.sales_qty, rate, sold.is_short & (sold.sales_qty > 0))
    print(kind, knows, "availability", round(share, 3))
    raw = sold.sales_qty.mean() - sold.demand_qty.mean()
    corrected = (sold.sales_qty + found.lost_qty).mean() - sold.demand_qty.mean()
    print("raw", raw / sold.demand_qty.mean(), "corrected", corrected / sold.demand_qty.mean())
    assert raw < 0
    assert abs(corrected) < abs(raw) / 3
