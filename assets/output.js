// What an execution prints, as it comes, with a search in it. See pages/parts/output.py.

const states = new WeakMap();
const NEAR_THE_END_PX = 24;
// More marks at once would make the browser slow; those around the current match are enough.
const MARKED = 1000;
const ASK_AGAIN_MS = 700;

function start(root) {
  const state = { pieces: [], last: -1, dropped: 0, following: true, matches: [], current: -1 };
  state.bar = buildBar(state);
  state.box = make("div", "box");
  state.box.tabIndex = 0;
  state.box.setAttribute("role", "log");
  state.box.setAttribute("aria-live", "off");
  state.cut = make("p", "cut");
  state.text = make("pre");
  state.box.append(state.cut, state.text);
  state.follow = button("follow", () => {
    state.box.scrollTop = state.box.scrollHeight;
  });
  state.follow.hidden = true;
  state.empty = make("p", "empty");
  state.found = make("section", "found");
  const pane = make("div", "pane");
  pane.append(state.box, state.follow);
  root.replaceChildren(state.bar, state.found, pane, state.empty);
  // Who scrolls up to read is left alone until they come back to the end.
  state.box.addEventListener("scroll", () => {
    state.following = state.box.scrollHeight - state.box.scrollTop - state.box.clientHeight < NEAR_THE_END_PX;
    state.follow.hidden = state.following;
  });
  return state;
}

function button(className, act, text) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function buildBar(state) {
  const bar = make("div", "bar");
  bar.setAttribute("role", "search");
  state.field = make("input", "field");
  state.field.type = "search";
  state.field.addEventListener("input", () => look(state, true));
  state.field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(state, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && state.field.value) {
      state.field.value = "";
      look(state, true);
    } else return;
    event.preventDefault();
  });
  state.previous = button("step", () => step(state, -1), "↑");
  state.next = button("step", () => step(state, 1), "↓");
  state.count = make("span", "count");
  state.count.setAttribute("role", "status");
  state.all = button("all", () => state.trigger("search", state.field.value.trim()));
  bar.append(state.field, state.previous, state.next, state.count, state.all);
  return bar;
}

// Takes in what came; says whether something did. What it has already is sent again at times.
function take(state, data) {
  let changed = false;
  if (data.after === null && (data.chunks[0]?.seq ?? 0) > state.last + 1) forget(state);
  for (const chunk of data.chunks) {
    if (chunk.seq <= state.last) continue;
    const span = make("span", chunk.stream, chunk.text);
    state.text.append(span);
    state.pieces.push({ seq: chunk.seq, span, text: chunk.text });
    state.length += chunk.text.length;
    state.last = chunk.seq;
    changed = true;
  }
  while (state.length > data.limit && state.pieces.length > 1) {
    const gone = state.pieces.shift();
    gone.span.remove();
    state.length -= gone.text.length;
    state.dropped += gone.text.length;
    state.isCut = true;
  }
  return changed;
}

function forget(state) {
  state.text.replaceChildren();
  Object.assign(state, { pieces: [], last: -1, length: 0, dropped: 0, isCut: false });
}

