"""A setting that mends an extract is a change like any other, though no byte of the extract differs."""


def test_rows_set_aside_are_landed_once_source_yaml_says_how_they_are_written(small_company):
    source = small_company.source
    small_company.bring_items("A,2")
    (source / "demand.csv").write_text('item_id,demand_date,demand_qty\nA,2024-01-10,5\nA,2024-02-10,"1,5"\n')
    first = small_company.land().entities["demand"]
    assert (first.accepted_row_count, first.quarantined_row_count) == (1, 1)
    with (source / "source.yaml").open("a") as file:
        file.write('csv: {decimal: ","}\n')
    second = small_company.land()
    assert second.is_new
    assert [row[:2] for row in small_company.demand()] == [("2024-01-10", 5), ("2024-02-10", 1.5)]
    assert not small_company.land().is_new
