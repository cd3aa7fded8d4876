"""What is drawn of recency in decoders: the numbers that went in, the right panels, and refusals."""

import math

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from attention_atlas.decoders.maps import PANELS
from attention_atlas.drawing.language_recency import layer_curves, layer_maps, place_curves, trace_panels
from attention_atlas.metrics import without_diagonal_means


def random(size, seed=0):
    return torch.randn(size, size, generator=torch.Generator().manual_seed(seed)).double()


def test_curves_are_means_with_the_range_of_the_seeds():
    axes = Figure().subplots()
    values = pd.DataFrame([[0.5, 0.6, 0.7], [0.5, 0.8, 0.3]])
    layer_curves(axes, {"trained": values}, pd.DataFrame({"layer": [0, 1], "value": [0.1, 0.9]}))
    assert axes.lines[-1].get_ydata() == pytest.approx([0.5, 0.7, 0.5])
    segments = [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()]
    assert segments == [[0.5, 0.5], [0.6, 0.8], [0.3, 0.7]]
    assert axes.lines[1].get_ydata().tolist() == [0.1, 0.9] and list(axes.get_xticks()) == [1, 2, 3]


def test_panels_show_their_own_map_without_the_first_token():
    names = [f"score_{layer}" if kind == "score" else f"gram_{name}_{layer}" for kind, name, layer, _ in PANELS]
    maps = {name: random(7, seed) for seed, name in enumerate(names)}
    recency = {(name or kind, layer): seed / 10 for seed, (kind, name, layer, _) in enumerate(PANELS)}
    panels = trace_panels(Figure(), maps, recency)
    for seed, (axes, name) in enumerate(zip(panels, names, strict=True)):
        drawn = torch.as_tensor(axes.images[0].get_array().filled(math.nan))
        assert drawn[3, 1] == maps[name][4, 2] and drawn.shape == (6, 6) and drawn[1, 3].isnan()
        assert axes.texts[0].get_text() == f"RP .{seed}00" and len(axes.texts) == 1
        ends = [float(text.get_text().replace("−", "-")) for text in axes.child_axes[0].texts]
        assert ends == pytest.approx(axes.images[0].get_clim(), rel=0.01)


def test_what_is_left_is_drawn_below_with_one_range():
    maps = [random(7), 5 * random(7, 1)]
    grid = layer_maps(Figure(), {"one": maps, "other": maps}, {"one": [0.2, 0.4], "other": [0.6, 0.8]})
    left = without_diagonal_means(maps[1][1:, 1:].masked_fill(torch.ones(6, 6).triu(1).bool(), math.nan))
    drawn = torch.as_tensor(grid[1][1].images[0].get_array().filled(math.nan))
    assert torch.allclose(drawn.tril(-1), left.tril(-1).nan_to_num() * torch.ones(6, 6).tril(-1), equal_nan=True)
    assert grid[1][0].images[0].get_clim() == grid[1][1].images[0].get_clim()
    assert [axes.texts[0].get_text() for axes in grid[2]] == ["RP .600", "RP .800"]


def test_a_function_of_the_distance_is_flat_over_places_and_one_of_the_key_is_not():
    place = torch.arange(9.0).double()
    figure = Figure()
    place_curves(figure, {"distance": [place - place[:, None]], "key": [place.expand(9, 9)]}, 2)
    (by_distance, at_one), (of_key, at_two) = (figure.axes[:2], figure.axes[2:])
    assert max(at_one.lines[0].get_ydata()) == pytest.approx(0) and by_distance.lines[0].get_ydata()[0] > 0.5
    assert at_two.lines[0].get_ydata()[-1] > 0.5 and len(of_key.lines[0].get_ydata()) == 3


def test_places_are_averaged_over_the_same_distances():
    map, figure = random(9), Figure()
    place_curves(figure, {"a": [map]}, 3)
    text = map[1:, 1:]
    means = [sum(text[key + gap, key].item() for gap in (1, 2, 3)) / 3 for key in range(5)]
    size = text[torch.ones(8, 8).tril(-1).bool()].std().item()
    expected = [(value - sum(means) / 5) / size for value in means]
    assert figure.axes[1].lines[0].get_ydata() == pytest.approx(expected)


@pytest.mark.parametrize("distance", [0, 5])
def test_a_distance_without_two_keys_is_refused(distance):
    with pytest.raises(ValueError, match=f"distances must be 1 to 4, .* got {distance}"):
        place_curves(Figure(), {"a": [random(7)]}, distance)