// Looks for what the field says; the current match stays the current one while more is printed.
function look(state, anew) {
  const sought = state.field.value.trim();
  const here = state.matches[state.current]?.at ?? -1;
  state.matches = [];
  if (sought) {
    const pattern = new RegExp(sought.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
    const text = state.pieces.map((piece) => piece.text).join("");
    for (const match of text.matchAll(pattern)) {
      state.matches.push({ at: state.dropped + match.index, length: match[0].length });
    }
  }
  state.current = anew ? (state.matches.length ? 0 : -1) : state.matches.findIndex((match) => match.at >= here);
  paint(state);
  if (anew && state.matches.length) show(state);
  tell(state);
}

function step(state, by) {
  const count = state.matches.length;
  if (!count) return;
  state.current = (state.current + by + count) % count;
  paint(state);
  show(state);
  tell(state);
}

function paint(state) {
  for (const piece of state.pieces) {
    if (piece.painted) piece.span.textContent = piece.text;
    piece.painted = false;
  }
  const from = Math.max(0, state.current - MARKED);
  let place = from;
  const until = Math.min(state.matches.length, state.current + MARKED + 1);
  let begin = state.dropped;
  for (const piece of state.pieces) {
    const end = begin + piece.text.length;
    const marks = [];
    while (place < until && state.matches[place].at < end) {
      const { at, length } = state.matches[place];
      if (at + length > begin) marks.push([Math.max(at, begin) - begin, Math.min(at + length, end) - begin, place]);
      // A match may go on in the next piece.
      if (at + length > end) break;
      place += 1;
    }
    if (marks.length) mark(piece, marks, state.current);
    begin = end;
  }
}

function mark(piece, marks, current) {
  const parts = [];
  let done = 0;
  for (const [from, to, place] of marks) {
    parts.push(document.createTextNode(piece.text.slice(done, from)));
    parts.push(make("mark", place === current ? "current" : "", piece.text.slice(from, to)));
    done = to;
  }
  parts.push(document.createTextNode(piece.text.slice(done)));
  piece.span.replaceChildren(...parts);
  piece.painted = true;
}

function show(state) {
  const found = state.text.querySelector("mark.current");
  if (!found) return;
  const [inside, box] = [found.getBoundingClientRect(), state.box.getBoundingClientRect()];
  state.box.scrollTop += inside.top - box.top - box.height / 2;
}

function tell(state) {
  const sought = state.field.value.trim();
  const count = state.matches.length;
  const place = state.words.place.replace("{place}", state.current + 1).replace("{count}", count);
  const text = sought ? (count ? place : state.words.none) : "";
  if (state.count.textContent !== text) state.count.textContent = text;
  state.previous.disabled = state.next.disabled = !count;
  state.all.hidden = !sought || !(state.isCut || state.cutBefore);
  const shown = state.searched?.sought === sought ? state.searched : null;
  state.found.hidden = !shown;
  if (!shown) return;
  const written = JSON.stringify(shown);
  if (state.foundWritten === written) return;
  state.foundWritten = written;
  const list = make("ol");
  for (const line of shown.lines) {
    const item = make("li");
    item.append(make("span", "number", state.words.line.replace("{number}", line.number)), make("code", "", line.text));
    list.append(item);
  }
  state.found.replaceChildren(make("p", "", state.words.lines.replace("{count}", shown.count)), list);
}

function name(state, words) {
  const written = JSON.stringify(words);
  if (state.named === written) return;
  Object.assign(state, { words, named: written });
  state.box.setAttribute("aria-label", words.label);
  state.follow.textContent = words.follow;
  state.field.placeholder = words.search;
  for (const [element, label] of [[state.field, words.search], [state.previous, words.previous], [state.next, words.next]]) {
    element.setAttribute("aria-label", label);
    element.title = label;
  }
  state.all.textContent = words.all;
  state.empty.textContent = words.empty;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  let state = states.get(parentElement);
  if (!state || state.execution !== data.execution) {
    state = start(root);
    forget(state);
    state.execution = data.execution;
    states.set(parentElement, state);
  }
  state.trigger = setTriggerValue;
  name(state, data.words);
  clearInterval(state.asking);
  // Something in between was never seen: all of it is asked for, again while no answer comes.
  if (data.after !== null && data.after > state.last) {
    state.asking = setInterval(() => state.trigger("whole", true), ASK_AGAIN_MS);
    return () => clearInterval(state.asking);
  }
  const changed = take(state, data);
  state.cutBefore = data.cut;
  const cut = data.cut || state.isCut;
  state.cut.textContent = cut ? data.words.cut : "";
  state.cut.hidden = !cut;
  const nothing = !state.pieces.length;
  state.bar.hidden = state.box.hidden = nothing;
  state.empty.hidden = !nothing;
  state.searched = data.found;
  if (changed && state.field.value.trim()) look(state, false);
  else tell(state);
  if (state.following) state.box.scrollTop = state.box.scrollHeight;
}
