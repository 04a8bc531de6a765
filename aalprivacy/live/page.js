// The page: it reads fields and controls, and shows code and view; the worker does the computing.

const { schema, pairs, first, entries } = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const attributes = schema.attributes;
const pairOf = (name) => pairs.find((pair) => pair.name === name);
const FEW = 12;  // with more values, a field with suggestions replaces the menu

// --- the worker --------------------------------------------------------------------------------

// A page from disk may not start a worker from a file, but from its own text it may.
const worker = new Worker(URL.createObjectURL(new Blob([at("worker").textContent])));
const answers = new Map();
worker.onmessage = ({ data }) => {
  answers.get(data.id)(data);
  answers.delete(data.id);
};

function ask(message) {
  const id = Math.random();
  worker.postMessage({ id, ...message });
  return new Promise((resolve, reject) => {
    answers.set(id, (answer) => (answer.error ? reject(answer.error) : resolve(answer)));
  });
}

// --- pairs, loaded when they are chosen: each is a script that calls addPair -------------------

const arrived = new Map(), loads = new Map();

function addPair(name, content) {
  arrived.set(name, content);
}

function load(name) {
  if (!loads.has(name)) {
    loads.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `pairs/${encodeURIComponent(name)}.js`;
      script.onload = resolve;
      script.onerror = () => reject(`${script.getAttribute("src")} isn't beside this page`);
      document.head.append(script);
    }).then(async () => {
      await ask({ pair: { name, ...arrived.get(name) } });
      arrived.delete(name);  // the worker has it now
    }).catch((error) => {
      loads.delete(name);  // if it is chosen again, loading is tried again
      throw error;
    }));
  }
  return loads.get(name);
}

// --- the entry -----------------------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function makeField(attribute) {
  const id = `value-${attribute.name}`, error = `error-${attribute.name}`;
  const { values = [], label } = attribute;
  const parts = [element("label", { htmlFor: id, textContent: label })];
  let input;
  if (values.length && values.length <= FEW) {
    const options = [...values, MISSING].map((value) => (
      element("option", { value, textContent: value === MISSING ? "- (missing)" : value })
    ));
    input = element("select", { id }, ...options);
  } else {
    input = element("input", { id, type: "text", autocomplete: "off", spellcheck: false });
    input.autocapitalize = "none";
    if (["number", "digits"].includes(attribute.form)) input.inputMode = "numeric";
    if (values.length) {
      const options = values.map((value) => element("option", { value }));
      parts.push(element("datalist", { id: `list-${attribute.name}` }, ...options));
      input.setAttribute("list", `list-${attribute.name}`);
    }
  }
  input.setAttribute("aria-describedby", error);
  input.addEventListener("input", update);
  at("fields").append(element("div", { className: "field" }, ...parts, input,
    element("p", { id: error, className: "error" })));
}

const fieldOf = ({ name }) => at(`value-${name}`);

function fill(number) {
  const values = fromLine(entries[number - 1], attributes.length);
  attributes.forEach((attribute, i) => (fieldOf(attribute).value = values[i]));
}

let held = "";  // why the fields can't be encoded

// The values of the fields, or nothing if a value is wrong; a message then stands below its field.
function readFields() {
  const values = attributes.map((attribute) => fieldOf(attribute).value);
  const wrong = attributes.filter((attribute, i) => {
    const says = complaint(values[i], attribute, schema.alphabet);
    at(`error-${attribute.name}`).textContent = says;
    fieldOf(attribute).setAttribute("aria-invalid", says !== "");
    return says;
  });
  const length = values.join(SEPARATOR).length;
  held = "";
  if (wrong.length) {
    const labels = wrong.map(({ label }) => label).join(", ");
    held = `Waiting: an entry can't have this value of ${labels}`;
  } else if (length > schema.longest) {
    held = `Waiting: the line has ${length} characters; ${schema.longest} is the most`;
  }
  return held ? null : values;
}

// A whole number from a field, limited to its range.
function numberOf(id) {
  const { value, min, max } = at(id);
  return Math.min(Number(max), Math.max(Number(min), Math.trunc(Number(value)) || Number(min)));
}

// --- from the controls to the view -----------------------------------------------------------------

const viewOf = (values, pair) => (
  attributes.map((attribute, i) => rule(values[i], attribute, pair.letters[attribute.name]))
);

function sideOf(side) {
  return { name: at(`${side}-pair`).value, key: numberOf(`${side}-key`) };
}

function job() {
  const values = readFields();
  if (!values) return null;
  const encoder = sideOf("encoder"), decoder = sideOf("decoder");
  const second = fromLine(entries[numberOf("other") - 1], attributes.length);
  const { blind } = pairOf(encoder.name);
  const lines = [values, second].map((entry) => (
    (blind ? viewOf(entry, pairOf(encoder.name)) : entry).join(SEPARATOR)
  ));
  return {
    encoder, decoder, lines, taken: Number(at("taken").value),
    codeNoise: Number(at("code-noise").value), keyNoise: Number(at("key-noise").value),
    schema: { alphabet: schema.alphabet, longest: schema.longest },
    expected: [values, second].map((entry) => viewOf(entry, pairOf(decoder.name))),
  };
}

