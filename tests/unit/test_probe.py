"""The probe on checkpoints that save_pretrained wrote: its numbers are those of stored maps, its refusals one line."""

import gc
import json
import math
import re
import socket
import sys
import weakref
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import pytest
import torch

from attention_atlas import cli
from attention_atlas.decoders.attention_record import AttentionRecord
from attention_atlas.decoders.layer_measures import layer_measures
from attention_atlas.probe import capturing, loading, measuring, pictures, report, summary, watching
from attention_atlas.probe.glossary import TERMS

transformers = pytest.importorskip("transformers", exc_type=ImportError)
tokenizers = pytest.importorskip("tokenizers", exc_type=ImportError)

TEXT = "The first token wins. Every later token may look at it, and at itself, and at what stands between.\n" * 3
SIZES = {
    "vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 61,
}  # fmt: skip
SHARED = SIZES | {"num_key_value_heads": 2}
MIXED = {"sliding_window": 5, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}


def outside():
    """Architectures whose attention does not go through transformers' interface."""
    small = {"vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4}
    rotary = {"vocab_size": 300, "n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 61, "rotary_dim": 2}
    return {
        "bloom": transformers.BloomConfig(vocab_size=300, hidden_size=24, n_layer=3, n_head=4),
        "falcon": transformers.FalconConfig(**small),  # all heads share one pair of keys and values
        "falcon-alibi": transformers.FalconConfig(**small, alibi=True, multi_query=False),
        "gpt-j": transformers.GPTJConfig(**rotary),
        "gpt-neo": transformers.GPTNeoConfig(
            vocab_size=300, hidden_size=24, num_layers=3, num_heads=4, max_position_embeddings=61, window_size=5,
            attention_types=[[["local", "global", "local"], 1]],
        ),
        "mpt": transformers.MptConfig(vocab_size=300, d_model=24, n_layers=3, n_heads=4, max_seq_len=61),
        "xglm": transformers.XGLMConfig(
            vocab_size=300, d_model=24, num_layers=3, attention_heads=4, ffn_dim=40, max_position_embeddings=61
        ),
        "codegen": transformers.CodeGenConfig(**rotary),
        "neox-japanese": transformers.GPTNeoXJapaneseConfig(**small, max_position_embeddings=61),
    }  # fmt: skip


def configurations():
    """Architectures by what is special in them."""
    gpt2 = transformers.GPT2Config(vocab_size=300, n_embd=24, n_layer=3, n_head=4, n_positions=61)
    return {
        "gpt2": gpt2,
        "llama": transformers.LlamaConfig(**SIZES),
        "grouped": transformers.LlamaConfig(**SHARED),
        "qk-norm": transformers.Qwen3Config(**SHARED, head_dim=10),  # 4 heads of 10 in a stream of 24
        "windows": transformers.Gemma2Config(**SHARED, head_dim=6, **MIXED, attn_logit_softcapping=3.0),
        "learned-sink": transformers.GptOssConfig(
            **SHARED, head_dim=6, **MIXED, num_local_experts=2, num_experts_per_tok=1
        ),
        "parallel": transformers.GPTNeoXConfig(**SIZES),
        "biased": transformers.OPTConfig(
            vocab_size=300, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, ffn_dim=40,
            max_position_embeddings=61, word_embed_proj_dim=24,
        ),
        **outside(),
    }  # fmt: skip


OUTSIDE = ("bloom", "falcon", "falcon-alibi", "gpt-j", "gpt-neo", "mpt", "xglm", "codegen", "neox-japanese")
NAMES = ("gpt2", "llama", "grouped", "qk-norm", "windows", "learned-sink", "parallel", "biased", *OUTSIDE)
WINDOWED = ("windows", "learned-sink", "gpt-neo")


def save_tokenizer(folder):
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator([TEXT], trainer)
    transformers.PreTrainedTokenizerFast(tokenizer_object=found, bos_token="<s>").save_pretrained(folder)


def save(folder, config, kind=None):
    """A checkpoint with large random weights, so that attention is far from even."""
    torch.manual_seed(0)
    model = (kind or transformers.AutoModelForCausalLM).from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.mul_(20 if parameter.ndim == 2 else 1)
            if name.endswith(("bias", "sinks")):
                parameter.copy_(torch.randn_like(parameter) / 2)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: save(folder / name, config) for name, config in configurations().items()}


@pytest.fixture(scope="module")
def gpt2(checkpoints):
    source = loading.load(str(checkpoints["gpt2"]))
    return source, measuring.beginning(source, TEXT)


@pytest.fixture(scope="module")
def measured(gpt2):
    return measuring.measure(*gpt2)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a text.txt"
    path.write_text(TEXT)
    return path


# --- the numbers ---


def stored(folder, tokens):
    """Everything at once, the plain way: transformers' own maps, hidden states and values read off the projections."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        return model, model(tokens[None], output_attentions=True, output_hidden_states=True, use_cache=False)


@pytest.mark.parametrize("name", NAMES)
def test_maps_streams_and_logits_are_those_that_eager_attention_stores(name, checkpoints):
    source = loading.load(str(checkpoints[name]))
    tokens = measuring.beginning(source, TEXT, 31)
    seen = []
    surprise = source.records(tokens, seen.append)
    _, plain = stored(checkpoints[name], tokens)
    assert [record.layer for record in seen] == [0, 1, 2]
    for record, weights, stream in zip(seen, plain.attentions, plain.hidden_states, strict=False):
        torch.testing.assert_close(record.weights, weights, rtol=0, atol=1e-7)
        torch.testing.assert_close(record.stream, stream, rtol=0, atol=1e-6)
        assert torch.equal(record.allowed(), (weights > 0).any(1)[0] | torch.eye(31).bool())
        # Scores are real scores: their softmax, over what a learned sink leaves, gives the weights.
        shares = weights / weights.sum(-1, keepdim=True)
        again = record.scores.masked_fill(~record.allowed(), -math.inf).softmax(-1)
        torch.testing.assert_close(again, shares, rtol=0, atol=1e-5)
    windowed = [bool(record.allowed().sum() < 31 * 32 / 2) for record in seen]
    assert windowed == ([True, False, True] if name in WINDOWED else [False] * 3)
    expected = torch.nn.functional.cross_entropy(plain.logits[0, :-1], tokens[1:], reduction="none")
    torch.testing.assert_close(surprise, expected)


@pytest.mark.parametrize("name", ["gpt2", "grouped"])
def test_measures_are_those_of_stored_maps_with_values_and_matrices_taken_by_hand(name, checkpoints):
    source = loading.load(str(checkpoints[name]))
    tokens = measuring.beginning(source, TEXT, 31)
    model, plain = stored(checkpoints[name], tokens)
    others, tables = torch.Generator().manual_seed(measuring.SEED), []
    for layer, (weights, stream) in enumerate(zip(plain.attentions, plain.hidden_states, strict=False)):
        with torch.no_grad():
            if name == "gpt2":
                block = model.transformer.h[layer]
                query, key, value = block.attn.c_attn(block.ln_1(stream)).split(24, dim=-1)
                query, key, value = (x.unflatten(-1, (4, 6)).transpose(1, 2) for x in (query, key, value))
                scores, matrix = query @ key.mT / math.sqrt(6), block.attn.c_proj.weight
            else:
                block = model.model.layers[layer]
                value = block.self_attn.v_proj(block.input_layernorm(stream)).unflatten(-1, (2, 6)).transpose(1, 2)
                value = value[:, [0, 0, 1, 1]]  # two heads share each
                scores, matrix = weights.log(), block.self_attn.o_proj.weight.T
        record = AttentionRecord(layer, stream, scores, weights, value, matrix.detach().unflatten(0, (4, 6)))
        tables.append(layer_measures(record, others).assign(layer=layer))
    expected = pd.concat(tables, ignore_index=True).set_index(["layer", "head", "quantity"])["value"]
    found = measuring.measure(source, tokens)
    table = found.layers.set_index(["layer", "head", "quantity"])["value"]
    assert table.index.tolist() == expected.index.tolist()
    assert table.tolist() == pytest.approx(expected.tolist(), abs=1e-4, rel=1e-5, nan_ok=True)
    assert table.loc[:, :, "sinks"].max() > 0  # the checkpoints are not dull
    assert summary.perplexity(found) == pytest.approx(
        torch.nn.functional.cross_entropy(plain.logits[0, :-1], tokens[1:]).exp().item(), rel=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_heads_write_is_what_the_layer_hands_on(name, checkpoints):
    """Values, grouped or not, and the output matrix: their product is the projection's output without its bias."""
    source = loading.load(str(checkpoints[name]))
    tokens, written, seen = measuring.beginning(source, TEXT, 13), [], []
    where = capturing.sites(source.model, tokens[:2])
    hooks = [
        site.projection.register_forward_hook(
            lambda module, given, out: written.append(out - (0 if module.bias is None else module.bias))
        )
        for site in where
    ]
    capturing.records(source.model, where, tokens, seen.append)
    for hook in hooks:
        hook.remove()
    for record, out in zip(seen, written, strict=True):
        total = (record.weights @ record.values @ record.output).sum(1)
        torch.testing.assert_close(total, out.detach(), rtol=0, atol=1e-4 * out.abs().max().item())


@pytest.mark.parametrize("name", ["gpt2", "bloom"])
def test_a_hidden_bias_is_in_the_scores(name, checkpoints, monkeypatch):
    """Equal products of queries and keys and a bias so small that shares hide it: recency is certain, not absent."""
    source, bias = loading.load(str(checkpoints[name])), 2e-5
    tokens = measuring.beginning(source, TEXT, 61)
    if name == "gpt2":
        module = sys.modules[type(source.model).__module__]
        eager = module.eager_attention_forward
        later = bias * torch.arange(61.0)
        monkeypatch.setattr(
            module,
            "eager_attention_forward",
            lambda layer, query, key, value, mask, **options: eager(
                layer, query, key, value, mask + later[: key.shape[-2]], **options
            ),
        )
        silent = [
            (block.attn.c_attn.weight[:, :24], block.attn.c_attn.bias[:24]) for block in source.model.transformer.h
        ]
    else:
        monkeypatch.setattr(
            sys.modules[type(source.model).__module__],
            "build_alibi_tensor",
            lambda mask, heads, dtype: bias * torch.arange(float(mask.shape[-1])).expand(heads, 1, -1),
        )
        projections = [block.self_attention.query_key_value for block in source.model.transformer.h]
        silent = [(x.weight.unflatten(0, (4, 3, 6))[:, 0], x.bias.unflatten(0, (4, 3, 6))[:, 0]) for x in projections]
    with torch.no_grad():
        for weight, offset in silent:
            weight.zero_()
            offset.zero_()
    found = measuring.measure(source, tokens)
    assert found.layers.query("quantity == 'recency'")["value"].tolist() == [1.0] * 12


def test_scores_are_what_the_softmax_was_given():
    given = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    with watching.Softmax() as softmax:
        assert torch.equal(softmax.scores(weights := given.exp()), weights.log())  # no softmax yet
        weights = given.softmax(-1)
        given[0].softmax(-1).sum().softmax(0)  # a later softmax of something else is no map ...
    assert not torch.equal(softmax.scores(weights), given)  # ... but one of maps is the last now
    with watching.Softmax() as softmax:
        weights = given.softmax(-1)
    assert softmax.scores(weights) is given or torch.equal(softmax.scores(weights), given)
    copy = weights.clone()
    assert torch.equal(softmax.scores(copy), copy.log())
    weights.mul_(0.5)  # touched since
    assert torch.equal(softmax.scores(weights), weights.log())


def test_a_learned_sink_is_the_last_column():
    given = torch.randn(1, 2, 5, 6, generator=torch.Generator().manual_seed(0))
    with watching.Softmax() as softmax:
        weights = given.softmax(-1)
    assert torch.equal(softmax.scores(weights[..., :-1]), given[..., :-1])
    first = weights[..., 1:]  # a sink before the keys: which column is whose is not known
    assert torch.equal(softmax.scores(first), first.log())


def test_only_a_softmax_times_values_is_taken_for_attention():
    given = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    values, calls = torch.randn(1, 2, 5, 3), []
    with watching.at_products(calls.append):
        weights = given.softmax(-1)
        assert not calls
        weights.clone() @ values  # of something else
        given @ values
        assert not calls
        weights @ values
        weights @ values  # the second time it is no longer the layer's attention
        torch.randn(5, 4).softmax(-1) @ values[0, :, :4]  # a router's
    (call,) = calls
    assert torch.equal(call.weights, weights) and torch.equal(call.scores, given) and torch.equal(call.value, values)


# --- one layer at a time ---


@pytest.mark.parametrize("name", ["gpt2", "bloom", "gpt-neo"])
def test_no_map_outlives_its_layer(name, checkpoints):
    source = loading.load(str(checkpoints[name]))
    tokens = measuring.beginning(source, TEXT, 31)
    alive, maps, most = [], [], []

    def visit(record):
        gc.collect()
        alive.append(weakref.ref(record.weights))
        maps.append(weakref.ref(record.scores))
        most.append([sum(reference() is not None for reference in kind) for kind in (alive, maps)])

    source.records(tokens, visit)
    assert most == [[1, 1]] * 3


def test_negative_control_a_visitor_that_keeps_records_keeps_their_maps(gpt2):
    source, tokens = gpt2
    kept = []
    source.records(tokens, kept.append)
    assert len({record.weights.data_ptr() for record in kept}) == 3


@pytest.mark.parametrize("name", ["gpt2", "bloom"])
def test_hooks_are_gone_after_a_run(name, checkpoints):
    source = loading.load(str(checkpoints[name]))
    source.records(measuring.beginning(source, TEXT, 13), lambda record: None)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in source.model.modules())


