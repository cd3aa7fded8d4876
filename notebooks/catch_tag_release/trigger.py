# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # When is a sink necessary?
#
# Everything so far shows that a sink *can* do a job. When is there a job that cannot be done without one?
#
# Ran-Milo 2026 {cite}`ranmilo2026` names a task: *at a trigger, average what came before; anywhere else, answer zero.* A softmax row sums to one, so a token that has nothing to do must still attend to something. {numref}`fig-catch-trigger-maps` shows what trained networks attend to: BOS. ReLU attention may be switched off, and is.

# %% tags=["parameters"]
profile: str = "quick"  # size at which missing results are computed
draws: int = 60  # random heads against the bound

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from matplotlib.colors import LogNorm

from attention_atlas import cards, figures, results
from attention_atlas.catch_criteria import LEARNED
from attention_atlas.checks import trigger as checks
from attention_atlas.drawing.attention import attention_map
from attention_atlas.exercises import catch_trigger as exercises
from attention_atlas.experiments import trigger_averaging as experiment
from attention_atlas.intervals import wilson
from attention_atlas.tasks.trigger_averaging import TriggerAveraging, draw
from attention_atlas.theory.catch_tag_release.necessary_sink import sink_floor
from attention_atlas.wording import probability, say, short

figures.style()
blue, orange, green, purple, muted = (figures.PALETTE[name] for name in ("blue", "orange", "green", "purple", "muted"))
found = results.obtain(experiment, profile)
config = experiment.configurations(found.table["profile"].iloc[0])["softmax"]
models = experiment.models(found.table)
learned = models[models["learned"]]

# %% tags=["hide-input"]
FAINTEST = 1e-3
example = found.table[(found.table["seed"] == 0) & found.table["point"].isin(["softmax", "relu"])]
triggers = example[(example["quantity"] == "trigger") & (example["point"] == "softmax")].set_index("query")["value"]
figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.9), sharey=True)
for axes, point, title in zip(panels, ("softmax", "relu"), ("softmax attention", "ReLU attention"), strict=True):
    entries = example[(example["quantity"] == "map") & (example["point"] == point)]
    weights = torch.zeros(config.tokens, config.tokens, dtype=torch.float64)
    weights[entries["query"].tolist(), entries["key"].tolist()] = torch.tensor(
        entries["value"].tolist(), dtype=torch.float64
    )
    drawn = attention_map(axes, weights * (weights > FAINTEST), norm=LogNorm(1e-2, 1.0), labels=point == "softmax")
    axes.plot([0.5, config.tokens + 0.5], [0.5, config.tokens + 0.5], color=figures.PALETTE["line"], linewidth=0.8)
    places = triggers.index[triggers > 0].to_numpy() + 1
    axes.plot(np.full(len(places), config.tokens + 1.2), places, "<", color=orange, clip_on=False, markersize=6)
    axes.set_title(title)
panels[0].set_ylabel("query", labelpad=10)
panels[1].set_xlabel("key")
figure.colorbar(drawn, ax=panels, shrink=0.75, label="attention weight", extend="both")
figures.show(
    figure,
    name="catch-trigger-maps",
    caption="Attention of two trained networks, one layer and one head each, on the same sequence; token 1 is BOS, triggers are marked. Weights below .001 are left empty.",
    alt="Two causal attention maps. Softmax: every row without a trigger has all its weight in the first column, trigger rows are "
    "spread evenly. ReLU: rows without a trigger are empty, trigger rows are spread evenly.",
    provenance=found.provenance,
)
for point in ("softmax", "relu", "softmax-content3"):
    say(
        f"catch-trigger-bos-{point}",
        probability(learned.loc[[p for p in learned.index if p[0] == point], "bos_most"].median(), 3),
    )
for name in ("floor", "at_floor"):
    say(f"catch-trigger-{name}", probability(learned[name].dropna().min(), 3))
say("catch-trigger-seeds", f"{config.seeds}")
say("catch-trigger-tokens", f"{config.tokens}")

