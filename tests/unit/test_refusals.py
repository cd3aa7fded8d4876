"""What is asked most often by mistake, and what no other test asks: each refused in one line that says so."""

import nbformat
import pytest
import torch

from attention_atlas import figures, notebooks
from attention_atlas.checks.centers import random_mask
from attention_atlas.experiments import peak_distance, rollout_collapse, theorem_margins
from attention_atlas.masks import dense, named, prefix, sliding_window
from attention_atlas.positions import decay_bias, rope, rope_frequencies
from attention_atlas.theory.position_bias.decay import decay_constants_printed, decay_peak
from attention_atlas.theory.position_bias.kernels import flat_map


def page(figures: int):
    """An executed notebook whose one code cell published so many figures."""
    output = nbformat.v4.new_output("display_data", metadata={notebooks.KEY: {"name": "a", "caption": "", "alt": "a"}})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return nbformat.v4.new_notebook(metadata=kernel, cells=[nbformat.v4.new_code_cell("", outputs=[output] * figures)])


@pytest.mark.parametrize(
    ("call", "got"),
    [
        pytest.param(lambda: sliding_window(1), "at least 2, got 1", id="w < 2"),
        pytest.param(lambda: dense(prefix(6), 5), "at least 6 tokens, got 5", id="K > N"),
        pytest.param(lambda: named("prefix", 6, tokens=5), "at least 6 tokens, got 5", id="K > N by name"),
        pytest.param(lambda: rope_frequencies(5), "even and at least 2, got 5", id="odd d"),
        pytest.param(lambda: rope(torch.zeros(3, 5), torch.ones(2).double()), "even d_head .*got 5 and 2", id="odd x"),
        pytest.param(lambda: decay_bias(5, slope=-0.1), "at least 0, got -0.1", id="m < 0"),
        pytest.param(lambda: flat_map(5, slope=-0.1), "slope .*at least 0, got -0.1", id="m < 0 in a map"),
        pytest.param(lambda: decay_peak(4, slope=-0.1), "above 0 .*got -0.1", id="m < 0 in a peak"),
        pytest.param(lambda: decay_constants_printed(0.1, 2.0, 1.0), "got 2.0 and 1.0", id="bounds crossed"),
        pytest.param(lambda: random_mask(2, torch.Generator()), "at least 3 tokens, got 2", id="no room for a graph"),
        pytest.param(lambda: figures.shades(9), "1 to 8 lines, got 9", id="too many lines"),
        pytest.param(lambda: notebooks.canonical(page(2), "a/b"), "a/b.py, cell 1: got 2 figures", id="two figures"),
        *(
            pytest.param(lambda e=e: e.configurations("huge"), "'huge'; allowed: smoke, quick, paper", id=e.NAME)
            for e in (peak_distance, rollout_collapse, theorem_margins)
        ),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, got):
    with pytest.raises((ValueError, notebooks.NotebookError), match=got) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_a_table_beside_a_figure_is_refused():
    """The book would set it as a second figure of the same name."""
    beside = page(1)
    beside.cells[0].outputs.append(nbformat.v4.new_output("display_data", data={"text/markdown": "|a|"}))
    with pytest.raises(notebooks.NotebookError, match=r"a/b\.py, cell 1: got figure 'a' and more"):
        notebooks.canonical(beside, "a/b")


def test_words_and_printed_lines_beside_a_figure_are_not_refused():
    beside = page(1)
    glued = nbformat.v4.new_output("display_data", metadata={"scrapbook": {"name": "w"}})
    beside.cells[0].outputs += [glued, nbformat.v4.new_output("stream", text="a line")]
    assert "figure" in notebooks.canonical(beside, "a/b").cells[0].metadata["mystnb"]


def test_one_figure_is_not_refused():
    assert notebooks.canonical(page(1), "a/b").cells[0].metadata["mystnb"]["figure"]["name"] == "fig-a"


def test_a_notebook_without_its_parameters_cell_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.py").write_text("# %%\n1\n")
    monkeypatch.setattr(notebooks, "SOURCES", tmp_path)
    with pytest.raises(ValueError, match="notebook a/b needs one cell tagged 'parameters', got 0"):
        notebooks.parameters("a/b")
