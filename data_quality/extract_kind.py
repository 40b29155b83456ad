"""What the absence of a row from an extract means: nothing, or that it was deleted where the extract comes from."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data_quality.contracts import load_contracts

ExtractKind = Literal["delta", "window", "full"]


class ExtractSettings(BaseModel):
    """Key `extract` of `source.yaml`: `extract: full`, or the kind with exceptions by entity.

    Attributes:
        kind: `delta` brings what is new or changed, and what it lacks means nothing; `full` brings all there is;
            `window` brings all there is from its first event date to its last, and of master data, which has no event
            date, nothing can be told.
        entities: kinds of entities that come otherwise.
        max_retracted_share: share of the rows held that may be missing from one extract; more stops the load.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ExtractKind = "delta"
    entities: dict[str, ExtractKind] = Field(default_factory=dict)
    max_retracted_share: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("entities")
    @classmethod
    def _entities_fit(cls, value: dict[str, ExtractKind]) -> dict[str, ExtractKind]:
        contracts = load_contracts()
        for name, kind in value.items():
            if name not in contracts:
                raise ValueError(f"entities of the input contract, and {name} is none")
            if kind == "window" and not contracts[name].event_date:
                raise ValueError(f"full or delta for {name}, which has no event date to tell a window by")
        return value

    def kind_of(self, entity: str) -> ExtractKind:
        """What the absence of an entity's rows means."""
        kind = self.entities.get(entity, self.kind)
        return "delta" if kind == "window" and not load_contracts()[entity].event_date else kind
