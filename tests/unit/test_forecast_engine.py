"""The StatsForecast door: every model answers, sees no future, and behaves as its literature says."""

import numpy as np
import pytest

from stockstrata.errors import ParameterError, PlanningError
from stockstrata.forecasting import engine
from stockstrata.forecasting.engine import FIT_ONCE, MODEL_CODES, ForecastPaths, forecast_paths, needs_seasons

WEEKS = np.arange(160)
SEASONAL = 100 + 40 * np.sin(2 * np.pi * WEEKS / 52) + np.tile([3.0, -3.0], 80)


def _forecast(code: str, series: list[np.ndarray], ends: list[int], depth: list[int], seasonal: bool) -> ForecastPaths:
    return forecast_paths(
        code,
        series,
        np.array([ends] * len(series)),
        depth=np.array(depth),
        season_length=52,
        is_seasonal=np.full(len(series), seasonal),
        max_history=156,
    )


def _paths(code: str, demand: np.ndarray, ends: list[int], *, seasonal: bool = True, depth: int = 8) -> np.ndarray:
    return _forecast(code, [demand], ends, [depth], seasonal).qty[0]


@pytest.mark.parametrize("code", sorted(MODEL_CODES))
def test_every_model_gives_numbers_from_every_origin(code):
    paths = _paths(code, SEASONAL, [150, 140, 130])
    assert paths.shape == (3, 8)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()


@pytest.mark.parametrize("code", sorted(MODEL_CODES))
def test_no_origin_sees_a_bucket_after_it(code):
    sentinel = SEASONAL.copy()
    sentinel[140:] = 1e9
    before, after = _paths(code, SEASONAL, [140, 130]), _paths(code, sentinel, [140, 130])
    assert np.array_equal(before, after)


@pytest.mark.parametrize("code", sorted(FIT_ONCE))
def test_parameters_carried_forward_come_from_the_earliest_origin(code):
    # The middle origin must not be disturbed by a newer one: fitting happens before it, on less.
    assert np.array_equal(_paths(code, SEASONAL, [150, 140, 130])[1:], _paths(code, SEASONAL, [140, 130]))


@pytest.mark.parametrize("code", sorted(MODEL_CODES))
def test_a_series_is_forecast_the_same_beside_a_longer_one(code):
    growing = np.linspace(1.0, 400.0, 160) ** 2
    found = _forecast(code, [SEASONAL, growing], [150, 140], [8, 60], True)
    assert np.array_equal(found.qty[0, :, :8], _paths(code, SEASONAL, [150, 140]))
    assert np.isnan(found.qty[0, :, 8:]).all()
    assert np.isfinite(found.qty[1]).all()


def test_a_model_that_raises_leaves_its_words_and_no_number(monkeypatch):
    class Broken:
        def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
            if y[-1] > 100:
                raise ValueError("singular matrix")
            return {"mean": np.full(h, 5.0)}

    monkeypatch.setattr(engine, "_factories", lambda: {"ses": lambda _: Broken()})
    found = _forecast("ses", [np.full(60, 7.0), np.full(60, 700.0)], [60], [3, 3], False)
    assert found.faults == {1: "ValueError: singular matrix"}
    assert found.qty[0, 0].tolist() == [5.0, 5.0, 5.0]
    assert np.isnan(found.qty[1]).all()


def test_an_explosion_is_no_forecast_and_is_said_so(monkeypatch):
    class Exploding:
        def forecast(self, y: np.ndarray, h: int) -> dict[str, np.ndarray]:
            return {"mean": y[-1] * 5.0 ** np.arange(h)}

    monkeypatch.setattr(engine, "_factories", lambda: {"ses": lambda _: Exploding()})
    found = _forecast("ses", [np.full(60, 7.0), np.full(60, 7.0)], [60], [2, 3], False)
    assert found.qty[0, 0, :2].tolist() == [7.0, 35.0]
    assert np.isnan(found.qty[1]).all()
    assert list(found.faults) == [1]
    assert "above 10 times" in found.faults[1]


