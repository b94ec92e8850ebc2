/** Numbers in JSON text that a double would round. */

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;
const isExponentMark = (code: number): boolean => (code | 0x20) === 0x65;

/** A decimal literal as its sign, its digits without outer zeros, and the place of the first digit: equal texts are equal numbers. */
const canonicalNumber = (literal: string): string => {
  let digits = "";
  let place = 0;
  let seenDot = false;
  let at = literal.charCodeAt(0) === MINUS ? 1 : 0;
  for (; at < literal.length && !isExponentMark(literal.charCodeAt(at)); at += 1) {
    const code = literal.charCodeAt(at);
    if (code === DOT) seenDot = true;
    else if (code !== ZERO || digits !== "") {
      digits += literal[at];
      if (!seenDot) place += 1;
    } else if (seenDot) place -= 1;
  }
  if (digits === "") return "0";
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end -= 1;
  const exponent = at < literal.length ? Number(literal.slice(at + 1)) : 0;
  return `${literal.charCodeAt(0) === MINUS ? "-" : ""}${digits.slice(0, end)}e${place + exponent}`;
};

/** So many digits survive in every double that is no subnormal, and here a sign and a dot count, too. */
const SAFE_CHARACTERS = 15;
const SMALLEST_SAFE = 1e-290;

/** @param mantissa - the number of characters before the exponent */
const survives = (literal: string, mantissa: number): boolean => {
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  if (mantissa <= SAFE_CHARACTERS && Math.abs(value) >= SMALLEST_SAFE) return true;
  const written = String(value);
  return written === literal || canonicalNumber(written) === canonicalNumber(literal);
};

/** Where the scan is: for each container around it an index, or of an object -1 minus the offset of the key. */
type Place = number[];

const pathOf = (text: string, place: Place): (string | number)[] =>
  place.map((token) =>
    token >= 0 ? token : (JSON.parse(text.slice(-1 - token, endOfString(text, -1 - token))) as string),
  );

/** After the closing quote of the string that begins at `from`. */
const endOfString = (text: string, from: number): number => {
  let at = from + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1;
  return at + 1;
};

/**
 * Where numbers stand in a JSON text that a double can't keep, as 1e400 or 12345678901234567890: in the order of the text, of a repeated key each value. One
 * pass over the text, a few nanoseconds a character whatever it says: a reviver of JSON.parse takes 1.6 s for 5 MB of `1e1,`.
 *
 * @param text - JSON.parse has taken it
 * @param most - ends the pass when it has found so many
 * @param deepest - a path has at most so many tokens, and leads to a container around the number then
 */
export const roundedNumbers = (text: string, most: number, deepest: number): (string | number)[][] => {
  const found: (string | number)[][] = [];
  const place: Place = [];
  let key = 0;
  let at = 0;
  while (at < text.length && found.length < most) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      key = at;
      at = endOfString(text, at);
      continue;
    }
    if (isDigit(code) || code === MINUS) {
      const from = at;
      let mantissa = 0;
      for (let part = code; isDigit(part) || part === DOT || part === MINUS || part === PLUS || isExponentMark(part);) {
        if (isExponentMark(part)) mantissa = at - from;
        at += 1;
        part = text.charCodeAt(at);
      }
      const isPlain = mantissa === 0 && at - from <= SAFE_CHARACTERS;
      if (!isPlain) {
        const literal = text.slice(from, at);
        if (!survives(literal, mantissa || literal.length)) found.push(pathOf(text, place.slice(0, deepest)));
      }
      continue;
    }
    if (code === OPEN_LIST) place.push(0);
    else if (code === OPEN_OBJECT) place.push(-1);
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) place.pop();
    else if (code === COLON) place[place.length - 1] = -1 - key;
    else if (code === COMMA && place[place.length - 1]! >= 0) place[place.length - 1]! += 1;
    at += 1;
  }
  return found;
};
