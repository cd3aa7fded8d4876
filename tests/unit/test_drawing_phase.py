"""Phase diagrams: every cell has its letter, and the outline is the boundary of the region and nothing else."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from attention_atlas.drawing import phase as drawing_phase
from attention_atlas.theory.localization.collapse import REGIMES


def axes():
    return Figure().subplots()


def test_every_regime_has_its_own_letter_and_color():
    assert set(drawing_phase.LOOK) == set(REGIMES)
    letters, colors, _ = zip(*drawing_phase.LOOK.values(), strict=True)
    assert len(set(letters)) == len(set(colors)) == len(REGIMES)


def test_letters_stand_where_their_place_is():
    table = pd.DataFrame(np.resize(REGIMES, (3, 2)), index=[0.0, 2.0, 16.0], columns=[-5.0, 20.0])
    panel = axes()
    drawing_phase.regime_map(panel, table)
    found = {text.get_position(): text.get_text() for text in panel.texts}
    assert found == {(c, r): drawing_phase.LOOK[table.iloc[r, c]][0] for r in range(3) for c in range(2)}
    assert [label.get_text() for label in panel.get_xticklabels()] == ["−5", "20"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0", "2", "16"]


def test_the_lowest_deviation_is_drawn_below():
    panel = axes()
    image = drawing_phase.value_map(panel, pd.DataFrame([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], index=[0.0, 1.0]))
    assert image.origin == "lower" and image.get_array()[0].tolist() == [0.1, 0.2, 0.3]
    assert panel.get_ylim()[0] < panel.get_ylim()[1]


def segments(cells):
    panel = axes()
    drawing_phase.outline(panel, pd.DataFrame(cells))
    return [tuple(map(tuple, part.tolist())) for part in panel.collections[0].get_segments()]


def test_outlines_by_hand():
    assert segments([[False, False]]) == []
    assert len(segments([[True, True]])) == 6
    assert len(segments([[True, True], [True, True]])) == 8
    assert len(segments([[True, False], [False, True]])) == 8


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4))
def test_an_outline_is_every_edge_with_one_side_inside(cells):
    padded = np.pad(np.array(cells, dtype=int), 1)
    expected = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    found = segments(cells)
    assert len(found) == len(set(found)) == expected


def test_a_legend_names_letters():
    panel = axes()
    drawing_phase.regime_legend(panel, ["rank collapse", "localized"], ncols=2)
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["R rank collapse", "L localized"]
