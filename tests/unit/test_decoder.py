"""The decoders against a plain loop over tokens in numpy, in every option; what changes them and what does not."""

import math

import numpy as np
import pytest
import torch

from attention_atlas.models.decoder import EPSILON, Decoder, forward, initial, one, slopes

VOCABULARY, TOKENS, BATCH = 11, 7, 3
SETTINGS = [
    {},
    {"norm": "rms"},
    {"norm": "none", "positions": "none"},
    {"place": "post", "positions": "sinusoidal"},
    {"place": "post", "norm": "rms", "positions": "learned"},
    {"place": "post", "norm": "none", "positions": "decay"},
    {"attention": "relu", "positions": "decay"},
    {"attention": "self", "positions": "learned"},
    {"qk_norm": True},
    {"qk_norm": True, "positions": "learned", "norm": "none", "attention": "relu"},
]


def made(seeds=(0, 1), **options):
    """Models with gains that are not 1, in float64, and a text."""
    decoder = Decoder(VOCABULARY, TOKENS, **({"layers": 2, "heads": 2, "d_model": 12} | options))
    parameters = initial(decoder, [torch.Generator().manual_seed(seed) for seed in seeds])
    source = torch.Generator().manual_seed(5)
    for name, value in parameters.items():
        if name.endswith("gain"):
            value += 0.3 * torch.randn(value.shape, generator=source)
    text = torch.randint(VOCABULARY, (1, BATCH, TOKENS), generator=source)
    return decoder, {name: 1.3 * value.double() for name, value in parameters.items()}, text


