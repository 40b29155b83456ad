-- Grain: one row per (period_start_date, item_id, location_id)

with source as (
    select * from {{ source('engine', 'champion') }}
),

final as (
    select
        period_start_date,
        item_id,
        location_id,
        segment_code,
        pool_code,
        model_code,
        bucket_type,
        block_buckets,
        horizon_buckets,
        fold_count,
        score_ratio,
        naive_score_ratio,
        is_better_than_naive,
        reason_code,
        evidence_grade,
        parameters_version,
        run_id,
        computed_at
    from source
)

select * from final
