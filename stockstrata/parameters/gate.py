"""Rows that say what a candidate policy is held against."""

import datetime as dt
from typing import Literal

from pydantic import Field, model_validator

from stockstrata.parameters.base import Dated, Sparse


class GateLimit(Sparse):
    """What the candidate policies of a segment (or of each without a row, `*`) must not break to be put in force."""

    segment_code: str
    mode_code: Literal["off", "report", "hold"]
    service_margin_rate: float = Field(ge=0, le=1)
    stock_margin_rate: float = Field(ge=0)
    churn_limit_rate: float = Field(gt=0)
    least_item_locations: int = Field(ge=1)
    least_cut_offs: int = Field(ge=1)
    twin_stock_gap_rate: float = Field(gt=0)
    twin_hidden_lost_rate: float = Field(gt=0, le=1)


class GateOverride(Dated):
    """A segment (or all, `*`) whose candidate goes in force in spite of the gate, before the day that it expires."""

    segment_code: str = Field(min_length=1)
    expires_date: dt.date

    @model_validator(mode="after")
    def _expires_after_it_begins(self) -> "GateOverride":
        if self.expires_date <= self.valid_from_date:
            raise ValueError("expires_date must lie after valid_from_date")
        return self
