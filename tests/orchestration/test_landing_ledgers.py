"""Ledgers of entries (overrides, published forecasts): each entry counts from when it was made, and none is lost."""

FIRST, SECOND = "2024-04-02 08:00:00", "2024-05-02 08:00:00"
OPEN = "9999-12-31 00:00:00"
HEADER = "override_id,item_id,from_date,to_date,override_type,value,person,reason_code,entered_at,approval_state"


def entry(value, entered_at, state="proposed"):
    return f"O1,A,2024-05-01,2024-05-31,factor,{value},ann,promotion,{entered_at},{state}"


def bring(company, *entries):
    (company.source / "forecast_overrides.csv").write_text("\n".join([HEADER, *entries]) + "\n", encoding="utf-8")


def versions(company):
    found = company.warehouse.read(
        "select value, approval_state, known_from_at::varchar as f, known_to_at::varchar as t "
        "from raw.forecast_overrides order by entered_at, f"
    )
    return list(found.itertuples(index=False, name=None))


def test_an_entry_is_known_from_when_it_was_made_in_the_first_load_and_later(small_company, clock):
    clock(FIRST)
    bring(small_company, entry(1.5, "2024-03-10 09:00:00"))
    small_company.land()
    clock(SECOND)
    bring(small_company, entry(1.5, "2024-03-10 09:00:00"), entry(1.5, "2024-04-20 10:00:00", "approved"))
    small_company.land()
    assert versions(small_company) == [
        (1.5, "proposed", "2024-03-10 09:00:00", OPEN),
        (1.5, "approved", "2024-04-20 10:00:00", OPEN),
    ]


def test_an_entry_that_was_edited_after_all_does_not_rewrite_the_past(small_company, clock):
    clock(FIRST)
    bring(small_company, entry(1.5, "2024-03-10 09:00:00"))
    small_company.land()
    clock(SECOND)
    bring(small_company, entry(9.0, "2024-03-10 09:00:00"))
    small_company.land()
    assert versions(small_company) == [
        (1.5, "proposed", "2024-03-10 09:00:00", SECOND),
        (9.0, "proposed", SECOND, OPEN),
    ]
