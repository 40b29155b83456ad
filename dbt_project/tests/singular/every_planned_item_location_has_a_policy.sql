-- Nothing that was planned is left without policy or segment, unless a step left it out.
{{ config(meta={"dagster": {"ref": {"name": "fct_policy"}}}) }}

select planned.item_id, planned.location_id
from {{ ref("int_item_locations__planned") }} as planned
anti join {{ ref("fct_isolation") }} as isolated using (period_start_date, item_id, location_id)
left join {{ ref("fct_policy") }} as policy using (period_start_date, item_id, location_id)
left join {{ ref("fct_segment") }} as segment using (period_start_date, item_id, location_id)
where
    planned.period_start_date = {{ period_start_date() }}
    and (policy.segment_code is null or segment.segment_code is null)
