# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Recency in decoders that read text
#
# A causal stack without weights prefers early tokens, and with LayerNorm late ones ({doc}`/_executed/recency/puzzle`). Does a decoder that *learned* to read text, without positional encoding, show the same?
#
# {glue:text}`maps-answer`

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from attention_atlas import figures
from attention_atlas.decoder_maps import PANELS
from attention_atlas.drawing_language_recency import layer_curves, layer_maps, place_curves, trace_panels
from attention_atlas.exercises import language_recency_on_text as exercises
from attention_atlas.experiments.language_maps import SETTINGS
from attention_atlas.map_measures import later_preferred
from attention_atlas.map_outcomes import LanguageMaps
from attention_atlas.metrics import recency_probability, without_diagonal_means
from attention_atlas.recency_points import Points
from attention_atlas.relativity import earlier
from attention_atlas.wording import probability, say, signed, thousandths

figures.style()
NAMES = {
    "no-positions": "LayerNorm, no positions",
    "no-norm": "no norm, no positions",
    "rope": "LayerNorm, RoPE",
    "rms-norm": "RMSNorm, no positions",
    "post-norm": "post-LayerNorm, no positions",
    "decay": "LayerNorm, decay bias",
}
outcomes = LanguageMaps(list(SETTINGS), profile)
config = outcomes.configs["no-positions"]
layers = range(1, config.layers + 1)
seeds = {name: outcomes.seeds(name) for name in SETTINGS}


def with_interval(found):
    """A recency probability and half its interval."""
    half = "" if found.high != found.high else f" ± {probability(found.high - found.mean, 3)}"
    return probability(found.mean, 3) + half


# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.7), sharey=True)
for axes, name in zip(panels, ("no-positions", "no-norm"), strict=True):
    curves = {
        "trained": outcomes.values(name, "recency"),
        "shuffled text": outcomes.values(name, "recency", text="shuffled"),
        "shuffled, no <s>": outcomes.values(name, "recency", text="no start"),
        "untrained": outcomes.values(name, "recency", trained=False),
    }
    heads = outcomes.rows(name, "recency")
    layer_curves(axes, curves, heads[heads["head"] >= 0])
    axes.set_title(NAMES[name])
