/* Fish with tags. The playground of the chapter "Catch, tag, release": plain JavaScript, no kernel, no network.
 *
 * The numbers are catch_model.js's, the pictures lean on drawing.js; random.js and both come before this script.
 * Whatever a reader sees counts tokens from 1, as the paper does.
 */
(function (root) {
  "use strict";

  const { drawing, catchTagRelease } = root.AttentionAtlas;
  const { clamp, count, paint, paintBar, slider, radios, stroke, legend, path, GUTTER } = drawing;
  const { MODELS, TAGS, THRESHOLD, bound, everywhere, follows, forward, numbersOf, received, sinks } = catchTagRelease;

  const SLIDERS = [
    { key: "beta", label: "catch", symbol: "β", min: 0, max: 40, step: 0.5 },
    { key: "gamma", label: "retrieval", symbol: "γ", min: 0, max: 40, step: 0.5 },
    { key: "tokens", label: "tokens", symbol: "T", min: 3, max: 32, step: 1 },
    { key: "separator", label: "position of [SEP]", symbol: "", min: 1, max: 31, step: 1 },
  ];
  const SEED = { min: 1, max: 9999, step: 1 };
  const CHOICES = [
    {
      key: "tag",
      label: "The tag of [SEP]",
      options: { kept: "as built", removed: "removed", doubled: "doubled", moved: "moved before [SEP]" },
    },
    {
      key: "model",
      label: "Construction",
      options: { five: "five coordinates", outlier: "two, with an outlier tag" },
    },
  ];
  const DEFAULTS = { beta: 10, gamma: 10, tokens: 16, separator: 7, tag: "kept", model: "five", seed: 42 };
  const PRESETS = [
    { label: "Caught, tagged, released: the mean after [SEP]" },
    { label: "No tag: the mean of all numbers", tag: "removed" },
    { label: "Tag moved: the other school answers", tag: "moved" },
    { label: "Weak catch: the tag fades along the way", beta: 3, gamma: 20 },
    { label: "Nine digits: T = 32, β = 40, γ = 20", beta: 40, gamma: 20, tokens: 32, separator: 9 },
    { label: "Two dimensions: [SEP] must not come first", model: "outlier", beta: 20, gamma: 3, separator: 1 },
  ].map(({ label, ...changes }) => ({ label, wanted: { ...DEFAULTS, ...changes } }));
  const LABELS = PRESETS.map(({ label }) => label);
  const ROUNDING = 1e-15; // an error below it is float64's, not the construction's
  const DECADES = 16; // of the chart of errors

  /** A state that is possible, from whatever was asked for: impossible values go to the nearest possible one. */
  function legal(asked) {
    const state = { ...DEFAULTS, ...asked };
    for (const each of [...SLIDERS, { ...SEED, key: "seed" }])
      state[each.key] = drawing.nearest(each, state[each.key], DEFAULTS[each.key]);
    state.separator = Math.min(state.separator, state.tokens - 1); // a number comes after it
    if (!TAGS.includes(state.tag)) state.tag = DEFAULTS.tag;
    if (!MODELS.includes(state.model)) state.model = DEFAULTS.model;
    return state;
  }
  const settingOf = ({ seed, ...state }) => ({ ...state, separator: state.separator - 1 });
  const agrees = (state, wanted) => Object.entries(wanted).every(([key, value]) => state[key] === value);

  // ---- numbers in words
  const raised = (power) => [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit] ?? "⁻").join("");
  /** Two digits, with a power of ten where there are many zeros. */
  function short(value) {
    if (value === 0 || (value >= 0.001 && value < 1000)) return String(Number(value.toPrecision(2)));
    const [digits, power] = value.toExponential(1).split("e");
    return `${Number(digits)}·10${raised(Number(power))}`;
  }
  const errorOf = (value) => (value < ROUNDING ? `below 10${raised(-15)}` : short(value));
  const nameOf = (token, separator) => (token === separator ? "[SEP]" : `token ${token}`);

  const ANSWERS = {
    after: "The answer is the mean after [SEP].",
    before: "The answer is the mean before [SEP].",
    all: "The answer is the mean of all numbers.",
    separator: "The answer is [SEP]'s own zero.",
    none: "The answer is none of the means.",
  };
  /** What the bound says, or why there is none. */
  function limit(state, most) {
    if (most !== null) return most >= 1 ? "our bound is above 1 and says nothing" : `our bound: ${errorOf(most)}`;
    return state.separator === 1 ? "we have no bound where [SEP] comes first" : "we have no bound here";
  }
  /** What is seen, in words. */
  function describe(state, seen, most) {
    const { output, after, before } = seen;
    const error = Math.abs(output - after);
    const start =
      `<b>${ANSWERS[follows(seen)]}</b> [SEP] is token ${state.separator} of ${state.tokens}: ${count(state.separator - 1, "number")} before, ` +
      `${state.tokens - state.separator} after. `;
    const values = `Output ${output.toFixed(4)}, target ${after.toFixed(4)}: error ${errorOf(error)}`;
    if (state.tag === "moved" && before !== null) {
      const other = errorOf(Math.abs(output - before));
      return `${start}${values}. From the mean before [SEP], ${before.toFixed(4)}, it is off by ${other} (${limit(state, most)}).`;
    }
    return `${start}${values} (${limit(state, most)}).`;
  }

  // ---- the page
  const FISH = "aa-fish";
  const fish = (x, y, size, carried) =>
    `<path class="${FISH}" fill-opacity="${Number(carried.toFixed(3))}" d="M${(x + size).toFixed(1)} ${y.toFixed(1)}q${-0.8 * size} ${-0.8 * size} ${-1.4 * size} 0l${-0.6 * size} ${-0.5 * size}v${size}l${0.6 * size} ${-0.5 * size}q${0.6 * size} ${0.8 * size} ${1.4 * size} 0z"/>`;
  const picture = (part, title, kind = "") => `<p class="aa-title aa-later">${title}</p>
    <svg class="aa-curve ${kind}" role="img" data-part="${part}" aria-labelledby="aa-${part}-title"><title id="aa-${part}-title"></title><g></g></svg>`;
  const map = (part, title) => `<div><p class="aa-title">${title}</p>
    <svg class="aa-sinks" data-part="${part}-sinks" preserveAspectRatio="none" aria-hidden="true"></svg>
    <div class="aa-frame"><canvas role="img" data-part="${part}"></canvas></div></div>`;
  const TEMPLATE = `
    ${drawing.presets(LABELS, "Presets")}
    <p class="aa-summary" aria-live="polite"></p>
    <div class="aa-grid">
      <form class="aa-controls" aria-label="Settings">
        <div class="aa-sliders">${SLIDERS.map(slider).join("")}</div>
        ${CHOICES.map(radios).join("")}
        <div class="aa-buttons"><button type="button" data-do="numbers">New numbers</button><button type="button" data-do="reset">Reset</button></div>
      </form>
      <div class="aa-main">
        <p class="aa-title">A fish swims as high as its number. Drag [SEP].</p>
        <div class="aa-lake">
          <svg class="aa-curve" role="img" data-part="lake" aria-labelledby="aa-lake-title"><title id="aa-lake-title"></title><g></g></svg>
          <div class="aa-picker" tabindex="0" role="slider" aria-orientation="horizontal" aria-label="[SEP] among the fish" aria-valuemin="1"></div>
        </div>
        ${legend([
          [FISH, fish(12, 6, 6, 1), "tagged"],
          [FISH, fish(12, 6, 6, 0), "not tagged"],
          ["aa-output", stroke, "output"],
          ["aa-target", stroke, "mean after [SEP], the target"],
          ["aa-before", stroke, "mean before"],
        ])}
        ${picture("tags", "Caught and tagged: the tag coordinate after layer 1")}
        ${picture("shares", "Retrieved: what layer 2 shows the last token")}
        <div class="aa-pair aa-maps">${map("catch", "Layer 1: catch")}${map("release", "Layer 2: retrieve")}</div>
        <div class="aa-bar aa-wide"><span>≤ 1/4T</span><span class="aa-stripe"><canvas width="256" height="1" aria-hidden="true"></canvas><i data-part="uniform"></i></span><span>1</span></div>
        <p class="aa-note">Rows: query, 1 on top. Columns: key, 1 on the left. Triangle: a sink, more than ${THRESHOLD} of the attention of the queries that see it. Tick in the bar: 1/T.</p>
        ${picture("errors", "The error, wherever [SEP] stands", "aa-pick")}
        ${legend([
          ["aa-error", '<circle cx="12" cy="6" r="3.5"/>', "error"],
          ["aa-followed", drawing.glyph("diamond", 12, 6), "from the mean before, tag moved"],
          ["aa-worst", stroke, "error at worst, any numbers"],
          ["aa-bound", stroke, "our bound"],
          ["aa-before", stroke, "error without the tag"],
        ])}
      </div>
      <div class="aa-side"><dl class="aa-facts"></dl></div>
    </div>`;

  function mount(host) {
    host.innerHTML = TEMPLATE;
    const one = (selector) => host.querySelector(selector);
    const part = (name) => one(`[data-part="${name}"]`);
    const picker = one(".aa-picker");
    let state = null;
    let seen = null; // all that the model computes
    let most = null; // our bound
    let everywhereSeen = null; // {key, runs, bare}: of the chart of errors
    paintBar(one(".aa-bar canvas"));

    function render(now) {
      state = now;
      const setting = settingOf(state);
      const numbers = numbersOf(state.seed, state.tokens - 1);
      seen = forward(setting, numbers);
      most = bound(setting);
      one("#aa-separator").max = state.tokens - 1;
      const pressed = (index) => agrees(state, PRESETS[index].wanted);
      drawing.showControls(host, { sliders: SLIDERS, choices: CHOICES, state, pressed });
      drawLake(numbers);
      drawBars("tags", seen.tags, "↑ tag", `Tag coordinate after layer 1`);
      drawBars("shares", seen.shares, "↑ share of the answer", `Weight in the answer`);
      drawMap("catch", seen.maps[0], 1);
      drawMap("release", seen.maps[1], 2);
      part("uniform").style.left = `${100 * drawing.logarithmic(state.tokens)(1 / state.tokens)}%`;
      drawErrors(setting, numbers);
      drawFacts();
    }
    function announce() {
      const sentence = describe(state, seen, most);
      if (announce.said !== sentence) one(".aa-summary").innerHTML = announce.said = sentence;
    }

    // ---- pictures
    const center = (token) => (token - 0.5) / state.tokens;
    /** The first token, the last, and as many between as there is room for. */
    function ticks() {
      const stride = state.tokens <= 16 ? 1 : 4;
      return Array.from({ length: state.tokens }, (_, at) => at + 1)
        .filter((token) => token % stride === 0 || token === 1)
        .map((token) => [center(token), token]);
    }
    const line = (kind, x1, x2, y) => `<line class="${kind}" x1="${x1}" x2="${x2}" y1="${y}" y2="${y}"/>`;

    function drawLake(numbers) {
      const { tokens, separator } = state;
      const { output, after, before, caught } = seen;
      const svg = part("lake");
      drawing.plot(
        svg,
        { height: 200, levels: [0, 0.5, 1].map((level) => [level, level]), ticks: ticks(), side: "" },
        (x, y) => {
          const post = x(center(separator));
          const size = clamp((x(1) - x(0)) / tokens / 2.2, 3.5, 10);
          const swim = (_, at) => {
            const token = at < separator - 1 ? at + 1 : at + 2;
            return fish(x(center(token)), y(numbers[at]), size, caught[token - 1]);
          };
          return (
            line("aa-output", x(0), x(1), y(output)) +
            (before === null ? "" : line("aa-before", x(0), post, y(before))) +
            line("aa-target", post, x(1), y(after)) +
            Array.from(numbers, swim).join("") +
            `<line class="aa-post" x1="${post}" x2="${post}" y1="${y(1) - 2}" y2="${y(0)}"/>
             <text class="aa-small aa-strong" x="${clamp(post, x(0) + 18, x(1) - 18)}" y="${y(1) - 8}" text-anchor="middle">[SEP]</text>`
          );
        },
      );
      const tagged = caught.flatMap((share, at) => (share >= 0.5 && at !== separator - 1 ? [at + 1] : []));
      svg.querySelector("title").textContent =
        `${count(tokens - 1, "number")} and [SEP] as token ${separator}. ` +
        `${tagged.length ? `At least half of the tag is carried by tokens ${tagged.join(", ")}` : "No number carries half of the tag"}. ` +
        `Output ${output.toFixed(3)}, mean after [SEP] ${after.toFixed(3)}${before === null ? "" : `, mean before ${before.toFixed(3)}`}.`;
      picker.setAttribute("aria-valuemax", tokens - 1);
      picker.setAttribute("aria-valuenow", separator);
      picker.setAttribute("aria-valuetext", `[SEP] is token ${separator} of ${tokens}`);
    }

    /** A bar for every token, [SEP]'s own in another colour. */
    function drawBars(name, values, side, what) {
      const low = Math.min(0, ...values),
        high = Math.max(...values) > 0 ? Math.max(...values) : 1;
      const place = (value) => (value - low) / (high - low);
      const svg = part(name);
      const brief = (value) => drawing.named(Number(value.toPrecision(2)));
      const levels = [...(low < 0 ? [low] : []), 0, high].map((value) => [place(value), brief(value)]);
      drawing.plot(svg, { height: 118, levels, ticks: ticks(), side }, (x, y) => {
        const wide = ((x(1) - x(0)) / state.tokens) * 0.7;
        const bar = (value, at) => {
          const ends = [y(place(0)), y(place(value))];
          const kind = at === state.separator - 1 ? "aa-own" : "aa-bars";
          return `<rect class="${kind}" x="${(x(center(at + 1)) - wide / 2).toFixed(1)}" width="${wide.toFixed(1)}" y="${Math.min(...ends)}" height="${Math.abs(ends[0] - ends[1])}"/>`;
        };
        return Array.from(values, bar).join("");
      });
      const list = Array.from(values, (value, at) => `${nameOf(at + 1, state.separator)}: ${brief(value)}`);
      svg.querySelector("title").textContent = `${what}. ${list.join(", ")}.`;
    }

    function drawMap(name, rows, layer) {
      const { tokens, separator } = state;
      paint(part(name), rows, drawing.logarithmic(tokens), (i, j) => j <= i);
      const found = sinks(rows);
      const strip = part(`${name}-sinks`);
      strip.setAttribute("viewBox", `0 0 ${tokens} 10`);
      strip.innerHTML = found.map((j) => `<path d="M${j + 0.1} 1h0.8l-0.4 8z"/>`).join("");
      part(name).setAttribute(
        "aria-label",
        `Heat map of attention in layer ${layer}, ${tokens} queries by ${tokens} keys. The last token gives [SEP] ${short(rows[tokens - 1][separator - 1])} and itself ${short(rows[tokens - 1][tokens - 1])}. Sinks: ${found.length ? found.map((j) => nameOf(j + 1, separator)).join(", ") : "none"}.`,
      );
    }

    /** The model with [SEP] at every place, with and without the tag; the same while only [SEP] moves. */
    function runsOf(setting, numbers) {
      const key = JSON.stringify({ ...state, separator: 0 });
      if (everywhereSeen?.key !== key) {
        everywhereSeen = {
          key,
          runs: everywhere(setting).map((each) => ({ ...forward(each, numbers), bound: bound(each) })),
          bare: everywhere({ ...setting, tag: "removed" }).map((each) => forward(each, numbers)),
        };
      }
      return everywhereSeen;
    }
    function drawErrors(setting, numbers) {
      const { tokens, separator, tag } = state;
      const { runs, bare } = runsOf(setting, numbers);
      const off = ({ output }, from) => (from === null ? null : Math.abs(output - from));
      const errors = runs.map((each) => off(each, each.after));
      const lines = {
        "aa-before": tag === "removed" ? [] : bare.map((each) => off(each, each.after)),
        "aa-worst": runs.map((each) => each.worst.after),
        "aa-bound": runs.map((each) => each.bound),
      };
      const followed = tag === "moved" ? runs.map((each) => off(each, each.before)) : [];
      const svg = part("errors");
      const axis = {
        levels: [0, -4, -8, -12, -16].map((power) => [1 + power / DECADES, power ? `10${raised(power)}` : "1"]),
        ticks: ticks().filter(([, token]) => token < tokens),
        side: "↑ distance from the mean",
        below: "position of [SEP]",
      };
      drawing.plot(svg, axis, (x, y) => {
        const height = (value) => y(1 + Math.log10(Math.max(value, 1e-30)) / DECADES);
        const here = x(center(separator));
        const points = (values) =>
          values.flatMap((value, at) => (value === null ? [] : [[x(center(at + 1)), height(value)]]));
        const line = ([kind, values]) => `<path class="${kind}" d="${path(points(values))}"/>`;
        const dot = ([cx, cy]) =>
          `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(2)}" r="${Math.abs(cx - here) < 0.1 ? 5 : 3.5}"/>`;
        const diamond = (point) => drawing.glyph("diamond", ...point);
        return (
          `<line class="aa-cross" x1="${here}" x2="${here}" y1="${y(1)}" y2="${y(0)}"/>` +
          Object.entries(lines).map(line).join("") +
          `<g class="aa-error">${points(errors).map(dot).join("")}</g>` +
          `<g class="aa-followed">${points(followed).map(diamond).join("")}</g>`
        );
      });
      const worst = errors.indexOf(Math.max(...errors));
      svg.querySelector("title").textContent =
        `Error for each position of [SEP], logarithmic. Here, at ${separator}: ${errorOf(errors[separator - 1])}, ${limit(state, most)}. ` +
        `Largest at ${worst + 1}: ${errorOf(errors[worst])}.`;
    }

    function drawFacts() {
      const { separator, tag } = state;
      const { output, after, before, maps } = seen;
      const error = Math.abs(output - after);
      const moved = tag === "moved" && before !== null;
      const caught = Math.min(...maps[0].slice(separator).map((row) => row[separator - 1]));
      const onLater = seen.shares.slice(separator).reduce((sum, weight) => sum + weight, 0);
      const sinksOf = (rows) => {
        const shares = received(rows);
        return (
          sinks(rows)
            .map((j) => `${nameOf(j + 1, separator)} ${shares[j].toFixed(2)}`)
            .join(", ") || "none"
        );
      };
      const entries = [
        [
          "output and target",
          `<b>${output.toFixed(6)}</b><small>target ${after.toFixed(6)}, the mean after [SEP]</small>`,
        ],
        [
          "error",
          `<b>${errorOf(error)}</b><small>${errorOf(seen.worst.after)} with the worst numbers between 0 and 1${moved ? "" : `; ${limit(state, most)}`}</small>` +
            (moved
              ? `<small>from the mean before: <b>${errorOf(Math.abs(output - before))}</b>; ${limit(state, most)}</small>`
              : ""),
        ],
        ["caught, layer 1", `<b>${caught.toFixed(4)}</b><small>the least that a later token gives to [SEP]</small>`],
        [
          "retrieved, layer 2",
          `<b>${onLater.toFixed(4)}</b><small>of the last token's attention goes to tokens after [SEP], ${short(seen.shares[separator - 1])} to [SEP] itself</small>`,
        ],
        [
          `sinks, attention received > ${THRESHOLD}`,
          `layer 1: <b>${sinksOf(maps[0])}</b>; layer 2: <b>${sinksOf(maps[1])}</b>`,
        ],
      ];
      one(".aa-facts").innerHTML = drawing.facts(entries);
    }

    // ---- what the hand does
    const stage = drawing.stage(host, {
      ...{ first: "beta", defaults: DEFAULTS, legal, sliders: SLIDERS, render, rest: announce },
      press(button) {
        if (button.dataset.do === "numbers") return { seed: (state.seed % SEED.max) + 1 };
        return PRESETS[button.dataset.preset]?.wanted ?? DEFAULTS;
      },
    });
    /** Brings [SEP] below the pointer. */
    function pull({ currentTarget, clientX }) {
      const { left, width } = currentTarget.getBoundingClientRect();
      const share = (clientX - left - GUTTER) / (width - GUTTER - 6);
      stage.update({ separator: clamp(Math.ceil(share * state.tokens), 1, state.tokens - 1) });
    }
    picker.addEventListener("pointerdown", (event) => {
      picker.setPointerCapture(event.pointerId);
      pull(event);
    });
    picker.addEventListener("pointermove", (event) => {
      if (picker.hasPointerCapture(event.pointerId)) pull(event);
    });
    picker.addEventListener("keydown", (event) => {
      const separator = drawing.stepped(event.key, state.separator, state.tokens - 1, -1);
      if (separator === undefined) return;
      event.preventDefault();
      stage.update({ separator });
    });
    part("errors").addEventListener("click", pull);
    stage.begin();
  }

  drawing.mountAll("data-attention-atlas-catch", mount);
})(typeof window === "undefined" ? globalThis : window);
