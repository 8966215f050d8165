// What is asked of every vendor, and what must be heard, whatever SDK asks: the other side of wires/script.py. As python/asking.py.
import { equal, expect, test } from './cases.mjs';

export const { VENDOR, MODEL } = process.env;

export const GREETING = 'Grüße 🏔 — ça va?';
export const THOUGHT = 'Let me see … 你好. This is easy, and not short either.';
export const SYSTEM = 'Be brief, bitte';
export const LIMIT = 16;

export const SAID = `You said hello. ${GREETING}`;
export const OBEYED = `${SAID} By order: ${SYSTEM}.`;
export const GIVEN = { weather: { city: 'Zürich 🏔', days: 3 }, clock: { zone: 'Europe/Zurich', exact: true } };
export const RESULTS = { weather: 'sun ☀ and 21°', clock: 'half past twelve' };
export const HEARD = `Heard: weather=${RESULTS.weather}; clock=${RESULTS.clock}`;
export const TRUNCATED = `A long text of at most ${LIMIT} tokens which`;
export const CUT = 'This will not be ended, and here it';
export const BUSY = 'Too many requests: wait a moment.';
export const RETRY_AFTER = '1';

// A picture of one pixel.
export const PNG64 = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const SEEN = `I see image/png of ${Buffer.from(PNG64, 'base64').length} bytes.`;

export const TRIP = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
  additionalProperties: false,
};
export const TRIP_SAID = { city: 'Zürich 🏔', days: 7 };

// Who makes vectors; the other side of wires/vectors.py.
export const EMBEDS = ['chat', 'gemini', 'cohere', 'ollama'].includes(VENDOR);
export const TEXTS = ['one', 'two', 'Grüße 🏔'];
export const READ = 7;
const sum = (text) => Buffer.from(text).reduce((all, byte) => all + byte, 0);
export const VECTORS = TEXTS.map((text) => [1, 2, 3, 4].map((factor) => ((sum(text) * factor) % 997) / 512));

export const ABOUT = { weather: 'The weather somewhere', clock: 'The time somewhere' };
export const SCHEMAS = {
  weather: {
    type: 'object',
    properties: { city: { type: 'string', description: 'where' }, days: { type: 'integer', minimum: 1, maximum: 14 } },
    required: ['city'],
    additionalProperties: false,
  },
  clock: {
    type: 'object',
    properties: { zone: { type: 'string' }, exact: { anyOf: [{ type: 'boolean' }, { type: 'null' }], default: null } },
    required: ['zone', 'exact'],
  },
};
export const NAMES = Object.keys(GIVEN);

export const PROMPT = 120;
export const WRITTEN = 30;
export const CACHED = VENDOR === 'ollama' ? 0 : 100;
export const STORED = ['messages', 'older', 'converse'].includes(VENDOR) ? 8 : 0;
export const THINKING = ['converse', 'cohere', 'ollama'].includes(VENDOR) ? 0 : 10;

// Two calls, as [id, name, arguments], with different ids.
export function called(calls) {
  equal(calls.map(([, name, given]) => [name, given]), Object.entries(GIVEN));
  expect(calls.every(([id]) => id) && calls[0][0] !== calls[1][0], 'two ids');
}

// A stream that breaks off: what was said before arrives, then it is an error.
export async function broken(pieces, kind, text) {
  let said = '';
  try {
    for await (const piece of await pieces) said += text(piece) ?? '';
  } catch (error) {
    expect(error instanceof kind, `${error.name}: ${error.message}`);
    expect(said && CUT.startsWith(said), said);
    return `${error.constructor.name} after '${said}'`;
  }
  throw new Error(`the stream ended as if it were whole, with '${said}'`);
}

// The same case, asked for as a whole and as a stream.
export function spoken(name, asks, check) {
  test(name, () => check(asks.whole));
  test(`${name}-stream`, () => check(asks.streamed));
}
