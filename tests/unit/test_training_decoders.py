"""Training of decoders: company, breaks, penalties; and weights that are kept."""

import math

import pytest
import torch

from attention_atlas import files
from attention_atlas.decoders import trained as trained_decoders
from attention_atlas.decoders.measures import decoder_records, text_loss, whole_measures
from attention_atlas.models.decoder import Decoder, forward, initial
from attention_atlas.training.language import Training, losses
from attention_atlas.training.locater import Locater, trace

DECODER = Decoder(9, tokens=6, layers=2, heads=2, d_model=8)
TEXT = torch.randint(1, 9, (300,), generator=torch.Generator().manual_seed(1))


def training(seeds, locaters=None, steps=30):
    return Training(DECODER, TEXT, seeds, steps, 1e-2, 4, locaters)


def test_company_changes_no_model_but_in_rounding():
    together, alone = training([3, 4]), training([4])
    together.advance(10), alone.advance(10)
    start = initial(DECODER, [torch.Generator().manual_seed(8)])
    for name, value in alone.parameters.items():
        apart = (value[0] - together.parameters[name][1]).abs().max()
        assert apart < 1e-4 * max(1.0, (value - start[name]).abs().max())


def test_the_learning_rate_rises_and_falls():
    rates, models = [], training([0], steps=40)
    keep = models.ensemble.set_learning_rate
    models.ensemble.set_learning_rate = lambda rate: (rates.append(rate), keep(rate))
    models.advance(40)
    assert rates[0] == pytest.approx(0.5e-2, rel=0.01) and rates.index(max(rates)) == 1 and rates[-1] < 1e-4


def test_each_model_has_a_penalty_of_its_own():
    free = training([5, 5], [None, None])
    held = training([5, 5], [None, Locater(0.0, 10.0)])
    for models in (free, held):
        models.advance(25)
    first, second = (trace(models.parameters["query"].mT, models.parameters["key"].mT) for models in (free, held))
    start = initial(DECODER, [torch.Generator().manual_seed(10)])
    kept = trace(start["query"].mT, start["key"].mT)[0]
    torch.testing.assert_close(first[0], second[0])
    torch.testing.assert_close(first[0], first[1])
    assert (second[1] - kept).abs().max() < 0.05 < (first[1] - kept).abs().max()


def test_a_target_is_the_same_for_every_head():
    models = training([5, 5], [None, Locater(0.0, 10.0, target_trace=2.0)], steps=80)
    models.advance(80)
    away = (trace(models.parameters["query"].mT, models.parameters["key"].mT) - 2).abs()
    assert away[1].max() < 0.3 < 1 < away[0].max()


def test_the_scale_is_pressed_down():
    models = training([5, 5], [None, Locater(0.1, 0.0)])
    models.advance(30)
    size = (models.parameters["query"] @ models.parameters["key"].mT).square().sum((1, 2, 3, 4))
    assert size[1] < size[0] / 2


def test_losses_are_those_of_the_next_token():
    logits = torch.zeros(2, 1, 2, 4)
    logits[1, 0, 1, 3] = 5.0
    found = losses(logits, torch.tensor([[[0, 2, 3]]]))
    assert found[0].allclose(torch.tensor(math.log(4)))
    assert found[1, 0, 1].item() == pytest.approx(math.log(1 + 3 * math.exp(-5)), rel=1e-5)


def test_records_are_what_the_forward_pass_has():
    parameters = initial(DECODER, [torch.Generator().manual_seed(0)])
    text, seen, held = TEXT[:24].reshape(4, 6), [], {}
    logits = decoder_records(DECODER, parameters, text, seen.append)
    whole = forward(DECODER, parameters, text[None], lambda layer, name, x: held.update({(layer, name): x[0]}))
    assert torch.equal(logits, whole[0])
    for layer, record in enumerate(seen):
        assert torch.equal(record.weights, held[layer, "weights"])
        written = sum(record.weights[:, h] @ record.values[:, h] @ record.output[h] for h in range(2))
        torch.testing.assert_close(written, held[layer, "written"])
        assert torch.equal(record.stream, held[layer, "stream"])


def test_the_loss_of_a_text_does_not_depend_on_how_it_is_cut():
    parameters = initial(DECODER, [torch.Generator().manual_seed(0)])
    windows = TEXT[:280].reshape(40, 7)
    parts = [text_loss(DECODER, parameters, part) for part in windows.split(20)]
    assert text_loss(DECODER, parameters, windows.repeat(3, 1)) == pytest.approx(sum(parts) / 2, rel=1e-6)


def test_measures_name_every_layer_and_head():
    parameters = initial(DECODER, [torch.Generator().manual_seed(0)])
    table = whole_measures(DECODER, parameters, TEXT[:24].reshape(4, 6))
    found = table[table["quantity"] == "eta"]
    assert found[["layer", "head"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    query, key = parameters["query"][0, 1, 0], parameters["key"][0, 1, 0]
    assert found["value"].iloc[2] == pytest.approx(((query @ key.mT).trace() / 2).item(), rel=1e-5)
    assert table.groupby(["layer", "head", "quantity"]).size().max() == 1


def test_weights_are_kept_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)
    parameters = initial(DECODER, [torch.Generator().manual_seed(0)])
    calls = []

    def train():
        calls.append("trained")
        trained_decoders.keep("this", parameters)

    for _ in range(2):
        found = trained_decoders.weights_of("this", train)
        assert all(torch.equal(found[name], value) for name, value in parameters.items())
    assert calls == ["trained"]
    trained_decoders.place("this").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"data/checkpoints/decoder-\w+.pt is damaged \(\w+\): delete it"):
        trained_decoders.weights_of("this", train)
