/* What the playgrounds of Attention Atlas share: colours that everyone can tell apart, heat maps, controls, an address that
 * holds the setting, and what happens between a hand on a control and the next picture. Plain JavaScript; a playground's own script comes after this one.
 */
(function (root) {
  "use strict";

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const trim = (number) => String(Number(number.toFixed(3)));
  const named = (number) => trim(number).replace("-", "−");
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // Viridis as polynomials of degree six in each channel (coefficients by Matt Zucker, public domain), as a table.
  const VIRIDIS = [
    [
      0.2777273272234177, 0.1050930431085774, -0.3308618287255563, -4.634230498983486, 6.228269936347081,
      4.776384997670288, -5.435455855934631,
    ],
    [
      0.005407344544966578, 1.404613529898575, 0.214847559468213, -5.799100973351585, 14.17993336680509,
      -13.74514537774601, 4.645852612178535,
    ],
    [
      0.3340998053353061, 1.384590162594685, 0.09509516302823659, -19.33244095627987, 56.69055260068105,
      -65.35303263337234, 26.3124352495832,
    ],
  ];
  const COLOURS = Array.from({ length: 256 }, (_, index) =>
    VIRIDIS.map((terms) =>
      Math.round(
        255 *
          clamp(
            terms.reduceRight((sum, term) => sum * (index / 255) + term, 0),
            0,
            1,
          ),
      ),
    ),
  );

  /** A heat map, one pixel a cell; `place` takes a value to [0, 1], and cells that are not `visible` are left out. */
  function paint(canvas, rows, place, visible) {
    const tokens = rows.length;
    if (canvas.width !== tokens) canvas.width = canvas.height = tokens;
    const context = canvas.getContext("2d");
    const image = context.createImageData(tokens, tokens);
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++) {
        if (!visible(i, j)) continue; // stays transparent: the page's own background, in either theme
        const [red, green, blue] = COLOURS[Math.round(255 * place(rows[i][j]))];
        image.data.set([red, green, blue, 255], 4 * (i * tokens + j));
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** All colours from left to right, on a canvas of 256 x 1. */
  function paintBar(canvas) {
    const context = canvas.getContext("2d");
    const stripe = context.createImageData(256, 1);
    COLOURS.forEach((colour, index) => stripe.data.set([...colour, 255], 4 * index));
    context.putImageData(stripe, 0, 0);
  }

  /** Weight -> place on the colour bar in [0, 1], one scale for all maps of so many tokens: logarithmic, from a quarter of
   * uniform attention to all of it on one token. */
  const logarithmic = (tokens) => (weight) => clamp(Math.log(weight * 4 * tokens) / Math.log(4 * tokens), 0, 1);

  /** A labelled slider as HTML; its input has the id aa-<key>. */
  const slider = ({ key, label, symbol, min, max, step }) =>
    `<div class="aa-slider" data-slider="${key}"><label for="aa-${key}"><span>${label}</span> <i>${symbol}</i></label>
       <output for="aa-${key}"></output><input type="range" id="aa-${key}" min="${min}" max="${max}" step="${step}"></div>`;

  /** Labelled radio buttons as HTML; they have the name aa-<key>. */
  const radios = ({ key, label, options }) =>
    `<fieldset class="aa-masks"><legend>${label}</legend><div class="aa-radios aa-${key}">${Object.entries(options)
      .map(
        ([value, text]) => `<label><input type="radio" name="aa-${key}" value="${value}"><span>${text}</span></label>`,
      )
      .join("")}</div></fieldset>`;

  /** The value of a slider that is nearest to what was asked for; `read` and `place` translate from and to its own scale. */
  function nearest({ min, max, step, read, place }, asked, otherwise) {
    const value = place ? place(Number(asked)) : Number(asked);
    const at = Number((Math.round(clamp(value, min, max) / step) * step).toFixed(3));
    return Number.isNaN(at) ? otherwise : read ? read(at) : at;
  }

  /** Presets as HTML, what comes before the colon in bold. */
  const presets = (labels, name, kind = "") =>
    `<div class="aa-presets ${kind}" role="group" aria-label="${name}">${labels
      .map((label, index) => {
        const [head, ...tail] = label.split(": ");
        return `<button type="button" data-preset="${index}" aria-pressed="false"><b>${head}${tail.length ? ":" : ""}</b> ${tail.join(": ")}</button>`;
      })
      .join("")}</div>`;

  /** Sliders, radio buttons and presets show the state; `pressed` says whether the preset of an index is what is shown. */
  function showControls(host, { sliders, choices, state, pressed }) {
    for (const { key, place } of sliders) {
      const input = host.querySelector(`#aa-${key}`);
      input.value = place ? Math.round(place(state[key])) : state[key];
      input.setAttribute("aria-valuetext", trim(state[key]));
      host.querySelector(`[data-slider="${key}"] output`).textContent = named(state[key]);
    }
    for (const { key } of choices) {
      for (const input of host.querySelectorAll(`[name="aa-${key}"]`))
        input.checked = input.value === String(state[key]);
    }
    for (const button of host.querySelectorAll("[data-preset]"))
      button.setAttribute("aria-pressed", String(pressed(Number(button.dataset.preset))));
  }

  const swatch = (kind, inside) =>
    `<svg class="aa-swatch ${kind}" viewBox="0 0 24 12" aria-hidden="true">${inside}</svg>`;
  const stroke = '<path d="M1 6H23"/>'; // what a line's swatch holds
  const legend = (entries) =>
    `<p class="aa-legend">${entries.map(([kind, inside, text]) => `<span>${swatch(kind, inside)}${text}</span>`).join(" ")}</p>`;

  const GUTTER = 44; // of a plot, for its numbers
  /** Rules, numbers and an axis, and into them what `marks(x, y)` draws; x and y take [0, 1] to pixels. A level is its place,
   * its number and its line's class, a tick its place and its text. */
  function plot(svg, { height = 210, levels, ticks, side, below = "" }, marks) {
    const head = 22,
      foot = below ? 36 : 20;
    const width = Math.max(200, Math.round(svg.getBoundingClientRect().width) || 400);
    const x = (share) => GUTTER + share * (width - GUTTER - 6);
    const y = (share) => head + (1 - clamp(share, 0, 1)) * (height - head - foot);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = `${height}px`;
    const rule = ([level, text, kind]) =>
      `<line class="${kind ?? "aa-rule"}" x1="${GUTTER}" x2="${width - 6}" y1="${y(level)}" y2="${y(level)}"/>
       <text class="aa-small" x="${GUTTER - 6}" y="${y(level) + 4}" text-anchor="end">${text}</text>`;
    const tick = ([share, text]) =>
      `<text class="aa-small" x="${x(share)}" y="${y(0) + 16}" text-anchor="${share === 1 ? "end" : "middle"}">${text}</text>`;
    svg.querySelector("g").innerHTML =
      levels.map(rule).join("") +
      ticks.map(tick).join("") +
      `<text class="aa-small" x="${GUTTER}" y="${head - 8}">${side}</text>
       <text class="aa-small" x="${width - 6}" y="${height - 3}" text-anchor="end">${below}</text>` +
      marks(x, y);
  }
  const path = (points) => points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(2)}`).join("");

  /** Terms and what is to say about them, as HTML. */
  const facts = (entries) => entries.map(([term, text]) => `<div><dt>${term}</dt><dd>${text}</dd></div>`).join("");

  /** Where a key leads on a slider of 1 to `last`; `down` is the step of the arrow that points down. */
  function stepped(key, now, last, down) {
    const to = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now - down,
      ArrowDown: now + down,
      PageUp: now - 10 * down,
      PageDown: now + 10 * down,
      Home: 1,
      End: last,
    }[key];
    return to === undefined ? undefined : clamp(to, 1, last);
  }

  /** Work in pieces, so that the page stays responsive: `begin(step)` calls step for `first` milliseconds, later again and
   * again for `next`, each time followed by `show`, until step returns false or other work begins. */
  function unhurried({ first, next, show }) {
    let latest = null;
    const later = (task) =>
      root.requestIdleCallback ? root.requestIdleCallback(task, { timeout: 200 }) : root.setTimeout(task, 30);
    return function begin(step) {
      latest = step;
      let left = true;
      const work = (milliseconds) => {
        for (const end = performance.now() + milliseconds; left && performance.now() < end; ) left = step();
      };
      const goOn = () => {
        if (latest !== step || !left) return;
        work(next);
        show();
        later(goOn);
      };
      work(first);
      later(goOn);
    };
  }

  const glyph = (shape, x, y) =>
    ({
      circle: `<circle cx="${x}" cy="${y}" r="5"/>`,
      diamond: `<path d="M${x} ${y - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>`,
      triangle: `<path d="M${x} ${y - 6}l6.5 11.5h-13z"/>`,
      ring: `<circle cx="${x}" cy="${y}" r="8"/>`,
    })[shape];
  const icon = (kind, shape) =>
    `<svg class="aa-icon aa-${kind}" viewBox="-8 -8 16 16" aria-hidden="true">${glyph(shape, 0, 0)}</svg>`;

  /** What follows the # of the address, if it is a setting and not a heading of the page: `first` is always among it. */
  function readAddress(first) {
    const query = new URLSearchParams(root.location.hash.slice(1));
    return query.has(first) ? Object.fromEntries(query) : null;
  }

  /** Put into the address whatever differs from the defaults, and nothing when nothing does. */
  function writeAddress(first, state, defaults) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) {
      if (key === first || String(value) !== String(defaults[key])) query.set(key, value);
    }
    const hash = query.toString() === `${first}=${defaults[first]}` ? "" : "#" + query.toString().replace(/%2C/g, ",");
    root.history.replaceState(null, "", root.location.pathname + root.location.search + hash);
  }

  /** The life of a playground. `render(state)` draws, at most once a frame; when the hand rests, `rest()` says it in words
   * and the address follows. Inputs called aa-<key> set state[key], buttons set what `press` answers, and links in the
   * text below set what they name. `kept` is the part of a state that outlives a change. */
  function stage(host, { first, defaults, legal, sliders, kept = (state) => state, press, render, rest }) {
    let state = legal(readAddress(first) ?? {});
    let frame = 0,
      timer = 0,
      touched = false; // from then on the address carries the state
    function begin() {
      render(state);
      root.clearTimeout(timer);
      timer = root.setTimeout(
        () => {
          timer = 0;
          rest();
          if (touched) writeAddress(first, kept(state), defaults);
        },
        touched ? 180 : 0,
      );
    }
    function schedule() {
      frame ||= root.requestAnimationFrame(() => {
        frame = 0;
        begin();
      });
    }
    function update(changes) {
      state = legal({ ...kept(state), ...changes });
      touched = true;
      schedule();
    }
    host.addEventListener("input", ({ target }) => {
      const key = target.name?.slice(3) || target.id.slice(3);
      const kind = sliders.find((each) => each.key === key);
      update({ [key]: kind ? (kind.read ?? Number)(Number(target.value)) : target.value });
    });
    host.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) update(press(button));
    });
    host.addEventListener("submit", (event) => event.preventDefault());
    root.addEventListener("hashchange", () => {
      const asked = readAddress(first);
      if (!asked) return;
      state = legal(asked);
      schedule();
      const calm = root.matchMedia("(prefers-reduced-motion: reduce)").matches;
      host.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    });
    new ResizeObserver(schedule).observe(host);
    return { begin, update, resting: () => !timer };
  }

  /** Mount a playground on every element with this attribute, once the page is there. */
  function mountAll(attribute, mount) {
    const all = () => document.querySelectorAll(`[${attribute}]`).forEach(mount);
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
    else all();
  }

  const drawing = {
    ...{ clamp, trim, named, count, paint, paintBar, logarithmic, slider, radios, nearest, presets, showControls },
    ...{ swatch, stroke, legend, GUTTER, plot, path, facts, stepped, unhurried, glyph, icon },
    ...{ readAddress, writeAddress, stage, mountAll },
  };
  root.AttentionAtlas = { ...root.AttentionAtlas, drawing };
})(window);
