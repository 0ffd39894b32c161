// A list of rows: a table where there is room, cards on a phone. See pages/parts/table.py.

const states = new WeakMap();

function buildRow(row, table) {
  const line = make("tr");
  line.setAttribute("role", "row");
  for (const column of table.columns) {
    const cell = make(column.heads ? "th" : "td", column.className ?? "");
    cell.setAttribute("role", column.heads ? "rowheader" : "cell");
    if (column.heads) cell.scope = "row";
    if (column.label && !column.heads && !column.hidden) cell.dataset.label = column.label;
    for (const part of row.cells[column.key] ?? []) {
      const holder = make("div", "part");
      holder.append(builders[part.kind](part, table, row));
      cell.append(holder);
    }
    line.append(cell);
  }
  return line;
}

function buildHead(table) {
  const head = make("thead");
  const line = make("tr");
  head.setAttribute("role", "rowgroup");
  line.setAttribute("role", "row");
  for (const column of table.columns) {
    const cell = make("th", column.className ?? "");
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    cell.append(make("span", column.hidden ? "unseen" : "", column.label));
    line.append(cell);
  }
  head.append(line);
  return head;
}

// Rows that did not change keep their elements, and with them focus and hover.
function fill(state, data) {
  const head = JSON.stringify([data.columns, data.label]);
  if (state.head !== head) {
    const table = make("table");
    table.setAttribute("role", "table");
    table.setAttribute("aria-label", data.label);
    state.body = make("tbody");
    state.body.setAttribute("role", "rowgroup");
    table.append(buildHead(data), state.body);
    state.root.replaceChildren(table);
    state.head = head;
    state.rows = new Map();
  }
  const before = state.rows;
  state.rows = new Map();
  const lines = data.rows.map((row) => {
    const content = JSON.stringify(row);
    const known = before.get(row.id);
    const line = known?.content === content ? known.line : buildRow(row, { ...data, trigger: state.trigger });
    state.rows.set(row.id, { content, line });
    return line;
  });
  place(state.body, lines);
}

function place(body, lines) {
  const focused = body.getRootNode().activeElement?.dataset?.focus;
  lines.forEach((line, index) => {
    if (body.children[index] !== line) body.insertBefore(line, body.children[index] ?? null);
  });
  while (body.children.length > lines.length) body.lastElementChild.remove();
  if (focused && body.getRootNode().activeElement?.dataset?.focus !== focused) {
    body.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let state = states.get(parentElement);
  if (!state) {
    state = { root: parentElement.querySelector(".root"), rows: new Map(), trigger: setTriggerValue };
    states.set(parentElement, state);
  }
  state.words = data.words;
  state.trigger = setTriggerValue;
  learnTime(data.now);
  fill(state, data);
  tickEachSecond(state);
  return () => clearTimeout(state.timer);
}