# --- the numbers of layers ---


def hybrids():
    """Blocks without attention before and between those with it."""
    four = SHARED | {"num_hidden_layers": 4}
    state = {"mamba_d_state": 4}
    return {
        "jamba": transformers.JambaConfig(
            **four, **state, attn_layer_period=2, attn_layer_offset=1, num_experts=1, use_mamba_kernels=False,
            mamba_dt_rank=4,
        ),
        "bamba": transformers.BambaConfig(
            **four, **state, attn_layer_indices=[1, 3], mamba_n_heads=4, mamba_d_head=12, mamba_n_groups=1
        ),
        "lfm2": transformers.Lfm2Config(**four, layer_types=["conv", "full_attention"] * 2),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["jamba", "bamba", "lfm2"])
def test_a_layer_has_the_number_of_its_block(name, tmp_path):
    source = loading.load(str(save(tmp_path / name, hybrids()[name])))
    found = measuring.measure(source, measuring.beginning(source, TEXT, 13))
    assert found.layers["layer"].unique().tolist() == found.uniform["layer"].unique().tolist() == [1, 3]
    assert summary.table(found).index.tolist() == ["1", "3", "even"]
    page = Page()
    page.feed(report.contents(found, "a text")["report.html"])
    assert "in layer 1, head" in page.text or "in layer 3, head" in page.text
    assert any(re.search(r"at token \d+ in layer [13]\.", alt) for alt in page.pictures)
    drawn = {picture.name: picture.figure for picture in pictures.pictures(found)}
    axes = drawn["probe-tokens"].axes[0]
    assert [axes.yaxis.get_major_formatter()(row, 0) for row in (-1, 0, 1, 2)] == ["", "1", "3", ""]


