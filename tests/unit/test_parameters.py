import datetime as dt

import pandas as pd
import pytest
from pydantic import ValidationError

from stockstrata.errors import ParameterError
from stockstrata.parameters import PARAMETER_TABLES, planning_parameters

AS_OF = dt.date(2025, 1, 1)


def read(tables, as_of=AS_OF):
    return planning_parameters(tables, as_of=as_of, version="v1")


def later(frame, row, **changes):
    """The frame with a copy of one of its rows added, changed."""
    return pd.concat([frame, frame.iloc[[row]].assign(**changes)], ignore_index=True)


def test_the_shipped_parameters_are_valid_and_approved(parameter_tables):
    found = read(parameter_tables)
    assert found.version == "v1"
    assert found.settings.abc_cut_a_rate == 0.8
    for name in set(PARAMETER_TABLES) - {"planning_settings", "new_product_settings"}:
        assert all(row.approved_by and row.reason for row in getattr(found, name))


def test_every_segment_has_one_complete_strategy_and_a_pool(parameter_tables):
    found = read(parameter_tables)
    strategies = [row.segment_code for row in found.segment_strategies]
    assert len(strategies) == len(set(strategies))
    assert {rule.segment_code for rule in found.segment_rules} == set(strategies)
    assert {row.forecast_pool for row in found.segment_strategies} <= {row.pool_code for row in found.forecast_settings}


def test_a_row_holds_from_its_date_until_the_next(parameter_tables):
    rates = parameter_tables["cost_rates"]
    parameter_tables["cost_rates"] = later(rates, 0, order_cost_amount="40", valid_from_date="2024-07-01")
    costs = {day: read(parameter_tables, day).cost_rates[0].order_cost_amount for day in (
        dt.date(2024, 6, 30), dt.date(2024, 7, 1), dt.date(2026, 1, 1),
    )}  # fmt: skip
    assert list(costs.values()) == [25, 40, 40]


def test_row_order_does_not_decide_which_row_holds(parameter_tables):
    rates = parameter_tables["cost_rates"]
    both = later(rates, 0, order_cost_amount="40", valid_from_date="2024-07-01")
    parameter_tables["cost_rates"] = both.iloc[::-1]
    assert read(parameter_tables).cost_rates[0].order_cost_amount == 40


def test_parameters_are_frozen(parameter_tables):
    found = read(parameter_tables)
    with pytest.raises(ValidationError):
        found.settings.abc_cut_a_rate = 0.5


def broken(tables, name, row, column, value):
    tables[name].loc[row, column] = value
    return tables


@pytest.mark.parametrize(
    ("name", "column", "value", "named"),
    [
        ("service_targets", "service_measure", "service_level", r"line 2, column service_measure.*'service_level'"),
        ("service_targets", "service_measure", "", "line 2, column service_measure"),
        ("service_targets", "service_target", "98", "line 2, column service_target"),
        ("segment_strategies", "policy_family", "two_bin", "line 2, column policy_family"),
        ("segment_strategies", "forecast_pool", "deep", "pool deep is not in both"),
        ("segment_rules", "abc_code", "D", "line 2, column abc_code"),
        ("segment_rules", "segment_code", "QQ", "segment QQ has no row"),
        ("cost_rates", "holding_cost_rate", "-1", "line 2, column holding_cost_rate"),
        ("cost_rates", "scope", "item", "no row with scope default"),
        ("lead_time_assumptions", "lead_time_days", "soon", "line 2, column lead_time_days.*'soon'"),
        ("kpi_targets", "approved_by", "", "line 2, column approved_by"),
        ("forecast_settings", "valid_from_date", "first of May", "line 2, column valid_from_date"),
        ("planning_settings", "setting_value", "sales", "setting value_metric.*'sales'"),
    ],
)
def test_a_wrong_value_is_named_with_file_line_and_column(parameter_tables, name, column, value, named):
    with pytest.raises(ParameterError, match=named) as caught:
        read(broken(parameter_tables, name, 0, column, value))
    assert f"{name}.csv" in str(caught.value)


