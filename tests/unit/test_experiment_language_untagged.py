"""Tags taken away: against a plain loop, and where nothing may change."""

from dataclasses import replace

import pytest
import torch

from attention_atlas.decoders.first_token_tag import WAYS, TagEdit
from attention_atlas.experiments import language_untagged as experiment
from attention_atlas.models.decoder import Decoder, forward, initial

DECODER = Decoder(11, tokens=7, layers=2, heads=3, d_model=12)


def drawn():
    source = torch.Generator().manual_seed(3)
    parameters = {name: 2 * value.double() for name, value in initial(DECODER, [source]).items()}
    text = torch.randint(1, 11, (1, 5, 7), generator=source)
    text[..., 0] = 0  # as in windows, where it begins every one and is no other token
    return parameters, text


def inside(hook=None):
    """Everything on the way of a pass, by layer and name, after the hook has had its say."""
    parameters, text = drawn()
    seen = {}

    def both(layer, name, tensor):
        changed = hook(layer, name, tensor) if hook else None
        seen[layer, name] = tensor if changed is None else changed
        return changed

    forward(DECODER, parameters, text, both)
    return seen


@pytest.mark.parametrize("way", ["none", "constant"])
def test_what_is_taken_is_the_first_tokens_part(way):
    before, after = inside(), inside(TagEdit([(0, 1)], way, torch.Generator()))
    weights, values = before[0, "weights"][0, :, 1], before[0, "value"][0, :, 1]
    for window in range(5):
        mean = sum(weights[window, i, 0] for i in range(7)) / 7
        for i in range(7):
            expected = (0 if way == "none" else mean) * values[window, 0]
            expected = expected + sum(weights[window, i, j] * values[window, j] for j in range(1, i + 1))
            torch.testing.assert_close(after[0, "pooled"][0, window, 1, i], expected)
    for head in (0, 2):
        assert torch.equal(before[0, "pooled"][:, :, head], after[0, "pooled"][:, :, head])
    assert torch.equal(before[0, "weights"], after[0, "weights"])
    assert (before[1, "stream"] - after[1, "stream"]).abs().max() > 1e-3


@pytest.mark.parametrize(("way", "like"), [("other direction", "none"), ("other direction, constant", "constant")])
def test_the_control_takes_as_much_in_another_direction(way, like):
    before = inside()[0, "pooled"]
    taken, control = (
        inside(TagEdit([(0, 1)], name, torch.Generator().manual_seed(1)))[0, "pooled"] - before for name in (like, way)
    )
    torch.testing.assert_close(taken.norm(dim=-1), control.norm(dim=-1))
    along = torch.nn.functional.cosine_similarity(taken[0, :, 1, 1], control[0, :, 1, 1], dim=-1)
    assert along.abs().max() < 0.999


def test_without_heads_nothing_changes():
    before, after = inside(), inside(TagEdit([], "none", torch.Generator()))
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="unknown way 'half'; allowed: none, constant, other direction"):
        TagEdit([], "half", torch.Generator())


def test_shares_are_the_first_column():
    parameters, text = drawn()
    shares = experiment.first_token_shares(DECODER, parameters, text[0])
    weights = inside()[1, "weights"]
    assert shares.shape == (2, 3, 5, 7)
    torch.testing.assert_close(shares[1, 2, 4], weights[0, 4, 2, :, 0])


def test_a_decoder_without_such_heads_is_read_as_it_is():
    table = experiment.run(replace(experiment.CANARY, least_received=0.99))
    assert set(table["label"]) == {"as it is"} and "more_loss" not in set(table["quantity"])
    edited = experiment.run(experiment.CANARY)
    assert edited.query("quantity == 'more_loss'")["label"].tolist() == list(WAYS)
    assert edited.query("quantity == 'loss'")["value"].tolist() == table.query("quantity == 'loss'")["value"].tolist()


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="windows must be at least 2, got 1"):
        replace(experiment.CANARY, windows=1)
    with pytest.raises(ValueError, match=r"least_received must lie in \[0, 1\), got 1"):
        replace(experiment.CANARY, least_received=1)
