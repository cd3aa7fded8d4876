"""Lines lie where their numbers are, in their looks; ranks are evenly spaced; what is whole is a level."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from attention_atlas.drawing.language_compression import KEYS, KINDS, compressed_lines
from attention_atlas.experiments import language_compression as experiment
from attention_atlas.figures import PALETTE


def course(places, *seeds):
    return pd.DataFrame(dict(enumerate(seeds)), index=places)


def test_shares_are_drawn_where_they_are_with_a_band_over_seeds():
    axes = Figure().subplots()
    courses = {"entries": course([0.25, 0.5], [8.0, 4.0], [6.0, 2.0]), "low_rank": course([0.24, 0.49], [9.0, 5.0])}
    compressed_lines(axes, courses, KINDS, 1.5)
    first, second, level = axes.lines
    assert first.get_xydata().tolist() == [[0.25, 7], [0.5, 3]] and second.get_xydata().tolist() == [
        [0.24, 9],
        [0.49, 5],
    ]
    assert list(level.get_ydata()) == [1.5, 1.5] and level.get_label() == "uncompressed"
    assert (first.get_label(), first.get_marker(), first.get_linestyle()) == ("few entries", "o", "-")
    assert to_hex(second.get_color()) == PALETTE["orange"]
    edges = axes.collections[0].get_paths()[0].vertices.tolist()
    assert {(x, y) for x, y in edges} == {(0.25, 6), (0.25, 8), (0.5, 2), (0.5, 4)}


def test_ranks_are_evenly_spaced_and_named():
    axes = Figure().subplots()
    courses = {
        ("kept", "plain"): course([0, 1, 2, 16], [1.0, 2.0, 3.0, 4.0]),
        ("removed", "weighted"): course([2, 4], [5.0, 6.0]),
    }
    compressed_lines(axes, courses, KEYS, 0.0, ranks=True)
    assert [line.get_xdata().tolist() for line in axes.lines[:2]] == [[0, 1, 2, 4], [2, 3]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "4", "16"]


def test_every_way_of_the_experiment_has_a_look_of_its_own():
    assert set(KINDS) == set(experiment.KINDS)
    assert set(KEYS) <= {(kind, method) for kind in ("kept", "removed", "second") for method in experiment.METHODS}
    for looks in (KINDS, KEYS):
        for part in range(4):
            assert len({look[part] for look in looks.values()}) == len(looks)
    with pytest.raises(KeyError):
        compressed_lines(Figure().subplots(), {"unknown": course([1], [1.0])}, KINDS, 0.0)
