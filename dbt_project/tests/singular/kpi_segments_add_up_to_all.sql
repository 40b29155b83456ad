-- Numerators and denominators of the segments add up to those of ALL.
select
    kpi_code,
    sum(numerator_value) filter (where segment_code <> 'ALL') as segments_numerator,
    sum(numerator_value) filter (where segment_code = 'ALL') as all_numerator,
    sum(denominator_value) filter (where segment_code <> 'ALL') as segments_denominator,
    sum(denominator_value) filter (where segment_code = 'ALL') as all_denominator
from {{ ref("kpi_segment_period") }}
where period_start_date = {{ period_start_date() }}
group by kpi_code
having
    abs(coalesce(segments_numerator, 0) - coalesce(all_numerator, 0)) > 1e-6 * (1 + abs(coalesce(all_numerator, 0)))
    or abs(coalesce(segments_denominator, 0) - coalesce(all_denominator, 0))
    > 1e-6 * (1 + abs(coalesce(all_denominator, 0)))