def test_an_undefined_service_measure_is_refused(parameter_tables):
    """SS-01: "service level" alone says nothing."""
    with pytest.raises(ParameterError, match="cycle_service_level"):
        read(broken(parameter_tables, "service_targets", 3, "service_measure", "service level"))


def test_unknown_columns_and_settings_are_refused(parameter_tables):
    odd = dict(parameter_tables, cost_rates=parameter_tables["cost_rates"].assign(colour="red"))
    with pytest.raises(ParameterError, match="column colour"):
        read(odd)
    table = later(parameter_tables["planning_settings"], 0, setting_code="abc_cut_z_rate")
    with pytest.raises(ParameterError, match="abc_cut_z_rate"):
        read(dict(parameter_tables, planning_settings=table))


def test_a_missing_setting_table_or_row_in_force_is_named(parameter_tables):
    table = parameter_tables["planning_settings"]
    with pytest.raises(ParameterError, match="xyz_cut_x"):
        read(dict(parameter_tables, planning_settings=table[table.setting_code != "xyz_cut_x"]))
    with pytest.raises(ParameterError, match=r"kpi_targets\.csv is missing"):
        read({name: frame for name, frame in parameter_tables.items() if name != "kpi_targets"})
    future = parameter_tables["kpi_targets"].assign(valid_from_date="2030-01-01")
    with pytest.raises(ParameterError, match="no row in force on 2025-01-01"):
        read(dict(parameter_tables, kpi_targets=future))


def test_the_same_row_twice_from_one_day_is_refused(parameter_tables):
    rules = parameter_tables["segment_rules"]
    with pytest.raises(ParameterError, match=rf"line {len(rules) + 2}: .*R010.* is there twice"):
        read(dict(parameter_tables, segment_rules=later(rules, 0)))


def test_cuts_out_of_order_are_refused(parameter_tables):
    table = parameter_tables["planning_settings"]
    table.loc[table.setting_code == "abc_cut_b_rate", "setting_value"] = "0.7"
    with pytest.raises(ParameterError, match="abc_cut_a_rate must be below"):
        read(parameter_tables)


def test_a_pinball_loss_needs_a_figure_of_its_segment(make_parameters):
    strategy = {
        "segment_code": "A-INT", "segment_name": "n", "fulfilment_code": "make_to_stock",
        "forecast_pool": "intermittent", "policy_family": "s_S", "review_period_days": 7,
        "count_frequency_per_year": 1, "owner": "o", "bucket_type": "day", "selection_loss": "pinball",
    }  # fmt: skip
    found = make_parameters({"segment_strategies": [strategy]})
    assert found.selection_loss("A-INT") == ("pinball", 0.97)
    assert found.selection_loss("AX") == ("rmse", 0.0)
    economic = {"segment_code": "A-INT", "item_id": "", "service_measure": "economic"}
    costs = {
        "scope": "default", "code": "*", "order_cost_amount": 1, "holding_cost_rate": 0.2, "cost_to_price_rate": 0.5,
        "default_unit_cost_amount": 1, "shortage_cost_per_unit": 5,
    }  # fmt: skip
    with pytest.raises(ParameterError, match="segment A-INT: champions are to be chosen by pinball, but"):
        make_parameters({"segment_strategies": [strategy], "service_targets": [economic], "cost_rates": [costs]})


def test_overrides_of_the_gate_are_none_as_shipped_and_need_an_approver_and_an_end(make_parameters):
    assert make_parameters().gate_overrides == ()
    row = {"segment_code": "AX", "expires_date": "2024-12-31"}
    assert [found.approved_by for found in make_parameters({"gate_overrides": [row]}).gate_overrides] == ["t"]
    with pytest.raises(ParameterError, match=r"gate_overrides\.csv, line 2: .*expires_date must lie after"):
        make_parameters({"gate_overrides": [row | {"expires_date": "1900-01-02"}]})
    with pytest.raises(ParameterError, match=r"gate_overrides\.csv, line 2, column approved_by"):
        make_parameters({"gate_overrides": [row | {"approved_by": ""}]})
    limit = {"segment_code": "AX", "mode_code": "sometimes"}
    with pytest.raises(ParameterError, match=r"gate_limits\.csv, line 3, column mode_code"):
        make_parameters({"gate_limits": [limit]})
