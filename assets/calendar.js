// The calendar: a grid of slots, by days or hours. See pages/parts/calendar_grid.py.

const states = new WeakMap();
// As in calendar.css: 44rem.
const NARROW_PX = 704;
const GLYPHS = { completed: "✓", failed: "✕", cancelled: "–", running: "▶", queued: "…", held: "?", forecast: "↻" };

function buildItem(item, cell, state) {
  const button = make("button", `item ${item.colour} ${item.state}`);
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.focus = `${cell.id} ${item.id}`;
  button.setAttribute("aria-label", item.label);
  button.title = item.label;
  const glyph = make("span", "glyph", GLYPHS[item.state] ?? "");
  glyph.setAttribute("aria-hidden", "true");
  button.append(glyph, make("time", "", item.time), make("span", "title", item.title));
  button.addEventListener("click", () => openItem(item, state));
  if (item.movable) makeMovable(button, item, cell, state);
  return button;
}

function openItem(item, state) {
  if (item.movable) state.trigger("act", { act: "open", id: item.id });
  else if (item.go) state.trigger("go", item.go);
}

// With the mouse by dragging; with the keyboard by M, arrows and Enter.
function makeMovable(button, item, cell, state) {
  button.draggable = true;
  button.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/plain", item.label);
    event.dataTransfer.effectAllowed = "move";
    state.picked = { item, from: cell.id };
    state.root.classList.add("moving");
  });
  button.addEventListener("dragend", () => letGo(state));
  button.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    state.picked = { item, from: cell.id };
    state.root.classList.add("moving");
    say(state, state.words.picked.replace("{}", item.label));
    focusCell(state, cell.id);
  });
}

function letGo(state) {
  state.picked = null;
  state.root.classList.remove("moving");
  for (const cell of state.root.querySelectorAll(".over")) cell.classList.remove("over");
  if (state.waiting) show(state, state.waiting);
}

function putDown(state, cell) {
  const { item, from } = state.picked;
  letGo(state);
  if (cell.id === from) say(state, state.words.left);
  else state.trigger("act", { act: "move", id: item.id, from, to: cell.id });
}

const say = (state, text) => { state.live.textContent = text; };

function buildCell(cell, day, state) {
  const box = make("div", "cell");
  box.setAttribute("role", "gridcell");
  box.setAttribute("aria-label", cell.plans ? `${cell.label}. ${state.words.plan.replace("{}", cell.name)}` : cell.label);
  box.tabIndex = -1;
  box.dataset.slot = cell.id;
  box.dataset.focus = cell.id;
  box.classList.toggle("plans", cell.plans);
  box.classList.toggle("past", !cell.plans);
  box.classList.toggle("empty", !cell.total);
  box.classList.toggle("today", day.today);
  box.classList.toggle("outside", day.outside);
  const top = make("div", "top");
  if (state.view === "month") top.append(buildDayButton(day, day.short, state));
  else top.append(make("span", "hour", cell.hour));
  if (cell.total) {
    const total = make("span", "total", cell.total);
    total.title = cell.told;
    top.append(total);
  }
  const items = make("div", "items");
  items.append(...cell.items.map((item) => buildItem(item, cell, state)));
  if (cell.more) items.append(buildMore(cell, day, state));
  box.append(top, items, buildLoad(cell));
  box.addEventListener("click", (event) => {
    if (!event.target.closest("button")) chosen(cell, day, state);
  });
  box.addEventListener("focus", () => activate(state, cell.id));
  box.addEventListener("dragover", (event) => {
    if (!state.picked || !cell.plans) return;
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    if (state.picked && cell.plans) putDown(state, cell);
  });
  state.cells.set(cell.id, { cell, day, box });
  return box;
}

function chosen(cell, day, state) {
  if (state.picked) {
    if (cell.plans) putDown(state, cell);
  } else if (cell.plans) state.trigger("act", { act: "plan", slot: cell.id });
  else if (state.view === "month") state.trigger("act", { act: "day", day: day.id });
}

