"use strict";
// Texts of documents and models are set as textContent only; nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const GOLD = { whole: "holds the gold", part: "holds a part of the gold" };

const LINES_ABOVE_GOLD = 2;

const byId = (id) => document.getElementById(id);
const island = (id) => JSON.parse(byId(id).textContent);

const data = island("data");
let images = null; // parsed when the first page is shown
const rows = [...document.querySelectorAll("tr.question")];
const filters = [...document.querySelectorAll("button.filter")];
const search = byId("search");
let chosen = null; // the filter button that is pressed

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null)); // strings become text nodes
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// ---- an opened question ----

function text(className, value) {
  const made = element("p", className, value);
  made.dir = "auto";
  return made;
}

function marked(value, marks) {
  const made = text("chunk-text", "");
  let at = 0;
  for (const [start, end] of marks) {
    if (start < at) continue; // two golds that overlap
    made.append(value.slice(at, start), element("mark", "", value.slice(start, end)));
    at = end;
  }
  made.append(value.slice(at));
  return made;
}

function chunk(found, index) {
  const gold = GOLD[found.gold];
  const head = element(
    "p", "place", `${index + 1}. ${found.place}`,
    found.score === null ? null : element("span", "score", found.score),
    gold ? element("span", "tag", gold) : null,
  );
  return element("li", gold ? "chunk gold" : "chunk", head, marked(data.texts[found.text], found.marks));
}

function overlay(size, rectangles) {
  const svg = shape("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, "aria-hidden": "true" });
  for (const [x, y, width, height] of rectangles) {
    svg.append(shape("rect", { x: x - 3, y: y - 3, width: width + 6, height: height + 6, rx: 3 }));
  }
  return svg;
}

function picture(page) {
  images ??= island("images");
  const address = images[page.image];
  const frame = element("button", address ? "page" : "page absent");
  frame.type = "button";
  frame.title = "Larger or smaller";
  frame.style.aspectRatio = `${page.size[0]} / ${page.size[1]}`;
  if (!address) {
    frame.append("image missing");
    return frame;
  }
  const image = element("img");
  image.src = address;
  image.alt = page.place;
  frame.append(image, overlay(page.size, page.evidence));
  frame.addEventListener("click", () => frame.parentElement.classList.toggle("large"));
  return frame;
}

function part(key) {
  const image = element("img");
  image.src = images[key];
  image.alt = "the gold on the page, in full size";
  return element("div", "part", image);
}

function page(shown) {
  const caption = element(
    "figcaption", "place", shown.place,
    shown.cited ? element("span", "tag", "cited") : null,
    shown.evidence.length ? element("span", "tag", "gold marked") : null,
  );
  return element("figure", shown.evidence.length ? "gold" : "",
    picture(shown), caption, ...shown.parts.filter((key) => images[key]).map(part));
}

function badge(index, arm) {
  return rows[index].cells[arm + 1].querySelector(".badge").cloneNode(true);
}

function figures(facts) {
  return element("dl", "facts", ...facts.map(([name, value]) =>
    element("div", "", element("dt", "", name), element("dd", "", value))));
}

function result(index, arm) {
  const found = data.questions[index].results[arm];
  const made = element(
    "section", "result",
    element("h3", "", data.arms[arm]),
    element("p", "verdict", badge(index, arm), ` ${found.verdict}`),
  );
  if (found.answer === null) return made; // this arm was not asked
  if (found.error) made.append(text("error", found.error));
  else made.append(text("said", found.answer || "(empty)"), figures(found.facts));
  if (found.note) made.append(text("note", found.note));
  if (found.retrieved.length) {
    made.append(element("h4", "", "Retrieved"), element("ol", "chunks", ...found.retrieved.map(chunk)));
  }
  if (found.pages.length) {
    made.append(element("h4", "", "Pages"), element("div", "pages", ...found.pages.map(page)));
  }
  return made;
}

function detail(index) {
  const question = data.questions[index];
  const cell = element(
    "td", "",
    element("p", "gold-place", element("span", "label", "Gold"),
      question.gold.length ? question.gold.join("; ") : "none given",
      element("span", "label", "Id"), question.id),
    element("div", "results", ...data.arms.map((_, arm) => result(index, arm))),
  );
  cell.colSpan = data.arms.length + 1;
  return element("tr", "detail", cell);
}

function showGold(opened) {
  for (const mark of opened.querySelectorAll("mark:first-of-type")) {
    const box = mark.parentElement;
    const line = parseFloat(getComputedStyle(box).lineHeight);
    const above = Math.floor((mark.offsetTop - box.offsetTop) / line) - LINES_ABOVE_GOLD;
    box.scrollTop = Math.max(0, above) * line;
  }
}

function toggle(row) {
  const button = row.querySelector("button.open");
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  if (!open) return row.nextElementSibling.remove();
  row.after(detail(rows.indexOf(row)));
  showGold(row.nextElementSibling);
}

// ---- filters ----

const haystacks = data.questions.map((question) => [
  question.id, question.question, ...question.answers,
  ...question.results.map((found) => found.answer ?? ""),
].join("\n").toLowerCase());

function matches(index, wanted) {
  if (!wanted.every((word) => haystacks[index].includes(word))) return false;
  if (!chosen) return true;
  const { kind, value, arm } = chosen.dataset;
  if (kind === "outcome") return data.questions[index].outcome === value;
  const verdicts = data.questions[index].results.map((found) => found.verdict);
  return arm === "" ? verdicts.includes(value) : verdicts[Number(arm)] === value;
}

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  rows.forEach((row, index) => {
    row.hidden = !matches(index, wanted);
    const below = row.nextElementSibling;
    if (below?.classList.contains("detail")) below.hidden = row.hidden;
    count += row.hidden ? 0 : 1;
  });
  const all = count === rows.length;
  byId("shown").textContent = all ? `${count}` : `${count} of ${rows.length}`;
  byId("clear").hidden = !chosen && !search.value;
  byId("nothing").hidden = count > 0;
  filters.forEach((button) => button.setAttribute("aria-pressed", String(button === chosen)));
}

function showAll() {
  chosen = null;
  search.value = "";
  filter();
}

// ---- keys and light ----

function move(step) {
  const shown = rows.filter((row) => !row.hidden);
  const current = shown.findIndex((row) => row.contains(document.activeElement));
  const next = current < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, current + step));
  shown[next]?.querySelector("button.open").focus();
}

const onRow = () => document.activeElement.closest("tr.question") !== null;
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  "/": () => search.focus(),
  "?": () => byId("keys").showModal(),
  Escape: showAll,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  const arrow = event.key.startsWith("Arrow");
  const typing = document.activeElement === search;
  if (typing ? !["ArrowDown", "Escape"].includes(event.key) : arrow && !onRow()) return;
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});

function dark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function nameTheme() {
  byId("theme").textContent = dark() ? "Light" : "Dark";
}

byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  nameTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("clear").addEventListener("click", showAll);
byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest("tr.question");
  if (row && !getSelection().toString()) toggle(row);
});
search.addEventListener("input", filter);
filters.forEach((button) => button.addEventListener("click", () => {
  chosen = chosen === button ? null : button;
  filter();
}));
nameTheme();
filter();
