"""What a replay compares and meets, put together from what the warehouse holds of the past. No tables, no verdicts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

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
from orchestration.partitions import SETTINGS, cut_off
from orchestration.resources.warehouse import Warehouse
from stockstrata.gate.facts import Plans, Realised, UniformRule, WhatCame
from stockstrata.gate.grid import cut_offs_before_cycles, past_cut_offs, replay_grid
from stockstrata.gate.moments import KEY
from stockstrata.gate.replanning import COLUMNS, of_keys, replanned_cycle, replanned_from_moments
from stockstrata.parameters import PlanningParameters
from stockstrata.service_targets import PERIOD_DAYS
from stockstrata.tables import CANDIDATE_POLICY

_STEP_MONTHS = 3
"""Months between cut-offs before the first cycle: they are planned on moments alone, so more of them tell no more."""
_BUCKET_DAYS = PERIOD_DAYS[SETTINGS.company.bucket_type]


@dataclass(frozen=True)
class PastPlans:
    """The past of a cycle.

    Attributes:
        warehouse: where it stands.
        period: first day of the period that the cycle plans.
        parameters: the candidate's.
    """

    warehouse: Warehouse
    period: dt.date
    parameters: PlanningParameters

    def plans(self, rules_hash: str) -> Plans:
        """The candidate, and what its rules and those in force give at past cut-offs.

        Args:
            rules_hash: of the candidate's rules. Where they are those in force, nothing is planned again.
        """
        planned = planned_item_locations(self.warehouse, self.period)
        cut_offs, cycles = self._cut_offs(), self._cycles()
        in_force = of_keys(plans_in_force(self.warehouse, self.period, cut_offs, cycles), planned)
        is_same = rules_in_force(self.warehouse, self.period) == {rules_hash}
        return Plans(
            policies=self.warehouse.read_period(CANDIDATE_POLICY.name, self.period),
            item_locations=planned,
            candidate=in_force if is_same else self._replanned(cut_offs, cycles, planned),
            in_force=in_force,
            last_policies=last_policies(self.warehouse, self.period),
        )

    def what_came(self, plans: Plans) -> WhatCame:
        """Demand and lead times from the first cut-off that was planned again on, as known today."""
        first, end = self._first(plans), cut_off(self.period)
        history = dt.timedelta(days=self.parameters.settings.replay_history_days)
        return WhatCame(
            replay_grid(first, end, SETTINGS.company.grain),
            demand_that_came(self.warehouse, first, end),
            receipts_that_came(self.warehouse, first - history, end),
        )

    def realised(self, plans: Plans) -> Realised:
        """What really happened in that time."""
        return realised(self.warehouse, self.period, self._first(plans), cut_off(self.period))

    def uniform_rule(self, plans: Plans) -> UniformRule:
        """The uniform policy, on what was known of demand at each cut-off."""
        settings = self.parameters.settings
        return UniformRule(
            self._moments(plans.item_locations, sorted({day.date() for day in plans.candidate["cut_off_date"]})),
            _BUCKET_DAYS,
            settings.baseline_safety_factor,
            settings.baseline_review_days,
        )

    def _first(self, plans: Plans) -> dt.date:
        return min((day.date() for day in plans.candidate["cut_off_date"]), default=cut_off(self.period))

    def _cut_offs(self) -> list[dt.date]:
        """Cut-offs of the window, oldest first."""
        months = self.parameters.settings.replay_months
        return past_cut_offs(cut_off(self.period), SETTINGS.company.period_type, months)

    def _cycles(self) -> dict[dt.date, dt.date]:
        """First day of the period by cut-off, of all cycles before this one, oldest first."""
        return {cut_off(day): day for day in earlier_periods(self.warehouse, self.period)}

    def _replanned(
        self, cut_offs: Sequence[dt.date], cycles: Mapping[dt.date, dt.date], planned: pd.DataFrame
    ) -> pd.DataFrame:
        """What the candidate's rules give at the cut-offs of the window."""
        parts = [
            replanned_cycle(stored_cycle(self.warehouse, cycles[day]), day, self.parameters)
            for day in cut_offs
            if day in cycles
        ]
        parts.append(self._before_cycles(cut_offs, next(iter(cycles.values()), self.period)))
        found = of_keys(pd.concat([part for part in parts if len(part)] or parts, ignore_index=True), planned)
        return found.loc[:, COLUMNS].sort_values([*KEY, "cut_off_date"], ignore_index=True)

    def _before_cycles(self, cut_offs: Sequence[dt.date], first_cycle: dt.date) -> pd.DataFrame:
        stored = stored_cycle(self.warehouse, first_cycle)
        days = cut_offs_before_cycles(cut_offs, cut_off(first_cycle), _STEP_MONTHS)
        return replanned_from_moments(
            self._moments(stored.item_locations, days),
            stored.item_locations,
            stored.assignment,
            stored.lead_times,
            parameters=self.parameters,
            bucket_days=_BUCKET_DAYS,
            cycle_days=PERIOD_DAYS[SETTINGS.company.period_type],
        )

    def _moments(self, item_locations: pd.DataFrame, cut_offs: Sequence[dt.date]) -> dict[dt.date, pd.DataFrame]:
        """Mean and spread of demand as it was known at some cut-offs."""
        if not cut_offs:
            return {}
        return known_moments(self.warehouse, item_locations, cut_offs, self.parameters.settings.replay_history_days)
