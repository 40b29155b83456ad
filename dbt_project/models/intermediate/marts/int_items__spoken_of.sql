-- Grain: one row per (item_id): which feeds about its demand name it at the cut-off

{{ config(materialized="ephemeral") }}

with mentions as (
    {%- for topic in ["promotions", "forecast_overrides", "forecast_streams"] %}
    select item_id, '{{ topic }}' as topic_code from {{ ref("stg_" ~ topic) }}
    where item_id is not null and {{ known_at_cut_off() }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

final as (
    select
        item_id,
        bool_or(topic_code = 'promotions') as has_promotions,
        bool_or(topic_code = 'forecast_overrides') as has_forecast_overrides,
        bool_or(topic_code = 'forecast_streams') as has_forecast_streams
    from mentions
    group by item_id
)

select * from final
