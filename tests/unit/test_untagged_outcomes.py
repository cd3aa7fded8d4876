"""What is read from stored edits of tags, on a made-up store, and how it is said and drawn."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from attention_atlas import results
from attention_atlas.decoders.first_token_share import shares
from attention_atlas.drawing.language_untagged import by_way, share_by_query
from attention_atlas.experiments import language_untagged
from attention_atlas.outcomes.untagged import Untagged, odds_at
from attention_atlas.store import Store, machine, made
from attention_atlas.words.untagged import decoders_and_seeds, later_words, released, used

POINTS = "no-positions-seed0", "no-norm-seed1", "rope-seed0"


def table(layers, later):
    """A decoder of four layers with one head that is edited in each of these layers."""
    rows = [
        (layer, head, "share", str(query), 0.9 / query / (head + 1), 0.01)
        for head, layer in enumerate(layers)
        for query in (1, 2, 4)
    ]
    rows.append((-1, -1, "loss", "as it is", 3.0, 0.1))
    ways = language_untagged.WAYS if layers else ()
    rows += [(-1, -1, "more_loss", way, 0.1 / (place + 1), 0.01) for place, way in enumerate(ways)]
    for layer in range(4):
        for way in ("as it is", *ways):
            rows.append((layer, -1, "recency", way, later.get(way, 0.5) + layer / 100, 0.01))
    return pd.DataFrame(rows, columns=language_untagged.COLUMNS)


def kept(path, *layers):
    store, configs = Store(path), language_untagged.configurations("paper")
    for point, where in zip(POINTS, layers, strict=True):
        found = table(where, {"as it is": 0.8, "constant": 0.7, "other direction, constant": 0.79})
        store.keep(made(language_untagged, point, configs[point], found, "paper", 1.0, machine()))
    return store


@pytest.fixture
def store(tmp_path):
    return kept(tmp_path, (1, 1), (1,), ())


def test_decoders_with_and_without_such_heads(store):
    found = Untagged(store)
    assert found.points == list(POINTS[:2])
    assert found.strongest(POINTS[0])["value"].tolist() == pytest.approx([0.9, 0.45, 0.225])
    assert found.more_loss().loc[POINTS[1], "constant"] == pytest.approx(0.05)


def test_recency_is_that_of_the_layers_after_the_sink(store):
    assert Untagged(store).recency().loc[POINTS[0], "constant"] == pytest.approx(0.7 + 0.025)
    assert Untagged(store).later_layers() == dict.fromkeys(POINTS[:2], (2, 3))


def test_layers_after_the_last_of_several_sinks_count(tmp_path):
    found = Untagged(kept(tmp_path, (0, 2), (1,), ()))
    assert found.later_layers() == {POINTS[0]: (3,), POINTS[1]: (2, 3)}
    assert found.recency().loc[POINTS[0], "constant"] == pytest.approx(0.7 + 0.03)
    assert later_words(found.later_layers()) == "layer 4 in one decoder, layers 3 and 4 in one decoder"


def test_a_sink_in_the_last_layer_is_not_counted_as_one_without_use(tmp_path):
    found = Untagged(kept(tmp_path, (3,), (1,), ()))
    assert found.recency().loc[POINTS[0]].isna().all() and found.later_layers()[POINTS[0]] == ()
    told = used(found.more_loss(), found.recency())
    assert told.startswith("Later layers use it: in 1 of 1 decoder (one setting, one seed)")
    assert told.endswith("(in one other decoder no layer follows the sink, so nothing can read its tag)")
    assert "31% (one decoder)" in released(found.recency())


def test_with_no_layer_after_any_sink_nothing_is_said_of_use(tmp_path):
    found = Untagged(kept(tmp_path, (3,), (0, 3), ()))
    told = used(found.more_loss(), found.recency())
    assert told.startswith("This cannot be asked here") and "no use" not in told
    assert released(found.recency()) == ""
    assert later_words(found.later_layers()) == "none in 2 decoders"


def test_an_empty_store_has_nothing_and_computes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "obtain", None)
    found = Untagged(Store(tmp_path))
    assert found.points == [] and found.later_layers() == {} and found.provenance == ""
    assert later_words(found.later_layers()) == "none"


@pytest.mark.parametrize(
    ("loss", "later", "expected"),
    [
        ([0.03, 0.03], [0.7, 0.7], "Later layers use it: in 2 of 2 decoders (2 settings, one seed each)"),
        ([0.03, 0.005], [0.7, 0.7], "Not all decoders use it: in 1 of 2"),
        ([0.03, 0.03], [0.7, 0.9], "Not all decoders use it: in 1 of 2"),
        ([0.005, 0.03], [0.7, 0.9], "We see no use of it: in 0 of 2"),
    ],
)
def test_use_needs_both_a_cost_and_a_turn(loss, later, expected):
    more = pd.DataFrame({"constant": loss, "other direction, constant": [0.01, 0.01]}, POINTS[:2])
    recency = {"as it is": [0.8] * 2, "constant": later, "other direction, constant": [0.8] * 2}
    recency = pd.DataFrame(recency, POINTS[:2])
    assert used(more, recency).startswith(expected)


def test_odds_are_those_of_the_curve():
    assert odds_at(pd.Series(shares(7.0, 9).tolist(), index=range(1, 10))) == pytest.approx(7.0)


def test_what_the_tag_makes_is_a_share_of_what_is_beyond_one_half():
    later = pd.DataFrame({"as it is": [0.9, 0.7], "constant": [0.8, 0.65]})
    assert "makes 25% on average (25% to 25% in 2 decoders)" in released(later)
    below = pd.DataFrame({"as it is": [0.9, 0.4], "constant": [0.8, 0.3]})
    assert "makes 25% (one decoder)" in released(below)  # the other has no recency that a tag could make
    assert released(later.iloc[:0]) == "" and used(later.iloc[:0], later.iloc[:0]) == "Not measured yet"
    assert "none of it" in released(later[["constant", "as it is"]].set_axis(["as it is", "constant"], axis=1))


def test_decoders_of_one_setting_are_its_seeds():
    assert decoders_and_seeds(POINTS) == "3 decoders (3 settings, one seed each)"


def test_pictures_show_what_they_are_given(store):
    found = Untagged(store)
    figure, (left, right) = plt.subplots(1, 2)
    share_by_query(left, {"a": found.strongest(POINTS[0])}, 5.0, 8)
    assert left.lines[0].get_ydata().tolist() == shares(5.0, 8).tolist()
    by_way(right, found.more_loss(), {point: point for point in POINTS}, "more loss")
    assert [label.get_text() for label in right.get_yticklabels()] == list(POINTS[:2])
    assert right.lines[1].get_xdata().tolist() == found.more_loss()["constant"].tolist()
    plt.close(figure)
