"""Extract tables of master data: items, suppliers, promotions, prices, network and ERP parameters."""

import numpy as np
import pandas as pd

from stockstrata.sample.plan import Plan

_LISTED_AHEAD_DAYS = 60


def _ns(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[ns]")


def item_frame(plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Items as the company wrote them down: some launches and phase-outs have no date, some costs are unknown."""
    items = plan.items
    n = len(items)
    ids = np.append(items["item_id"].to_numpy(dtype=object), np.array([None], dtype=object))
    critical = rng.choice(np.array(["vital", "essential", "desirable"], dtype=object), n, p=[0.1, 0.4, 0.5])
    override = np.full(n, None, dtype=object)
    override[np.flatnonzero(items["role"] == "steady")[-1]] = "A"
    shelf_life = np.where(items["category"] == "Lubricants", 720.0, np.nan)
    return pd.DataFrame(
        {
            "item_id": items["item_id"],
            "name": items["family"] + " " + items["item_id"].str[-5:],
            "category": items["category"],
            "family": items["family"],
            "uom": items["uom"],
            "unit_cost": items["cost"].mask(items["role"] == "no_cost"),
            "unit_price": items["price"],
            "holding_cost_per_unit_year": np.nan,
            "launch_date": items["launch_date"],
            "phase_out_date": items["phase_out_date"],
            "successor_item_id": ids[items["successor"]],
            "shelf_life_days": shelf_life,
            "criticality": critical,
            "line_down_cost": np.where(critical == "vital", np.round(rng.uniform(200, 5000, n), -1), np.nan),
            "substitutable": rng.random(n) < 0.2,
            "abc_override": override,
        }
    )


def supplier_frame(plan: Plan) -> pd.DataFrame:
    """Suppliers with contract terms; the contract says nothing about variation, nor about the jump."""
    suppliers = plan.suppliers
    return pd.DataFrame(
        {
            "supplier_id": suppliers["supplier_id"],
            "name": suppliers["name"],
            "lead_time_days": suppliers["contract_days"].astype(int),
            "lead_time_sd_days": np.nan,
            "min_order_amount": suppliers["min_order_amount"],
            "order_days": suppliers["order_days"].replace("", None),
            "payment_terms_days": suppliers["payment_terms_days"],
        }
    )


def item_supplier_frame(plan: Plan) -> pd.DataFrame:
    """Terms of each item with its first and, for some, its second supplier; they hold for every location."""
    items = plan.items
    dual = items[items["second_supplier"] >= 0]
    rows = pd.concat([items.assign(chosen=items["supplier"]), dual.assign(chosen=dual["second_supplier"], share=0.3)])
    rows = rows.sort_values(["item_id", "share"], ascending=[True, False], ignore_index=True)
    supplier = plan.suppliers.iloc[rows["chosen"]].reset_index(drop=True)
    break_qty = (10 * rows["moq"]).astype(str)
    break_price = np.round(0.95 * rows["cost"], 2).astype(str)
    is_unknown = rows["role"] == "no_cost"
    breaks = "1:" + rows["cost"].astype(str) + ";" + break_qty + ":" + break_price
    return pd.DataFrame(
        {
            "item_id": rows["item_id"],
            "supplier_id": supplier["supplier_id"],
            "location_id": pd.Series([None] * len(rows), dtype=object),
            "lead_time_days": supplier["contract_days"].astype(int),
            "lead_time_sd_days": np.nan,
            "moq": rows["moq"],
            "order_multiple": rows["multiple"],
            "price_breaks": breaks.where((rows["moq"] >= 10) & ~is_unknown, None),
            "unit_cost": rows["cost"].mask(is_unknown),
            "order_cost": np.where(supplier["mode"] == "sea", 60, 25),
            "order_days": supplier["order_days"].replace("", None),
            "payment_terms_days": supplier["payment_terms_days"],
            "share": rows["share"],
        }
    )


def promotion_frame(plan: Plan) -> pd.DataFrame:
    """Promotions with the uplift that the company expected, past ones and the next."""
    promotions = plan.promotions
    item = promotions["item"].to_numpy()
    locations = np.append(plan.locations["location_id"].to_numpy(dtype=object), np.array([None], dtype=object))
    version = np.searchsorted(plan.price_dates, promotions["start_date"].to_numpy(), side="right") - 1
    return pd.DataFrame(
        {
            "promotion_id": promotions["promotion_id"],
            "item_id": plan.items["item_id"].to_numpy(dtype=object)[item],
            "location_id": locations[promotions["location"]],
            "start_date": promotions["start_date"],
            "end_date": promotions["end_date"],
            "expected_uplift_rate": promotions["expected_uplift"],
            "price": np.round(plan.prices[version, item] * (1 - promotions["discount"]), 2),
        }
    )


def price_frame(plan: Plan) -> pd.DataFrame:
    """List prices: one row an item and year, for every location."""
    years, count = plan.prices.shape
    return pd.DataFrame(
        {
            "item_id": np.repeat(plan.items["item_id"].to_numpy(dtype=object), years),
            "location_id": pd.Series([None] * (years * count), dtype=object),
            "price_date": _ns(np.tile(plan.price_dates, count)),
            "price": plan.prices.T.ravel(),
        }
    )


def erp_frame(plan: Plan) -> pd.DataFrame:
    """ERP policy values: one version from two months before launch, later ones where the company revised them."""
    policy = plan.policy
    starts = policy.valid_from_dates[:, None]
    listed = plan.items["start_date"].to_numpy().astype("datetime64[D]")[plan.series["item"]] - _LISTED_AHEAD_DAYS
    listed = np.fmax(listed, plan.scale.first_date)
    held = starts > listed
    held &= policy.is_revised
    held[np.maximum((starts <= listed).sum(axis=0) - 1, 0), np.arange(len(listed))] = True
    row, version = np.nonzero(held.T)
    return pd.DataFrame(
        {
            **plan.ids(row),
            "valid_from_date": _ns(np.maximum(policy.valid_from_dates[version], listed[row])),
            "safety_stock_qty": policy.safety_stock_qty[version, row].astype(np.int64),
            "reorder_point_qty": policy.reorder_point_qty[version, row].astype(np.int64),
            "order_qty": policy.order_qty[version, row].astype(np.int64),
            "order_up_to_qty": policy.order_up_to_qty[version, row].astype(np.int64),
            "lead_time_days": policy.lead_time_days[row].astype(np.int64),
        }
    )


def lane_frame(plan: Plan) -> pd.DataFrame:
    """Transport lanes from the first location to the others."""
    others = plan.locations["location_id"].to_numpy(dtype=object)[1:]
    n = len(others)
    return pd.DataFrame(
        {
            "from_location_id": np.full(n, "LOC-01", dtype=object),
            "to_location_id": others,
            "mode": np.full(n, "road", dtype=object),
            "lead_time_days": [2, 4][:n],
            "lead_time_sd_days": np.zeros(n),
            "cost_per_unit": [0.15, 0.22][:n],
            "capacity": [5000, 4000][:n],
        }
    )


def bom_frame(plan: Plan) -> pd.DataFrame:
    """A small bill of material: up to six steady items are kits of three others."""
    steady = plan.items.loc[plan.items["role"] == "steady", "item_id"].to_numpy(dtype=object)
    kits = min(6, len(steady) // 6)
    return pd.DataFrame(
        {
            "parent_item_id": np.repeat(steady[:kits], 3),
            "component_item_id": steady[kits : 4 * kits],
            "qty_per": np.tile([1, 2, 4], kits),
            "valid_from_date": _ns(np.full(3 * kits, plan.scale.first_date)),
        }
    )


def capacity_frame(plan: Plan) -> pd.DataFrame:
    """Packing capacity of the first location, hours a month, of the history and one quarter ahead."""
    first = plan.scale.first_date.astype("datetime64[M]")
    last = plan.scale.last_date.astype("datetime64[M]") + 3
    months = np.arange(first, last + 1)
    return pd.DataFrame(
        {
            "resource_id": np.full(len(months), "PACK-01", dtype=object),
            "period_start_date": _ns(months),
            "capacity_qty": np.where(np.arange(len(months)) % 12 == 7, 480, 640),
            "uom": np.full(len(months), "hour", dtype=object),
        }
    )
