"""What is drawn is what was given: cells, marks, whiskers; and stored runs are read by setting and seed."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from attention_atlas import results
from attention_atlas.drawing_language_sinks import head_map, kind_handles, layer_lines, share_rows, tag_plane
from attention_atlas.experiments import language_tags
from attention_atlas.store import Store
from attention_atlas.tag_outcomes import TagOutcomes

NAN = float("nan")


def axes():
    return Figure().subplots()


def test_every_head_has_its_number():
    where = axes()
    head_map(where, pd.DataFrame([[0.0, 0.5, NAN], [1.25, 0.06, 2.0]]), most=2.0, title="sinks")
    assert [text.get_text() for text in where.texts] == ["0", ".50", "–", "1.25", ".06", "2.00"]
    assert [text.get_position() for text in where.texts[:4]] == [(1, 1), (2, 1), (3, 1), (1, 2)]
    assert "sinks" in {where.get_title(), where.get_title(loc="left")}


def test_a_head_map_of_nothing_but_zeros_can_be_drawn():
    where = axes()
    head_map(where, pd.DataFrame([[0.0, 0.0]]), most=0.0)
    assert [text.get_text() for text in where.texts] == ["0", "0"]


def test_rows_of_shares_have_a_mark_for_each_head_and_their_mean():
    where = axes()
    share_rows(
        where, {"tags": ([0.1, NAN, 0.3], "blue", "o"), "none": ([NAN], "muted", "s"), "one": ([0.5], "red", "D")}
    )
    drawn = [line.get_xdata().tolist() for line in where.lines]
    assert drawn[0] == pytest.approx([10, 30]) and drawn[1] == pytest.approx([20, 20])
    assert drawn[2] == [] and drawn[3] == pytest.approx([50]) and drawn[4] == pytest.approx([50, 50])
    assert [label.get_text() for label in where.get_yticklabels()] == ["tags", "none", "one"]


def test_both_kinds_of_token_have_their_own_marks():
    where = axes()
    places = pd.DataFrame({"first": [0.0, 1, 2], "second": [5.0, 6, 7], "tagged": [True, False, True]})
    tag_plane(where, places, "output")
    untagged, tagged = where.lines
    assert tagged.get_xdata().tolist() == [0, 2] and untagged.get_ydata().tolist() == [6]
    assert [tagged.get_marker(), untagged.get_marker()] == [handle.get_marker() for handle in kind_handles()][::-1]


def test_lines_over_layers_have_whiskers_of_two_errors():
    where = axes()
    table = pd.DataFrame({"mean": [0.5, 0.7], "standard_error": [0.1, NAN]})
    layer_lines(where, [(table, "blue", "o-", "tags"), (table, "red", "s--", "rest")])
    assert where.lines[0].get_xdata().tolist() == [1, 2] and where.lines[1].get_xdata()[0] > 1
    ends = where.collections[0].get_segments()
    assert [point[1] for point in ends[0]] == pytest.approx([0.3, 0.7]) and ends[1][0][1] == ends[1][1][1] == 0.7


def rows(value):
    base = [(0, 0, "sinks", "", value), (0, 1, "sinks", "", value + 1), (1, 0, "sinks", "", value + 2)]
    base += [(0, -1, "probe", "tags", 0.9), (1, -1, "probe", "tags", 0.7), (0, -1, "probe", "output", 0.8)]
    return pd.DataFrame(base, columns=["layer", "head", "quantity", "label", "value"]).assign(standard_error=NAN)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    for seed, value in enumerate((1.0, 3.0)):
        point = f"rope-seed{seed}"
        config = language_tags.configurations("paper")[point]
        store.put(language_tags, point, config, rows(value), "paper", 1.0)
    return store


def test_stored_runs_are_read_by_setting_and_seed(store, monkeypatch):
    monkeypatch.setattr(results, "_run", None)  # nothing is computed
    outcomes = TagOutcomes(["rope"], "smoke", store)
    assert (
        outcomes.seeds("rope") == 2 and outcomes.configs["rope"] == language_tags.configurations("paper")["rope-seed0"]
    )
    assert outcomes.heads("rope", "sinks").loc[0].tolist() == [2, 3] and outcomes.heads("rope", "sinks").loc[1, 0] == 4
    layers = outcomes.layers("rope", "sinks")
    assert layers["mean"].tolist() == [2.5, 4] and layers["standard_error"].tolist() == [1, 1]
    assert outcomes.mean("rope", "sinks") == (3.0, 1.0)
    assert outcomes.labels("rope", "probe").to_dict() == {"tags": 0.8, "output": 0.8}
    assert outcomes.layers("rope", "probe", "output")["mean"].tolist() == [0.8]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError) as refusal:
        TagOutcomes(["alibi"], "smoke")
    words = "unknown setting 'alibi'; allowed: rope, no-positions, qk-norm, relu, post-norm, untrained, long"
    assert str(refusal.value) == words
