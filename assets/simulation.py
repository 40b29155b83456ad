"""Tables of the schema `simulation`: replays of policies on what really came, verdicts of the gate, certificates."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from assets.output import Events, Output, asset_key, border_check, code_counts, hand_over, hand_over_all
from assets.planned import last_policies, planned_item_locations
from assets.replay_reads import (
    demand_that_came,
    earlier_periods,
    known_moments,
    plans_in_force,
    realised,
    receipts_that_came,
    rules_in_force,
    stored_cycle,
)
from orchestration.automation import OWNERS, WRITER_POOL
from orchestration.partitions import CYCLE_BEFORE, PERIODS, SETTINGS, cut_off, period_of
from orchestration.resources.code import RUNNING_CODE_HASH
from orchestration.resources.parameters import ParameterStore
from orchestration.resources.warehouse import Warehouse
from stockstrata.gate.grid import cut_offs_before_cycles, past_cut_offs, replay_grid
from stockstrata.gate.moments import KEY
from stockstrata.gate.replanning import COLUMNS, replanned_cycle, replanned_from_moments
from stockstrata.gate.seals import certificates
from stockstrata.parameters import PlanningParameters
from stockstrata.service_targets import PERIOD_DAYS
from stockstrata.tables import (
    CANDIDATE_POLICY,
    CERTIFICATE,
    DEMAND_ADJUSTMENT,
    LEAD_TIME,
    LEAD_TIME_DEMAND,
    REPLAY_ITEM_LOCATION,
    REPLAY_SEGMENT,
    REPLAYED_POLICY,
    SEGMENT_ASSIGNMENT,
    STOCK_POLICY,
    Table,
)

_READ = [
    asset_key(CANDIDATE_POLICY),
    asset_key(DEMAND_ADJUSTMENT),
    *(
        dg.AssetKey(["intermediate", name])
        for name in ("int_item_locations__planned", "int_demand__bucketed", "int_receipts__lead_times")
    ),
    *(
        dg.AssetKey(["staging", name])
        for name in ("stg_demand", "stg_stock", "stg_purchase_orders", "stg_stock_movements")
    ),
    *(dg.AssetKey(["parameters", name]) for name in ("gate_limits", "gate_overrides", "planning_settings")),
    *(
        dg.AssetDep(asset_key(table), partition_mapping=CYCLE_BEFORE)
        for table in (SEGMENT_ASSIGNMENT, LEAD_TIME, LEAD_TIME_DEMAND)
    ),
]
# Policies that earlier cycles put in force are read too; the graph cannot tell it, for this cycle's follow from here.
_TABLES = {
    REPLAYED_POLICY: "One row per period, item, location and past cut-off: what today's rules give there.",
    REPLAY_ITEM_LOCATION: "One row per period, item and location: candidate, rules in force, uniform policy and fact.",
    REPLAY_SEGMENT: "One row per period and segment, and for all: what the replay found, and the gate's verdict.",
}
_STEP_MONTHS = 3
"""Months between cut-offs before the first cycle: they are planned on moments alone, so more of them tell no more."""


def _spec(table: Table, description: str, deps: Sequence[dg.AssetKey | dg.AssetDep]) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=deps,
        group_name="simulation",
        owners=OWNERS,
        kinds={"python", "duckdb"},
        code_version="1",
        description=description,
        partitions_def=PERIODS,
    )


@dg.multi_asset(
    # The job that computes a cycle again is called `replay`.
    name="policy_replay",
    specs=[_spec(table, told, _READ) for table, told in _TABLES.items()],
    check_specs=[border_check(table) for table in _TABLES],
    pool=WRITER_POOL,
)
def policy_replay(context: dg.AssetExecutionContext, warehouse: Warehouse, parameter_store: ParameterStore) -> Events:
    """The candidate's rules at past cut-offs, their orders on what really came, and what the gate makes of it."""
    # The compiled simulator takes a moment to load, and only this step needs it.
    from stockstrata.gate.evidence import Plans, gate_evidence, rules_hash
    from stockstrata.gate.replays import UniformRule, WhatCame

    period = period_of(context)
    parameters = parameter_store.in_force(cut_off(period))
    past = _Past(warehouse, period, parameters)
    planned = planned_item_locations(warehouse, period)
    rules = rules_hash(parameters, RUNNING_CODE_HASH)
    in_force = past.in_force(planned)
    candidate = in_force if rules_in_force(warehouse, period) == {rules} else past.replanned(planned)
    first = min((day.date() for day in candidate["cut_off_date"]), default=cut_off(period))
    settings = parameters.settings
    evidence = gate_evidence(
        Plans(
            warehouse.read_period(CANDIDATE_POLICY.name, period),
            planned,
            candidate,
            in_force,
            last_policies(warehouse, period),
        ),
        WhatCame(
            replay_grid(first, cut_off(period), SETTINGS.company.grain),
            demand_that_came(warehouse, first, cut_off(period)),
            receipts_that_came(warehouse, first - dt.timedelta(days=settings.replay_history_days), cut_off(period)),
        ),
        realised(warehouse, period, first, cut_off(period)),
        UniformRule(
            past.moments(planned, sorted({day.date() for day in candidate["cut_off_date"]})),
            past.bucket_days,
            settings.baseline_safety_factor,
            settings.baseline_review_days,
        ),
        parameters=parameters,
        cut_off_date=cut_off(period),
        rules_hash=rules,
    )
    yield from hand_over_all(
        warehouse,
        [
            Output(REPLAYED_POLICY, candidate),
            Output(REPLAY_ITEM_LOCATION, evidence.items),
            Output(REPLAY_SEGMENT, evidence.segments, {"verdicts": code_counts(evidence.segments["verdict_code"])}),
        ],
        period,
    )


