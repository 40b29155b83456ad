"""Suppliers of the sample company: contract terms and the lead times that they really keep."""

import numpy as np
import pandas as pd

from stockstrata.sample.sizes import Scale

JUMPER = 1
_JUMPER_BEFORE = (20.0, 3.0)
_JUMPER_AFTER = (45.0, 6.0)
_ORDER_DAYS = ("", "Mon,Thu", "Mon", "Tue,Fri")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plan_suppliers(scale: Scale, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the suppliers; the second one is the supplier whose lead time jumps at `scale.jump_date`.

    Args:
        scale: extent of the company.
        rng: source of randomness.

    Returns:
        One row a supplier: `supplier_id, name, contract_days, order_days, min_order_amount, payment_terms_days, mode,
        distribution` (gamma or lognormal), `mean_before, sd_before, mean_after, sd_after` (calendar days),
        `partial_rate, reject_rate`.
    """
    n = scale.supplier_count
    mean = np.round(rng.uniform(6, 35, n), 1)
    sd = np.round(mean * rng.uniform(0.12, 0.4, n), 1)
    mean[JUMPER], sd[JUMPER] = _JUMPER_BEFORE
    after_mean, after_sd = mean.copy(), sd.copy()
    after_mean[JUMPER], after_sd[JUMPER] = _JUMPER_AFTER
    contract = np.round(mean * rng.choice([0.85, 0.95, 1.0], n))
    contract[JUMPER] = _JUMPER_BEFORE[0]
    return pd.DataFrame(
        {
            "supplier_id": [f"SUP-{k:03d}" for k in range(1, n + 1)],
            "name": [f"Supplier {k}" for k in range(1, n + 1)],
            "contract_days": contract,
            "order_days": np.array(_ORDER_DAYS, dtype=object)[np.arange(n) % len(_ORDER_DAYS)],
            "min_order_amount": rng.choice([0, 100, 250], n),
            "payment_terms_days": rng.choice([14, 30, 60], n),
            "mode": np.where(mean > 25, "sea", np.where(mean < 9, "air", "road")),
            "distribution": np.where(np.arange(n) % 2 == 0, "gamma", "lognormal"),
            "mean_before": mean,
            "sd_before": sd,
            "mean_after": after_mean,
            "sd_after": after_sd,
            "partial_rate": np.round(rng.uniform(0.05, 0.18, n), 3),
            "reject_rate": np.round(rng.uniform(0.005, 0.04, n), 3),
        }
    )


def takes_orders(suppliers: pd.DataFrame) -> np.ndarray:
    """Weekdays on which each supplier takes orders, (suppliers, 7) from Monday; none stated: Monday to Friday."""
    stated = [[day in text.split(",") for day in WEEKDAYS] for text in suppliers["order_days"]]
    working = np.arange(7) < 5
    return np.where(suppliers["order_days"].eq("").to_numpy()[:, None], working, np.array(stated))


def draw_lead_times(
    suppliers: pd.DataFrame, supplier: np.ndarray, *, has_jumped: bool, rng: np.random.Generator
) -> np.ndarray:
    """Draw one lead time an order.

    Args:
        suppliers: frame of `plan_suppliers`.
        supplier: position of the supplier of each order.
        has_jumped: whether the orders are placed on or after the jump date.
        rng: source of randomness.

    Returns:
        Whole calendar days, at least 1.
    """
    suffix = "after" if has_jumped else "before"
    mean = suppliers[f"mean_{suffix}"].to_numpy()[supplier]
    ratio2 = (suppliers[f"sd_{suffix}"].to_numpy()[supplier] / mean) ** 2
    sigma2 = np.log1p(ratio2)
    heavy = mean * rng.lognormal(-sigma2 / 2, np.sqrt(sigma2))
    light = mean * rng.gamma(1 / ratio2, ratio2)
    is_gamma = suppliers["distribution"].eq("gamma").to_numpy()[supplier]
    return np.maximum(np.rint(np.where(is_gamma, light, heavy)), 1).astype(np.int64)