panels[0].set_ylabel("recency probability")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
with_norm, without = (outcomes.mean(name) for name in ("no-positions", "no-norm"))
figures.show(
    figure,
    name="maps-layers",
    caption=f"Recency probability of the scores of decoders without positional encoding, over the first {config.shown - 1} tokens of {config.test_windows} windows of text: mean over heads and seeds, a vertical line from the least to the greatest seed, a dash for each head of trained decoders. *Shuffled*: the same decoders and windows with their tokens in random order; *no `<s>`*: and without the token that begins every window. *Untrained*: the first weights, on text. One half is no preference.",
    alt=f"Two panels over {config.layers} layers, with and without LayerNorm. All curves start at one half in layer 1. Over the later layers the trained decoders' mean is {probability(with_norm.mean, 3)} with LayerNorm and {probability(without.mean, 3)} without; untrained ones stay at one half. Single heads scatter on both sides.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
apart = outcomes.mean("no-positions", less="no-norm")
shuffled = {name: outcomes.mean(name, text="shuffled") for name in ("no-positions", "no-norm")}
headless = {name: outcomes.mean(name, text="no start") for name in ("no-positions", "no-norm")}
mean_map = {name: outcomes.mean(name, "recency_map") for name in ("no-positions", "no-norm")}
untrained = {name: outcomes.mean(name, trained=False) for name in ("no-positions", "no-norm")}
expected = {"no-positions": "recency", "no-norm": "early bias"}
of_text = {"no-positions": with_norm, "no-norm": without}


def found_words(found, predicted):
    """What was found, and whether it was predicted."""
    if found.word == "undecided":
        return f"undecided ({with_interval(found)})"
    return f"{found.word} ({with_interval(found)}){'' if found.word == predicted else ', **not the prediction**'}"


words = tuple(found.word for found in of_text.values())
answers = {
    ("recency", "early bias"): "Yes, both halves: recency with LayerNorm, early bias without.",
    ("recency", "recency"): "Half of it. With LayerNorm there is recency. But without any norm there is recency too, and no early bias: what decides the sign in the stack without weights does not decide it in a trained decoder.",
    ("recency", "undecided"): "Half of it. With LayerNorm there is recency; without a norm our decoders do not show an early bias, nor can we exclude it.",
    ("early bias", "early bias"): "No, not with LayerNorm: early bias with it and without.",
    ("undecided", "undecided"): "We cannot tell: neither the decoders with LayerNorm nor those without show a preference that is clear of noise.",
}  # fmt: skip
plain = {"recency": "recency", "early bias": "an early bias", "undecided": "no preference clear of noise"}
answer = answers.get(words, f"With LayerNorm: {plain[words[0]]}. Without a norm: {plain[words[1]]}. The prediction was recency and early bias.")  # fmt: skip
size = f" It is small: {probability(with_norm.mean, 3)} with LayerNorm, {probability(without.mean, 3)} without, where one half is no preference" if max(abs(f.mean - 0.5) for f in of_text.values()) < 0.1 else f" Recency probabilities are {probability(with_norm.mean, 3)} and {probability(without.mean, 3)}"  # fmt: skip
few = min(seeds["no-positions"], seeds["no-norm"])
count = f" ({few} decoders of each kind)." if few > 1 else " (a single decoder of each kind)."
say("maps-answer", answer + size + count)
lines = ["| layers 2 and on | predicted | text | shuffled | shuffled, no `<s>` | mean map | untrained | decoders |", "|:--|:--|:--|:--|:--|:--|:--|--:|"]  # fmt: skip
for name, predicted in expected.items():
    cells = [found_words(found[name], predicted) for found in (of_text, shuffled, headless, mean_map)]
    lines.append(f"| {NAMES[name]} | {predicted} | {' | '.join(cells)} | {with_interval(untrained[name])} | {seeds[name]} |")  # fmt: skip
display(Markdown("\n".join(lines)))
more = {1: "more", 0: "neither clearly more nor clearly less", -1: "less"}[apart.beyond(0)]
say("maps-apart", f"{signed(apart.mean, '+.3f')} ± {apart.high - apart.mean:.3f}: {more} recency with LayerNorm")
say("maps-interval", "95 % intervals over the decoders (Student)" if few > 1 else "four standard errors over windows, so they speak of these two decoders only")  # fmt: skip
counts = outcomes.heads("no-positions"), outcomes.heads("no-norm")
for name, found in zip(expected, counts, strict=True):
    say(f"maps-heads-{name}", f"{found['recency']} of {sum(found.values())} heads prefer later keys and {found['early bias']} earlier ones")  # fmt: skip
say("maps-untrained", " and ".join(probability(untrained[name].mean, 3) for name in expected))
say("maps-tokens", f"{config.shown - 1}")
steps = sorted({of.steps for of in outcomes.configs.values()})
say("maps-steps", f"All decoders of this page were trained for {steps[0]:,} steps." if len(steps) == 1 else f"Not all decoders of this page were trained equally long ({steps[0]:,} to {steps[-1]:,} steps), so compare them with care.")  # fmt: skip
parameters = sum(math.prod(shape) for shape in config.decoder.shapes.values())
say("maps-times", f"{round(1.5e9 / parameters, -2):,.0f}")
say("maps-parameters", f"{parameters / 1e6:.1f}")
say("maps-read", f"{config.steps * config.batch * config.tokens / 1e6:.1f}")

# %% [markdown]
# (Means over layers 2 and on; ±: {glue:text}`maps-interval`. *Mean map*: the same for the map averaged over windows and heads, in which what single words score cancels. The difference of the two kinds of decoders on text is {glue:text}`maps-apart`. {glue:text}`maps-steps`)
#
# ```{admonition} What is the paper's, and what is ours
# :class: note
# The first version of Kim 2026 {cite}`kim2026` traces one decoder without positional encoding, of 1.5 billion parameters and 22 layers, from layer 1 to layer 2 in nine panels, and shows the maps of all its layers without their diagonals' means, on the first 50 tokens of its texts <span class="atlas-origin">official code</span>. That
# decoder is of the Llama kind: the *LN* in its panels is an RMSNorm. It has no partner without a norm, and we read no number of it. Ours: decoders of {glue:text}`maps-parameters` million parameters, trained on {glue:text}`maps-read` million tokens of Python's standard library, with a partner without norm for every seed; their untrained weights; text in
# random order; and the numbers.
# ```
#
# ## What is compared
#
# Scores are taken before the softmax, on the first {glue:text}`maps-tokens` tokens of the text in each window. A token's score depends on nothing that follows, so the rest of the window does not matter. The recency probability is that of {eq}`eq-recency-probability` with two changes that text asks for.
#
# - **Ties are shared.** Text repeats itself. In layer 1 without positions equal tokens have equal scores, and counted as *not higher* they look like a bias toward early tokens (an exercise below).
# - **The first token is left out.** Every window begins with `<s>`. A score on it says what the head thinks of `<s>`, which may be its sink, and not of places. What it changes is in {ref}`a table below <maps-first-token>`.
#
# And one control: in **shuffled text** the words are in random order, so any preference comes from what the mask does to tokens, or from positions, and none from the order of language.
#
# ## What the theory says of trained weights
#
# The stack of {doc}`/_executed/recency/proof` scores by $\langle h_i, h_j\rangle$. A head of a decoder scores by $h_i^\top W_Q W_K^\top h_j$, and this makes a difference:
#
# ````{prf:proposition} A random head has no side
# :label: prop-random-head
#
# <span class="atlas-origin">derived here</span> Let the query weights of a head have a law that is the same for $W_Q$ and $-W_Q$, independent of all other weights and of the text. Then its recency probability, ties shared, is one half on average over the weights, with any norm, mask of earlier layers and text, in any layer.
# ````
#
# ````{prf:proof}
# What the layer reads does not depend on its own $W_Q$. With $-W_Q$ every score changes its sign, so every comparison of two keys is turned around, and a probability $p$ becomes $1-p$. Both are equally likely.
# ````
#
# So before training no decoder has recency or early bias on average over its heads: the control of {numref}`fig-maps-layers` should scatter around one half, by as much as a few random heads do; it lies at {glue:text}`maps-untrained`. LayerNorm can turn the *inner products* of what layer 2 reads toward late keys; whether a head *prefers* the longer or the shorter projections is up to its weights, and what
# the weights are is up to training. On text {glue:text}`maps-heads-no-positions` with LayerNorm, and {glue:text}`maps-heads-no-norm` without (layers 2 and on, by four standard errors over windows).
#
# ## From layer 1 to layer 2 in nine panels

# %% tags=["hide-input"]
KIND = {(name or kind, layer): "recency" if kind == "score" else f"gram_{name}" for kind, name, layer, _ in PANELS}


def panel_values(name, text="text", trained=True):
    """Recency probability of every panel, by (name or kind, layer): mean over seeds."""
    return {key: outcomes.by_layer(name, quantity, text, trained)[key[1]] for key, quantity in KIND.items()}


def draw_trace(name, figure_name, lead):
    """The nine panels of one decoder."""
    found = panel_values(name)
    figure = plt.figure(figsize=(7.2, 8.2))
    trace_panels(figure, outcomes.maps(name), {key: value.mean for key, value in found.items()})
    last = {key: found[key] for key in (("read", 1), ("score", 1))}
    said = {-1: "below one half", 0: "not clearly off one half", 1: "above one half"}
    figures.show(
        figure,
        name=figure_name,
        caption=f"{lead} Means over {config.test_windows} windows, of scores over heads too, without `<s>`. $Y$: what a layer's attention reads, $X$: the stream. RP: of single windows, mean over {seeds[name]} seed{'s' if seeds[name] > 1 else ''}; the maps are those of the first. Diagonals are left out of the colors.",
        alt=f"Nine triangular heat maps with their recency probabilities. That of the Gram matrix which layer 2 reads is {said[last['read', 1].beyond(0.5)]}, that of its scores {said[last['score', 1].beyond(0.5)]}.",
        provenance=outcomes.provenance,
    )


draw_trace("no-positions", "maps-trace", "A decoder with LayerNorm and without positional encoding, from the first attention layer to the second.")  # fmt: skip

# %% tags=["hide-input"]
draw_trace("no-norm", "maps-trace-no-norm", "The same without any norm, so that $Y = X$ and panel f repeats panel e.")

# %% tags=["hide-input"]
kinds = {
    "LayerNorm": ("no-positions", "text", True),
    "LayerNorm, shuffled": ("no-positions", "shuffled", True),
    "LayerNorm, untrained": ("no-positions", "text", False),
    "no norm": ("no-norm", "text", True),
    "no norm, shuffled": ("no-norm", "shuffled", True),
    "no norm, untrained": ("no-norm", "text", False),
}
values = {label: panel_values(*which) for label, which in kinds.items()}
lines = [f"| panel | {' | '.join(kinds)} |", "|:--|" + "--:|" * len(kinds)]
for (*_, title), key in zip(PANELS, KIND, strict=True):
    cells = []
    for label in kinds:
        found = values[label][key]
        text = probability(found.mean, 3)
        cells.append(f"**{text}**" if found.beyond(0.5) else text)
    lines.append(f"| {title} | {' | '.join(cells)} |")
cells = [probability(outcomes.by_layer(name, "shorter_written", text, trained)[0].mean, 3) for name, text, trained in kinds.values()]  # fmt: skip
lines.append(f"| of d: the later is shorter | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))
short_ones = outcomes.by_layer("no-positions", "shorter_written", "shuffled")[0]
say("maps-shorter", probability(short_ones.mean, 2))
say("maps-shorter-untrained", probability(outcomes.by_layer("no-positions", "shorter_written", "shuffled", False)[0].mean, 2))  # fmt: skip
stream = outcomes.by_layer("no-positions", "shorter_left", "shuffled")[0]
say("maps-shorter-stream", probability(stream.mean, 2))
gram = values["LayerNorm, shuffled"]["read", 1]
verdicts = {
    1: "turned to late keys",
    0: "not turned by any amount that we can tell from noise",
    -1: "turned to early keys",
}
say("maps-gram", f"{verdicts[gram.beyond(0.5)]} ({with_interval(gram)})")
flat_gram = values["no norm, shuffled"]["read", 1]
say("maps-gram-no-norm", f"{verdicts[flat_gram.beyond(0.5)]} ({with_interval(flat_gram)})")
say("maps-cosine", probability(outcomes.by_layer("no-positions", "cosine", "shuffled")[0].mean, 2))
say("maps-cosine-two", probability(outcomes.by_layer("no-positions", "cosine", "shuffled")[1].mean, 2))
simulated = Points(["placement-d64-raw", "norm-d64-none-0.5"], profile)
for name, point in (("norm", "placement-d64-raw"), ("none", "norm-d64-none-0.5")):
    curve = simulated.recency(point)["mean"]
    say(f"maps-theory-{name}", ", ".join(probability(curve.loc[layer], 3) for layer in layers))

# %% [markdown]
# (Recency probabilities of the panels; bold: the interval does not hold one half. Last row: share of pairs of tokens of which the later wrote the shorter vector.)
#
# Read the column of *shuffled* text against the proof's three steps ({doc}`/_executed/recency/proof`).
#
# - *Are later outputs shorter?* In {glue:text}`maps-shorter` of all pairs the later token's output is the shorter one ({glue:text}`maps-shorter-untrained` before training). Attention averages, trained or not.
# - *Does the residual dilute it?* The stream that leaves layer 1 holds the token itself. There the later is the shorter in {glue:text}`maps-shorter-stream` of the pairs, where one half would be chance.
# - *Does normalization turn the rest to late keys?* The inner products that layer 2 reads (panel h) are {glue:text}`maps-gram` with LayerNorm, and {glue:text}`maps-gram-no-norm` without.
#
# ## Inner products, or weights?
#
# {glue:text}`maps-mechanism`

# %% tags=["hide-input"]
lines = [f"| recency probability, shuffled text | {' | '.join(f'layer {layer}' for layer in layers)} |", "|:--|" + "--:|" * config.layers]  # fmt: skip
for name in expected:
    for label, quantity in (("inner products that the layer reads", "gram_read"), ("scores", "recency")):
        cells = [with_interval(found) for found in outcomes.by_layer(name, quantity, "shuffled")]
        lines.append(f"| {NAMES[name]}: {label} | {' | '.join(cells)} |")
display(Markdown("\n".join(lines)))
products, scored = (outcomes.mean("no-positions", quantity, "shuffled") for quantity in ("gram_read", "recency"))
pair = products.word, scored.word
both = f"over layers 2 and on the inner products have {with_interval(products)}, the scores {with_interval(scored)}"
say("maps-mechanism", {
    ("recency", "recency"): f"With LayerNorm both lean to late keys: {both}. The theory's way is open to the scores, which does not show that they take it.",
    ("undecided", "recency"): f"The weights. With LayerNorm the scores prefer late keys, and the inner products of what they are made from do not clearly: {both}. So the recency of these decoders is the work of their heads' weights; the inner products that the proof is about do not have it.",
    ("early bias", "recency"): f"The weights. With LayerNorm the scores prefer late keys, and the inner products of what they are made from prefer early ones: {both}. So the recency of these decoders is the work of their heads' weights; the inner products that the proof is about lean the other way.",
}.get(pair, f"With LayerNorm {both}: {pair[0]} and {pair[1]}."))  # fmt: skip

# %% [markdown]
# The stack without weights scores by inner products. Its recency probabilities in layers 1 to 4 are {glue:text}`maps-theory-norm` with LayerNorm and a residual, and {glue:text}`maps-theory-none` without both ($d = 64$, $\alpha = .5$, ten tokens). All its tokens share one direction, with cosine .5, and such anisotropy is what amplifies its recency
# ({doc}`/_executed/recency/alpha`). Here the mean cosine of what layer 1 reads is {glue:text}`maps-cosine`, that of layer 2 {glue:text}`maps-cosine-two`.
#
# ## All layers, and what is not relative

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 8.4))
shown = {"LayerNorm": "no-positions", "no norm": "no-norm"}
maps = {
    label: [outcomes.maps(name)[f"score_{layer}"] for layer in range(config.layers)] for label, name in shown.items()
}
rp = {label: [found.mean for found in outcomes.by_layer(name)] for label, name in shown.items()}
layer_maps(figure, maps, rp)
figures.show(
    figure,
    name="maps-all-layers",
    caption="Mean score maps of all layers of the first decoder of each kind, without `<s>`, and the same without their diagonals' means (orange: more than usual at this distance, blue: less; one range a row). RP as in the figures above.",
    alt="Four rows of triangular heat maps, one column for each layer. Scores of decoders with and without LayerNorm, each above what is left of them when every distance has lost its mean.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 5.2))
distances = max(1, min(8, config.shown // 3))
place_curves(figure, maps, distances)
figures.show(
    figure,
    name="maps-places",
    caption=f"Mean scores by the distance of the key (left), and by its place in the text, averaged over distances 1 to {distances} (right), each less its mean and in standard deviations of the whole map. A function of the distance is flat on the right.",
    alt="Four panels with a line for each layer: mean score against distance and against the key's place, with LayerNorm above and without a norm below.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
others = [name for name in SETTINGS if name not in expected]
figure, panels = plt.subplots(1, len(others), figsize=(7.2, 3.3), sharey=True)
for axes, name in zip(panels, others, strict=True):
    curves = {
        "trained": outcomes.values(name, "recency"),
        "trained, without distance": outcomes.values(name, "recency_left"),
        "untrained": outcomes.values(name, "recency", trained=False),
    }
    layer_curves(axes, curves)
    axes.set_title(NAMES[name].replace(", ", ",\n"), fontsize=9.5)
panels[0].set_ylabel("recency probability")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
figures.show(
    figure,
    name="maps-positions",
    caption="Decoders with positions, or with other norms and no positions, on text; mean over heads and seeds, a vertical line from the least to the greatest seed. *Without distance*: every head's scores less their mean at each distance.",
    alt=f"{len(others)} panels over the layers: recency probability of trained decoders with RoPE, a decay bias or other norms, the same without what is a function of the distance, and of untrained ones.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
deep = {
    (quantity, name, text): outcomes.mean(name, quantity, text)
    for quantity in ("recency", "recency_left")
    for name in SETTINGS
    for text in ("text", "shuffled")
}
lines = ["| decoder | text | RP | RP without distance | left / floor | not relative | RP, untrained |", "|:--|:--|--:|--:|--:|--:|--:|"]  # fmt: skip
for name in SETTINGS:
    for text in ("text", "shuffled"):
        ratios = (outcomes.values(name, "left", text) / outcomes.values(name, "floor", text)).mean()[1:]
        share = outcomes.values(name, "share", text).mean()[ratios.idxmax()]
        part = f"{100 * share:.0f} %" if ratios.max() > 2 else "noise"
        start = outcomes.mean(name, "recency", text, trained=False)
        cells = [with_interval(deep[quantity, name, text]) for quantity in ("recency", "recency_left")]
        lines.append(f"| {f'{NAMES[name]} ({seeds[name]})' if text == 'text' else ''} | {text} | {' | '.join(cells)} | {ratios.max():.1f} | {part} | {with_interval(start)} |")  # fmt: skip
display(Markdown("\n".join(lines)))
for name in SETTINGS:
    say(f"maps-rp-{name}", with_interval(deep["recency", name, "text"]))
    say(f"maps-rp-shuffled-{name}", with_interval(deep["recency", name, "shuffled"]))
    found = deep["recency_left", name, "text"]
    say(f"maps-left-{name}", f"{found.word} ({with_interval(found)})")
largest = max(SETTINGS, key=lambda name: deep["recency", name, "text"].mean)
say("maps-largest", f"{NAMES[largest]} with {with_interval(deep['recency', largest, 'text'])}")
gap = min(deep["recency", name, "text"].mean for name in ("rope", "decay")) - max(found.mean for found in of_text.values())
say("maps-positional", "More than in any decoder without positions" if gap > 0 else "Not in all of them more than without positions")  # fmt: skip
for name in ("rms-norm", "post-norm"):
    found = outcomes.mean(name, less="no-positions")
    clear = "" if found.beyond(0) else ", not clear of zero"
    say(f"maps-{name}", f"{signed(found.mean, '+.3f')} ± {found.high - found.mean:.3f}{clear}")
both = ("rope", "decay")
relative = all(deep["recency_left", name, "text"].word != "recency" for name in both)
say("maps-relative", "their recency is a matter of the distance" if relative else "not all of their recency is a matter of the distance")  # fmt: skip
cut = config.shown // 5
say("maps-cut", f"{cut}")
for label, name in shown.items():
    last = maps[label][-1][1:, 1:]
    size = earlier(last).std().item()
    column = sum(last.diagonal(-gap)[: len(last) - distances] for gap in range(1, distances + 1)) / distances
    say(f"maps-first-{name}", signed((column[0] - column.mean()).item() / size, "+.1f"))
    say(f"maps-whole-{name}", probability(later_preferred(last[None]).item(), 2))
    say(f"maps-cut-{name}", probability(later_preferred(last[None, cut:, cut:]).item(), 2))
start = {}
for name in expected:
    start[name] = outcomes.change(name, "no start", "shuffled")
    say(f"maps-start-{name}", f"{signed(start[name].mean, '+.3f')} ± {start[name].high - start[name].mean:.3f}")
ways = {found.beyond(0) for found in start.values()}
said = {(-1,): "in both kinds that token is a source of recency", (0,): "in neither kind clear of noise", (1,): "more in both kinds, so that token is no source of it"}  # fmt: skip
say("maps-start-words", said.get(tuple(ways), "not the same, or not clear of noise, in both kinds"))
order = deep["recency", "no-positions", "text"].mean - deep["recency", "no-positions", "shuffled"].mean
say("maps-order", "more" if order > 0 else "less")
say("maps-order-size", thousandths(abs(order)))

# %% [markdown]
# (Layers 2 and on; number of decoders in parentheses. *Left / floor*, of the layer where it is largest: root mean square of the mean map without its diagonals' means, over what noise leaves at most ({doc}`/_executed/recency/rope`); up to 1 it is noise. *Not relative*: the share of that map's variation that is no function of the distance, where it is above twice the floor; what single words do to a mean over few windows is part of it.)
#
# - **With positions.** {glue:text}`maps-positional`: the largest is {glue:text}`maps-largest` ({numref}`fig-maps-positions`). Without the distances' means what is left with RoPE is {glue:text}`maps-left-rope`, with a decay {glue:text}`maps-left-decay`: {glue:text}`maps-relative`.
# - **Without positions** only the mask and the order of the text can tell a late key from an early one. With LayerNorm what is left without the distances' means is {glue:text}`maps-left-no-positions`, without a norm {glue:text}`maps-left-no-norm`. Taking the means off also takes *half* of any preference for a place (an exercise below), so
#   this is a lower end.
# - **The first keys.** {numref}`fig-maps-places`, right: in the last layer the first token after `<s>` scores {glue:text}`maps-first-no-positions` standard deviations off the mean with LayerNorm, and {glue:text}`maps-first-no-norm` without. Without its first {glue:text}`maps-cut` tokens the last layer's mean map has the recency
#   probability {glue:text}`maps-cut-no-positions` in place of {glue:text}`maps-whole-no-positions` with LayerNorm, and {glue:text}`maps-cut-no-norm` in place of {glue:text}`maps-whole-no-norm` without (the first decoder of each kind).
# - **The order of language.** With LayerNorm the recency probability on text is {glue:text}`maps-order-size` {glue:text}`maps-order` than on the same tokens shuffled ({glue:text}`maps-rp-no-positions` against {glue:text}`maps-rp-shuffled-no-positions`; without a norm {glue:text}`maps-rp-no-norm` and
#   {glue:text}`maps-rp-shuffled-no-norm`). Neighbors in a text are alike, so a head could prefer what was said last without knowing any place; in shuffled text it cannot.
# - **RMSNorm, and norms after the block.** In the stack without weights RMSNorm differs from LayerNorm by one dimension in $d$ and no more ({doc}`/_executed/recency/norms`). In decoders without positions it changes the recency probability by {glue:text}`maps-rms-norm`, and norms after each block in place of before it by {glue:text}`maps-post-norm`.
#
# ## What `<s>` tells
#
# How could a head without positions know which key is late? One candidate: every token sees `<s>`, and the fewer others it sees, the more of its attention `<s>` can get. Then layer 1 writes into early tokens that they are early, and later layers can learn to pass them over. A stack of random tokens has no `<s>`, and nothing to learn. The test is to
# take `<s>` away from the shuffled windows and leave all else as it is. The scores of layer 1 are the same then; what it writes is not. In layers 2 and on the recency probability changes by {glue:text}`maps-start-no-positions` with LayerNorm, and by {glue:text}`maps-start-no-norm` without a norm: {glue:text}`maps-start-words`. (The decoders
# have never read a window without `<s>`.)
#
# (maps-first-token)=
# ## With the first token

# %% tags=["hide-input"]
lines = ["| decoder | RP, text | RP with `<s>` | change |", "|:--|--:|--:|--:|"]
for name in SETTINGS:
    every = outcomes.mean(name, "recency_all")
    change = every.mean - deep["recency", name, "text"].mean
    lines.append(f"| {NAMES[name]} | {with_interval(deep['recency', name, 'text'])} | {with_interval(every)} | {thousandths(change, plus=True)} |")  # fmt: skip
display(Markdown("\n".join(lines)))

# %% [markdown]
# It is one key more, and never the later one of a pair: a head that scores `<s>` high adds early bias to the number without preferring early *words*. Measures of whole windows, such as those of a probe, have it in them.
#
# ## What it means
#
# - **LayerNorm's recency is a default, not a law.** It is a property of what layers read, and exact where scores are inner products. A head's weights may use it, ignore it or turn it around.
# - **To see what a mask alone does in your model**, shuffle the text and drop the first token. What remains owes nothing to language.
# - **To see what a positional encoding does**, take off the diagonals' means, and compare the rest with its floor.
# - **What these decoders cannot tell.** {glue:text}`maps-parameters` million parameters, {glue:text}`maps-read` million tokens of code, four layers, {glue:text}`maps-tokens` tokens shown. The paper's decoder is about {glue:text}`maps-times` times as large, and its panels may show what ours do not. More
#   training may let them count places. With few seeds an interval is wide, and *undecided* is the honest word.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} Turn a head around
# :label: ex-maps-turned
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# A head of layer 2 has the recency probability .62, without ties. You replace its $W_Q$ by $-W_Q$. What is it now?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-maps-turned
# :class: dropdown
# :label: sol-maps-turned
# ```

# %% [markdown]
# All scores change their sign, so the later key wins where it lost. This is all of the proof of {prf:ref}`prop-random-head`.

# %%
print(exercises.check_turned_head(1 - 0.62))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A bias made of ties
# :label: ex-maps-ties
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A text is a random sequence of three equally frequent tokens. Without positions the scores of layer 1 depend on the two tokens alone. What recency probability do you measure if a tie counts as *not higher*?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-maps-ties
# :class: dropdown
# :label: sol-maps-ties
# ```

# %% [markdown]
# Two keys are the same token in one of three cases and tie. Of the other cases the later wins half. With ties shared the same texts show one half.

# %%
import torch

texts = exercises.random_tokens(4000)
table = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
scores = table[texts[:, :, None], texts[:, None, :]]
print(exercises.check_ties(recency_probability(scores).item()))
print(f"ties shared: {later_preferred(scores).mean():.2f}")

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} What the diagonals take with them
# :label: ex-maps-half
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Let every query score key $j$ with $j$: a pure preference for places, not for distances. 40 tokens. Take off the mean of every diagonal. By how much does a row still rise from one key to the next?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-maps-half
# :class: dropdown
# :label: sol-maps-half
# ```

# %% [markdown]
# The diagonal at distance $i - j$ has the keys $1, \dots, 40-(i-j)$, with the mean $(41 - i + j)/2$. It takes away half of the rise along the row: $j - (41-i+j)/2 = (i + j - 41)/2$.

# %%
left = without_diagonal_means(exercises.places_of_keys())
print(exercises.check_half_left((left[-1, 1] - left[-1, 0]).item()))

# %% [markdown]
# ```{solution-end}
# ```
