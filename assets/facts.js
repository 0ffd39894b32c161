// The facts of one thing, by their names. See pages/parts/facts.py.

const states = new WeakMap();

function buildFact(fact, table) {
  const box = make("div", "fact");
  const value = make("dd");
  for (const part of fact.parts) {
    const holder = make("div", "part");
    holder.append(builders[part.kind](part, table, { id: "", name: fact.label }));
    value.append(holder);
  }
  box.append(make("dt", "quiet", fact.label), value);
  return box;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? { root };
  states.set(parentElement, state);
  state.words = data.words;
  learnTime(data.now);
  const written = JSON.stringify(data.facts);
  if (state.written !== written) {
    const list = make("dl");
    list.append(...data.facts.map((fact) => buildFact(fact, { trigger: setTriggerValue })));
    root.replaceChildren(list);
    state.written = written;
  }
  tickEachSecond(state);
  return () => clearTimeout(state.timer);
}
