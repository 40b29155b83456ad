-- Grain: one row per (period_start_date, item_id, location_id)

{{ config(materialized="incremental") }}

with new_products as (
    select * from {{ ref("stg_engine__new_product_forecast") }}
    where {{ in_window("period_start_date") }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        launch_bucket_date,
        age_buckets,
        status_code,
        status_reason,
        analog_count,
        launch_analog_count,
        prior_level_qty,
        prior_level_sd_qty,
        expected_sales_qty,
        actual_sales_qty,
        credibility_rate,
        posterior_level_qty,
        posterior_level_sd_qty,
        judged_origin_count,
        launch_rmse_qty,
        pool_rmse_qty,
        parameters_version,
        run_id,
        computed_at
    from new_products
)

select * from final
