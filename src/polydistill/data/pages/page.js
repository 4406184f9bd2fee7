// Draws the charts, and the browser of answers. Texts become text nodes, never markup.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const { answers = [], labels = {}, langs = {}, flips = {} } = read("data");

const make = (tag, options = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
};

// The answers.

const shown = 30; // rows added at a time
const form = document.getElementById("filters");
const list = document.getElementById("list");
const more = document.getElementById("more");
let found = [];
let on = -1;

const words = (text, lang) =>
  [...new Intl.Segmenter(lang || undefined, { granularity: "word" }).segment(text)].map((part) => part.segment);

// Which words of each side are not in their longest common subsequence. Very long pairs are left unmarked.
function changed(before, after) {
  const marks = [before.map(() => false), after.map(() => false)];
  if (before.length * after.length > 1e6) return marks;
  const width = after.length + 1;
  const best = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      best[i * width + j] =
        before[i] === after[j]
          ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length)
    if (i < before.length && j < after.length && before[i] === after[j]) i++, j++;
    else if (j === after.length || (i < before.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) marks[0][i++] = true;
    else marks[1][j++] = true;
  const bridge = (parts, of) => of.map((one, at) => one || (!parts[at].trim() && Boolean(of[at - 1] && of[at + 1])));
  return [bridge(before, marks[0]), bridge(after, marks[1])];
}

function marked(parts, marks, tag) {
  const made = [];
  for (let at = 0, from = 0; at <= parts.length; at++)
    if (at === parts.length || marks[at] !== marks[from]) {
      const text = parts.slice(from, at).join("");
      if (text) made.push(marks[from] ? make(tag, {}, text) : text);
      from = at;
    }
  return made;
}

function side(title, lang, inside) {
  const said = inside.length ? make("p", { class: "said", dir: "auto", lang }, ...inside) : make("p", { class: "said none" }, "no answer");
  return make("div", { class: "side" }, make("h4", {}, title), said);
}

function article(row) {
  const lang = langs[row.lang].tag;
  const [before, after] = [words(row.before, lang), words(row.after, lang)];
  const [gone, fresh] = changed(before, after);
  const chips = make("div", { class: "chips" }, make("span", {}, langs[row.lang].name));
  for (const [score, [was, is, flip]] of Object.entries(row.scores)) {
    const value = (each) => (each === null ? "–" : String(each));
    chips.append(make("span", { class: flip || "score" }, `${labels[score]} ${value(was)} → ${value(is)}${flip ? ` (${flip})` : ""}`));
  }
  const name = (code) => (code ? ` · in ${langs[code]?.name ?? code}` : "");
  const sides = make("div", { class: "sides" },
    side("before" + name(row.in[0]), lang, marked(before, gone, "del")),
    side("after" + name(row.in[1]), lang, marked(after, fresh, "ins")));
  if (row.reference) sides.append(side("reference", lang, [row.reference]));
  return make("article", { class: "answer", tabindex: "-1" }, chips, make("p", { class: "asked", dir: "auto", lang }, row.prompt), sides);
}

function extend() {
  const from = list.childElementCount;
  list.append(...found.slice(from, from + shown).map(article));
  more.hidden = list.childElementCount >= found.length;
}

function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  const text = wanted.search.toLowerCase();
  found = answers.filter((row) => {
    const scores = Object.entries(row.scores).filter(([score]) => !wanted.score || score === wanted.score);
    return (!wanted.lang || row.lang === wanted.lang) && scores.length
      && (!wanted.flip || scores.some(([, value]) => value[2] === wanted.flip))
      && (!wanted.in || row.in.includes(wanted.in))
      && (!text || [row.prompt, row.before, row.after, row.reference].some((each) => each.toLowerCase().includes(text)));
  });
  list.replaceChildren();
  on = -1;
  document.getElementById("count").textContent = `${found.length} of ${answers.length} answers.`;
  extend();
}

function step(by) {
  if (on + by < 0 || on + by >= found.length) return;
  list.children[on]?.classList.remove("on");
  on += by;
  if (on >= list.childElementCount) extend();
  const row = list.children[on];
  row.classList.add("on");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function show(wanted) {
  form.reset();
  for (const [name, value] of Object.entries(wanted)) form.elements[name].value = value;
  filter();
  document.getElementById("answers").scrollIntoView();
}

if (form) {
  const fill = (name, values) => form.elements[name].append(...values.map(([value, text]) => make("option", { value }, text)));
  const some = (values) => [...new Set(values)].filter(Boolean);
  fill("lang", some(answers.map((row) => row.lang)).map((code) => [code, langs[code].name]));
  fill("score", some(answers.flatMap((row) => Object.keys(row.scores))).map((name) => [name, labels[name]]));
  fill("in", some(answers.flatMap((row) => row.in)).map((code) => [code, langs[code]?.name ?? code]));
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", extend);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") document.activeElement.blur();
    if (event.target.closest?.("input, select, textarea")) return;
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
    if (event.key === "/") {
      event.preventDefault();
      form.elements.search.focus();
    }
  });
  filter();
}

// The charts. `ast` has Vega's expressions interpreted, which the page's policy asks for.

const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true } };

async function draw(place, spec) {
  const { view } = await vegaEmbed(place, spec, options);
  view.addEventListener("click", (event, item) => {
    const line = flips[item?.datum?.row];
    if (line && form) show({ ...line, flip: item.datum.part });
  });
}

const specs = read("charts");
const places = [...document.querySelectorAll("[data-chart]")];
// Inside closed details there is no width to draw into.
const hidden = places.filter((place) => place.closest("details:not([open])"));
for (const within of new Set(hidden.map((place) => place.closest("details"))))
  within.addEventListener("toggle", () => {
    window.drawn = Promise.all(hidden.filter((place) => within.contains(place)).map((place) => draw(place, specs[place.dataset.chart])));
  }, { once: true });
window.drawn = Promise.all(places.filter((place) => !hidden.includes(place)).map((place) => draw(place, specs[place.dataset.chart])));
