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
# A causal stack without weights prefers early tokens, and with LayerNorm late ones ({doc}`/_executed/recency/puzzle`). **Does a decoder that *learned* to read text, without positional encoding, show the same?**
#
# {glue:text}`maps-answer`

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from attention_atlas import cards, figures
from attention_atlas.claim_boxes import claim_boxes
from attention_atlas.decoders.map_measures import later_preferred
from attention_atlas.decoders.maps import PANELS
from attention_atlas.drawing.language_recency import layer_curves, layer_maps, place_curves, trace_panels
from attention_atlas.exercises import language_recency_on_text as exercises
from attention_atlas.experiments.language_maps import SETTINGS
from attention_atlas.metrics import recency_probability, without_diagonal_means
from attention_atlas.outcomes.decoders import learned
from attention_atlas.outcomes.maps import QUANTITIES, LanguageMaps, first_key, stored_settings
from attention_atlas.outcomes.recency_points import Points
from attention_atlas.wording import counted, probability, say, signed, thousandths
from attention_atlas.words.decoders import LABELS, listing
from attention_atlas.words.maps import (
    PREDICTED,
    answer,
    apart,
    beside,
    gram_words,
    meaning,
    mechanism,
    named,
    seen,
    with_interval,
)

figures.style()
known = stored_settings(list(SETTINGS))
if not set(PREDICTED) <= set(known):  # at least these, however small
    known = list(PREDICTED)
outcomes = LanguageMaps(known, profile)
config = outcomes.configs["no-positions"]
layers = range(1, config.layers + 1)
NORMS = dict(zip(PREDICTED, ("LayerNorm", "no norm"), strict=True))  # the two kinds without positions
counts = [outcomes.seeds(name) for name in PREDICTED]
decoders = f"{counted(counts[0], 'decoder')} of each kind" if len(set(counts)) == 1 else "; ".join(f"{NORMS[name]}: {counted(count, 'decoder')}" for name, count in zip(PREDICTED, counts, strict=True))  # fmt: skip

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.7), sharey=True)
for axes, name in zip(panels, PREDICTED, strict=True):
    curves = {
        "trained": outcomes.values(name, "recency"),
        "shuffled text": outcomes.values(name, "recency", text="shuffled"),
        "shuffled, no <s>": outcomes.values(name, "recency", text="no start"),
        "untrained": outcomes.values(name, "recency", trained=False),
    }
    heads = outcomes.rows(name, "recency")
    layer_curves(axes, curves, heads[heads["head"] >= 0])
    axes.set_title(NORMS[name])