def plain(decoder, p, text):
    """Logits of one model and one text, token by token and head by head."""

    def norm(x, gain, kind=decoder.norm):
        if kind == "none":
            return x
        x = x - x.mean() if kind == "layer" else x
        return x / math.sqrt((x**2).mean() + EPSILON) * gain

    def turned(x, place):
        x = x.copy()
        for pair in range(len(x) // 2):
            angle = place * 10000 ** (-2 * pair / len(x))
            a, b = x[2 * pair : 2 * pair + 2]
            cos, sin = math.cos(angle), math.sin(angle)
            x[2 * pair : 2 * pair + 2] = a * cos - b * sin, a * sin + b * cos
        return x

    def gelu(x):
        return np.array([value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x])

    pre, streams = decoder.place == "pre", []
    for place, token in enumerate(text):
        x = p["embedding"][token].copy()
        if decoder.positions == "learned":
            x += p["position"][place]
        if decoder.positions == "sinusoidal":
            for pair in range(decoder.d_model // 2):
                angle = place * 10000 ** (-2 * pair / decoder.d_model)
                x[2 * pair] += math.sin(angle)
                x[2 * pair + 1] += math.cos(angle)
        streams.append(x)
    for layer in range(decoder.layers):
        first, second = (p[f"{name}_gain"][layer] if decoder.norm != "none" else None for name in ("attention", "mlp"))
        read = [norm(x, first) if pre else x for x in streams]
        added = [np.zeros(decoder.d_model) for _ in streams]
        for head in range(decoder.heads):
            q, k, v = ([x @ p[name][layer][head] for x in read] for name in ("query", "key", "value"))
            if decoder.qk_norm:
                q = [norm(x, p["query_gain"][layer], "rms") for x in q]
                k = [norm(x, p["key_gain"][layer], "rms") for x in k]
            if decoder.positions == "rope":
                q, k = ([turned(x, place) for place, x in enumerate(part)] for part in (q, k))
            for i in range(len(text)):
                logits = [q[i] @ k[j] / math.sqrt(decoder.d_head) for j in range(i + 1)]
                if decoder.positions == "decay":
                    logits = [x - (i - j) * 2 ** (-8 * (head + 1) / decoder.heads) for j, x in enumerate(logits)]
                if decoder.attention == "softmax":
                    row = np.exp(np.array(logits) - max(logits))
                    row /= row.sum()
                elif decoder.attention == "self":
                    row = np.eye(i + 1)[i]
                else:
                    row = np.maximum(logits, 0) / (i + 1)
                added[i] += sum(w * v[j] for j, w in enumerate(row)) @ p["output"][layer][head]
        for i in range(len(text)):
            x = streams[i] + added[i]
            x = x if pre else norm(x, first)
            x = x + gelu((norm(x, second) if pre else x) @ p["mlp_in"][layer]) @ p["mlp_out"][layer]
            streams[i] = x if pre else norm(x, second)
    if pre and decoder.norm != "none":
        streams = [norm(x, p["last_gain"]) for x in streams]
    return np.stack(streams) @ p["unembedding"]


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_every_model_of_a_stack_is_the_plain_loop(options):
    decoder, parameters, text = made(**options)
    logits = forward(decoder, parameters, text)
    for place in range(2):
        numbers = {name: value.numpy() for name, value in one(parameters, place).items()}
        expected = plain(decoder, {name: value[0] for name, value in numbers.items()}, text[0, 1].tolist())
        np.testing.assert_allclose(logits[place, 1], expected, rtol=1e-9, atol=1e-9)


def test_options_change_the_logits():
    """Negative control of the comparison above: no option is ignored."""
    found = []
    for options in SETTINGS:
        decoder, parameters, text = made(**options)
        found.append(forward(decoder, parameters, text))
    for place, logits in enumerate(found):
        assert all((logits - other).abs().max() > 0.05 for other in found[:place])


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_what_comes_later_changes_nothing(options):
    decoder, parameters, text = made(**options)
    changed = text.clone()
    changed[..., 4] = (changed[..., 4] + 1) % VOCABULARY
    before, after = (forward(decoder, parameters, tokens) for tokens in (text, changed))
    torch.testing.assert_close(before[:, :, :4], after[:, :, :4], rtol=0, atol=1e-12)
    differs = (before - after)[:, :, 4:].abs().amax((0, 1, 3))
    if decoder.attention == "self":  # no token learns of another
        assert differs[0] > 1e-3 and not differs[1:].any()
    else:
        assert (differs > 1e-3).all()


def test_without_positions_only_the_set_of_earlier_tokens_matters_in_one_layer():
    decoder, parameters, text = made(positions="none", layers=1)
    swapped = text[..., [2, 0, 1, 3, 4, 5, 6]]
    before, after = (forward(decoder, parameters, tokens)[:, :, 3:] for tokens in (text, swapped))
    torch.testing.assert_close(before, after)
    turned, parameters, text = made(positions="rope", layers=1)
    assert (
        forward(turned, parameters, swapped)[:, :, 3:] - forward(turned, parameters, text)[:, :, 3:]
    ).abs().max() > 0.01


def test_a_hook_sees_everything_in_order_and_can_replace_it():
    decoder, parameters, text = made()
    names = []
    whole = forward(decoder, parameters, text, lambda layer, name, tensor: names.append((layer, name)))
    expected = ["stream", "read", "query", "key", "value", "scores", "weights", "pooled", "written", "attended"]
    expected += ["mlp_read", "mlp_written", "left"]
    assert names == [(layer, name) for layer in range(2) for name in expected]
    silent = forward(decoder, parameters, text, lambda layer, name, tensor: 0 * tensor if "written" in name else None)
    none = {name: 0 * value if name in ("output", "mlp_out") else value for name, value in parameters.items()}
    torch.testing.assert_close(silent, forward(decoder, none, text))
    assert (silent - whole).abs().max() > 0.1


def test_shapes_of_everything_on_the_way():
    decoder, parameters, text = made(layers=1, heads=3, d_model=30)
    shapes = {}
    forward(decoder, parameters, text, lambda layer, name, tensor: shapes.update({name: tuple(tensor.shape)}))
    assert shapes["query"] == shapes["pooled"] == (2, BATCH, 3, TOKENS, 10)
    assert shapes["scores"] == shapes["weights"] == (2, BATCH, 3, TOKENS, TOKENS)
    assert shapes["written"] == shapes["left"] == (2, BATCH, TOKENS, 30)


def test_first_parameters_are_those_of_the_model_alone():
    decoder = Decoder(VOCABULARY, qk_norm=True, positions="learned")
    both = initial(decoder, [torch.Generator().manual_seed(seed) for seed in (3, 4)])
    alone = initial(decoder, [torch.Generator().manual_seed(4)])
    assert all(torch.equal(one(both, 1)[name], alone[name]) for name in decoder.shapes)
    assert {name: tuple(value.shape[1:]) for name, value in both.items()} == decoder.shapes


def test_slopes_are_those_of_alibi():
    assert slopes(8).tolist() == [2.0**-k for k in range(1, 9)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": 1}, "vocabulary must be at least 2, got 1"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"heads": 5}, "d_model must be a multiple of the heads, got 96 and 5"),
        ({"heads": 32}, "rope turns pairs, so d_model / heads must be even, got 3"),
        ({"norm": "batch"}, "unknown norm 'batch'; allowed: layer, rms, none"),
        ({"place": "mid"}, "unknown place 'mid'; allowed: pre, post"),
        ({"positions": "t5"}, "unknown positions 't5'; allowed: none, rope, decay, learned, sinusoidal"),
        ({"attention": "linear"}, "unknown attention 'linear'; allowed: softmax, relu, self"),
    ],
)
def test_impossible_shapes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Decoder(**({"vocabulary": 5} | options))


def test_a_text_longer_than_learned_positions_is_refused():
    decoder, parameters, _ = made(positions="learned")
    with pytest.raises(ValueError, match="positions are learned for 7 tokens, got a text of 8"):
        forward(decoder, parameters, torch.zeros(1, 1, 8, dtype=torch.long))