@dg.multi_asset(
    specs=[
        _spec(
            CERTIFICATE,
            "One row per period and segment: hash over what is put in force and over what that rests on.",
            [asset_key(STOCK_POLICY), asset_key(REPLAY_SEGMENT)],
        )
    ],
    check_specs=[border_check(CERTIFICATE)],
    pool=WRITER_POOL,
)
def certificate(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Events:
    """What publication holds the marts against."""
    period = period_of(context)
    sealed = certificates(
        warehouse.read_period(STOCK_POLICY.name, period),
        warehouse.read_period(REPLAY_SEGMENT.name, period),
        warehouse.parameters_version,
    )
    yield from hand_over(warehouse, CERTIFICATE, sealed, period)


@dataclass(frozen=True)
class _Past:
    """The past of a cycle: its cut-offs, what was known then, and which rules were in force."""

    warehouse: Warehouse
    period: dt.date
    parameters: PlanningParameters

    @property
    def bucket_days(self) -> float:
        return PERIOD_DAYS[SETTINGS.company.bucket_type]

    def cut_offs(self) -> list[dt.date]:
        """Cut-offs of the window, oldest first."""
        months = self.parameters.settings.replay_months
        return past_cut_offs(cut_off(self.period), SETTINGS.company.period_type, months)

    def cycles(self) -> Mapping[dt.date, dt.date]:
        """First day of the period by cut-off, of all cycles before this one, oldest first."""
        return {cut_off(day): day for day in earlier_periods(self.warehouse, self.period)}

    def in_force(self, planned: pd.DataFrame) -> pd.DataFrame:
        """What the rules in force give at the cut-offs of the window."""
        found = plans_in_force(self.warehouse, self.period, self.cut_offs(), self.cycles())
        return _of_keys(found, planned)

    def replanned(self, planned: pd.DataFrame) -> pd.DataFrame:
        """What the candidate's rules give at the cut-offs of the window."""
        cut_offs, cycles = self.cut_offs(), self.cycles()
        parts = [
            replanned_cycle(stored_cycle(self.warehouse, cycles[day]), day, self.parameters)
            for day in cut_offs
            if day in cycles
        ]
        parts.append(self._before_cycles(cut_offs, next(iter(cycles.values()), self.period)))
        found = _of_keys(pd.concat([part for part in parts if len(part)] or parts, ignore_index=True), planned)
        return found.loc[:, COLUMNS].sort_values([*KEY, "cut_off_date"], ignore_index=True)

    def moments(self, item_locations: pd.DataFrame, cut_offs: Sequence[dt.date]) -> dict[dt.date, pd.DataFrame]:
        """Mean and spread of demand as it was known at some cut-offs."""
        if not cut_offs:
            return {}
        return known_moments(self.warehouse, item_locations, cut_offs, self.parameters.settings.replay_history_days)

    def _before_cycles(self, cut_offs: Sequence[dt.date], first_cycle: dt.date) -> pd.DataFrame:
        stored = stored_cycle(self.warehouse, first_cycle)
        days = cut_offs_before_cycles(cut_offs, cut_off(first_cycle), _STEP_MONTHS)
        return replanned_from_moments(
            self.moments(stored.item_locations, days),
            stored.item_locations,
            stored.assignment,
            stored.lead_times,
            parameters=self.parameters,
            bucket_days=self.bucket_days,
            cycle_days=PERIOD_DAYS[SETTINGS.company.period_type],
        )


def _of_keys(rows: pd.DataFrame, planned: pd.DataFrame) -> pd.DataFrame:
    is_there = pd.MultiIndex.from_frame(rows[KEY]).isin(pd.MultiIndex.from_frame(planned[KEY]))
    return rows.loc[is_there].reset_index(drop=True)