def test_blocks_that_run_again_are_numbered_in_their_order(checkpoints):
    source = loading.load(str(checkpoints["gpt2"]))
    source.model.transformer.h[2] = source.model.transformer.h[0]
    seen = []
    source.records(torch.tensor([3, 5, 7]), lambda record: seen.append(record.layer))
    assert seen == [0, 1, 2]


def test_other_layers_on_another_text_are_refused(gpt2):
    source, tokens = gpt2
    where = capturing.sites(source.model, tokens[:2])
    with pytest.raises(capturing.NotAvailable, match="in another order on another text"):
        capturing.records(source.model, where[:2], tokens, lambda record: None)
    with pytest.raises(capturing.NotAvailable, match="in another order on another text"):
        capturing.records(source.model, where[::-1], tokens, lambda record: None)
    with pytest.raises(capturing.NotAvailable, match="runs 1 attention layers fewer on this text"):
        capturing.records(source.model, [*where, where[0]], tokens, lambda record: None)


# --- the text ---


def test_the_beginning_of_a_text_is_the_beginning_of_its_tokens(gpt2):
    source, tokens = gpt2
    assert len(tokens) == source.context == 61  # less than 512
    long = TEXT * 50
    assert torch.equal(measuring.beginning(source, long, 41), source.tokens(long)[:41])
    assert len(measuring.beginning(source, "ab")) == 2


