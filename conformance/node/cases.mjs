// What every Node client script shares: where to call, the judge's ledger, and the line printed per case.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

export const { BASE_URL, API_KEY, JUDGE_URL } = process.env;
export const DIRECT = Boolean(process.env.DIRECT);
export const CHECKING = { 'x-conformance': '1' }; // header of calls made straight to the vendor to compare
export const equal = assert.deepEqual;
export const expect = assert.ok;

const cases = [];
let mark = 0;

// Registers a check. It fails by throwing; what it returns is printed as the detail.
export function test(name, check, { gatewayOnly = false } = {}) {
  if (!(gatewayOnly && DIRECT)) cases.push([name, check]);
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// What the vendor saw on this path since the case began.
export async function seen(path, since = mark) {
  const answer = await fetch(`${JUDGE_URL}/_judge/ledger?since=${since}`);
  return (await answer.json()).filter((entry) => entry.path.startsWith(path));
}

// The latest POST the vendor saw on this path.
export async function last(path) {
  const entries = (await seen(path)).filter((entry) => entry.method === 'POST');
  expect(entries.length, `nothing arrived at ${path}`);
  return entries.at(-1);
}

// Waits for the vendor to see its connection closed before its answer was complete.
export async function hungUp(path, within = 1000) {
  const began = Date.now();
  while (Date.now() - began < within) {
    if ((await last(path)).aborted) return `vendor saw the close after ${Date.now() - began} ms`;
    await sleep(20);
  }
  throw new Error(`the vendor's connection is still open after ${within} ms`);
}

// The error a call ends with, which must be of this kind.
export async function refused(kind, call) {
  try {
    await call();
  } catch (error) {
    expect(error instanceof kind, `${kind.name}, not ${error.name}: ${error.message}`);
    expect(DIRECT || !String(error).includes('sk-upstr'), `nothing of the upstream key in ${error}`);
    return error;
  }
  throw new Error('the call succeeded');
}

const CASE_LIMIT = 20_000; // milliseconds

async function tooLong() {
  await sleep(CASE_LIMIT, undefined, { ref: false });
  throw new Error('the case did not end in time');
}

// Runs the cases in order.
export async function run(client, name) {
  const { version } = createRequire(import.meta.url)(`../node_modules/${name}/package.json`);
  for (const [name, check] of cases) {
    mark = JUDGE_URL ? (await seen('', 0)).length : 0; // there is none in languages.py
    let ok = true;
    let detail;
    try {
      detail = await Promise.race([check(), tooLong()]);
    } catch (error) {
      ok = false;
      detail = `${error.name}: ${error.message}`;
    }
    console.log(JSON.stringify({ client, version, case: name, ok, detail: detail ?? '' }));
  }
  process.exit(0);
}
