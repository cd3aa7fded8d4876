"""What is read from stored edits of tags, on a made-up store, and how it is said and drawn."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from attention_atlas import results
from attention_atlas.decoders.first_token_share import shares
from attention_atlas.drawing.language_untagged import by_way, share_by_query
from attention_atlas.experiments import language_untagged
from attention_atlas.outcomes.untagged import Untagged, odds_at, released, used
from attention_atlas.store import Store, machine, made

POINTS = "no-positions-seed0", "no-norm-seed1", "rope-seed0"


def table(heads, later):
    rows = [
        (1, head, "share", str(query), 0.9 / query / (head + 1), 0.01) for head in range(heads) for query in (1, 2, 4)
    ]
    rows.append((-1, -1, "loss", "as it is", 3.0, 0.1))
    ways = language_untagged.WAYS if heads else ()
    rows += [(-1, -1, "more_loss", way, 0.1 / (place + 1), 0.01) for place, way in enumerate(ways)]
    for layer in range(4):
        for way in ("as it is", *ways):
            rows.append((layer, -1, "recency", way, later.get(way, 0.5) + layer / 100, 0.01))
    return pd.DataFrame(rows, columns=language_untagged.COLUMNS)


@pytest.fixture
def store(tmp_path):
    store, configs = Store(tmp_path), language_untagged.configurations("paper")
    for point, heads in zip(POINTS, (2, 1, 0), strict=True):
        found = table(heads, {"as it is": 0.8, "constant": 0.7, "other direction, constant": 0.79})
        store.keep(made(language_untagged, point, configs[point], found, "paper", 1.0, machine()))
    return store


def test_decoders_with_and_without_such_heads(store):
    found = Untagged(store)
    assert found.points == list(POINTS[:2]) and found.spared == [POINTS[2]]
    assert [found.heads(point) for point in POINTS] == [2, 1, 0]
    assert found.strongest(POINTS[0])["value"].tolist() == pytest.approx([0.9, 0.45, 0.225])
    assert found.more_loss().loc[POINTS[1], "constant"] == pytest.approx(0.05)


def test_recency_is_that_of_the_layers_after_the_sink(store):
    assert Untagged(store).recency().loc[POINTS[0], "constant"] == pytest.approx(0.7 + 0.025)


def test_an_empty_store_has_nothing_and_computes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "obtain", None)
    found = Untagged(Store(tmp_path))
    assert found.points == [] and found.spared == [] and found.provenance == ""


@pytest.mark.parametrize(
    ("loss", "later", "expected"),
    [
        ([0.03, 0.03], [0.7, 0.7], "Later layers use it: in 2 of 2"),
        ([0.03, 0.005], [0.7, 0.7], "Not all decoders use it: in 1 of 2"),
        ([0.03, 0.03], [0.7, 0.9], "Not all decoders use it: in 1 of 2"),
        ([0.005, 0.03], [0.7, 0.9], "We see no use of it: in 0 of 2"),
    ],
)
def test_use_needs_both_a_cost_and_a_turn(loss, later, expected):
    more = pd.DataFrame({"constant": loss, "other direction, constant": [0.01, 0.01]})
    recency = pd.DataFrame({"as it is": [0.8] * 2, "constant": later, "other direction, constant": [0.8] * 2})
    assert used(more, recency).startswith(expected)


def test_odds_are_those_of_the_curve():
    assert odds_at(pd.Series(shares(7.0, 9).tolist(), index=range(1, 10))) == pytest.approx(7.0)


def test_what_the_tag_makes_is_a_share_of_what_is_beyond_one_half():
    later = pd.DataFrame({"as it is": [0.9, 0.7], "constant": [0.8, 0.65]})
    assert "makes 25 % on average" in released(later)
    assert released(later.iloc[:0]) == "" and used(later.iloc[:0], later.iloc[:0]) == "Not measured yet"
    assert "none of it" in released(later[["constant", "as it is"]].set_axis(["as it is", "constant"], axis=1))


def test_pictures_show_what_they_are_given(store):
    found = Untagged(store)
    figure, (left, right) = plt.subplots(1, 2)
    share_by_query(left, {"a": found.strongest(POINTS[0])}, 5.0, 8)
    assert left.lines[0].get_ydata().tolist() == shares(5.0, 8).tolist()
    by_way(right, found.more_loss(), {point: point for point in POINTS}, "more loss")
    assert [label.get_text() for label in right.get_yticklabels()] == list(POINTS[:2])
    assert right.lines[1].get_xdata().tolist() == found.more_loss()["constant"].tolist()
    plt.close(figure)