def test_absent_origins_stay_missing():
    paths = _paths("ses", SEASONAL, [120, -1])
    assert np.isfinite(paths[0]).all()
    assert np.isnan(paths[1]).all()


def test_seasonal_models_follow_the_season_and_others_do_not():
    expected = 100 + 40 * np.sin(2 * np.pi * np.arange(156, 164) / 52)
    for code in ("seasonal_naive", "stl_ets"):
        assert np.abs(_paths(code, SEASONAL, [156])[0] - expected).max() < 12, code
    flat = _paths("dynamic_optimized_theta", SEASONAL, [156], seasonal=False, depth=26)[0]
    assert np.abs(np.diff(flat, 2)).max() < 1e-6


def test_seasonal_models_ask_for_two_seasons():
    assert needs_seasons("stl_ets") == needs_seasons("ets_seasonal") == 2
    assert needs_seasons("seasonal_naive") == 1
    assert needs_seasons("dynamic_optimized_theta") == 0


def test_tsb_forgets_a_dead_item_and_croston_does_not():
    # Teunter, Syntetos and Babai (2011): Croston only updates when demand occurs.
    dead = np.concatenate([np.tile([0.0, 10.0], 26), np.zeros(104)])
    assert _paths("tsb", dead, [156])[0].max() < 0.001
    assert _paths("croston_sba", dead, [156])[0].min() > 4


def test_sba_is_croston_less_five_percent():
    # Syntetos and Boylan (2005): factor 1 - alpha / 2 with alpha 0.1, on a constant series of 7.
    assert _paths("croston_sba", np.full(60, 7.0), [60], seasonal=False)[0] == pytest.approx(np.full(8, 6.65))


def test_averages_use_their_window():
    demand = np.arange(1.0, 101.0)
    assert _paths("window_average", demand, [100])[0, 0] == pytest.approx(demand[-13:].mean())
    assert _paths("year_average", demand, [100])[0, 0] == pytest.approx(demand[-52:].mean())
    assert _paths("historic_average", demand, [100])[0, 0] == pytest.approx(50.5)


def test_an_unknown_model_is_named():
    with pytest.raises(ParameterError, match="crystal_ball"):
        _paths("crystal_ball", SEASONAL, [150])


def test_a_gap_never_reaches_a_model():
    with pytest.raises(PlanningError, match="gap"):
        _paths("tsb", np.where(WEEKS == 40, np.nan, SEASONAL), [150])


def test_a_year_grown_is_the_year_before_times_the_growth_of_a_quarter():
    """Months: 12 known a year ago with the same quarter before them, all doubled since."""
    first = np.arange(1.0, 13.0)
    series = np.concatenate([first, 2.0 * first])
    found = forecast_paths(
        "seasonal_growth", [series], np.array([[24, 15, 13, 12]]), depth=np.array([14]), season_length=12,
        is_seasonal=np.array([False]), max_history=156,
    ).qty[0]  # fmt: skip
    np.testing.assert_allclose(found[0], np.concatenate([4.0 * first, 4.0 * first[:2]]))
    # Three months of the second year: those of the first times two, then what is left of the first year.
    np.testing.assert_allclose(found[1], 2.0 * np.concatenate([first[3:], 2.0 * first[:3], first[3:5]]))
    np.testing.assert_allclose(found[2][:11], 2.0 * first[1:])
    assert np.isnan(found[3]).all()


def test_growth_is_bounded_and_silence_grows_into_nothing():
    weeks = np.concatenate([np.full(65, 1.0), np.full(39, 100.0)])
    silent = np.concatenate([np.zeros(60), np.full(44, 5.0)])
    found = forecast_paths(
        "seasonal_growth", [weeks, silent], np.array([[104], [104]]), depth=np.array([4, 4]), season_length=52,
        is_seasonal=np.zeros(2, dtype=bool), max_history=156,
    ).qty  # fmt: skip
    np.testing.assert_allclose(found[0, 0], 3.0)
    # Nothing was sold a year ago, so there is no growth to tell.
    assert np.isnan(found[1]).all()
