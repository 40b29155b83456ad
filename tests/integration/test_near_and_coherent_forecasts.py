"""The planned tiny company: levels that agree, and an order book that is that of the extract."""

import pandas as pd

_PARTS = """
    select forecast.period_start_date, forecast.bucket_start_date, forecast.node_id as item,
        coalesce(item.family, 'NONE') as family, coalesce(location.region, 'NONE') as region, 'ALL' as total,
        forecast.reconciled_qty, forecast.final_qty
    from marts.fct_hierarchy_forecast as forecast
    left join marts.dim_item as item on forecast.node_id = item.item_id
    left join marts.dim_location as location on forecast.node_location_id = location.location_id
    where forecast.level_code = 'item_location'
"""


def test_every_published_level_is_the_sum_of_its_item_locations(planned):
    for level in ("item", "family", "region", "total"):
        ((nodes, parts, widest),) = planned.marts(f"""
            with sums as (
                select period_start_date, bucket_start_date, {level} as node_id, sum(reconciled_qty) as qty,
                    sum(final_qty) as final_qty
                from ({_PARTS}) group by all
            )
            select count(level.node_id), count(sums.node_id),
                greatest(max(abs(level.reconciled_qty - sums.qty)), max(abs(level.final_qty - sums.final_qty)))
            from (select * from marts.fct_hierarchy_forecast where level_code = '{level}') as level
            full join sums using (period_start_date, bucket_start_date, node_id)
        """)
        assert nodes == parts > 0, level
        assert widest < 1e-6, level


def test_levels_are_made_of_what_is_published_and_planned_with(planned):
    """Of launches, promotions and overrides too."""
    ((rows, forecast, final),) = planned.marts("""
        select count(*), max(abs(level.base_qty - forecast.mean_qty)), max(abs(level.final_qty - decided.final_qty))
        from marts.fct_hierarchy_forecast as level
        inner join marts.fct_forecast as forecast
            on level.period_start_date = forecast.period_start_date and level.node_id = forecast.item_id
            and level.node_location_id = forecast.location_id and level.bucket_start_date = forecast.bucket_start_date
        inner join marts.fct_final_forecast as decided
            on level.period_start_date = decided.period_start_date and level.node_id = decided.item_id
            and level.node_location_id = decided.location_id and level.bucket_start_date = decided.bucket_start_date
        where level.level_code = 'item_location'
    """)
    ((expected, launched, lifted, decided),) = planned.marts("""
        select count(*) filter (where horizon_bucket <= 13), count(*) filter (where model_code = 'analog_launch'),
            count(*) filter (where uplift_qty <> 0),
            (select count(*) from marts.fct_final_forecast where step_code <> 'statistical')
        from marts.fct_forecast
    """)
    assert rows == expected
    assert forecast < 1e-9
    assert final < 1e-9
    assert min(launched, lifted, decided) > 0


def test_every_segment_follows_one_method(planned):
    rows = planned.marts("""
        select period_start_date, segment_code, count(*) filter (where is_chosen), count(distinct reason_code)
        from marts.fct_hierarchy_choice where level_code = 'item_location' group by all
    """)
    assert rows
    assert {(chosen, reasons) for _, _, chosen, reasons in rows} == {(1, 1)}


def test_the_order_book_is_that_of_the_extract(planned):
    """Lines placed before the cut-off and wanted from the first forecast bucket on, straight from the file."""
    lines = pd.read_csv(planned.home / "sample" / "tiny" / "extract" / "demand.csv", dtype=str)
    dates = {
        name: pd.to_datetime(lines[name], errors="coerce", format="%Y-%m-%d")
        for name in ("demand_date", "requested_date", "shipped_date")
    }
    qty = pd.to_numeric(lines["demand_qty"], errors="coerce")
    cut_off = pd.Timestamp("2026-01-01")
    ((first,),) = planned.marts(
        "select min(bucket_start_date) from marts.fct_short_term_forecast where period_start_date = date '2025-12-01'"
    )
    held = (dates["demand_date"] < cut_off) & (dates["requested_date"] >= pd.Timestamp(first)) & (qty > 0)
    is_open = held & ~(dates["shipped_date"] < cut_off)
    ((planned_ids,),) = planned.marts(
        "select list(distinct item_id || '/' || location_id) from marts.fct_short_term_forecast "
        "where period_start_date = date '2025-12-01'"
    )
    known = (lines["item_id"] + "/" + lines["location_id"]).isin(planned_ids)
    ((booked, still_open, consumed, worst),) = planned.marts("""
        select sum(order_qty), sum(open_order_qty), sum(consumed_qty),
            max(abs(net_qty + consumed_qty - sensed_qty))
        from marts.fct_short_term_forecast where period_start_date = date '2025-12-01'
    """)
    assert booked == qty[held & known].sum()
    assert still_open == qty[is_open & known].sum()
    assert 0 < consumed <= booked
    assert worst < 1e-9
