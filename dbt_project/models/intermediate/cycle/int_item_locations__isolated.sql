-- Grain: one row per (period_start_date, item_id, location_id) that the cycle leaves out, with the reason

{{ config(materialized="incremental") }}

with item_locations as (
    select * from {{ ref("int_item_locations__known") }}
),

sourced as (
    select item_id, location_id, supplier_id from {{ ref("int_item_locations__sourced") }}
),

findings as (
    select * from {{ ref("int_item_locations__refused") }}
    union all by name
    select * from {{ ref("int_item_locations__jumps") }}
    union all by name
    select
        'item_location' as scope_code,
        item_id,
        location_id,
        'implausible_result' as cause_code,
        reason
    from {{ ref("stg_quality__isolated_result") }}
    where period_start_date = {{ period_start_date() }}
),

matched as (
    select
        item_locations.item_id,
        item_locations.location_id,
        findings.scope_code,
        findings.cause_code,
        findings.reason
    from item_locations
    left join sourced using (item_id, location_id)
    inner join findings
        on
            coalesce(findings.item_id, item_locations.item_id) = item_locations.item_id
            and (findings.scope_code in ('item', 'supplier') or findings.location_id = item_locations.location_id)
            and (findings.scope_code <> 'supplier' or findings.supplier_id = sourced.supplier_id)
    where coalesce(findings.item_id, findings.location_id, findings.supplier_id) is not null
),

final as (
    select
        {{ period_start_date() }} as period_start_date,
        item_id,
        location_id,
        min_by(scope_code, reason) as scope_code,
        min_by(cause_code, reason) as cause_code,
        min(reason) as reason,
        count(*) as finding_count
    from matched
    group by item_id, location_id
)

select * from final
