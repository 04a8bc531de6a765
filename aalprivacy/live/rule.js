"use strict";
// Which values are allowed, and what a receiver may see of them: attributes.py, generalisation.py
// and views.py in JavaScript, for the schema on a pair's card.

const MISSING = "-", DELETED = "*", SEPARATOR = "|";

const FITS = {
  "one-of": (value, { values }) => values.includes(value),
  words: (value) => /^\S+( \S+)*$/.test(value),
  digits: (value, { digits: [least, most] }) => matches(`[0-9]{${least},${most}}`, value),
  number: (value, { decimals = 0, least = -Infinity, most = Infinity }) => {
    const point = decimals ? `(\\.[0-9]{1,${decimals}})?` : "";
    const number = Number(value);
    return matches(`-?(0|[1-9][0-9]{0,14})${point}`, value) && !Object.is(number, -0)
      && least <= number && number <= most;
  },
  pattern: (value) => value !== "" && value === value.trim(),
  text: (value) => value !== "" && value === value.trim(),
};

// Rules that a schema can name.
const RULES = {
  blood_pressure_class: (value) => {
    const [systolic, diastolic] = value.split("-").map(Number);
    if (systolic >= 140 || diastolic >= 90) return "high";
    if (systolic >= 120 || diastolic >= 70) return "raised";
    return systolic < 90 || diastolic < 60 ? "low" : "normal";
  },
};

const GENERALISE = {
  rule: (value, name) => RULES[name](value),
  first: (value, count) => [...value].slice(0, count).join("").trimEnd(),
  last_word: (value) => value.slice(value.lastIndexOf(" ") + 1),
  bands: (value, bands) => bands.find(([, limit]) => limit === undefined || Number(value) < limit)[0],
  range: (value, width, { decimals = 0 }) => {
    // Computed in whole steps, as floats can't hold every decimal.
    const steps = (text) => {
      const [whole, rest = ""] = text.split(".");
      return BigInt(whole + rest.padEnd(decimals, "0"));
    };
    const text = (number) => {
      const digits = String(number < 0n ? -number : number).padStart(decimals + 1, "0");
      const at = digits.length - decimals;
      return (number < 0n ? "-" : "") + digits.slice(0, at) + (decimals ? `.${digits.slice(at)}` : "");
    };
    const wide = steps(width.toFixed(decimals)), number = steps(value);
    const low = number - (((number % wide) + wide) % wide);
    return `${text(low)}-${text(low + wide - 1n)}`;
  },
};

const matches = (pattern, value) => new RegExp(`^(?:${pattern})$`).test(value);

const MONTHS = [
  "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
  "november", "december",
];

// Whether the calendar has this day; the pattern has checked that it is from 1 to 31.
function isDay({ Y, y, m, b, B, d = 1 }) {
  const named = (name) => (b ? name.slice(0, 3) === b.toLowerCase() : name === B.toLowerCase());
  const month = b || B ? MONTHS.findIndex(named) + 1 : Number(m ?? 1);
  const year = Number(Y ?? y ?? 2000);  // without a year, 29 February is right
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return Number(d) <= [NaN, 31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
}

function fits(value, attribute) {
  if (value === MISSING) return true;
  if (value === DELETED || !FITS[attribute.form](value, attribute)) return false;
  if (attribute.pattern && !matches(attribute.pattern, value)) return false;
  const time = attribute.time && new RegExp(`^${attribute.time}$`).exec(value);
  return !attribute.time || (time !== null && isDay(time.groups));
}

// Why an entry can't have a value, in one line; empty if it can.
function complaint(value, attribute, alphabet) {
  if (!fits(value, attribute)) {
    if (value === "") return `Empty: expected ${attribute.says}. Write - for a missing value.`;
    if (value === DELETED) return `Expected ${attribute.says}. * is a deleted value of a view.`;
    return `Expected ${attribute.says}.`;
  }
  const strange = [...value].find((c) => c === SEPARATOR || !alphabet.includes(c));
  return strange ? `The character ${strange} isn't one of ${alphabet.replace(SEPARATOR, "")}` : "";
}

// What a receiver may see of a value; letters: F discloses, G generalises, D deletes.
function rule(value, attribute, letter) {
  if (letter === "D") return DELETED;
  if (letter === "F" || value === MISSING) return value;
  if (attribute.hierarchy) return attribute.hierarchy[value][attribute.level - 1];
  const [[kind, setting]] = Object.entries(attribute.generalise);
  return GENERALISE[kind](value, setting, attribute);
}

// A line's values, as many as there are attributes. Missing ones are empty, surplus ones go into the
// last value.
function fromLine(line, count) {
  const values = line.split(SEPARATOR);
  const rest = values.splice(count - 1).join(SEPARATOR);
  return [...values, rest, ...Array(Math.max(0, count - 1 - values.length)).fill("")];
}

// The fewest edits from one text to another: [character, kind] for each character; the kind is
// "" (the same), "wrong" (replaced or surplus) or "missing" (only in the expected text).
function edits(got, expected) {
  const a = [...got], b = [...expected], width = b.length + 1;
  const cost = new Uint16Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      const at = i * width + j;
      if (!i || !j) cost[at] = i + j;
      else {
        const same = cost[at - width - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
        cost[at] = Math.min(same, cost[at - width] + 1, cost[at - 1] + 1);
      }
    }
  }
  const path = [];
  for (let i = a.length, j = b.length; i || j; ) {
    const here = cost[i * width + j];
    const same = i && j && a[i - 1] === b[j - 1];
    if (i && j && here === cost[(i - 1) * width + j - 1] + (same ? 0 : 1)) {
      path.push([a[--i], same ? "" : "wrong"]);
      j--;
    } else if (i && here === cost[(i - 1) * width + j] + 1) path.push([a[--i], "wrong"]);
    else path.push([b[--j], "missing"]);
  }
  return path.reverse();
}