function buildDayButton(day, text, state) {
  const button = make("button", `date${day.today ? " now" : ""}`, text);
  button.type = "button";
  button.dataset.focus = `day ${day.id}`;
  button.tabIndex = state.view === "month" ? -1 : 0;
  button.setAttribute("aria-label", day.label);
  if (day.today) button.setAttribute("aria-current", "date");
  button.addEventListener("click", () => state.trigger("act", { act: "day", day: day.id }));
  return button;
}

function buildMore(cell, day, state) {
  if (state.view === "day") return make("span", "more", cell.more);
  const button = make("button", "more", cell.more);
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.focus = `${cell.id} more`;
  button.setAttribute("aria-label", `${cell.more}, ${cell.name}`);
  button.addEventListener("click", () => state.trigger("act", { act: "day", day: day.id }));
  return button;
}

// How full it is beside the others, and of what.
function buildLoad(cell) {
  const bar = make("div", "load");
  bar.setAttribute("aria-hidden", "true");
  bar.title = cell.told;
  const filled = make("div", "filled");
  filled.style.width = `${Math.max(cell.load * 100, cell.load ? 3 : 0)}%`;
  for (const part of cell.parts) {
    const piece = make("i", `${part.colour} ${part.state}`);
    piece.style.flexGrow = part.share;
    filled.append(piece);
  }
  bar.append(filled);
  return bar;
}

function row(className, ...children) {
  const line = make("div", className);
  line.setAttribute("role", "row");
  line.append(...children);
  return line;
}

function buildMonth(data, state) {
  const names = data.weekdays.map((name) => {
    const head = make("div", "weekday", name);
    head.setAttribute("role", "columnheader");
    return head;
  });
  const weeks = [];
  for (let first = 0; first < data.days.length; first += 7) {
    const days = data.days.slice(first, first + 7);
    weeks.push(row("week", ...days.map((day) => {
      const box = buildCell(day.cells[0], day, state);
      box.querySelector(".date").dataset.long = day.long;
      return box;
    })));
  }
  return [row("weekdays", ...names), ...weeks];
}

// A row is a day to those who hear it, and a column to those who see it.
function buildHours(data, state) {
  return data.days.map((day, place) => {
    const head = make("div", "head");
    head.setAttribute("role", "rowheader");
    head.style.gridColumn = place + 1;
    head.append(data.view === "week" ? buildDayButton(day, day.short, state) : make("span", day.today ? "date now" : "", day.long));
    if (day.total) head.append(make("span", "total", day.total));
    const seen = new Set();
    const cells = day.cells.map((cell) => {
      const box = buildCell(cell, day, state);
      box.style.gridColumn = place + 1;
      box.style.gridRow = Number(cell.hour.slice(0, 2)) + 2;
      // On the night when the clocks go back one hour is shown twice.
      if (seen.has(cell.hour)) box.classList.add("again");
      seen.add(cell.hour);
      return box;
    });
    return row(`column${day.today ? " today" : ""}${day.past ? " past" : ""}`, head, ...cells);
  });
}

// What the signs and colours mean, and the bars.
function buildLegend(data) {
  const keys = data.legend.map(({ state, colour, label }) => {
    const key = make("span", `key ${colour} ${state}`);
    const glyph = make("span", "", GLYPHS[state] ?? "");
    glyph.setAttribute("aria-hidden", "true");
    key.append(glyph, label);
    return key;
  });
  return [...keys, make("span", "", data.words.load)];
}

// The hours stand beside the grid, in its rows: they are no cells of it.
function buildScale() {
  const scale = make("div", "scale");
  scale.setAttribute("aria-hidden", "true");
  for (let hour = 0; hour < 24; hour += 1) {
    const label = make("span", "", `${String(hour).padStart(2, "0")}:00`);
    label.style.gridRow = hour + 2;
    scale.append(label);
  }
  return scale;
}

