// The worker keeps the pairs, and encodes and decodes, so that the page never waits.

const pairs = new Map();  // name -> the content of its file
const kept = new Map();  // the last object made for each purpose
const SEED = 1;  // of all noise: a slider makes the same noise larger

// The object for a purpose; it is made again only if its id has changed.
function keep(purpose, id, make) {
  if (kept.get(purpose)?.id !== id) kept.set(purpose, { id, made: make() });
  return kept.get(purpose).made;
}

// The pair that a name and a key stand for; key 0 is the pair as it ships.
function withKey({ name, key }) {
  const pair = pairs.get(name);
  return key ? rekeyed(pair, turns(pair.architecture.units, key)) : pair;
}

function work({ encoder, decoder, lines, taken, codeNoise, keyNoise, schema }) {
  const { alphabet, longest } = schema;
  const { deviation, architecture: { units } } = pairs.get(encoder.name);
  const lock = JSON.stringify(encoder), key = JSON.stringify(decoder);
  const reader = keep("encoder", lock, () => new Lstm(withKey(encoder), "encoder"));
  const read = (purpose, line) => (
    encode(reader, line, alphabet, keep(purpose, lock, () => ({ read: [], states: [] })))
  );
  const code = read("first", lines[0]), rest = code.length - taken;
  if (taken) code.set(read("second", lines[1]).subarray(rest), rest);
  if (codeNoise) {
    const next = random(SEED), { order } = turns(units, encoder.key);
    for (let at = 0; at < code.length; at++) {
      const unit = encoder.key ? order[at % units] : at % units, first = at < units ? 0 : units;
      code[at] += codeNoise * deviation[first + unit] * normal(next);
    }
  }
  const writer = keep("decoder", `${key} ${keyNoise}`, () => {
    const pair = withKey(decoder);
    return new Lstm(keyNoise ? blurred(pair, keyNoise, SEED) : pair, "decoder");
  });
  return { code, line: decode(writer, code, alphabet, longest) };
}

onmessage = async ({ data: { id, pair, job } }) => {
  try {
    if (pair) {
      const { architecture, arrays } = readSafetensors(await unpack(pair.weights));
      pairs.set(pair.name, { architecture, arrays, deviation: pair.deviation });
      postMessage({ id });
    } else {
      const begin = performance.now(), { code, line } = work(job);
      postMessage({ id, code, line, milliseconds: performance.now() - begin });
    }
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