# %% [markdown]
# ```{admonition} Known and derived
# :class: note
# Of Ran-Milo 2026 we have the abstract: the task, the claim that softmax models must use a fixed anchor such as BOS, that ReLU attention needs none, and that trained models agree, with one head and with several. **We have not seen its theorem.** The statement, its hypotheses, constants and
# proof on this page are derived here; the paper's may be stronger or different.
# ```
#
# ## The task
#
# Token 1 is BOS. Each later token $j$ carries a content $x_j \in [-1, 1]^c$ ($c = 1$ unless we say otherwise), and from the third on it is a trigger with probability ¼. There are no positions. The features are $(x_j, 1, [\text{BOS}], [\text{trigger}])$. Token $i$ answers
#
# $$y_i = \begin{cases}\dfrac1i\displaystyle\sum_{j=2}^{i} x_j & \text{token } i \text{ is a trigger,}\\[1ex] 0 & \text{otherwise.}\end{cases}$$ (eq-catch-trigger-task)
#
# This is the mean over all tokens that a trigger sees, its own included, BOS counting as 0. (Ours. The abstract says "all preceding tokens". Then ReLU attention must know by which number to divide, and no token knows it. We trained softmax on that variant as well: see the table.) Scored are tokens 3 to {glue:text}`catch-trigger-tokens`.
#
# ## Both sides by hand
#
# ````{prf:proposition} Softmax with a sink, ReLU without
# :label: prop-catch-trigger-constructions
#
# <span class="atlas-origin">derived here</span> One layer, one head, $W_VW_O = e_{\rm num}\,e_{\rm answer}^\top$.
#
# *Softmax* with $W_QW_K^\top = \beta\,(e_{\rm const} - e_{\rm trigger})\,e_{\rm BOS}^\top$ is exact at triggers. Elsewhere a token that sees $n$ numbers of size at most $R$ answers, in place of 0, at most
#
# $$\lvert\text{error}\rvert \le \frac{R\,n}{e^\beta + n},$$ (eq-catch-trigger-error)
#
# with equality if all numbers are $R$; it pays BOS the share $e^\beta/(e^\beta+n)$.
#
# *ReLU attention*, weights $\max(0, \text{logit})/i$, with $W_QW_K^\top = e_{\rm trigger}\,e_{\rm const}^\top$ is exact everywhere, and all weights of tokens without trigger are 0.
# ````
#
# The softmax network is right only in the limit $\beta \to \infty$, and there it is all sink. The ReLU network is right at weights of 1. (Cards: {ref}`softmax <card-atlas-trigger-softmax>`, {ref}`ReLU <card-atlas-trigger-relu>`.)
#
# ## Necessary, and for whom
#
# Could a cleverer softmax head do without? Not if it is alone and the content is a vector:
#
# ````{prf:theorem} A sink is necessary
# :label: thm-catch-trigger-sink
#
# <span class="atlas-origin">derived here</span> One layer with one softmax head, bilinear logits, no positions; whatever else a token adds to its answer (residual stream, biases) depends on that token alone. Contents have $c \ge 3$ coordinates. In all sequences of at most $T$ tokens with contents of norm at most $R$ let the error be at most $\varepsilon_0$
# at tokens without trigger, and $\varepsilon_1 < R\,\frac{T-2}T$ at triggers. Then every token without trigger (but BOS), in a sequence with contents of norm at most $r < R$, attends to BOS with
#
# $$A_{\rm BOS} \;\ge\; 1 - \frac{T-1}{T-2}\cdot\frac{\varepsilon_0}{(R-r)\left(\frac{T-2}T - \frac{\varepsilon_1}R\right)} .$$ (eq-catch-trigger-floor)
#
# If logits depend on flags only (BOS, trigger, neither), this holds for every $c \ge 1$, with $R$ in place of $R - r$.
# ````
#
# ````{dropdown} Proof
# <span class="atlas-origin">derived here</span> Fix a query without trigger. Its logits are $\kappa^\top x_j + $ a number that depends on the flags of $j$. Let the values be $Wx_j + \delta$, with $\delta$ depending on flags. Consider also a trigger with content 0 after $T - 2$ tokens without trigger, all of one content $x$. Let $D$ be the $\delta$ of these tokens less the mean value of BOS and the trigger itself, in the
# proportion in which the trigger attends to those two; this proportion does not depend on $x$. As $c \ge 3$ there is a unit vector $u$ with $u^\top\kappa = 0$ and $u^\top D = 0$. (With logits that depend on flags only any $u$ will do, because no weight depends on contents and $D$ cancels.)
#
# *The trigger.* With $x = \pm Ru$ and the attention $M_\pm$ to the tokens of content $x$, the answers are $M_\pm(\pm R\,Wu + D)$ plus a constant. Along $u$ they differ by $(M_+ + M_-)\,R\,u^\top Wu$. They should differ by $2R\,\frac{T-2}T$, and do up to $2\varepsilon_1$. Since $M_+ + M_- \le 2$: $\lVert Wu\rVert \ge u^\top Wu \ge \frac{T-2}T - \frac{\varepsilon_1}R$.
#
# *The query.* Move all contents before it by $\pm(R-r)u$. No logit of the query changes, so its attention $M$ to these tokens stays, and its answers differ by $2(R-r)\,M\,Wu$. They should not differ: $(R-r)\,M\,\lVert Wu\rVert \le \varepsilon_0$, that is $M \le \eta := \varepsilon_0\big/\left[(R-r)\left(\frac{T-2}T - \frac{\varepsilon_1}R\right)\right]$.
#
# *The query itself.* What the query adds from its own features cancelled so far, so it might attend to itself. Put $k = T - 2$ copies of it before it. Without positions it attends to each copy as to itself, and the last step gives $k\,A_{\rm self} \le \eta$. So there $A_{\rm self}/A_{\rm BOS} \le \frac{\eta/k}{1 - \eta - \eta/k} =: \lambda$. This ratio depends on the query's features alone; so in every sequence
# $1 = A_{\rm BOS} + A_{\rm self} + M \le (1+\lambda)A_{\rm BOS} + \eta$, and $A_{\rm BOS} \ge \frac{1-\eta}{1+\lambda} = 1 - \eta - \frac\eta k$. (If $\eta + \eta/k \ge 1$ there is nothing to prove.)
# ````
#
# Three conditions carry the proof: **weights sum to one**, **one head**, and **a direction that scores do not see**. (Cards: {ref}`vectors <card-atlas-trigger-sink>`, {ref}`flat scores <card-atlas-trigger-flat>`.)