let working = false, again = false;

// Show the result for the controls. While the worker works, only the last change is kept for later.
async function update() {
  showControls();
  const next = job();
  at("table").setAttribute("aria-busy", true);
  if (!next) {
    say(held);
    return;
  }
  if (working) {
    again = true;
    return;
  }
  working = true;
  try {
    for (const { name } of [next.encoder, next.decoder]) {
      if (!loads.has(name)) say(`Loading the pair ${pairOf(name).label}`);
      await load(name);
    }
    show(next, await ask({ job: next }));
  } catch (error) {
    say(`Stopped: ${error}`);
  }
  working = false;
  if (again) {
    again = false;
    update();
  }
}

function showControls() {
  const { name } = sideOf("encoder"), { blind, receiver } = pairOf(name);
  const other = pairs.find((pair) => pair.receiver === receiver && pair.blind !== blind);
  at("blind").checked = blind;
  at("blind").disabled = !other;
  at("blind-help").textContent = other
    ? "" : `This page has no ${blind ? "other" : "blind"} pair of this receiver.`;
  at("code-noise-says").textContent = `${at("code-noise").value} of each number's deviation`;
  at("key-noise-says").textContent = `${Math.round(100 * at("key-noise").value)} % of each weight`;
  at("taken-says").textContent = `${at("taken").value} of ${at("taken").max}`;
  const spliced = Number(at("taken").value) > 0;
  at("other-line").textContent = entries[numberOf("other") - 1];
  for (const id of ["underlined", "second-help"]) at(id).hidden = !spliced;
}

// --- what is shown ---------------------------------------------------------------------------------

let spoken;

// A short line for everybody; screen readers get it when typing has stopped.
function say(text) {
  at("summary").textContent = text;
  clearTimeout(spoken);
  spoken = setTimeout(() => (at("status").textContent = text), 800);
}

// A text with its errors marked: a caret stands where something is missing.
const marked = (got, expected) => edits(got, expected)
  .filter(([, kind], i, all) => kind !== "missing" || all[i - 1]?.[1] !== "missing")
  .map(([character, kind]) => {
    if (kind) return element("mark", { className: kind }, kind === "missing" ? "" : character);
    return character === SEPARATOR ? element("span", { className: "bar" }, character) : character;
  });

const OPERATIONS = { F: "disclosed", G: "generalised", D: "deleted" };

function show({ encoder, decoder, lines, taken, codeNoise, keyNoise, expected }, answer) {
  const { code, line, milliseconds } = answer;
  const own = pairOf(encoder.name), reader = pairOf(decoder.name);
  at("reads").textContent = own.blind
    ? "The encoder reads the view by rule (blind):" : "The encoder reads the entry:";
  at("line").textContent = lines[0];
  showCode(code, taken);
  const count = line.split(SEPARATOR).length, all = attributes.length;
  at("situation").textContent = situation(encoder, decoder, codeNoise, keyNoise, taken)
    + (count === all ? "" : ` Values in the line: ${count} instead of ${all}.`);
  const values = fromLine(line, attributes.length);
  const rows = attributes.map((attribute, i) => {
    const [want, second] = expected.map((view) => view[i]), got = values[i];
    const wrong = edits(got, want).filter(([, kind]) => kind).length;
    const decoded = element("td", {}, ...(got ? marked(got, want) : ["(nothing)"]));
    if (taken && wrong && got === second) {
      decoded.append(" ", element("span", { className: "tag" }, "second"));
    }
    return element("tr", {},
      element("th", { scope: "row" }, attribute.label,
        element("small", {}, OPERATIONS[reader.letters[attribute.name]])),
      element("td", {}, want), decoded,
      element("td", { className: wrong ? "bad" : "good" }, wrong ? "✗" : "✓",
        element("span", { className: "unseen" }, wrong ? " wrong characters: " : " right"),
        wrong ? ` ${wrong}` : ""));
  });
  at("rows").replaceChildren(...rows);
  const rightful = expected[0].join(SEPARATOR);
  const wrong = edits(line, rightful).filter(([, kind]) => kind).length;
  // In nonsense, marks would only show where a letter is right by chance.
  const nonsense = wrong > rightful.length / 2;
  at("written").replaceChildren(...(nonsense ? [line] : marked(line, rightful)));
  const right = values.filter((value, i) => value === expected[0][i]).length;
  const characters = wrong === 1 ? "character" : "characters";
  say(held || `${right} of ${attributes.length} values right, ${wrong} wrong ${characters}`);
  at("time").textContent = `Encoded and decoded in ${Math.round(milliseconds)} ms.`;
  at("table").setAttribute("aria-busy", again || held !== "");
}

