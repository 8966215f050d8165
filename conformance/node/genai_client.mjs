// Google's SDK: generateContent.
import { ApiError, GoogleGenAI } from '@google/genai';
import {
  ABOUT, BUSY, CACHED, LIMIT, MODEL, NAMES, OBEYED, PNG64, PROMPT, RESULTS, SAID, SCHEMAS, SEEN, SYSTEM, THINKING, THOUGHT, TRIP,
  TRIP_SAID, TRUNCATED, WRITTEN, broken, called, spoken,
} from './asking.mjs';
import { API_KEY, BASE_URL, equal, expect, refused, run, test } from './cases.mjs';

const client = new GoogleGenAI({ apiKey: API_KEY, httpOptions: { baseUrl: BASE_URL } });
const tools = [{
  functionDeclarations: NAMES.map((name) => ({ name, description: ABOUT[name], parametersJsonSchema: SCHEMAS[name] })),
}];
const thinkingConfig = { includeThoughts: true, thinkingBudget: 1024 };
const user = (text) => ({ role: 'user', parts: [{ text }] });

// An answer: its parts joined, why it ended, what it cost.
function heard(chunks) {
  const candidates = chunks.flatMap((chunk) => chunk.candidates ?? []);
  const parts = candidates.flatMap((candidate) => candidate.content?.parts ?? []).filter((part) => part.text !== '' || part.thoughtSignature);
  const joined = (wanted) => parts.filter((part) => part.text && Boolean(part.thought) === wanted).map((part) => part.text).join('');
  const reasons = candidates.map((candidate) => candidate.finishReason).filter(Boolean);
  return {
    content: { role: 'model', parts },
    text: joined(false),
    thought: joined(true),
    calls: parts.filter((part) => part.functionCall).map((part) => part.functionCall),
    reason: reasons.length === 1 ? reasons[0] : reasons,
    usage: chunks.map((chunk) => chunk.usageMetadata).filter(Boolean).at(-1),
  };
}

async function gathered(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return heard(chunks);
}

const body = (contents, config) => ({ model: MODEL, contents, config });
const asks = {
  whole: async (contents, config) => heard([await client.models.generateContent(body(contents, config))]),
  streamed: (contents, config) => gathered(client.models.generateContentStream(body(contents, config))),
};

// An answer to each call, by its id if it has one.
const results = (calls) => ({
  role: 'user', parts: calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { result: RESULTS[name] } } })),
});

async function answered(ask, word, config) {
  const said = await ask(word, config);
  equal(said.reason, 'STOP');
  called(said.calls.map((call, nth) => [nth + 1, call.name, call.args]));
  const { text } = await ask([user(word), said.content, results(said.calls)], config);
  // What wraps a result is the vendor's to see; the words must be there, each with its call.
  const [first, second] = text.split('clock=');
  expect(first.startsWith('Heard: weather=') && first.includes(RESULTS.weather) && second.includes(RESULTS.clock), text);
  return said;
}

function counted(usage, thinking = 0) {
  equal([usage.promptTokenCount, usage.cachedContentTokenCount ?? 0], [PROMPT, CACHED]);
  equal(
    [usage.candidatesTokenCount, usage.thoughtsTokenCount ?? 0, usage.totalTokenCount],
    [WRITTEN - thinking, thinking, PROMPT + WRITTEN],
  );
}

spoken('plain', asks, async (ask) => {
  const said = await ask('say hello');
  equal([said.text, said.reason], [SAID, 'STOP']);
});

spoken('system', asks, async (ask) => equal((await ask('say hello', { systemInstruction: SYSTEM })).text, OBEYED));

spoken('turns', asks, async (ask) => {
  const first = await ask('say hello');
  equal((await ask([user('say hello'), first.content, user('say hello')])).text, SAID);
});

test('chat', async () => {
  const chat = client.chats.create({ model: MODEL, history: [] });
  equal((await chat.sendMessage({ message: 'say hello' })).text, SAID);
  equal((await chat.sendMessage({ message: 'say hello' })).text, SAID);
});

spoken('tools', asks, (ask) => answered(ask, 'call', { tools }).then(() => ''));

spoken('think', asks, async (ask) => {
  const said = await ask('think hello', { thinkingConfig });
  equal([said.thought, said.text], [THOUGHT, SAID]);
  counted(said.usage, THINKING);
});

spoken('think_tools', asks, async (ask) => equal((await answered(ask, 'think call', { tools, thinkingConfig })).thought, THOUGHT));

test('image', async () => {
  const parts = [{ inlineData: { mimeType: 'image/png', data: PNG64 } }, { text: 'see' }];
  equal((await asks.whole([{ role: 'user', parts }])).text, SEEN);
});

spoken('schema', asks, async (ask) => {
  equal(JSON.parse((await ask('json', { responseMimeType: 'application/json', responseJsonSchema: TRIP })).text), TRIP_SAID);
});

// Its own kind of schema.
spoken('own_schema', asks, async (ask) => {
  const responseSchema = { type: 'OBJECT', properties: { city: { type: 'STRING' }, days: { type: 'INTEGER' } }, required: ['city', 'days'] };
  equal(JSON.parse((await ask('json', { responseMimeType: 'application/json', responseSchema })).text), TRIP_SAID);
});

spoken('length', asks, async (ask) => {
  const said = await ask('long', { maxOutputTokens: LIMIT });
  equal([said.text, said.reason, said.usage.candidatesTokenCount], [TRUNCATED, 'MAX_TOKENS', LIMIT]);
});

spoken('usage', asks, async (ask) => counted((await ask('say hello')).usage));

spoken('error_400', asks, async (ask) => {
  const error = await refused(ApiError, () => ask('nonsense'));
  equal(error.status, 400);
  expect(error.message.includes('no answer to') && error.message.includes('INVALID_ARGUMENT'), error.message);
});

// A connection that breaks is the runtime's own error.
test('cut', () => broken(client.models.generateContentStream(body('cut')), Error, (chunk) => chunk.text));

spoken('error_429', asks, async (ask) => {
  const error = await refused(ApiError, () => ask('fail'));
  equal(error.status, 429);
  expect(error.message.includes(BUSY) && error.message.includes('RESOURCE_EXHAUSTED'), error.message);
});

await run('google-genai-node', '@google/genai');