# %% tags=["hide-input"]
heads = checks.sink_necessary(draws, torch.Generator().manual_seed(0))
broken = checks.sink_necessary_control(max(3, draws // 2), torch.Generator().manual_seed(0))
single = models["floor"].dropna().index
figure, axes = plt.subplots(figsize=(7.2, 3.9))
axes.loglog(heads["bound"], 1 - heads["attention"], "o", color=blue, markersize=4, label="random heads")
axes.loglog(
    1 - models.loc[single, "floor"],
    1 - models.loc[single, "at_floor"],
    "^",
    color=green,
    markersize=5,
    label="trained models, $c = 3$",
)
names = {
    "relu_head": ("ReLU attention", "s", orange),
    "null_head": ("null key", "D", purple),
    "opposed_heads": ("two heads", "v", muted),
}
for kind, (label, marker, color) in names.items():
    part = broken[broken["broken"] == kind]
    axes.loglog(
        part["bound"],
        1 - part["attention"],
        marker,
        color=color,
        markersize=5,
        fillstyle="none",
        label=f"{label} (breaks it)",
    )
ends = np.array([1e-5, 1])
axes.loglog(ends, ends, "--", color=muted, linewidth=1.2)
axes.set(xlabel="bound: what the errors allow", ylabel="attention not on BOS", ylim=(1e-4, 2.5))
figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
figures.show(
    figure,
    name="catch-trigger-floor",
    caption="Attention of a query without trigger that does not go to BOS, against the bound of the theorem with the errors on the sequences of its proof. Below the dashed line it holds. Hollow: one hypothesis broken.",
    alt="Log-log scatter. Random heads and trained models lie close below the diagonal. The hollow marks of ReLU attention, of a null "
    "key and of two heads lie near 1, far above the diagonal.",
    provenance=f"{found.provenance}; random heads live",
)
say("catch-trigger-draws", f"{draws}")
say("catch-trigger-loosest", f"{10 ** heads['margin'].max():.1f}")
say("catch-trigger-models", f"{len(single)}")
ratio = (1 - models.loc[single, "floor"]) / (1 - models.loc[single, "at_floor"])
say("catch-trigger-ratio", f"{ratio.median():.1f}")
for kind in names:
    part = broken[broken["broken"] == kind]
    say(f"catch-trigger-{kind.replace('_', '-')}", probability(part["attention"].max(), 3))
    say(f"catch-trigger-{kind.replace('_', '-')}-floor", probability((1 - part["bound"]).min(), 3))
sequences = draw(TriggerAveraging(9), 400, torch.Generator().manual_seed(0)).features
leaning = checks.leaning_head(9, share=0.1, offset=1e4)
calm = sequences[sequences[:, -1, -1] == 0]
say("catch-trigger-leaning-error", short(leaning.output(calm)[:, -1].abs().max().item()))
say("catch-trigger-leaning-bos", probability(leaning.weights(calm)[:, -1, 0].max().item(), 2))

# %% [markdown]
# {numref}`fig-catch-trigger-floor` runs the proof on {glue:text}`catch-trigger-draws` random heads and on {glue:text}`catch-trigger-models` trained ones. The bound holds in all, and is not loose: in trained models it is {glue:text}`catch-trigger-ratio` times the attention that strays, in the median. The smallest floor proved for a trained model that learned the task is {glue:text}`catch-trigger-floor`;
# the least attention in its place is {glue:text}`catch-trigger-at_floor`.
#
# ## What breaks it
#
# Each of these does the task as exactly as one likes (the fourth at one length), with no sink at tokens without trigger. None contradicts the theorem: each drops a hypothesis.
#
# - **No normalization.** ReLU attention: nothing to park. With a small leak, so that the bound says something, its largest attention to BOS is {glue:text}`catch-trigger-relu-head` where a softmax head would need {glue:text}`catch-trigger-relu-head-floor`.
# - **A null key.** One more key with value 0 that is no token. It takes what BOS took ({glue:text}`catch-trigger-null-head` left for BOS). The sink has moved out of the sequence.
# - **Two heads.** One adds the mean of all tokens everywhere; the other subtracts it, except at triggers, where it attends to BOS. Elsewhere they cancel exactly with *uniform* attention (BOS gets its even share, {glue:text}`catch-trigger-opposed-heads` at most).
# - **One number instead of a vector.** Let a large number get a little less weight, and give all tokens huge values of one sign, BOS of the other. At one length the two effects cancel: with values of size 10⁴ and 9 tokens the answer is off by {glue:text}`catch-trigger-leaning-error` at most, BOS getting {glue:text}`catch-trigger-leaning-bos` of the attention. With three coordinates there is a direction in which this trick does
#   not work. Whether it can be kept up at all lengths at once we do not know.
# - **Positions.** A token that can find itself attends to itself, and the residual stream subtracts what it finds. (Written out in a test.)
#
# So "softmax needs a sink here" is true of a single head, and a statement about *rows that must do nothing*, not about averages.
#
# ## What training finds

# %% tags=["hide-input"]
KINDS = {"": "one head", "-heads2": "two heads", "-layers2": "two layers"}
figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.8), sharex=True, sharey=True)
for line, attention in zip(panels, ("softmax", "relu"), strict=True):
    for axes, (kind, title) in zip(line, KINDS.items(), strict=True):
        part = models.loc[attention + kind]
        loss = part["loss"].clip(lower=1e-7)
        axes.axvline(LEARNED, color=muted, linestyle=":", linewidth=1.2)
        axes.semilogx(loss, part["bos_most"], "o", color=blue, markersize=4.5, label="head that attends to BOS most")
        if kind:
            axes.semilogx(loss, part["bos_least"], "v", color=orange, markersize=4.5, fillstyle="none", label="least")
        axes.set(ylim=(-0.05, 1.05), xticks=[1e-6, 1e-4, 1e-2, 1])
        if attention == "softmax":
            axes.set_title(title)
    line[0].set_ylabel(f"{'ReLU' if attention == 'relu' else attention}:\nattention to BOS")
