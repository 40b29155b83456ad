-- Grain: one row per (load_id, entity_name, clause_name, column_name)

{{ config(materialized="table") }}

with results as (
    select * from {{ ref("stg_quality__clause_result") }}
),

loads as (
    select
        load_id,
        entity_name,
        any_value(source_name) as source_name,
        string_agg(distinct file_name, ', ' order by file_name) as file_names,
        cast(sum(landed_row_count) as bigint) as landed_row_count,
        cast(sum(accepted_row_count) as bigint) as accepted_row_count,
        cast(sum(quarantined_row_count) as bigint) as quarantined_row_count,
        cast(sum(late_row_count) as bigint) as late_row_count,
        cast(sum(retracted_row_count) as bigint) as retracted_row_count
    from {{ ref("stg_quality__load") }}
    group by load_id, entity_name
),

final as (
    select
        results.load_id,
        results.entity_name,
        results.clause_name,
        results.column_name,
        loads.source_name,
        loads.file_names,
        results.severity_code,
        results.checked_row_count,
        results.failed_row_count,
        results.failed_row_count / nullif(results.checked_row_count, 0) as failed_rate,
        results.is_passed,
        loads.landed_row_count,
        loads.accepted_row_count,
        loads.quarantined_row_count,
        loads.late_row_count,
        loads.retracted_row_count,
        results.loaded_at
    from results
    left join loads using (load_id, entity_name)
)

select * from final