panels[0].set_ylabel("recency probability")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
text, mixed, headless, start = (
    {name: outcomes.mean(name, text=kind, trained=trained) for name in known}
    for kind, trained in (("text", True), ("shuffled", True), ("no start", True), ("text", False))
)
figures.show(
    figure,
    name="maps-layers",
    caption=f"Recency probability of the scores of decoders without positional encoding, over the first {config.shown - 1} tokens of {config.test_windows} windows of text; one half is no preference. Mean over heads and seeds ({decoders}), a vertical line from the least to the greatest decoder (no interval), a dash for each trained head. *Shuffled*: the same decoders and windows with their tokens in random order; *no `<s>`*: and without the token that begins every window. *Untrained*: the first weights, on text.",
    alt=f"Two panels with recency probability over {config.layers} layers, with LayerNorm and with no norm, four curves each. Means over layers 2 and on: {'; '.join(f'{NORMS[name]}: trained {probability(text[name].mean, 3)}, shuffled text {probability(mixed[name].mean, 3)}, without the first token {probability(headless[name].mean, 3)}, untrained {probability(start[name].mean, 3)}' for name in PREDICTED)}.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
difference = outcomes.mean("no-positions", less="no-norm")
say("maps-answer", answer(text["no-positions"], text["no-norm"], difference))
rows = []
for name, predicted in PREDICTED.items():
    controls = mixed[name], headless[name], outcomes.mean(name, "recency_map")
    cells = [named(found) for found in controls]
    rows.append([NORMS[name], predicted, beside(text[name], predicted), *cells, with_interval(start[name])])
display(Markdown(cards.table(["layers 2 and on", "predicted", "text", "shuffled", "shuffled, no `<s>`", "mean map", "untrained"], rows)))  # fmt: skip
say("maps-apart", apart(difference))
means = meaning([outcomes.seeds(name) for name in known])
say("maps-interval", means[0].upper() + means[1:])
for name in PREDICTED:
    counts = outcomes.heads(name)
    say(f"maps-heads-{name}", f"{counts['recency']} of {sum(counts.values())} heads prefer later keys and {counts['early bias']} earlier ones")  # fmt: skip
say("maps-untrained", " and ".join(probability(start[name].mean, 3) for name in PREDICTED))
say("maps-tokens", f"{config.shown - 1}")
say("maps-layers", f"{config.layers}")
steps = sorted({of.steps for of in outcomes.configs.values()})
say("maps-steps", f"All decoders of this page were trained for {steps[0]:,} steps." if len(steps) == 1 else f"Not all decoders of this page were trained equally long ({steps[0]:,} to {steps[-1]:,} steps), so compare them with care.")  # fmt: skip
absent = [LABELS[name] for name in SETTINGS if name not in known]
say("maps-absent", f"Not trained yet, and left out here: {'; '.join(absent)}." if absent else "")
say("maps-times", f"{round(1.5e9 / learned(config), -2):,.0f}")
say("maps-parameters", f"{learned(config) / 1e6:.1f}")
say("maps-read", f"{config.steps * config.batch * config.tokens / 1e6:.1f}")

# %% [markdown]
# (Means over layers 2 and on. {glue:text}`maps-interval`. So it is on all of this page but in the box below; that box, the scorecard and other pages of the chapter give standard errors. *Mean map*: the same for the map averaged over windows and heads, in which what single words score cancels. With LayerNorm less without, on text, seed by seed: {glue:text}`maps-apart`. {glue:text}`maps-steps`)
#
# ## The verdict

# %% tags=["hide-input"]
display(Markdown(claim_boxes(["kim2026-claim-decoders"])["kim2026-claim-decoders"]))

# %% [markdown]
# The paper speaks of stacks without weights, and of the decoders in use, which have a norm. That a trained decoder *without* a norm should prefer early tokens is what we take from it. A ± in the box is one standard error.
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
# Scores are taken before the softmax, on the first {glue:text}`maps-tokens` tokens of the text in each window. The recency probability is that of {eq}`eq-recency-probability` with two changes that text asks for.
#
# - **Ties are shared.** In layer 1 without positions equal tokens have equal scores, and counted as *not higher* they look like a bias toward early tokens (an exercise below).
# - **The first token is left out.** Every window begins with `<s>`. A score on it says what the head thinks of `<s>`, which may be its sink, and not of places. It is one key more, and never the later one of a pair; what it changes is in {ref}`the table below <maps-first-token>`.
#
# And one control: in **shuffled text** the tokens of each window are in random order. That takes away which word follows which, so no preference can come from the order of what is read. It leaves the words of the window and how often each is repeated, `<s>` at the front, and the weights, which were learned from text in its own order.
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
# So before training no decoder has recency or early bias on average over its heads: the control of {numref}`fig-maps-layers` should scatter around one half; it lies at {glue:text}`maps-untrained`. LayerNorm can turn the *inner products* of what layer 2 reads toward late keys; whether a head *prefers* the longer or the shorter projections is up to its
# weights, and what the weights are is up to training. On text {glue:text}`maps-heads-no-positions` with LayerNorm, and {glue:text}`maps-heads-no-norm` without (heads of all decoders in layers 2 and on, each by four standard errors over windows).
#
# ## From layer 1 to layer 2 in nine panels

# %% tags=["hide-input"]
traced = {name: {panel: found.mean for panel, found in outcomes.panels(name).items()} for name in PREDICTED}
figure = plt.figure(figsize=(7.2, 8.2))
trace_panels(figure, outcomes.maps("no-positions"), traced["no-positions"])
figures.show(
    figure,
    name="maps-trace",
    caption=f"A decoder with LayerNorm and without positional encoding, from the first attention layer to the second: means over {config.test_windows} windows, of scores over heads too, without `<s>`. $Y$: what a layer's attention reads, $X$: the stream, $N$: LayerNorm. RP: recency probability of single windows, mean over seeds ({outcomes.seeds('no-positions')}; intervals below); the maps are those of the first. Below each map the least and the greatest value of its colors, the diagonal left out.",
    alt=f"Nine triangular heat maps, a to i, each with its recency probability: {', '.join(probability(found, 3) for found in traced['no-positions'].values())}.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 8.2))
trace_panels(figure, outcomes.maps("no-norm"), traced["no-norm"])
figures.show(
    figure,
    name="maps-trace-no-norm",
    caption=f"The same for its partner without any norm (seeds: {outcomes.seeds('no-norm')}). There $N$ does nothing: $Y = X$, and panel f is panel e.",
    alt=f"Nine triangular heat maps, a to i, of a decoder without a norm, each with its recency probability: {', '.join(probability(found, 3) for found in traced['no-norm'].values())}.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
KINDS = {"LayerNorm": ("no-positions", "text", True), "LayerNorm, shuffled": ("no-positions", "shuffled", True), "LayerNorm, untrained": ("no-positions", "text", False), "no norm": ("no-norm", "text", True), "no norm, shuffled": ("no-norm", "shuffled", True), "no norm, untrained": ("no-norm", "text", False)}  # fmt: skip
values = {label: outcomes.panels(*which) for label, which in KINDS.items()}
rows = []
for (*_, title), panel in zip(PANELS, QUANTITIES, strict=True):
    found = [values[label][panel] for label in KINDS]
    rows.append([title, *[f"**{with_interval(each)}**" if each.beyond(0.5) else with_interval(each) for each in found]])  # fmt: skip
shorter = {label: outcomes.by_layer(name, "shorter_written", kind, trained)[0] for label, (name, kind, trained) in KINDS.items()}  # fmt: skip
rows.append(["of d: the later is shorter", *[with_interval(found) for found in shorter.values()]])
display(Markdown(cards.table(["panel", *KINDS], rows)))
say("maps-shorter", probability(shorter["LayerNorm, shuffled"].mean, 2))
say("maps-shorter-untrained", probability(outcomes.by_layer("no-positions", "shorter_written", "shuffled", False)[0].mean, 2))  # fmt: skip
say("maps-shorter-stream", probability(outcomes.by_layer("no-positions", "shorter_left", "shuffled")[0].mean, 2))
say("maps-gram", gram_words(values["LayerNorm, shuffled"]["read", 1]))
reads = [values[label]["read", 1] for label in ("LayerNorm", "LayerNorm, shuffled", "LayerNorm, untrained")]
say("maps-read-seen", seen(reads[:2]))
say("maps-read-products", "{} on text, {} in shuffled text, and {} before training".format(*map(with_interval, reads)))
say("maps-gram-no-norm", gram_words(values["no norm, shuffled"]["read", 1]))

# %% [markdown]
# (Recency probabilities of the panels of {numref}`fig-maps-trace` and {numref}`fig-maps-trace-no-norm`, with 95 % intervals as above; bold: the interval does not hold one half. Last row: share of pairs of tokens of which the later wrote the shorter vector.)
#
# Read the columns of *shuffled* text against the proof's three steps ({doc}`/_executed/recency/proof`).
#
# - *Are later outputs shorter?* In {glue:text}`maps-shorter` of all pairs the later token's output is the shorter one ({glue:text}`maps-shorter-untrained` before training); chance is one half.
# - *Does the residual dilute it?* The stream that leaves layer 1 holds the token itself. There the later is the shorter in {glue:text}`maps-shorter-stream` of the pairs.
# - *Does normalization turn the rest to late keys?* The inner products that layer 2 reads (panel h) are {glue:text}`maps-gram` with LayerNorm, and {glue:text}`maps-gram-no-norm` without.
#
# ## Inner products, or weights?

# %% tags=["hide-input"]
ASKED = {"inner products": "gram_read", "scores": "recency", "mean cosine": "cosine"}
TEXTS = {"shuffled": "shuffled", "no start": "shuffled, no `<s>`"}
found = {name: {label: {kind: outcomes.by_layer(name, quantity, kind) for kind in TEXTS} for label, quantity in ASKED.items()} for name in PREDICTED}  # fmt: skip
rows = []
for name in PREDICTED:
    for kind, words in TEXTS.items():
        for place, label in enumerate(ASKED):
            cells = [with_interval(each) for each in found[name][label][kind]]
            rows.append(["" if place else NORMS[name], "" if place else words, label, *cells])
display(Markdown(cards.table(["decoder", "text", "what", *[f"layer {layer}" for layer in layers]], rows)))
for name in PREDICTED:
    both = [list(zip(*found[name][label].values(), strict=True))[1:] for label in ("inner products", "scores")]
    say(f"maps-mechanism-{name}", mechanism(*both))
    cosines = [probability(each.mean, 2) for each in found[name]["mean cosine"]["shuffled"]]
    say(f"maps-cosines-{name}", listing(cosines))
shared = max(each.mean for each in found["no-positions"]["mean cosine"]["shuffled"][:2])
say(
    "maps-condition",
    "So in layers 1 and 2 too little of its condition is there for these decoders to test its theorem."
    if shared < 0.2
    else "",
)
POINTS = {"norm": "placement-d64-raw", "none": "norm-d64-none-0.5", "weak": "grid-d64-0.2"}
simulated = Points(list(POINTS.values()), profile)
for name, point in POINTS.items():
    say(f"maps-theory-{name}", ", ".join(probability(simulated.recency(point)["mean"].loc[layer], 3) for layer in layers))  # fmt: skip

# %% [markdown]
# (Recency probabilities of *inner products* of what the layer reads and of *scores*, which its heads make of them, and the mean cosine of two tokens that it reads; 95 % intervals as above.) What do inner products say of where the scores' preference comes from? Only what both texts show can be a reason:
#
# - **With LayerNorm**, {glue:text}`maps-mechanism-no-positions`
# - **Without a norm**, {glue:text}`maps-mechanism-no-norm`
#
# The stack without weights scores by inner products. Its recency probabilities in layers 1 to 4 are {glue:text}`maps-theory-norm` with LayerNorm and a residual, and {glue:text}`maps-theory-none` without both ($d = 64$, $\alpha = .5$, ten tokens). All its tokens share one direction, with cosine .5, and such anisotropy is what makes its recency
# visible ({doc}`/_executed/recency/alpha`): with LayerNorm and $\alpha = .2$ they are {glue:text}`maps-theory-weak`. In our decoders the mean cosines of what layers 1 to {glue:text}`maps-layers` read are {glue:text}`maps-cosines-no-positions` with LayerNorm and {glue:text}`maps-cosines-no-norm` without, in shuffled text.
#
# ## What `<s>` tells

# %% tags=["hide-input"]
for name in PREDICTED:
    say(f"maps-start-{name}", apart(outcomes.change(name, "no start", "shuffled")))
    say(f"maps-start-gram-{name}", apart(outcomes.change(name, "no start", "shuffled", "gram_read")))
    say(f"maps-from-to-{name}", f"from {probability(mixed[name].mean, 3)} to {probability(headless[name].mean, 3)}")

# %% [markdown]
# How could a head without positions know which key is late? One candidate: every token sees `<s>`, and the fewer others it sees, the more of its attention `<s>` can get. Then layer 1 writes into early tokens that they are early, and later layers can learn to pass them over. A stack of random tokens has no `<s>`, and nothing to learn.
#
# The test is to take `<s>` away from the shuffled windows and leave all else as it is. The scores of layer 1 are the same then; what it writes is not. In layers 2 and on the recency probability goes {glue:text}`maps-from-to-no-positions` with LayerNorm ({glue:text}`maps-start-no-positions`), and {glue:text}`maps-from-to-no-norm` without a norm
# ({glue:text}`maps-start-no-norm`). The change is what `<s>` told; what stays needs another source, such as the words that
# take its place at the front. The recency probability of the inner products changes by {glue:text}`maps-start-gram-no-positions` with LayerNorm, and by {glue:text}`maps-start-gram-no-norm` without. (The decoders have never read a window without `<s>`; the table above shows what that does to the cosines.)
#
# ## All layers, and what is not relative

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 8.4))
maps = {label: [outcomes.maps(name)[f"score_{layer - 1}"] for layer in layers] for name, label in NORMS.items()}
rp = {label: [each.mean for each in outcomes.by_layer(name)] for name, label in NORMS.items()}
layer_maps(figure, maps, rp)
figures.show(
    figure,
    name="maps-all-layers",
    caption=f"Mean score maps of all layers of the first decoder of each kind, without `<s>`, and the same without their diagonals' means (orange: more than usual at this distance, blue: less; one range a row). RP: mean over {decoders}, without intervals; below each map the least and the greatest value of its colors.",
    alt=f"Four rows of triangular heat maps, one column for each layer: scores with LayerNorm, what is left of them when every distance has lost its mean, and the same two without a norm. Recency probabilities of the layers: {'; '.join(f'{label} {listing([probability(value, 3) for value in values])}' for label, values in rp.items())}.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
figure = plt.figure(figsize=(7.2, 5.2))
distances = max(1, min(8, config.shown // 3))
place_curves(figure, maps, distances)
figures.show(
    figure,
    name="maps-places",
    caption=f"Mean scores by the distance of the key (left), and by its place in the text, averaged over distances 1 to {distances} (right), each less its mean and in standard deviations of the whole map; the first decoder of each kind, without intervals. A function of the distance is flat on the right.",
    alt="Four panels with a line for each layer: mean score against distance and against the key's place, with LayerNorm above and without a norm below.",
    provenance=outcomes.provenance,
)

# %% tags=["hide-input"]
others = [name for name in known if name not in PREDICTED]
if others:
    figure, panels = plt.subplots(1, max(2, len(others)), figsize=(7.2, 3.3), sharey=True)
    for axes, name in zip(panels, others, strict=False):
        curves = {
            "trained": outcomes.values(name, "recency"),
            "trained, without distance": outcomes.values(name, "recency_left"),
            "untrained": outcomes.values(name, "recency", trained=False),
        }
        layer_curves(axes, curves)
        axes.set_title(LABELS[name].replace(", ", ",\n"), fontsize=9.5)
    for axes in panels[len(others) :]:
        axes.set_axis_off()
    panels[0].set_ylabel("recency probability")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figures.show(
        figure,
        name="maps-positions",
        caption=f"Decoders with positions, or with other norms and no positions, on text; mean over heads and decoders ({'; '.join(f'{LABELS[name]}: {outcomes.seeds(name)}' for name in others)}), a vertical line from the least to the greatest decoder (no interval). *Without distance*: every head's scores less their mean at each distance.",
        alt=f"A panel for each kind of decoder, over layers: recency probability trained, the same without what is a function of the distance, and untrained. Means over layers 2 and on, trained: {'; '.join(f'{LABELS[name]} {probability(text[name].mean, 3)}' for name in others)}.",
        provenance=outcomes.provenance,
    )

# %% [markdown]
# {glue:text}`maps-absent`
#
# (maps-first-token)=

# %% tags=["hide-input"]
rows, relative = [], {name: outcomes.mean(name, "recency_left") for name in known}
for name in known:
    for kind, found in (("text", text), ("shuffled", mixed)):
        left, every = outcomes.left(name, kind), outcomes.mean(name, "recency_all", kind)
        label = f"{LABELS[name]} ({outcomes.seeds(name)})" if kind == "text" else ""
        rows.append([label, kind, with_interval(found[name]), thousandths(every.mean - found[name].mean, plus=True), with_interval(outcomes.mean(name, "recency_left", kind)), f"{left.ratio:.1f}", f"{left.share:.0%}" if left.ratio > 2 else "noise"])  # fmt: skip
display(Markdown(cards.table(["decoder", "text", "RP", "with `<s>`", "RP without distance", "left / floor", "not relative"], rows)))  # fmt: skip
for name in PREDICTED:
    say(f"maps-rp-{name}", f"{probability(text[name].mean, 3)} on text and {probability(mixed[name].mean, 3)} on the same words shuffled")  # fmt: skip
    say(f"maps-left-{name}", named(relative[name]))
    say(f"maps-first-{name}", signed(first_key(outcomes.maps(name)[f"score_{layers[-1] - 1}"][1:, 1:], distances), "+.1f"))  # fmt: skip
placed = [f"{LABELS[name]} has {named(text[name])}, and without the distances’ means {named(relative[name])}" for name in ("rope", "decay") if name in known]  # fmt: skip
say("maps-placed", "; ".join(placed) or "Not trained yet")
normed = [f"{LABELS[name]}: {apart(outcomes.mean(name, less='no-positions'))}" for name in ("rms-norm", "post-norm") if name in known]  # fmt: skip
say("maps-normed", "; ".join(normed) or "not trained yet")

# %% [markdown]
# (Layers 2 and on; number of decoders in parentheses; 95 % intervals as above. *With `<s>`*: the change of RP when that token counts. *Left / floor*, of the layer where it is largest: root mean square of the mean map without its diagonals' means, over what noise leaves at most ({doc}`/_executed/recency/rope`); up to 1 it is noise. *Not relative*: the share of that map's variation that is no function of the distance, where it is above twice the floor.)
#
# - **With positions.** {glue:text}`maps-placed`.
# - **Without positions** only the mask and the order of the text can tell a late key from an early one. With LayerNorm what is left without the distances' means is {glue:text}`maps-left-no-positions`, without a norm {glue:text}`maps-left-no-norm`. Taking the means off also takes *half* of any preference for a place (an exercise below), so
#   this is a lower end.
# - **The first keys.** {numref}`fig-maps-places`, right: in the last layer the first token after `<s>` scores {glue:text}`maps-first-no-positions` standard deviations off the mean with LayerNorm, and {glue:text}`maps-first-no-norm` without (the first decoder of each kind).
# - **The order of language.** Neighbors in a text are alike, so a head could prefer what was said last without knowing any place; in shuffled text it cannot. With LayerNorm the recency probability is {glue:text}`maps-rp-no-positions`, without a norm {glue:text}`maps-rp-no-norm`.
# - **Other norms, no positions**, less LayerNorm before the block: {glue:text}`maps-normed`. In the stack without weights RMSNorm differs from LayerNorm by one dimension in $d$ and no more ({doc}`/_executed/recency/norms`).
#
# ## What it means
#
# - **What the theory speaks of** are the inner products that layer 2 reads. There recency {glue:text}`maps-read-seen`: with LayerNorm {glue:text}`maps-read-products`. The theory's tokens share a direction, with cosine .5, and with .2 it has hardly any recency either ({glue:text}`maps-theory-weak`); here the mean cosines of what layers 1 to {glue:text}`maps-layers` read are {glue:text}`maps-cosines-no-positions`. {glue:text}`maps-condition`
# - **What they test** is whether LayerNorm decides the side in a decoder that learned to read. A head scores by $h_i^\top W_Q W_K^\top h_j$, and its weights can take a side that inner products do not have, or leave one that they have. {glue:text}`maps-answer`
# - **To see what a mask and the weights do in your model without the order of a text**, shuffle the text, and drop the first token. What remains cannot come from which word follows which in what is read. It can still come from how words repeat, and from weights that were learned from language.
# - **To see what a positional encoding does**, take off the diagonals' means, and compare the rest with its floor.
# - **What these decoders cannot tell.** {glue:text}`maps-parameters` million parameters, {glue:text}`maps-read` million tokens of code, four layers, {glue:text}`maps-tokens` tokens shown. The paper's decoder is about {glue:text}`maps-times` times as large, and its panels may show what ours do not. With few seeds an interval is wide, and *undecided* is the honest word.
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