for axes in panels[1]:
    axes.set_xlabel("loss, share of answering 0")
figure.legend(*panels[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
figures.show(
    figure,
    name="catch-trigger-trained",
    caption=f"{config.seeds} networks each, $d = {config.d_model}$, $T = {config.tokens}$, {config.steps:,} steps of Adam: mean attention of tokens without trigger to BOS, against the loss (below $10^{{-7}}$ shown at $10^{{-7}}$). Left of the dotted line, 1 %, a network has learned the task.",
    alt="Six scatter plots. Softmax with one head: all networks with a small loss have attention to BOS near one. Softmax with two heads "
    "or two layers: values anywhere between zero and one. ReLU attention: near zero in nearly all networks.",
    provenance=found.provenance,
)

# %% tags=["hide-input"]
SETTINGS = {
    "softmax": "softmax, one head", "softmax-content3": "softmax, one head, $c = 3$", "softmax-before": "softmax, one head, mean of the numbers before",
    "softmax-heads2": "softmax, two heads", "softmax-layers2": "softmax, two layers",
    "relu": "ReLU, one head", "relu-heads2": "ReLU, two heads", "relu-layers2": "ReLU, two layers",
}  # fmt: skip
lines = []
for point, text in SETTINGS.items():
    all_of, good = models.loc[point], models.loc[point][models.loc[point]["learned"]]
    maps = 2 if point.endswith("2") else 1
    low, high = wilson(len(good), len(all_of))
    counts = [good[name].median() / maps for name in ("sinks_zhang2025", "sinks_gu2025")]
    normalized = good["sinks_zhang2025_rows"].median() / maps if point.startswith("relu") else float("nan")
    lines.append(
        [text, f"{len(good)} of {len(all_of)}", f"{low:.2f}–{high:.2f}", *(probability(good[name].median(), 3) for name in ("bos_most", "bos_least")),
         *(f"{count:.2f}" for count in counts), "–" if normalized != normalized else f"{normalized:.2f}"]
    )  # fmt: skip
display(
    Markdown(
        cards.table(
            [
                "networks",
                "learned",
                "95 % interval",
                "BOS, most",
                "BOS, least",
                "sinks > 0.2",
                "sinks > 0.3",
                "sinks > 0.2, rows normalized",
            ],
            lines,
        )
    )
)
one, two = learned.loc["softmax"] if "softmax" in learned.index else models.loc["softmax"], models.loc["softmax-heads2"]
pairs = two[two["learned"]] if two["learned"].any() else two
say("catch-trigger-one-least", probability(one["bos_most"].min(), 3))
say("catch-trigger-pairs", f"{len(pairs)}")
say("catch-trigger-pairs-without", f"{int((pairs['bos_most'] < 0.5).sum())}")
say("catch-trigger-pairs-half", f"{int((pairs['bos_least'] < 0.5).sum())}")
say("catch-trigger-pairs-loss", f"{100 * pairs.loc[pairs['bos_most'] < 0.5, 'loss'].min():.1f}")
say("catch-trigger-pairs-better", probability(pairs.loc[pairs["loss"] < LEARNED / 2, "bos_most"].min(), 2))
switched = models.loc["relu"][models.loc["relu"]["learned"]]
stuck = models.loc["relu"].drop(switched.index)
say("catch-trigger-relu-learned", f"{len(switched)}")
say("catch-trigger-relu-silent", f"{int((switched['silent'] > 0.9).sum())}")
say("catch-trigger-relu-largest", probability(switched["bos_most"].max(), 2))
say("catch-trigger-relu-stuck", f"{len(stuck)}")
say("catch-trigger-relu-dead", f"{int((stuck[['total', 'total_trigger']].max(axis=1) < 0.01).sum())}")
before = models.loc["softmax-before"][models.loc["softmax-before"]["learned"]]
say("catch-trigger-before-least", probability(before["bos_most"].min(), 2))
say("catch-trigger-before-sinks", f"{before['sinks_zhang2025'].max():.0f}")

# %% [markdown]
# (*BOS, most* and *least*: attention of tokens without trigger to BOS in the head that pays it most and least, median over the networks that learned the task. *Sinks*: mean number per attention map by the conventions of Zhang 2025 {cite}`zhang2025`, 0.2, and of Gu 2025 {cite}`gu2025`, 0.3. Uniform attention over {glue:text}`catch-trigger-tokens` tokens has none by either. Ours; the abstract gives no numbers to compare with.)
#
# - **One softmax head: a sink whenever the task is learned.** Not one of the networks below 1 % loss attends to BOS with less than {glue:text}`catch-trigger-one-least`. (With the mean of the numbers *before* it is {glue:text}`catch-trigger-before-least`: triggers carry 0 there, so earlier triggers are resting places too, and some maps have {glue:text}`catch-trigger-before-sinks` sinks.)
# - **Two heads: the sink is mostly kept, in one of them.** Of {glue:text}`catch-trigger-pairs` two-headed networks that learned the task {glue:text}`catch-trigger-pairs-half` have a head that pays BOS less than half of its attention. In {glue:text}`catch-trigger-pairs-without` *neither* head pays it half, at a loss of {glue:text}`catch-trigger-pairs-loss` % or more: they cancel, as in the construction above. Below
#   half a percent some head always pays at least {glue:text}`catch-trigger-pairs-better`. So training finds sinks where our theorem does not ask for them.
# - **ReLU attention: no sink.** Of {glue:text}`catch-trigger-relu-learned` networks that learned the task {glue:text}`catch-trigger-relu-silent` are silent at nine of ten tokens without trigger, or more; the others pay BOS {glue:text}`catch-trigger-relu-largest` at most. The price is training: {glue:text}`catch-trigger-relu-stuck` networks got stuck, {glue:text}`catch-trigger-relu-dead` of them switched off at triggers as well, where ReLU has no gradient.
#
# ## What it does not say
#
# **About the average after a separator.** The task of Zhang 2025 asks one token, the last, and this token always has something to average. No row must do nothing. Version 1 of its abstract says that tasks like averaging *necessitate* the mechanism, version 2 does not ({ref}`ledger <ledger-zhang2025-necessity>`). What is necessary here is a resting place for softmax rows; nothing is tagged, and
# the sink's value may be zero. This result does not decide between the two versions.
#
# **About language models.** They have many heads, layers and positions; our theorem covers none of these. A sink in them is not proved necessary here; it is the simplest way to rest.
#
# ## What a practitioner takes away
#
# - A strong BOS sink in a head can be a *switched-off* head: see what its other rows do before you call it a defect.
# - To remove sinks, give rows a way to sum to less than one: a null key, a gate, or ReLU attention. Expect the off state to stay, only without a token for it.
# - When pruning or quantizing, the sink's logit must keep its lead over *all* other tokens together: it grows with the logarithm of the length.
#
# ## Exercises

# %% [markdown]
# ```{exercise-start} How strong a sink
# :label: ex-catch-trigger-strength
# ```

# %% [markdown]
# **Difficulty** ●○○○○ · **Time** 5 minutes
#
# In the softmax construction, $T = 24$ tokens with BOS, numbers of size at most 1. Which $\beta$ keeps every error below 0.01?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-trigger-strength
# :class: dropdown
# :label: sol-catch-trigger-strength
# ```

# %% [markdown]
# The last token sees 23 numbers. {eq}`eq-catch-trigger-error`: $23/(e^\beta + 23) = 0.01$, so $e^\beta = 23 \cdot 99$.

# %%
print(exercises.check_strength(np.log(23 * 99)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How much sink
# :label: ex-catch-trigger-floor
# ```

# %% [markdown]
# **Difficulty** ●●○○○ · **Time** 10 minutes
#
# A softmax head whose logits depend on flags only is right to 0.02 at tokens without trigger and to 0.1 at triggers, for $T = 24$ and $R = 1$. How much of its attention must go to BOS at a token without trigger?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-trigger-floor
# :class: dropdown
# :label: sol-catch-trigger-floor
# ```

# %% [markdown]
# {eq}`eq-catch-trigger-floor` with $R$ in place of $R - r$:

# %%
print(exercises.check_floor(sink_floor(0.02, 0.1, tokens=24, radius=1.0, room=1.0)))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Two heads
# :label: ex-catch-trigger-opposed
# ```

# %% [markdown]
# **Difficulty** ●●●○○ · **Time** 15 minutes
#
# Two softmax heads read the number with the values $20\,x$ and $-20\,x$. At tokens without trigger both attend to all numbers alike, and cancel. Their answer at a trigger shall be the mean of the numbers. By how much must the shares of attention that the two heads give to the numbers differ there?

# %% [markdown]
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} ex-catch-trigger-opposed
# :class: dropdown
# :label: sol-catch-trigger-opposed
# ```

# %% [markdown]
# With shares $M_1$ and $M_2$, spread evenly, the answer is $20\,(M_1 - M_2)$ times the mean. So neither head needs a sink anywhere: $M_1 = 1$ and $M_2 = .95$ will do.

# %%
print(exercises.check_opposed(1 / 20))

# %% [markdown]
# ```{solution-end}
# ```
