"use strict";
// An LSTM encoder and decoder for one line at a time: aalprivacy/runtime.py in JavaScript.

const PAD = 0, EOS = 1;

// The bytes of a safetensors file from its text: base64 of the deflated bytes, first those at even
// places. So 16-bit numbers compress better, as one of their two bytes is nearly random.
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const apart = new Uint8Array(await new Response(stream).arrayBuffer());
  const bytes = new Uint8Array(apart.length), half = Math.ceil(apart.length / 2);
  for (let i = 0; i < apart.length; i++) bytes[i] = apart[(i % 2) * half + (i >> 1)];
  return bytes;
}

// A safetensors file: the length of its header (8 bytes), the header as JSON, the numbers.
function readSafetensors(bytes) {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const { __metadata__: metadata, ...tensors } = head;
  const architecture = {}, arrays = {};
  for (const [key, value] of Object.entries(metadata)) architecture[key] = JSON.parse(value);
  for (const [name, { dtype, data_offsets: [begin, end] }] of Object.entries(tensors)) {
    const buffer = bytes.slice(8 + length + begin, 8 + length + end).buffer;
    arrays[name] = dtype === "F16" ? fromHalves(new Uint16Array(buffer)) : new Float32Array(buffer);
  }
  return { architecture, arrays };
}

// float16 to float32: a sign, 5 bits of exponent, 10 of fraction.
function fromHalves(halves) {
  return Float32Array.from(halves, (bits) => {
    const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  });
}

// Some rows of numbers times the first rows of a kernel.
function product(rows, kernel, width, columns) {
  const count = rows.length / width, out = new Float32Array(count * columns);
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < width; k++) {
      const factor = rows[row * width + k];
      for (let j = 0; j < columns; j++) out[row * columns + j] += factor * kernel[k * columns + j];
    }
  }
  return out;
}

const BLOCK = 8;

// A kernel in blocks of eight columns, those of a block side by side for each row: eight sums at a
// time keep a processor busy, and a step reads the whole array in order.
function inBlocks(kernel, rows, columns) {
  const blocks = new Float32Array(rows * BLOCK * Math.ceil(columns / BLOCK));
  for (let k = 0; k < rows; k++) {
    for (let j = 0; j < columns; j++) {
      const inside = j % BLOCK;
      blocks[(j - inside) * rows + k * BLOCK + inside] = kernel[k * columns + j];
    }
  }
  return blocks;
}

// Add a state times such a kernel. Nearly all time is spent here.
function addProduct(sums, blocks, state) {
  const rows = state.length;
  for (let j = 0, at = 0; j < sums.length; j += BLOCK) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
    for (let k = 0; k < rows; k++, at += BLOCK) {
      const number = state[k];
      s0 += number * blocks[at];
      s1 += number * blocks[at + 1];
      s2 += number * blocks[at + 2];
      s3 += number * blocks[at + 3];
      s4 += number * blocks[at + 4];
      s5 += number * blocks[at + 5];
      s6 += number * blocks[at + 6];
      s7 += number * blocks[at + 7];
    }
    sums[j] += s0;
    sums[j + 1] += s1;
    sums[j + 2] += s2;
    sums[j + 3] += s3;
    sums[j + 4] += s4;
    sums[j + 5] += s5;
    sums[j + 6] += s6;
    sums[j + 7] += s7;
  }
}

// The encoder's or the decoder's LSTM. Gates stand in the order of Keras: i, f, candidate, o.
class Lstm {
  constructor({ architecture, arrays }, part) {
    const { units, embedding } = architecture, gates = 4 * units;
    const array = (name) => arrays[`${part}/${name}`];
    const kernel = array("lstm/kernel"), recurrent = array("lstm/recurrent_kernel");
    Object.assign(this, { architecture, units, gates, kernel, embedding });
    // Vectors of tokens, attributes and places. What one adds to the gates is computed once.
    const names = ["embedding", "attribute", "place"];
    this.vectors = names.map((name) => array(`${name}/embeddings`));
    this.added = names.map(() => []);
    this.bias = array("lstm/bias");
    this.ofCode = kernel.subarray(embedding * gates);
    this.recurrent = inBlocks(recurrent, units, gates);
    this.scores = array("scores/kernel");
    this.scoresBias = array("scores/bias");
    this.input = new Float32Array(BLOCK * Math.ceil(gates / BLOCK));
    this.next = new Float32Array(units);
  }

  // Begin from a code: the state, and what it adds to the gates at every step.
  start(code) {
    this.h = code.slice(0, this.units);
    this.c = code.slice(this.units);
    this.constant = this.bias;
    if (this.ofCode.length) {
      this.constant = product(code, this.ofCode, code.length, this.gates);
      for (let j = 0; j < this.gates; j++) this.constant[j] += this.bias[j];
    }
  }

  code() {
    const code = new Float32Array(2 * this.units);
    code.set(this.h);
    code.set(this.c, this.units);
    return code;
  }

