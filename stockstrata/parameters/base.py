"""What rows of parameter files have in common, and the codes that they may hold."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

PolicyFamily = Literal[
    "s_Q", "s_S", "R_S", "R_s_S", "min_max", "kanban", "ddmrp", "newsvendor", "make_to_order", "do_not_stock"
]

RateMeasure = Literal["cycle_service_level", "fill_rate", "ready_rate"]

ServiceMeasure = Literal["cycle_service_level", "fill_rate", "ready_rate", "economic"]

UnmetDemand = Literal["lost_sale", "back_order"]

ValueMetric = Literal["consumption_value", "revenue", "margin", "volume", "hits"]

OptionalRate = Annotated[float | None, BeforeValidator(lambda text: None if text == "" else text)]

BucketType = Literal["day", "week", "month", "quarter"]

HierarchyMethod = Literal[
    "bottom_up",
    "middle_out_item",
    "middle_out_family",
    "middle_out_region",
    "top_down",
    "mint_struct",
    "mint_var",
    "mint_shrink",
]


class Frozen(BaseModel):
    """A row or record that nothing changes once it is read, and that refuses columns it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Frozen):
    """A row that holds from a day on: who approved it, and why."""

    valid_from_date: dt.date
    approved_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class Sparse(Dated):
    """A row whose empty cells say nothing, like columns that its file leaves out."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_cells(cls, values: Any) -> Any:
        return {name: value for name, value in values.items() if value != ""} if isinstance(values, dict) else values
