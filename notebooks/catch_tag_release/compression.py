# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # How few numbers hold a sink?
#
# A sink is one column of an attention map. Does it take a whole matrix of weights to make one, and does a network that still has its sink still do its work?
#
# We take networks that learned to catch, tag and release ({doc}`/_executed/catch_tag_release/training`) and make their attention matrices smaller. {numref}`fig-catch-compression`: **the sink survives almost anything, the answer almost nothing.** An eighth of the numbers is enough for the
# sink, however they are chosen. The task needs nearly all, or a method that knows which directions the network uses.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
bases: int = 20  # random bases in which the network written by hand is compressed

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display

from attention_atlas import cards, figures
from attention_atlas.compression import low_rank_plus_sparse
from attention_atlas.drawing.bands import median_band
from attention_atlas.exercises import catch_compression as exercises
from attention_atlas.experiments import averaging_compression as experiment
from attention_atlas.models.products import in_basis, products, with_products
from attention_atlas.outcomes.averaging_compression import Compressions, chosen, enough
from attention_atlas.tasks.averaging import draw
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release
from attention_atlas.wording import say, short

figures.style()
blue, orange, green, purple, muted = (figures.PALETTE[name] for name in ("blue", "orange", "green", "purple", "muted"))
found = Compressions(profile)
config, models, good, whole, single = found.config, found.models, found.learned, found.whole, found.single

# %% tags=["hide-input"]
wide = whole[(whole["width"] == 16) & (whole["stored"] <= 1) & (whole["method"] != "none")]
KINDS = {  # the label, and which compressions
    "few entries": (wide["rank"] == 0, dict(color=blue, marker="o", linestyle="-")),
    "low rank": (wide["entries"] == 0, dict(color=orange, marker="s", linestyle="--")),
    "rank 1 + entries": (wide["rank"] == 1, dict(color=green, marker="^", linestyle=":")),
    "rank 3 + entries": (wide["rank"] == 3, dict(color=purple, marker="v", linestyle="-.")),
}
ROWS = {"loss": "loss / variance", "attention": "attention\non [SEP]", "mass": "mass on numbers\nafter [SEP]"}
figure, panels = plt.subplots(3, 2, figsize=(7.2, 6.6), sharex=True, sharey="row", height_ratios=(1.5, 1, 1))
for axes_column, method, title in zip(panels.T, experiment.METHODS, ("plain", "weighted by inputs"), strict=True):
    for axes, quantity in zip(axes_column, ROWS, strict=True):
        for label, (which, look) in KINDS.items():
            median_band(axes, wide[which & (wide["method"] == method)], "stored", quantity, label=label, markersize=4, linewidth=1.5, **look)  # fmt: skip
    axes_column[0].set(title=title, yscale="log")
    axes_column[0].axhline(config.learned_below, color=muted, linewidth=1.2, linestyle=(0, (1, 1)))
    axes_column[-1].set(xlabel="numbers stored, share of all", xticks=[0, 0.25, 0.5, 0.75, 1])
for axes, label in zip(panels[:, 0], ROWS.values(), strict=True):
    axes.set_ylabel(label)
for axes in panels[1:].flat:
    axes.set_ylim(-0.05, 1.05)
figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
figures.show(
    figure,
    name="catch-compression",
    caption=f"All four products of {models[16]} trained networks of width 16, compressed without further training. Lines: medians; bands: all but the outer tenths of the networks. Top: loss as a share of the target's variance; below the dotted line a network counts as doing the task. "
    "Middle: attention of tokens after [SEP] on it in layer 1. Bottom: the last token's attention in layer 2 on the numbers it is to average.",
    alt="Six panels against the share of numbers stored. Attention on the separator jumps to nearly one at an eighth of the numbers in all curves. Mass on the right numbers reaches one at about half. "
    "The loss stays near or above one until more than half is stored and falls to its floor only near the right end; only low rank weighted by inputs, with entries or without, falls early, from rank 3 on.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
say("catch-compression-wide", f"{models[16]}")
say("catch-compression-narrow", f"{models[8]}")
say("catch-compression-trained-wide", f"{(found.trained['width'] == 16).sum()}")
say("catch-compression-trained-narrow", f"{(found.trained['width'] == 8).sum()}")
say("catch-compression-models", f"{models.sum()}")
pruned_to_eighth = whole[(whole["rank"] == 0) & (whole["stored"] == 1 / 8)]
rank_one = chosen(whole, 1)
sink_alone = chosen(single, 1, product="query_key_1")
nothing = chosen(whole, 0, method="plain")
say("catch-compression-eighth-sink", f"{pruned_to_eighth['sink'].min():.3f}")
say("catch-compression-eighth-kept", f"{pruned_to_eighth['kept'].sum()}")
say("catch-compression-sink-share", f"{100 * sink_alone['sink'].min():.4g}")
say("catch-compression-sink-attention", f"{sink_alone['attention'].min():.2f}")
say("catch-compression-sink-attention-before", f"{good['attention'].min():.2f}")
say("catch-compression-even-share", f"{nothing['sink'].iloc[0]:.2f}")
say("catch-compression-rank-one-kept", f"{rank_one['kept'].sum()}")
say("catch-compression-rank-one-loss", short(rank_one["loss"].min()))
for width in (8, 16):
    for method in experiment.METHODS:
        here = chosen(single, 1, method=method, product="query_key_1", width=width)
        say(f"catch-compression-one-{method}-{width}", f"{here['kept'].sum()} of {models[width]}")

# %% [markdown]
# ## The claim
#
# The first version of Zhang 2025 {cite}`zhang2025` says in its abstract that the creation of sinks "can be completely captured in the model parameters using low-rank matrices", and that this matters for compression, for methods that add a low-rank term to a sparse one <span class="atlas-origin">paper</span>.
# We have not seen the experiment behind it. The experiment, methods and constants on this page are **ours**.
#
# What a head does depends on its four matrices only through two $d\times d$ products. $W_QW_K^\top$ says where tokens look, $W_VW_O$ what they get there. Two layers have four of them. Each is replaced by
#
# $$L + S, \qquad \operatorname{rank} L \le r, \qquad \#\{S_{ij} \ne 0\} = k, \qquad \text{stored: } 2dr + k$$ (eq-catch-stored)
#
# numbers in place of $d^2$, the same $r$ and $k$ for all four. *Where* the $k$ entries are is not counted, which favors $S$. $L$ alone is low rank, $S$ alone is pruning. Where there are both, each is fitted to what the other leaves, ten times in turn, $L$ last. There is no training afterwards. Two ways to choose:
#
# - **Plain.** $L$ is the nearest matrix of its rank (singular values), $S$ has the largest entries.
# - **Weighted by inputs.** $S$ after Wanda {cite}`sun2024wanda`: of the $|W_{ij}|\,\|x_i\|$ that lead to one output $j$ the largest are kept, equally many for each $j$. $x$ are the streams that enter the layer, on sequences apart from the test. $L$ changes what the product computes *on these inputs* least. For $W_QW_K^\top$, which has
#   inputs on both sides, Wanda takes the query's; $L$ takes the query's and the key's.
#
# $d=16$: {glue:text}`catch-compression-wide` of {glue:text}`catch-compression-trained-wide` networks had learned the task; $d=8$: {glue:text}`catch-compression-narrow` of {glue:text}`catch-compression-trained-narrow`. Only these are compressed. The criterion is the one of the other pages, a loss below 1 % of the target's variance.
#
# ## The sink has rank one
#
# Attention in layer 1 depends on that layer's $W_QW_K^\top$ and on nothing else that we compress. Replace it by rank one. In all {glue:text}`catch-compression-models` networks, both ways, [SEP] remains a sink by the convention of Zhang 2025 (mean attention received above 0.2) in at least {glue:text}`catch-compression-sink-share` % of the sequences, and tokens
# after it give it at least {glue:text}`catch-compression-sink-attention` of their attention (uncompressed: {glue:text}`catch-compression-sink-attention-before`). That is no accident of the threshold: with the matrix gone altogether and attention uniform, [SEP] passes it in {glue:text}`catch-compression-even-share` of the sequences.
#
# If the others stay whole, the task is done as before by {glue:text}`catch-compression-one-weighted-8` ($d=8$) and {glue:text}`catch-compression-one-weighted-16` ($d=16$) networks with the weighted choice, and by {glue:text}`catch-compression-one-plain-8` and {glue:text}`catch-compression-one-plain-16` with the plain one. **For what makes the sink the claim holds here.**
#
# ## The rest has not
#
# Replace all four by rank one. The sinks are still there. The number of networks that still do the task is {glue:text}`catch-compression-rank-one-kept`: every loss is at least {glue:text}`catch-compression-rank-one-loss` of the variance, and a constant answer has 1. {numref}`fig-catch-one-product` truncates one product at a time.

# %% tags=["hide-input"]
NAMES = {"query_key_1": "$W_QW_K^\\top$, layer 1", "value_output_1": "$W_VW_O$, layer 1", "query_key_2": "$W_QW_K^\\top$, layer 2", "value_output_2": "$W_VW_O$, layer 2"}  # fmt: skip
ENOUGH = {"query_key_1": 2, "value_output_1": 3, "query_key_2": 4, "value_output_2": 5}
LOOKS = {"plain": dict(color=blue, marker="o", linestyle="--"), "weighted": dict(color=orange, marker="s", linestyle="-")}  # fmt: skip
figure, panels = plt.subplots(2, 4, figsize=(7.2, 4.6), sharex=True, sharey="row")
for (upper, lower), (product, title) in zip(panels.T, NAMES.items(), strict=True):
    for method, look in LOOKS.items():
        rows = chosen(single, method=method, product=product, width=16)
        label = "weighted by inputs" if method == "weighted" else method
        median_band(upper, rows.assign(lost=rows["lost"].clip(lower=1e-9)), "rank", "lost", markersize=4, linewidth=1.3, label=label, **look)  # fmt: skip
        median_band(lower, rows, "rank", "loss", markersize=4, linewidth=1.3, **look)
    for axes in (upper, lower):
        axes.axvline(ENOUGH[product], color=muted, linewidth=1, linestyle=":")
        axes.set(yscale="log", xticks=[0, 2, 4, 6, 8])
    upper.set_title(title, fontsize=9.5)
    upper.set_ylim(2e-7, 3)
    lower.axhline(config.learned_below, color=muted, linewidth=1.2, linestyle=(0, (1, 1)))
    lower.set_xlabel("rank")
read = chosen(single, 1, method="readout", product="value_output_2", width=16)
panels[1, 3].plot(1, read["loss"].median(), "*", color=green, markersize=11, label="what the readout reads")
panels[0, 0].set_ylabel("squares lost, share")
panels[1, 0].set_ylabel("loss / variance")
handles = [h for axes in (panels[0, 0], panels[1, 3]) for h in axes.get_legend_handles_labels()[0]]
figure.legend(handles=handles, loc="outside lower center", ncols=3)
figures.show(
    figure,
    name="catch-one-product",
    caption=f"One product of {models[16]} networks of width 16 truncated, the other three whole. Top: share of its squared singular values that is lost, of the matrix itself and as its inputs see it. Bottom: loss as a share of the target's variance (below the dotted level line the task is done). "
    "Dotted, upright: the rank that is always enough, by {prf:ref}`prop-catch-ranks` (for $W_VW_O$ of layer 2: the dimension of its inputs). Star: the matrix of rank one in place of $W_VW_O$ of layer 2 that the readout cannot tell from it.",
    alt="Eight panels against rank 0 to 8. Top: the plain shares fall slowly, to about a tenth at rank 5; the weighted ones drop off the plot at ranks 2, 3, 4 and 5. "
    "Bottom: the loss of the first product falls below the line at rank one. That of the value matrix of layer 1 stays above one until rank 3 and then drops to the floor, if weighted. The others fall in between. A star at rank one lies at the floor in the last panel.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
lines = []
for product, title in NAMES.items():
    line = [title]
    for method in experiment.METHODS:
        rows = chosen(single, method=method, product=product)
        line.append(" · ".join(f"{chosen(rows, 1, width=d)['kept'].sum()} of {models[d]}" for d in (8, 16)))
    for method in experiment.METHODS:
        least = []
        for d in (8, 16):
            rank = enough(chosen(single, method=method, product=product, width=d))
            least.append("> 8" if rank is None else f"{rank}")
        line.append(" · ".join(least))
    say(f"catch-compression-all-{product}", " and ".join(least))  # of the last method, weighted
    lines.append(line)
heads = ["truncated alone", "rank 1, plain", "rank 1, weighted", "rank for all, plain", "rank for all, weighted"]
display(Markdown(cards.table(heads, lines)))
exact = chosen(single, method="weighted")
for product in ("query_key_1", "value_output_1", "query_key_2"):
    say(f"catch-compression-enough-{product}", short(found.change(chosen(exact, ENOUGH[product], product=product))))
read = chosen(single, 1, method="readout", product="value_output_2")
say("catch-compression-enough-readout", short(found.change(read)))
one_less = chosen(exact, 2, product="value_output_1")
say("catch-compression-less", f"{one_less['kept'].sum()} of {len(one_less)}")
unknowing = chosen(single, 3, method="plain", product="value_output_1")
say("catch-compression-unknowing", f"{unknowing['kept'].sum()} of {len(unknowing)}")

# %% [markdown]
# Each time $d=8$ · $d=16$: how many of the networks still do the task at rank one, and the smallest rank from which on all of them do. A trained network need not be the one written by hand, in which all four products have rank one. Training left $W_VW_O$ of layer 1 with three directions that matter. It writes the tag, and with it what it makes of the numbers.
#
# ## What the task gives for free
#
# A network that reads three features cannot use many directions. Before we call a matrix low-rank we should know what it could be at most.
#
# ````{prf:proposition} Ranks that are always enough
# :label: prop-catch-ranks
#
# <span class="atlas-origin">derived here</span> Let two layers of one softmax head each, without positions, LayerNorm and MLP, read tokens with the features (number, 1, is [SEP]). Whatever its weights and width, there are products of rank 2 and 3 ($W_QW_K^\top$ and $W_VW_O$ of layer 1), 4 and 1 (of layer 2) with which the network gives the same output on every sequence.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Two facts. *(a)* If all inputs $x$ of a product $W$ lie in a subspace and $\Pi$ is a projection onto it, then $x\,\Pi W = xW$, so rank $\dim$ is enough. *(b)* If the keys are $u + z$ with one $u$ for all of them and $z$ in a subspace, and $\Pi$ is the projection onto it, then the logits of $W\Pi$ and $W$ differ by
# $x W(\Pi u - u)^\top$, the same for all keys of the query $x$, which softmax does not see.
#
# *Layer 1.* The stream is $(\text{number})\,e_1 + e_2 + (\text{is [SEP]})\,e_3$, with the rows $e_1, e_2, e_3$ of the embedding. (b) with $u = e_2$ gives 2 for $W_QW_K^\top$, (a) gives 3 for $W_VW_O$.
#
# *Layer 2.* Attention adds an average, $(\cdot)\,e_1' + e_2' + (\cdot)\,e_3'$ with $e_i' = e_i W_VW_O$: weights sum to one, so the second coefficient is one again. With $u = e_2 + e_2'$ there are four more directions, $e_1, e_3, e_1', e_3'$: 4 for $W_QW_K^\top$ by (b). The output is read as $x W_VW_O\,r$ with the readout $r$, and
# $W_VW_O\,rr^\top/\|r\|^2$ of rank one has the same product with $r$.
# ````
#
# *Checked.* The weighted truncation finds these matrices without being told. At the ranks 2, 3 and 4 the largest relative change of a loss among our networks is {glue:text}`catch-compression-enough-query_key_1`, {glue:text}`catch-compression-enough-value_output_1` and {glue:text}`catch-compression-enough-query_key_2`, through the readout {glue:text}`catch-compression-enough-readout`; losses are stored with four digits. *Controls*, for $W_VW_O$ of layer 1: with one rank less, {glue:text}`catch-compression-less` networks do the task; at rank 3, chosen without knowing the inputs, {glue:text}`catch-compression-unknowing`. With ReLU attention (b) is false, and a test of the library shows it.
#
# So of "low rank" only what lies below 2, 3, 4 and 1 says something about what was learned. For all networks to do the task ($d=8$ and $d=16$), rank {glue:text}`catch-compression-all-query_key_1` of 2 is enough where the sink is made, but $W_VW_O$ of layer 1 needs {glue:text}`catch-compression-all-value_output_1` of 3, and $W_QW_K^\top$ of layer 2
# {glue:text}`catch-compression-all-query_key_2` of 4. $W_VW_O$ of layer 2 has rank one in *any* such network, as far as the answer can tell.
#
# The plain singular values show none of this. Directions that no token has were hardly trained, they keep much of what the random start gave them, and there are $d-3$ of them in layer 1. *Ours:* training had no weight decay, which would have shrunk them.
#
# ## Sparse, low rank, or both?

# %% tags=["hide-input"]
lines = []
for width in (8, 16):
    for stored in (0.5, 0.75, 0.875):
        line = [f"{width}", f"{stored:.3f}".rstrip("0")]
        for method in experiment.METHODS:
            rows = whole[(whole["width"] == width) & (whole["stored"] == stored) & (whole["method"] == method)]
            mixed = rows[(rows["rank"] == 3) & (rows["entries"] > 0)]
            for kind in (rows[rows["rank"] == 0], rows[rows["entries"] == 0], mixed):
                line.append(f"{kind['kept'].sum()}" if len(kind) else "–")
        lines.append(line)
heads = ["$d$", "stored", *[f"{kind}, {m}" for m in experiment.METHODS for kind in ("entries", "low rank", "rank 3 + entries")]]  # fmt: skip
display(Markdown(cards.table(heads, lines)))
for width in (8, 16):
    for rank in (3, 4):
        here = chosen(whole, rank, method="weighted", width=width)
        say(f"catch-compression-rank-{rank}-{width}", f"{here['kept'].sum()} of {models[width]}")
        say(f"catch-compression-rank-{rank}-share-{width}", f"{2 * rank / width:.3g}")
say("catch-compression-rank-4-plain", f"{chosen(whole, 4, method='plain', width=16)['kept'].sum()}")
for entries in (32, 96):
    here = chosen(whole, 3, entries, method="weighted", width=16)
    say(f"catch-compression-three-and-{entries}", f"{here['kept'].sum()}")
quarters = whole[(whole["width"] == 16) & (whole["stored"] == 0.75)]
say("catch-compression-wanda", f"{chosen(quarters, 0, None, method='weighted')['kept'].sum()}")
halves = whole[(whole["stored"] <= 0.5) & (whole["method"] == "plain")]
say("catch-compression-plain-half", f"{halves.groupby(['width', 'rank', 'entries'])['kept'].sum().max()}")
most = whole[(whole["width"] == 16) & (whole["stored"] == 0.875) & (whole["method"] == "plain")]
counts = most.groupby("rank")["kept"].sum()
say("catch-compression-plain-entries", f"{counts[0]}")
say("catch-compression-plain-sum", f"{counts[[1, 2, 3, 4]].max()}")
say("catch-compression-plain-low", f"{counts[7]}")

# %% [markdown]
# How many networks still do the task at equal numbers stored, of {glue:text}`catch-compression-narrow` ($d=8$) and {glue:text}`catch-compression-wide` ($d=16$).
#
# - **Low rank weighted by inputs is best.** With rank 3 in all four products {glue:text}`catch-compression-rank-3-8` ($d=8$) and {glue:text}`catch-compression-rank-3-16` ($d=16$) networks do the task, at {glue:text}`catch-compression-rank-3-share-8` and {glue:text}`catch-compression-rank-3-share-16` of the numbers; with rank 4
#   {glue:text}`catch-compression-rank-4-8` and {glue:text}`catch-compression-rank-4-16`. For $d=8$ rank 4 stores as much as the matrix has, and saves nothing.
# - **A low-rank term does rescue a sparse one**, as the abstract suggests, if it is weighted and of rank 3 or more. At three quarters of the numbers and $d=16$, Wanda alone leaves {glue:text}`catch-compression-wanda` networks at work, rank 3 with 96 entries {glue:text}`catch-compression-three-and-96`. But the low-rank term does it alone: rank 3 with 32 entries leaves
#   {glue:text}`catch-compression-three-and-32`, and rank 4, which stores the same, {glue:text}`catch-compression-rank-4-16`.
# - **Plain, nothing works early.** Up to half the numbers the best plain choice leaves {glue:text}`catch-compression-plain-half` at work. At seven eighths ($d=16$) it is {glue:text}`catch-compression-plain-entries` with entries alone, at most {glue:text}`catch-compression-plain-sum` with a sum, and {glue:text}`catch-compression-plain-low` with low rank alone.
#
# *A warning from our own first try.* Fit the sparse part last, and many entries beside a weighted low-rank part do harm: what no token sees is large, and a few entries of it *are* seen. The low-rank part must have the last word (a test of the library shows why).
#
# ## The network written by hand
#
# The {doc}`construction </_executed/catch_tag_release/construction>` has four products of rank one, so rank one loses nothing. But they also have one or two entries each. Which of the two is it, few entries or low rank? Turn the coordinates: the same network, the same outputs, in a random basis of 8 dimensions.

# %% tags=["hide-input"]
averager, parameters = catch_tag_release(40.0, 20.0)
generator = torch.Generator().manual_seed(0)
turns = torch.linalg.qr(torch.randn(bases, 8, 8, generator=generator, dtype=torch.float64)).Q[:, :5]
batch = draw(config.setting.task, config.tests, generator)
lines, losses = [], {}
for label, basis in (("its own", torch.eye(5, 8, dtype=torch.float64)[None]), (f"{bases} random ones", turns)):
    turned = in_basis(averager, parameters, basis)
    for rank, entries in ((0, 8), (0, 32), (0, 56), (1, 0)):
        smaller = low_rank_plus_sparse(products(turned[1]), rank, entries)
        seen = experiment.measure(*with_products(*turned, smaller), batch)
        losses[label, rank, entries] = seen["loss"]
        lines.append([label, f"{rank}", f"{entries}", f"{16 * rank + entries} of 64", short(seen["loss"].median().item()), short(seen["loss"].max().item()), f"{seen['sink'].min().item():.2f}"])  # fmt: skip
display(Markdown(cards.table(["basis", "rank", "entries", "stored", "median loss", "worst loss", "sink, least share"], lines)))  # fmt: skip
randoms = losses[f"{bases} random ones", 0, 32]
say("catch-compression-turned", short(randoms.median().item()))

# %% [markdown]
# In its own basis eight entries per product are exact. In a random one half of the entries leave a median loss of {glue:text}`catch-compression-turned`, and rank one is exact in all. **Rank belongs to the mechanism, zeros belong to the coordinates.** A network that trains from random weights has no reason to choose good coordinates. That is why pruning fares so badly on this page. Language models have some coordinates
# that stand out (outlier features), and there it may fare better.
#
# ## Verdict
#
# ```{admonition} In one sentence
# :class: important
# In our networks the creation of the sink is captured by a low-rank matrix, namely rank one of the first layer's $W_QW_K^\top$ (it could use two), in {glue:text}`catch-compression-models` of {glue:text}`catch-compression-models`; but the mechanism that the sink serves is not, with all four products at rank one {glue:text}`catch-compression-rank-one-kept` of them do the task; and the sink also survives pruning to an eighth of the entries (in at least
# {glue:text}`catch-compression-eighth-sink` of the sequences, with {glue:text}`catch-compression-eighth-kept` networks doing the task), so that its survival says little about the method.
# ```
#
# **In practice.**
#
# - Do not judge a compressed model by its sinks. They are the last to go.
# - Compress values with more care than queries and keys. Where the sink is made, rank one may do; what it writes needs more.
# - Let the inputs decide what is small. At rank 4 and $d=16$, {glue:text}`catch-compression-rank-4-16` networks do the task with them, {glue:text}`catch-compression-rank-4-plain` without.
# - Before a rank is called low, count how many directions there can be.
#
# **What this is not.** Two layers, three features, no training after compression, products in place of the factors that a model stores. Language models are not on this page, and nothing here says what they do.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} One direction is read
# :label: ex-catch-read
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# `exercises.layer_and_readout()` gives $W_VW_O$ of a last layer, of rank 4, and the readout $r$ after it. Find a matrix of rank one with the same outputs. Why is it not the nearest one?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-read
# :class: dropdown
# :label: sol-catch-read
# ```

# %% [markdown]
# Outputs are $x\,W r$. So any $W r\,v^\top$ with $v^\top r = 1$ will do; $v = r/\|r\|^2$ changes nothing else. The nearest matrix of rank one keeps the largest singular direction, and what is large need not be what is read. Almost all squares of $W$ are gone, and no output has changed.

# %%
matrix, readout = exercises.layer_and_readout()
print(exercises.check_read(matrix @ readout @ readout.T / (readout.T @ readout)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Places are not free
# :label: ex-catch-places
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# {eq}`eq-catch-stored` does not count where entries are. Take $d=16$, 16 bits for a number and 8 bits for a place. A rank-one part and some entries together shall take half of the memory of the full matrix. How many entries are there?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-places
# :class: dropdown
# :label: sol-catch-places
# ```

# %% [markdown]
# Half the memory is $128\cdot16 = 2048$ bits. The rank-one part takes two vectors, $32\cdot16 = 512$. An entry takes $16+8$.

# %%
print(exercises.check_entries((2048 - 512) // 24))

# %% [markdown]
# ```{solution-end}
# ```