function show(state, data) {
  if (state.picked) {
    state.waiting = data; // who moves something is not to have it taken from under the hand
    return;
  }
  state.waiting = null;
  const focused = state.root.getRootNode().activeElement?.dataset?.focus;
  state.view = data.view;
  state.cells = new Map();
  const grid = make("div", `calendar ${data.view}`);
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", data.label);
  grid.setAttribute("aria-describedby", "hint");
  grid.append(...(data.view === "month" ? buildMonth(data, state) : buildHours(data, state)));
  grid.addEventListener("keydown", (event) => pressed(event, state));
  const holder = make("div", `holder ${data.view}`);
  if (data.view !== "month") holder.append(buildScale());
  holder.append(grid);
  state.legend.replaceChildren(...buildLegend(data));
  state.hint.textContent = data.words.hint;
  state.holder.replaceChildren(holder);
  if (!state.cells.has(state.active)) state.active = firstActive(data);
  activate(state, state.active);
  if (focused) state.root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function firstActive(data) {
  const today = data.days.find((day) => day.today) ?? data.days.find((day) => !day.outside) ?? data.days[0];
  return (today.cells.find((cell) => cell.plans) ?? today.cells[0]).id;
}

// Where there is little room what has been fills more than the screen. Done once for each month, week or
// day that is shown: from then on the reader scrolls.
function bringNowIntoView(state, data) {
  const span = `${data.view} ${data.days[0].id}`;
  if (state.span === span) return;
  state.span = span;
  if (state.root.clientWidth > NARROW_PX || !data.days.some((day) => day.today)) return;
  const { box } = state.cells.get(firstActive(data));
  if (box.getBoundingClientRect().bottom > window.innerHeight) box.scrollIntoView({ block: "center" });
}

// One slot at a time is reached by Tab, and the runs in it after it.
function activate(state, id) {
  for (const { box } of state.cells.values()) {
    const on = box.dataset.slot === id;
    box.tabIndex = on ? 0 : -1;
    for (const button of box.querySelectorAll("button")) button.tabIndex = on ? 0 : -1;
  }
  state.active = id;
}

function focusCell(state, id) {
  const before = state.active;
  activate(state, id);
  const { box } = state.cells.get(id);
  box.focus();
  // Where there is little room the hours of past days are not shown.
  if (!box.matches(":focus")) activate(state, before);
}

const STEPS = {
  month: { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 },
  week: { ArrowLeft: "-day", ArrowRight: "+day", ArrowUp: -1, ArrowDown: 1 },
  day: { ArrowUp: -1, ArrowDown: 1 },
};

function pressed(event, state) {
  if (event.key === "Escape" && state.picked) {
    say(state, state.words.left);
    letGo(state);
    event.preventDefault();
    return;
  }
  const here = state.cells.get(event.target.dataset?.slot);
  if (!here) {
    // From a run back to its slot, so that the arrows go on from there.
    const cell = event.target.closest?.(".cell");
    if (cell && event.key in STEPS[state.view]) focusCell(state, cell.dataset.slot);
    return;
  }
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    chosen(here.cell, here.day, state);
    return;
  }
  const step = STEPS[state.view][event.key];
  if (step === undefined) return;
  event.preventDefault();
  const ids = [...state.cells.keys()];
  const place = ids.indexOf(here.cell.id);
  const far = typeof step === "number" ? step : here.day.cells.length * (step === "+day" ? 1 : -1);
  const target = ids[Math.min(ids.length - 1, Math.max(0, place + far))];
  focusCell(state, target);
}

function start(root) {
  const state = { root, holder: make("div"), legend: make("p", "legend"), hint: make("p", "hint"), live: make("div", "unseen") };
  state.hint.id = "hint";
  state.live.setAttribute("role", "status");
  root.replaceChildren(state.holder, state.legend, state.hint, state.live);
  return state;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? start(root);
  states.set(parentElement, state);
  state.words = data.words;
  state.trigger = setTriggerValue;
  const written = JSON.stringify([data.view, data.days, data.words]);
  if (state.written !== written) {
    state.written = written;
    show(state, data);
    bringNowIntoView(state, data);
  }
}
