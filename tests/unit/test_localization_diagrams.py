"""Reading phase diagrams: places by hand, the plain loop, and refusals."""

import itertools

import numpy as np
import pandas as pd
import pytest

from attention_atlas.experiments import localization_phase
from attention_atlas.outcomes import localization_diagrams as diagrams
from attention_atlas.theory.localization.collapse import Criterion

ETAS, DEVIATIONS = (-5.0, 0.0, 5.0), (0.0, 16.0)
BY_HAND = {  # entropy, residual, by position, by content
    (-5.0, 0.0): (0.4, 0.05, 0.5, 0.1),
    (0.0, 0.0): (1.0, 0.0, 0.0, 0.0),
    (5.0, 0.0): (0.9, 0.3, 0.09, 0.01),
    (-5.0, 16.0): (0.6, 0.5, 0.1, 0.3),
    (0.0, 16.0): (0.4, 0.6, 0.1, 0.5),
    (5.0, 16.0): (0.6, 0.5, 0.3, 0.1),
}


def rows(numbers=BY_HAND) -> pd.DataFrame:
    found = [
        (eta, deviation, quantity, value, value / 100)
        for (eta, deviation), values in numbers.items()
        for quantity, value in zip(diagrams.QUANTITIES, values, strict=True)
    ]
    return pd.DataFrame(found, columns=["eta", "deviation", "quantity", "mean", "standard_error"])


@pytest.mark.parametrize(("column", "factor"), [("mean", 1), ("standard_error", 0.01)])
def test_a_diagram_has_every_number_at_its_place(column, factor):
    shuffled = rows().sample(frac=1, random_state=0)
    read = diagrams.diagram(shuffled, column)
    assert list(read) == list(diagrams.QUANTITIES)
    for (eta, deviation), values in BY_HAND.items():
        for quantity, value in zip(diagrams.QUANTITIES, values, strict=True):
            assert read[quantity].loc[deviation, eta] == pytest.approx(value * factor)
    assert read["entropy"].index.tolist() == list(DEVIATIONS) and read["entropy"].columns.tolist() == list(ETAS)


def test_what_is_no_diagram_is_refused():
    with pytest.raises(ValueError, match="one number per place, got several at eta -5, deviation 0"):
        diagrams.diagram(pd.concat([rows(), rows()]))
    hole = rows()[lambda t: ~((t.eta == 5) & (t.deviation == 16) & (t.quantity == "residual"))]
    with pytest.raises(ValueError, match="got none somewhere for residual"):
        diagrams.diagram(hole)
    with pytest.raises(ValueError, match="got none somewhere for by_content"):
        diagrams.diagram(rows()[lambda t: t.quantity != "by_content"])


def test_regimes_by_hand():
    found = diagrams.regimes(diagrams.diagram(rows()))
    assert found.loc[0.0].tolist() == ["both collapses", "rank collapse", "localized"]
    assert found.loc[16.0].tolist() == ["driven by content", "entropy collapse", "localized"]
    assert diagrams.places(found) == [(5.0, 0.0), (5.0, 16.0)]
    assert diagrams.places(found, "rank collapse") == [(0.0, 0.0)]
    assert diagrams.places(found, "no such regime") == []


def test_another_criterion_gives_other_regimes():
    strict = diagrams.regimes(diagrams.diagram(rows()), Criterion(residual=0.4))
    assert strict.loc[0.0, 5.0] == "rank collapse" and strict.loc[16.0, 5.0] == "localized"


def test_a_stricter_set_of_thresholds_never_adds_places():
    table = localization_phase.run(
        localization_phase.Config(8, 16, (-20.0, 0.0, 5.0, 20.0, 80.0), (0.0, 2.0, 8.0), sequences=20)
    )
    numbers = diagrams.diagram(table)
    criteria = (diagrams.CRITERIA[name] for name in ("strict", "ours", "lenient"))
    found = [set(diagrams.places(diagrams.regimes(numbers, criterion))) for criterion in criteria]
    assert found[0] <= found[1] <= found[2] and found[2]


def trade(residual, entropy, etas=(0.0, 5.0, 20.0), deviations=(0.0,)) -> dict[str, pd.DataFrame]:
    return {
        name: pd.DataFrame(values, index=list(deviations), columns=list(etas))
        for name, values in (("residual", residual), ("entropy", entropy))
    }


def test_entropy_at_a_residual_lies_on_the_line_between_neighbors():
    numbers = trade([[0.0, 0.2, 0.6]], [[1.0, 0.9, 0.5]])
    for residual, entropy in ((0.0, 1.0), (0.1, 0.95), (0.2, 0.9), (0.5, 0.6), (0.6, 0.5)):
        assert diagrams.entropy_at(numbers, residual)[0.0] == pytest.approx(entropy)
    assert np.isnan(diagrams.entropy_at(numbers, 0.7)[0.0])


def test_a_curve_that_comes_back_counts_where_it_is_highest():
    numbers = trade([[0.1, 0.5, 0.1]], [[0.6, 0.5, 0.9]])
    assert diagrams.entropy_at(numbers, 0.3)[0.0] == pytest.approx(0.7)
    flat = trade([[0.3, 0.3, 0.3]], [[0.6, 0.8, 0.7]])
    assert diagrams.entropy_at(flat, 0.3)[0.0] == 0.8


def test_a_negative_mean_is_left_out_of_the_trade_off():
    numbers = trade([[0.0, 0.9, 0.1]], [[1.0, 0.9, 0.4]], etas=(-5.0, 0.0, 5.0))
    assert np.isnan(diagrams.entropy_at(numbers, 0.05)[0.0])
    assert diagrams.entropy_at(numbers, 0.5)[0.0] == pytest.approx(0.65)


def test_the_pilot_is_beside_the_same_place_and_quantity():
    pilot = diagrams.pilot()
    assert len(pilot) == 10 and not pilot.duplicated(["eta", "deviation", "quantity"]).any()
    assert pilot["source"].str.contains("our pilot").all()
    places = itertools.product((0.0, 5.0, 20.0), (0.0, 16.0), ("entropy", "residual", "by_content"))
    ours = pd.DataFrame(places, columns=["eta", "deviation", "quantity"]).assign(standard_error=0.01)
    ours["mean"] = ours["eta"] / 100 + ours["deviation"] / 1000
    both = diagrams.beside_pilot(ours)
    assert len(both) == len(pilot)
    for row in both.itertuples():
        assert row.mean == pytest.approx(row.eta / 100 + row.deviation / 1000)
        assert row.apart == pytest.approx(max(abs(row.mean - row.value) - 0.0005, 0) / 0.01)
    with pytest.raises(ValueError, match="lacks a place of the pilot: eta 20, deviation 16"):
        diagrams.beside_pilot(ours[(ours.eta < 20) | (ours.deviation < 16)])


def test_rounding_of_the_pilot_is_no_distance_even_without_an_error():
    exact = diagrams.pilot().assign(mean=lambda t: t["value"] + 0.0004, standard_error=0.0)
    assert (diagrams.beside_pilot(exact)["apart"] == 0).all()
    off = diagrams.pilot().assign(mean=lambda t: t["value"] + 0.01, standard_error=0.0)
    assert np.isinf(diagrams.beside_pilot(off)["apart"]).all()
