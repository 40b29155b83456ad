-- A target for a KPI that the dictionary does not know judges nothing.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "dim_kpi"}}}) }}

select target.kpi_code, target.segment_code
from {{ ref("kpi_targets") }} as target
anti join {{ ref("dim_kpi") }} as dictionary using (kpi_code)