def test_names_are_readable(gpt2):
    source, tokens = gpt2
    assert "".join(source.names(tokens)) == TEXT[: len("".join(source.names(tokens)))]


# --- the table ---


def test_even_attention_stands_beside_the_sinks(measured):
    even = summary.even_rows(measured)
    harmonic = sum(1 / i for i in range(1, 62)) / 61
    assert even.index.tolist() == ["even"] and even["received_first"].item() == pytest.approx(harmonic)
    assert even["sink_first_wu"].item() == pytest.approx(4 / 61) and even["normalised_entropy"].item() == 1
    shown = summary.table(measured)
    assert shown.index.tolist() == ["0", "1", "2", "even"] and shown.loc["even", "explained"] == "-"


def test_windows_have_an_even_attention_of_their_own(checkpoints):
    source = loading.load(str(checkpoints["windows"]))
    found = measuring.measure(source, measuring.beginning(source, TEXT, 31))
    even = summary.even_rows(found)["received_first"]
    assert even.index.tolist() == ["even, 0 2", "even, 1"]
    assert even["even, 0 2"] == pytest.approx(sum(1 / i for i in range(1, 6)) / 5)


def test_a_row_of_the_table_is_the_mean_over_heads(measured):
    rows = measured.layers.query("layer == 1 and quantity == 'entropy'")
    assert len(rows) == 4 and summary.table(measured).loc["1", "entropy"] == f"{rows['value'].mean():.2f}"


