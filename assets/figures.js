// The figures above the catalogue and the workers' heartbeat. See pages/parts/figures.py.

const states = new WeakMap();

function buildFigure(figure) {
  const box = make("div", "figure");
  const value = make("dd", "value");
  const main = make("span", figure.at ? "countdown" : "", figure.value);
  if (figure.at) main.dataset.at = figure.at;
  value.append(main);
  if (figure.note) value.append(make("span", "note", figure.note));
  const label = make("dt", "label");
  // A status says by its badge what is counted.
  label.append(figure.colour ? make("span", `badge ${figure.colour}`, figure.label) : figure.label);
  box.append(label, value);
  return box;
}

// The sentence holds one place, {}, for the time that ticks.
function buildPulse(pulse) {
  const line = make("p", `pulse ${pulse.alive ? "alive" : "gone"}${pulse.late ? " overdue" : ""}`);
  if (!pulse.alive) line.setAttribute("role", "alert");
  const dot = make("span", "dot");
  dot.setAttribute("aria-hidden", "true");
  line.append(dot);
  const [before, after] = pulse.text.split("{}");
  const sentence = make("span", "", before);
  if (after !== undefined) {
    const time = make("time");
    time.dataset.since = pulse.since;
    sentence.append(time, after);
  }
  line.append(sentence);
  return line;
}

// Builds a part anew only if it says something new: what is read aloud is not read again.
function show(state, name, content, build) {
  const written = JSON.stringify(content);
  if (state[name]?.written === written) return;
  const element = build();
  if (state[name]) state[name].element.replaceWith(element);
  else state.root.append(element);
  state[name] = { written, element };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? { root };
  states.set(parentElement, state);
  state.words = data.words;
  learnTime(data.now);
  show(state, "figures", data.figures, () => {
    const list = make("dl", "figures");
    list.append(...data.figures.map(buildFigure));
    return list;
  });
  if (data.pulse) show(state, "pulse", data.pulse, () => buildPulse(data.pulse));
  tickEachSecond(state);
  return () => clearTimeout(state.timer);
}
