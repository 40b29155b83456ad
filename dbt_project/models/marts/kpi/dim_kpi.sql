-- Grain: one row per (kpi_code)

{{ config(materialized="table") }}

{% set kpis = kpi_dictionary() -%}

with dictionary (
    kpi_code, kpi_name, unit, direction_code, owner, definition_version, definition, numerator_sql, denominator_sql
) as (
    values
    {%- for kpi in kpis %}
    (
        '{{ kpi.code }}', '{{ kpi.name }}', '{{ kpi.unit }}', '{{ kpi.direction }}', '{{ kpi.owner }}',
        {{ kpi.version }},
        $${{ kpi.definition }}$$,
        $$sum({{ kpi.numerator }})$$,
        {{ "$$sum(" ~ kpi.denominator ~ ")$$" if kpi.denominator else "null" }}
    ){{ "," if not loop.last }}
    {%- endfor %}
),

final as (
    select
        kpi_code,
        kpi_name,
        unit,
        direction_code,
        owner,
        cast(definition_version as bigint) as definition_version,
        definition,
        numerator_sql,
        cast(denominator_sql as varchar) as denominator_sql
    from dictionary
)

select * from final