  step(token, where) {
    const { units, gates, kernel, embedding, recurrent, input, h, c, next } = this;
    input.set(this.constant);
    const count = placesOf(this.architecture);
    [token, Math.floor(where / count), where % count].forEach((row, which) => {
      if (!this.vectors[which]) return;
      const vector = this.vectors[which].subarray(row * embedding, (row + 1) * embedding);
      const added = this.added[which][row] ??= product(vector, kernel, embedding, gates);
      for (let j = 0; j < gates; j++) input[j] += added[j];
    });
    addProduct(input, recurrent, h);
    for (let j = 0; j < units; j++) {
      const i = sigmoid(input[j]), f = sigmoid(input[units + j]), g = tanh(input[2 * units + j]);
      c[j] = f * c[j] + i * g;
      next[j] = sigmoid(input[3 * units + j]) * tanh(c[j]);
    }
    [this.h, this.next] = [next, h];
  }
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const tanh = (x) => 2 / (1 + Math.exp(-2 * x)) - 1;

// How many places have their own vectors; a pair without places has one.
const placesOf = ({ places }) => Math.max(1, places);

// The next token's position: its attribute times the number of places, plus its place in the value.
function after(architecture, token, where) {
  const { separator, attributes } = architecture, count = placesOf(architecture);
  const place = where % count;
  if (token === separator && where < count * (attributes - 1)) return where - place + count;
  return place < count - 1 ? where + 1 : where;
}

// The code of a line. `before` holds the line read last and the state after each token. If the new
// line begins in the same way, in the order of reading, that part isn't read again.
function encode(lstm, line, alphabet, before = { read: [], states: [] }) {
  const read = [];
  let where = 0;
  for (const token of [...[...line].map((character) => alphabet.indexOf(character) + 2), EOS]) {
    read.push([token, where]);
    where = after(lstm.architecture, token, where);
  }
  if (lstm.architecture.reverse) read.reverse();
  let t = 0;
  while (t < read.length && String(read[t]) === String(before.read[t])) t++;
  lstm.start(t ? before.states[t - 1] : new Float32Array(2 * lstm.units));
  for (; t < read.length; t++) {
    lstm.step(...read[t]);
    before.states[t] = lstm.code();
  }
  before.read = read;
  return lstm.code();
}

// The decoded line of a code: the most probable character, step by step.
function decode(lstm, code, alphabet, longest) {
  const { units, scores, scoresBias } = lstm, characters = [...alphabet];
  const tokens = scoresBias.length;
  let token = PAD, where = 0, line = "";
  lstm.start(code);
  for (let t = 0; t <= longest; t++) {
    lstm.step(token, where);
    const score = Float64Array.from(scoresBias);
    for (let k = 0; k < units; k++) {
      for (let j = 0; j < tokens; j++) score[j] += lstm.h[k] * scores[k * tokens + j];
    }
    token = score.indexOf(Math.max(...score));
    if (token === PAD || token === EOS) break;
    line += characters[token - 2];
    where = after(lstm.architecture, token, where);
  }
  return line;
}

// Random numbers from 0 to 1, the same for the same seed: for showing, not for secrets.
function random(seed) {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// Nearly normal: a sum of three has deviation 1/2.
const normal = (draw) => 2 * (draw() + draw() + draw()) - 3;

// The order and the signs of units that a key stands for.
function turns(units, key) {
  const draw = random(key), order = [...Array(units).keys()];
  for (let i = units - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return { order, sign: order.map(() => (draw() < 0.5 ? -1 : 1)) };
}

// A pair of the same function whose codes are permuted and have other signs: Pair.rekeyed.
function rekeyed({ architecture, arrays }, { order, sign }) {
  const { units, embedding, tokens, code_at_every_step: fed } = architecture;
  const changed = { ...arrays };
  // Only the candidate changes its sign, the other gates don't.
  const columns = (array) => array.map((_, at) => {
    const row = at - (at % (4 * units)), gate = Math.floor((at - row) / units), unit = at % units;
    return array[row + gate * units + order[unit]] * (gate === 2 ? sign[unit] : 1);
  });
  // `units` rows that read a state, from row `first` on.
  const rows = (array, width, first = 0) => {
    const out = array.slice();
    for (let unit = 0; unit < units; unit++) {
      for (let j = 0; j < width; j++) {
        out[(first + unit) * width + j] = sign[unit] * array[(first + order[unit]) * width + j];
      }
    }
    return out;
  };
  for (const part of ["encoder", "decoder"]) {
    for (const name of ["kernel", "recurrent_kernel", "bias"]) {
      changed[`${part}/lstm/${name}`] = columns(arrays[`${part}/lstm/${name}`]);
    }
    const key = `${part}/lstm/recurrent_kernel`;
    changed[key] = rows(changed[key], 4 * units);
  }
  if (fed) {
    const h = rows(changed["decoder/lstm/kernel"], 4 * units, embedding);
    changed["decoder/lstm/kernel"] = rows(h, 4 * units, embedding + units);
  }
  changed["decoder/scores/kernel"] = rows(arrays["decoder/scores/kernel"], tokens);
  return { architecture, arrays: changed };
}

// Each weight of the decoder gets a normal error of this relative size, as in audit.NearKey.
function blurred({ architecture, arrays }, size, seed) {
  const draw = random(seed), changed = { ...arrays };
  for (const name of Object.keys(arrays).filter((name) => name.startsWith("decoder")).sort()) {
    changed[name] = arrays[name].map((weight) => weight * (1 + size * normal(draw)));
  }
  return { architecture, arrays: changed };
}
