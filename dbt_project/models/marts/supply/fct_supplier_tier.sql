-- Grain: one row per (period_start_date, supplier_id)

{{ config(materialized="incremental") }}

with risks as (
    select * from {{ ref("stg_engine__supply_risk") }}
    where {{ in_window("period_start_date") }}
),

settings as (
    select
        max(try_cast(setting_value as double)) filter (where setting_code = 'supplier_risk_high_rate') as high_rate,
        max(try_cast(setting_value as double)) filter (where setting_code = 'supplier_risk_medium_rate') as medium_rate,
        max(try_cast(setting_value as integer)) filter (where setting_code = 'supplier_score_days') as score_days
    from (
        select * from {{ ref("planning_settings") }}
        where {{ in_force_at(cut_off_date(), ["setting_code"]) }}
    )
),

-- Earlier cycles judged the lines that were due in their periods.
scores as (
    select
        supplier_id,
        count(is_otif) as promised_line_count,
        count(*) filter (where is_otif) as otif_line_count
    from {{ ref("fct_supplier_line") }}
    cross join settings
    where period_start_date < {{ cut_off_date() }} and period_start_date >= {{ cut_off_date() }} - settings.score_days
    group by supplier_id
),

changes as (
    select supplier_id, count(*) as open_change_count
    from {{ ref("stg_engine__lead_time_change") }}
    where {{ in_window("period_start_date") }} and status_code in ('proposed', 'confirmed')
        and direction_code = 'longer'
    group by supplier_id
),

exposures as (
    select
        period_start_date,
        supplier_id,
        count(*) as item_location_count,
        count(*) filter (where is_single_source) as single_source_count,
        count(*) filter (where criticality_code is not null) as critical_count,
        list_distinct(list(coalesce(criticality_code, '-'))) as criticality_codes,
        {{ exact_sum("expected_loss_amount") }} as expected_loss_amount,
        min(cover_days) as least_cover_days
    from risks
    group by period_start_date, supplier_id
),

judged as (
    select
        exposures.*,
        coalesce(scores.promised_line_count, 0) as promised_line_count,
        coalesce(scores.otif_line_count, 0) as otif_line_count,
        {{ wilson_high("scores.otif_line_count", "scores.promised_line_count") }} as otif_high_rate,
        coalesce(changes.open_change_count, 0) as open_change_count,
        case
            when {{ wilson_high("scores.otif_line_count", "scores.promised_line_count") }} < settings.high_rate then 'high'
            when {{ wilson_high("scores.otif_line_count", "scores.promised_line_count") }} < settings.medium_rate
                or changes.open_change_count > 0 then 'medium'
            else 'low'
        end as risk_code
    from exposures
    cross join settings
    left join scores on exposures.supplier_id = scores.supplier_id
    left join changes on exposures.supplier_id = changes.supplier_id
),

rules as (
    select * from {{ ref("supplier_tier_rules") }}
    where {{ in_force_at(cut_off_date(), ["rule_code"]) }}
),

final as (
    select
        judged.* exclude (criticality_codes),
        rules.rule_code,
        rules.tier_code,
        rules.development_code,
        {{ currency_code() }} as currency_code
    from judged
    left join rules
        on (rules.criticality_code = '*' or list_contains(judged.criticality_codes, rules.criticality_code))
        and rules.risk_code in ('*', judged.risk_code)
    qualify row_number() over (partition by judged.period_start_date, judged.supplier_id order by rules.priority) = 1
)

select * from final
