-- Grain: one row per (scope_code, item_id, location_id, supplier_id, reason): a finding about quarantined rows

{{ config(materialized="ephemeral") }}

with limits as (
    select
        max(try_cast(setting_value as double)) filter (where setting_code = 'max_refused_row_rate') as refused_row_rate
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
),

judged as (
    select * from {{ ref("int_feeds__judged") }}
    where period_start_date = {{ period_start_date() }}
),

-- Doubled rows are harmless, for the first one counts; unknown keys are not planned anyway.
refused as (
    select
        entity_name,
        newest_period_date,
        min(reason) as reason,
        {{ clean_text("row_json ->> 'item_id'") }} as item_id,
        {{ location_or_all("row_json ->> 'location_id'") }} as location_id,
        {{ clean_text("row_json ->> 'supplier_id'") }} as supplier_id,
        try_cast(coalesce(
            row_json ->> 'demand_date', row_json ->> 'stock_date', row_json ->> 'receipt_date', row_json ->> 'order_date'
        ) as date) as event_date
    from {{ ref("stg_quality__quarantine") }}
    inner join judged using (load_id, entity_name)
    where clause_name not like '%\_is\_unique' escape '\' and clause_name not like '%\_is\_known\_in\_%' escape '\'
    group by entity_name, newest_period_date, file_name, row_number, row_json
),

refused_facts as (
    select
        entity_name,
        item_id,
        location_id,
        count(*) as refused_count,
        min(reason) as reason
    from refused
    where
        entity_name in ('demand', 'stock', 'purchase_orders')
        and item_id is not null
        -- A row without a readable date belongs to the newest period of its load.
        and coalesce({{ period_of("event_date") }}, newest_period_date) = {{ period_start_date() }}
    group by entity_name, item_id, location_id
),

accepted_facts as (
    {%- for entity, model, date in [
        ("demand", "stg_demand", "demand_date"),
        ("stock", "stg_stock", "stock_date"),
        ("purchase_orders", "stg_purchase_orders", "coalesce(receipt_date, order_date)"),
    ] %}
    select '{{ entity }}' as entity_name, item_id, location_id, count(*) as accepted_count
    from {{ ref(model) }}
    where {{ in_window(date) }} and {{ known_at_cut_off() }}
    group by item_id, location_id
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

final as (
    select
        'item_location' as scope_code,
        item_id,
        location_id,
        cast(null as varchar) as supplier_id,
        'refused_rows' as cause_code,
        refused_count || ' of ' || (refused_count + coalesce(accepted_count, 0)) || ' rows of ' || entity_name
            || ' in the period are quarantined: ' || reason as reason
    from refused_facts
    left join accepted_facts using (entity_name, item_id, location_id)
    where refused_count > (select refused_row_rate from limits) * (refused_count + coalesce(accepted_count, 0))
    union all
    select
        case entity_name when 'locations' then 'location' when 'suppliers' then 'supplier' else 'item' end,
        case when entity_name in ('items', 'item_suppliers') then item_id end,
        case when entity_name = 'locations' then location_id end,
        case when entity_name = 'suppliers' then supplier_id end,
        'refused_master_row',
        'its row in ' || entity_name || ' is quarantined: ' || reason
    from refused
    where entity_name in ('items', 'item_suppliers', 'locations', 'suppliers')
)

select * from final
