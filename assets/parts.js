// The parts that cells are made of: each kind of part is built by the function of its name.

const builders = {
  text(part, table) {
    const element = part.go ? link(part, table) : make("span", classes("text", part), part.text);
    if (part.mono) letBreak(element);
    if (part.tip) element.title = part.tip;
    return element;
  },
  badge: (part) => make("span", `badge ${part.colour}`, part.text),
  countdown(part) {
    const element = make("time", "countdown");
    element.dataset.at = part.at;
    if (part.alone) element.dataset.alone = "";
    return element;
  },
  ago(part) {
    const element = make("time", classes("text", part));
    element.dataset.since = part.since;
    return element;
  },
  elapsed(part) {
    const element = make("time", "text elapsed");
    element.dataset.began = part.since;
    if (part.slow !== undefined) element.dataset.slow = part.slow;
    return element;
  },
  tags(part) {
    const list = make("span", "tags");
    for (const tag of part.tags) list.append(make("span", "tag", tag));
    return list;
  },
  strip(part) {
    const strip = make("span", "strip");
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", part.label);
    for (const run of part.runs) {
      const bar = make("i", run.status);
      bar.title = run.title;
      strip.append(bar);
    }
    return strip;
  },
  check(part, table, row) {
    const label = make("label", "check");
    const box = make("input");
    box.type = "checkbox";
    box.checked = part.on;
    box.dataset.focus = `${row.id} select`;
    box.setAttribute("aria-label", actOf(part.label, row.name, table.words));
    box.addEventListener("change", () => table.trigger("act", { act: "select", id: row.id }));
    label.append(box);
    return label;
  },
  actions(part, table, row) {
    const group = make("span", "actions");
    for (const action of part.actions) {
      const button = make("button", action.look ?? "", action.icon ? null : action.label);
      if (action.icon) {
        button.classList.add("icon");
        button.title = action.label;
        button.append(drawing(action.icon), make("span", "caption", action.label));
      }
      button.type = "button";
      button.dataset.focus = `${row.id} ${action.act}`;
      button.setAttribute("aria-label", actOf(action.label, row.name, table.words));
      button.disabled = Boolean(action.disabled);
      button.addEventListener("click", () => table.trigger("act", { act: action.act, id: row.id }));
      group.append(button);
    }
    return group;
  },
};

// Drawn here: an icon font would be a request, and a sign of Unicode not every system has.
const DRAWINGS = { copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" };

function drawing(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", "aria-hidden": "true" })) svg.setAttribute(key, value);
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}

// JSON, addresses and paths break behind their signs rather than within a word.
function letBreak(element) {
  const pieces = element.textContent.split(/(?<=[/,?&])(?![/\s])/);
  element.replaceChildren(...pieces.flatMap((piece, place) => (place ? [make("wbr"), piece] : [piece])));
}

const classes = (first, part) =>
  [first, part.strong && "strong", part.quiet && "quiet", part.mono && "mono", part.bad && "bad"]
    .filter(Boolean)
    .join(" ");

// A real link, so that it opens in a new tab too; a plain click stays in this session.
function link(part, table) {
  const element = make("a", classes("text", part), part.text);
  element.href = `${part.go.page}?${new URLSearchParams(part.go.query)}`;
  element.addEventListener("click", (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    table.trigger("go", part.go);
  });
  return element;
}

// What a button does, and with what, as it is read aloud.
function actOf(act, name, words) {
  const parts = { act, name };
  return words.of.replace(/\{(act|name)\}/g, (_, part) => parts[part]);
}