function situation(encoder, decoder, codeNoise, keyNoise, taken) {
  const parts = [];
  if (encoder.name !== decoder.name) {
    parts.push(`Mismatched: this decoder (${pairOf(decoder.name).label}) was trained with another encoder.`);
  } else if (encoder.key !== decoder.key) {
    parts.push("The pair's own decoder, but re-keyed by another number: a wrong key.");
  } else parts.push("Matched: encoder and decoder are one pair.");
  if (codeNoise) parts.push("There is noise on the code.");
  if (keyNoise) parts.push("There is noise on the key.");
  if (taken) parts.push("A part of the code is another person's.");
  return parts.join(" ");
}

// The strip moves from the code before to the new one.
let shown = null, target = null, began = 0, underlined = 0;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const DURATION = 250;

function showCode(code, taken) {
  shown = still.matches || !shown || shown.length !== code.length ? code : now();
  [target, began, underlined] = [code, performance.now(), taken];
  at("strip").setAttribute("aria-label", `Code of ${code.length} numbers from `
    + `${Math.min(...code).toFixed(2)} to ${Math.max(...code).toFixed(2)}, as bars`);
  at("numbers").textContent = Array.from(code, (number) => number.toFixed(2)).join(" ");
  requestAnimationFrame(draw);
}

function now() {
  const part = Math.min(1, (performance.now() - began) / DURATION);
  return target.map((number, i) => part * number + (1 - part) * shown[i]);
}

function draw() {
  if (!target) return;
  const canvas = at("strip"), style = getComputedStyle(canvas), code = now();
  const { clientWidth: width, clientHeight: height } = canvas, sharp = devicePixelRatio;
  [canvas.width, canvas.height] = [width * sharp, height * sharp];
  const pen = canvas.getContext("2d"), half = code.length / 2, step = width / half;
  pen.scale(sharp, sharp);
  const colour = (name) => (pen.fillStyle = style.getPropertyValue(name));
  for (const [row, most] of [[0, 1], [1, 2]]) {  // h stays within 1; c rarely leaves 2
    const middle = height * (row + 0.5) / 2, room = height / 4 - 5;
    colour("--edge");
    pen.fillRect(0, middle, width, 1);
    for (let unit = 0; unit < half; unit++) {
      const place = row * half + unit, number = code[place];
      const size = room * Math.min(1, Math.sqrt(Math.abs(number) / most));
      colour(number > 0 ? "--up" : "--down");
      pen.fillRect(unit * step, number > 0 ? middle - size : middle, Math.max(1, 0.75 * step), size);
      if (place >= code.length - underlined) {
        colour("--ink");
        pen.fillRect(unit * step, middle + room + 2, step + 0.5, 2);
      }
    }
  }
  if (performance.now() - began < DURATION) requestAnimationFrame(draw);
}

// --- the controls ----------------------------------------------------------------------------------

function reset() {
  for (const side of ["encoder", "decoder"]) {
    at(`${side}-pair`).value = first;
    at(`${side}-key`).value = 0;
  }
  for (const id of ["code-noise", "key-noise", "taken"]) at(id).value = 0;
  [at("number").value, at("other").value] = [1, 2];
  fill(1);
}

const does = {
  any: () => {
    at("number").value = 1 + Math.floor(Math.random() * entries.length);
    fill(numberOf("number"));
  },
  rekey: () => {
    const key = 1 + Math.max(numberOf("encoder-key"), numberOf("decoder-key"));
    at("encoder-key").value = at("decoder-key").value = key;
  },
  match: () => {
    const { name, key } = sideOf("encoder");
    [at("decoder-pair").value, at("decoder-key").value] = [name, key];
  },
  reset,
};

attributes.forEach(makeField);
for (const side of ["encoder", "decoder"]) {
  at(`${side}-pair`).append(...pairs.map(({ name, label }) => element("option", { value: name }, label)));
  for (const what of ["pair", "key"]) at(`${side}-${what}`).addEventListener("input", update);
}
for (const [id, action] of Object.entries(does)) {
  at(id).addEventListener("click", () => {
    action();
    update();
  });
}
for (const id of ["code-noise", "key-noise", "taken", "other"]) at(id).addEventListener("input", update);
at("number").addEventListener("input", () => {
  if (at("number").value === "") return;  // between two numbers
  fill(numberOf("number"));
  update();
});
at("blind").addEventListener("input", () => {
  const { receiver } = pairOf(at("encoder-pair").value), blind = at("blind").checked;
  const { name } = pairs.find((pair) => pair.receiver === receiver && pair.blind === blind);
  at("encoder-pair").value = at("decoder-pair").value = name;
  update();
});
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
reset();
update();
