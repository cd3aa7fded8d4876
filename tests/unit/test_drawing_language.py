"""Bands, lines and differences lie where the numbers are; what is not there is left out."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from attention_atlas.drawing.language import LOOKS, differences, over_training, perplexity_axis, seed_band
from attention_atlas.experiments import language
from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.decoders import Decoders
from attention_atlas.store import Store, machine, made


@pytest.fixture
def found(tmp_path):
    """Two seeds of two settings: losses 3 and 3.5 in the end, and 2 and 2.25."""
    store, configs = Store(tmp_path), language.configurations("paper")
    for setting, losses in {"rope": (3.0, 3.5), "relu": (2.0, 2.25)}.items():
        for seed, loss in enumerate(losses):
            rows = [(25, -1, -1, "loss", 5.0), (1600, -1, -1, "loss", loss)]
            table = pd.DataFrame(rows, columns=["step", "layer", "head", "quantity", "value"])
            point = f"{setting}-seed{seed}"
            store.keep(made(language, point, configs[point], table, "paper", 1.0, machine("cpu")))
    return Decoders(["rope", "relu"], "smoke", store)


def axes():
    return Figure().subplots()


def test_a_band_reaches_from_the_least_to_the_greatest_seed():
    panel = axes()
    seed_band(panel, pd.DataFrame({0: [1.0, 2.0], 1: [3.0, 7.0], 2: [2.0, 3.0]}, index=[5, 10]), "#0b6fb3")
    assert panel.lines[0].get_xdata().tolist() == [5, 10] and panel.lines[0].get_ydata().tolist() == [2, 4]
    heights = panel.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == 1 and heights.max() == 7


def test_settings_that_are_not_there_change_no_look(found):
    panel = axes()
    settings = {"qk-norm": "QK-norm", "relu": "ReLU", "rope": "RoPE"}
    assert over_training(panel, found, settings, "loss") == ["relu", "rope"]
    assert [line.get_label() for line in panel.lines] == ["ReLU", "RoPE"]
    assert [line.get_color() for line in panel.lines] == [PALETTE[color] for color, *_ in LOOKS[1:3]]
    assert panel.lines[1].get_ydata().tolist() == [5, 3.25] and panel.get_xscale() == "log"


def test_more_settings_than_looks_are_refused(found):
    with pytest.raises(ValueError, match="a panel has looks for 6 settings, got 7"):
        over_training(axes(), found, dict.fromkeys("abcdefg", ""), "loss")


def test_floors_are_drawn_where_they_are():
    panel = axes()
    perplexity_axis(panel, {"unigram": 377.0, "bigram": 55.0})
    assert [line.get_ydata()[0] for line in panel.lines] == [377, 55]
    assert [text.get_text() for text in panel.texts] == ["unigram", "bigram"] and panel.get_yscale() == "log"


def test_the_axis_holds_what_is_drawn_in_the_panels_beside_it():
    first, second = Figure().subplots(1, 2, sharey=True)
    first.plot([25, 100], [900, 40])
    perplexity_axis(first, {})
    second.plot([25, 100], [300, 30])
    perplexity_axis(second, {"bigram": 55.0})
    assert first.get_ylim() == second.get_ylim() == pytest.approx((10, 1080))
    assert second.get_yticks().tolist() == [10, 20, 50, 100, 200, 500, 1000]


def test_differences_show_every_seed_and_their_mean(found):
    panel = axes()
    pairs = {"missing": ("qk-norm", "rope"), "ReLU": ("relu", "rope")}
    assert differences(panel, found, pairs, "loss") == ["ReLU"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["missing", "ReLU"]
    _, seeds, mean, *_ = panel.lines
    assert seeds.get_xdata().tolist() == [-1, -1.25] and mean.get_xdata().tolist() == [-1.125]
    ends = panel.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert ends.tolist() == pytest.approx([-1.25, -1.0])  # a standard error of .125