def test_sink_tokens_are_counted_over_all_heads(gpt2, measured):
    source, tokens = gpt2
    counts, seen = [0] * 61, []
    source.records(tokens, seen.append)
    for record in seen:
        for weights in record.weights[0]:
            for j in range(61):
                counts[j] += int(weights[j:, j].mean() > 0.2)
    assert measured.sink_heads.sum(0).tolist() == counts and max(counts) > 0
    shown = summary.sink_tokens(measured)
    assert shown["heads"].tolist() == sorted(counts, reverse=True)[: len(shown)]
    assert [counts[token] for token in shown["token"]] == shown["heads"].tolist()


def test_a_learned_sink_is_told(checkpoints, measured):
    source = loading.load(str(checkpoints["learned-sink"]))
    found = measuring.measure(source, measuring.beginning(source, TEXT, 31))
    assert "goes to no token" in summary.remarks(found)[-1] and found.least_sum < 0.9
    assert not any("goes to no token" in line for line in summary.remarks(measured))


# --- the report ---


class Page(HTMLParser):
    """Collects what a page asks for, and whether its elements are closed."""

    def __init__(self):
        super().__init__()
        self.asked, self.open, self.pictures, self.text = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.asked += [attributes[name] for name in ("src", "href", "xlink:href") if name in attributes]
        if tag in ("script", "link", "iframe", "object"):
            self.asked.append(tag)
        if tag == "svg":
            self.pictures.append(attributes.get("aria-label", ""))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def files_of_report(measured):
    return report.contents(measured._replace(name="<b>model & co"), "a text.txt")


def test_the_page_stands_alone_in_light_and_dark(files_of_report):
    page = Page()
    page.feed(files_of_report["report.html"])
    assert not page.open
    assert all(asked.startswith(("#", "data:image/png;base64,")) for asked in page.asked)
    assert not re.search(r"@import|url\((?!#)", files_of_report["report.html"])
    assert "prefers-color-scheme: dark" in files_of_report["report.html"]
    assert len(page.pictures) == 5 and all(len(alt) > 40 for alt in page.pictures)
    assert "<b>model & co" in page.text  # as text, not as markup


def test_the_page_says_what_every_number_means_and_holds_the_table(files_of_report, measured):
    page = Page()
    page.feed(files_of_report["report.html"])
    for quantity in measured.layers["quantity"].unique():
        if not quantity.startswith("sink_first"):  # in the table of conventions
            assert any(quantity in term.quantities for term in TERMS), quantity
            assert quantity in page.text
    for cell in summary.table(measured).to_numpy().ravel():
        assert cell in page.text
    for who in ("Gu et al. 2025", "Wu et al. 2025", "Zhang et al. 2025", "Kim et al. 2026", "Bao et al. 2024"):
        assert who in page.text


