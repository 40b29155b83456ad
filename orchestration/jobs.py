"""The jobs: land what is new, plan one cycle, plan many again."""

import dagster as dg

_LANDED = dg.AssetSelection.groups("raw", "quality")
_FACTS = dg.AssetSelection.tag("facts", "")
_REPLAY = dg.AssetSelection.assets(["audit", "cycle_replay"])
_CYCLE = (
    dg.AssetSelection.tag("cycle", "")
    | dg.AssetSelection.groups("history", "segmentation", "forecast", "policy", "simulation", "audit", "published")
    | dg.AssetSelection.tag("marts", "")
) - _REPLAY

# One process for all steps: a process a step would pay seconds of imports for each (docs/decisions/0004).
IN_PROCESS = dg.in_process_executor

land = dg.define_asset_job(
    "land",
    selection=_LANDED | _FACTS,
    description="Land what is new in the source and build the facts of the periods it touches.",
    executor_def=IN_PROCESS,
)

plan_cycle = dg.define_asset_job(
    "plan_cycle",
    selection=_FACTS | _CYCLE,
    description="Plan one closed period: features, segments, forecasts, policies, proposals, marts, publication.",
    executor_def=IN_PROCESS,
)

backfill = dg.define_asset_job(
    "backfill",
    selection=_LANDED | _FACTS | _CYCLE,
    description="Land and plan past periods again, one run per period, oldest first.",
    executor_def=IN_PROCESS,
    # The queue takes one run of this tag at a time, in the order of the periods.
    tags={"stockstrata/ordered": "backfill"},
)

replay = dg.define_asset_job(
    "replay",
    selection=_REPLAY,
    description="Compute a planned cycle again in a scratch home and compare it with its manifest.",
    executor_def=IN_PROCESS,
)

JOBS = [land, plan_cycle, backfill, replay]