def test_the_tables_beside_the_page_hold_every_head_and_token(files_of_report, measured, tmp_path):
    report.publish(tmp_path / "new", files_of_report)
    table = pd.read_csv(tmp_path / "new/measures.csv")
    pd.testing.assert_frame_equal(table, measured.layers.reset_index(drop=True), check_dtype=False)
    tokens = pd.read_csv(tmp_path / "new/tokens.csv", keep_default_na=False)
    assert len(tokens) == 61 and tokens["text"].tolist() == [summary.printable(name) for name in measured.names]
    for picture in (tmp_path / "new/figures").iterdir():
        assert ElementTree.parse(picture).getroot().get("role") == "img"


def test_an_earlier_report_is_replaced_and_nothing_else(files_of_report, tmp_path):
    for _ in range(2):
        report.publish(tmp_path / "out", {**files_of_report, "figures/a.svg": "x"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    (tmp_path / "out/thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"holds 'thesis\.tex'"):
        report.publish(tmp_path / "out", files_of_report)


def test_a_report_that_cannot_be_written_whole_leaves_the_old_one(files_of_report, tmp_path, monkeypatch):
    report.publish(tmp_path / "out", {"report.html": "old"})
    write, count = report.files.write, iter(range(9))

    def full(path, content):
        if next(count) == 3:
            raise OSError("could not write: No space left on device")
        write(path, content)

    monkeypatch.setattr(report.files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        report.publish(tmp_path / "out", files_of_report)
    assert (tmp_path / "out/report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# --- the command ---


def test_the_command_prints_a_table_and_writes_a_report(checkpoints, text, tmp_path, capsys):
    assert cli.main(["probe", str(checkpoints["qk-norm"]), "--text", str(text), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "Qwen3ForCausalLM" in printed and "4, sharing 2 pairs of keys and values" in printed
    assert re.search(r"61 tokens, perplexity [\d,.]+", printed) and "\neven " in printed
    assert (tmp_path / "out/report.html").exists()


def test_without_a_folder_nothing_is_written(checkpoints, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["probe", str(checkpoints["gpt2"]), "--text", str(text), "--tokens", "7"]) == 0
    assert sorted(tmp_path.rglob("*")) == before and "7 tokens" in capsys.readouterr().out


# --- refusals ---


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Checkpoints that cannot be probed."""
    folder = tmp_path_factory.mktemp("others")
    small = {"vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 2}
    bert = transformers.BertConfig(**SIZES)
    return {
        "bert": save(folder / "bert", bert, transformers.AutoModelForMaskedLM),
        "bert-as-decoder": save(folder / "bert-as-decoder", bert),
        "mamba": save(folder / "mamba", transformers.MambaConfig(**small, state_size=4)),
        "base": save(folder / "base", transformers.GPT2Config(n_embd=24, n_layer=2, n_head=4), transformers.AutoModel),
        "bitnet": save(folder / "bitnet", transformers.BitNetConfig(**SHARED)),
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bert", "is not a causal language model: got BertForMaskedLM, allowed: a checkpoint of BertLMHeadModel"),
        ("bert-as-decoder", "BertLMHeadModel is not causal here: a token attends to a later one"),
        ("mamba", "attention weights not available: MambaForCausalLM runs no attention that can be seen; allowed: "),
        ("base", "got GPT2Model, allowed: a checkpoint of GPT2LMHeadModel"),
        ("bitnet", "writes something else than attention on value vectors times an output matrix"),
    ],
)
def test_models_that_cannot_be_measured_are_refused(name, message, others, text, capsys):
    refused(capsys, message, str(others[name]), text)


def refused(capsys, message, model, text, *more):
    assert cli.main(["probe", model, "--text", str(text), *more]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("error: ")
    assert re.search(message, said.err), said.err


def copied(folder, target, without=()):
    """A checkpoint without some of its files."""
    target.mkdir()
    for path in folder.iterdir():
        if path.name not in without:
            (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (["config.json"], "holds no config.json"),
        (["model.safetensors"], "holds no weights"),
        (["tokenizer.json", "tokenizer_config.json"], "holds no tokenizer"),
        (["tokenizer.json"], r"holds no tokenizer \(tokenizer\.json, "),
    ],
)
def test_half_a_checkpoint_is_refused(without, message, checkpoints, text, tmp_path, capsys):
    refused(capsys, message, str(copied(checkpoints["gpt2"], tmp_path / "half", without)), text)


def test_damaged_weights_are_refused(checkpoints, text, tmp_path, capsys):
    folder = copied(checkpoints["gpt2"], tmp_path / "damaged")
    (folder / "model.safetensors").write_bytes(b"not weights at all")
    refused(capsys, "the weights of .* cannot be loaded: ", str(folder), text)


def test_missing_weights_are_refused_not_drawn_at_random(checkpoints, text, tmp_path, capsys):
    from safetensors.torch import load_file, save_file

    folder = copied(checkpoints["llama"], tmp_path / "missing")
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    refused(capsys, r"lacks 1 of its model's weights, such as lm_head\.weight", str(folder), text)


def changed(folder, target, key=None, **settings):
    """A checkpoint with other settings, and not a number in one weight."""
    from safetensors.torch import load_file, save_file

    copied(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | settings))
    if key:
        weights = load_file(target / "model.safetensors")
        weights[key][0, 0] = math.nan
        save_file(weights, target / "model.safetensors", {"format": "pt"})
    return target


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"num_hidden_layers": 2},
            r"holds 9 weights that its configuration does not ask for, such as model\.layers\.2\.",
        ),
        ({"num_hidden_layers": 4}, r"lacks 9 of its model's weights, such as model\.layers\.3\."),
        ({"intermediate_size": 48}, r"layers\.0\.mlp\.down_proj\.weight has shape \(24, 40\), .* asks for \(24, 48\)"),
    ],
)
def test_weights_of_another_configuration_are_refused(settings, message, checkpoints, text, tmp_path, capsys):
    refused(capsys, message, str(changed(checkpoints["llama"], tmp_path / "cut", **settings)), text)


def test_buffers_of_old_checkpoints_are_no_weights():
    about = {"mismatched_keys": set(), "missing_keys": set()}
    old = ("h.0.attn.bias", "h.0.attn.attention.masked_bias", "layers.0.self_attn.rotary_emb.inv_freq")
    loading._refuse_misfits("old", about | {"unexpected_keys": {*old, "model.embed_positions.weights"}})
    for key in ("h.0.attn.q_proj.bias", "h.9.attn.weight", "embed_positions.weight"):
        with pytest.raises(ValueError, match=f"holds 1 weights .* such as {key}"):
            loading._refuse_misfits("cut", about | {"unexpected_keys": {key, *old}})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("model.embed_tokens.weight", "the residual stream that enters layer 0 is not finite"),
        ("model.layers.1.self_attn.q_proj.weight", "the attention of layer 1 is not finite"),
        ("model.layers.0.self_attn.v_proj.weight", "what the heads of layer 0 write is not finite"),
        ("model.layers.1.mlp.down_proj.weight", "the residual stream that enters layer 2 is not finite"),
        (
            "model.layers.2.mlp.down_proj.weight",
            "what the model predicts, after the attention of layer 2, is not finite",
        ),
    ],
)
def test_weights_that_are_no_numbers_are_refused_with_their_layer(key, message, checkpoints, tmp_path, text, capsys):
    folder = changed(checkpoints["llama"], tmp_path / "broken", key)
    text.write_text("<s>" + TEXT)  # token 0, of which the embedding is broken in the first case
    refused(capsys, message, str(folder), text)


def test_a_tokenizer_without_a_vocabulary_is_refused(checkpoints, text, tmp_path, capsys, monkeypatch):
    """As transformers makes one of a configuration alone."""
    monkeypatch.setattr(loading, "TOKENIZERS", ("config.json",))
    folder = copied(checkpoints["gpt2"], tmp_path / "half", ["tokenizer.json", "tokenizer_config.json"])
    refused(capsys, "holds no tokenizer .*; allowed: a model with its tokenizer", str(folder), text)


def test_a_tokenizer_of_another_model_is_refused(checkpoints, text, tmp_path, capsys):
    folder = tmp_path / "strange"
    save(folder, transformers.GPT2Config(vocab_size=100, n_embd=24, n_layer=2, n_head=4))
    refused(capsys, r"gives token \d+, its model knows 100", str(folder), text)


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        (None, [], "no such text file: "),
        (b"", [], "the text is empty: "),
        (b" \n\t ", [], "the text is empty: "),
        (b"a", [], "at least 2 tokens, got 1"),
        (b"caf\xe9", [], "not a text in UTF-8: byte 3"),
        (b"enough text", ["--tokens", "1"], "at least 2 tokens, got --tokens 1"),
        (b"enough text", ["--tokens", "-5"], "at least 2 tokens, got --tokens -5"),
        (b"enough text", ["--tokens", "62"], "gpt2 takes at most 61 tokens at a time, got --tokens 62"),
    ],
)
def test_texts_that_cannot_be_measured_are_refused(content, more, message, checkpoints, tmp_path, capsys):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    refused(capsys, message, str(checkpoints["gpt2"]), path, *more)


def test_no_such_model(text, tmp_path, capsys):
    refused(capsys, "no such model: there is no folder './nowhere'", "./nowhere", text)
    refused(capsys, "no such model: there is no folder '.*nowhere'", str(tmp_path / "nowhere"), text)
    refused(capsys, "is no folder; allowed: ", str(text), text)


def test_a_model_without_a_name(text, capsys):
    refused(capsys, "the model's name is empty; allowed: a folder .* a name on the hub", "", text)
    refused(capsys, "the model's name is empty", " ", text)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_name_on_the_hub_needs_a_network(text, capsys, no_network):
    refused(capsys, "network needed: nobody/nothing is neither a folder .* hub does not answer", "nobody/nothing", text)


@pytest.fixture
def cache(checkpoints, tmp_path, monkeypatch):
    """What the hub's cache holds of nobody/nothing, a checkpoint in parts."""
    folder = copied(checkpoints["llama"], tmp_path / "cache", ["model.safetensors"])
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"])
    model.save_pretrained(folder, max_shard_size="20KB")
    find = lambda name, file: str(folder / file) if (folder / file).is_file() else None  # noqa: E731
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", find)
    return folder


def test_a_whole_model_in_the_cache_needs_no_network(cache, no_network):
    assert loading._is_here("nobody/nothing")
    (cache / "model.safetensors.index.json").write_text("{}")  # transformers will say what is wrong with it
    assert loading._is_here("nobody/nothing")


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("config.json", "is neither a folder here nor in the Hugging Face cache"),
        ("tokenizer.json", "is in the Hugging Face cache without tokenizer "),
        ("model.safetensors.index.json", "is in the Hugging Face cache without weights"),
        ("model-00002-of-*.safetensors", r"is in the Hugging Face cache without model-00002-of-\d+\.safetensors"),
    ],
)
def test_half_a_model_in_the_cache_is_asked_of_the_hub(without, message, cache, text, capsys, no_network, monkeypatch):
    next(cache.glob(without)).unlink()
    refused(capsys, f"network needed: nobody/nothing {message}.*, and the hub does not answer", "nobody/nothing", text)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *arguments, **options: None)
    assert not loading._is_here("nobody/nothing")  # what is not here will be fetched


def test_a_name_on_the_hub_offline(text, capsys, monkeypatch, no_network):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused(capsys, "network needed: .*, and HF_HUB_OFFLINE is set", "nobody/nothing", text)


def test_a_name_that_the_hub_does_not_know(text, capsys, monkeypatch):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    def unknown(*arguments, **options):
        assert options["timeout"] <= 10
        raise RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(HfApi, "model_info", unknown)
    refused(capsys, "no such model: .*, and the hub has none of this name", "nobody/nothing", text)


def test_a_gate_between_heads_and_their_matrix_is_noticed(checkpoints):
    """Negative control of the search for the output matrix: any change of what it is given must not pass."""
    source = loading.load(str(checkpoints["llama"]))
    tokens = torch.tensor([3, 5])
    assert len(capturing.sites(source.model, tokens)) == 3
    projection = source.model.model.layers[1].self_attn.o_proj
    gate = projection.register_forward_pre_hook(lambda module, given: (given[0] * 1.01,))
    with pytest.raises(capturing.NotAvailable, match="a gate or a norm in between"):
        capturing.sites(source.model, tokens)
    gate.remove()
