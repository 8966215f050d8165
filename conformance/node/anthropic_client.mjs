// Anthropic's SDK: messages.
import Anthropic from '@anthropic-ai/sdk';
import {
  ABOUT, BUSY, CACHED, HEARD, LIMIT, MODEL, NAMES, OBEYED, PNG64, PROMPT, RESULTS, RETRY_AFTER, SAID, SCHEMAS, SEEN, STORED, SYSTEM,
  THINKING, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, WRITTEN, broken, called, spoken,
} from './asking.mjs';
import { API_KEY, BASE_URL, equal, expect, refused, run, test } from './cases.mjs';

const client = new Anthropic({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const tools = NAMES.map((name) => ({ name, description: ABOUT[name], input_schema: SCHEMAS[name] }));
const thinking = { type: 'enabled', budget_tokens: 1024 };
const user = (content) => ({ role: 'user', content });
const body = (given, options) => ({
  model: MODEL, max_tokens: 2048, messages: Array.isArray(given) ? given : [user(given)], ...options,
});
const asks = {
  whole: (given, options) => client.messages.create(body(given, options)),
  streamed: (given, options) => client.messages.stream(body(given, options)).finalMessage(),
};
const text = (message) => message.content.map((block) => block.text ?? '').join('');
const calls = (message) => message.content.filter((block) => block.type === 'tool_use').map((block) => [block.id, block.name, block.input]);
const results = (message) => user(calls(message).map(([id, name]) => ({ type: 'tool_result', tool_use_id: id, content: RESULTS[name] })));
const again = (message) => ({ role: 'assistant', content: message.content });

function counted(usage, thoughts = 0) {
  equal(usage.input_tokens, PROMPT - CACHED - STORED);
  equal([usage.cache_read_input_tokens ?? 0, usage.cache_creation_input_tokens ?? 0, usage.output_tokens], [CACHED, STORED, WRITTEN]);
  if (thoughts) equal(usage.output_tokens_details?.thinking_tokens, thoughts);
}

spoken('plain', asks, async (ask) => {
  const message = await ask('say hello');
  equal([text(message), message.stop_reason, message.role], [SAID, 'end_turn', 'assistant']);
});

spoken('system', asks, async (ask) => equal(text(await ask('say hello', { system: SYSTEM })), OBEYED));

spoken('turns', asks, async (ask) => {
  const first = await ask('say hello');
  equal(text(await ask([user('say hello'), again(first), user('say hello')])), SAID);
});

spoken('tools', asks, async (ask) => {
  const message = await ask('call', { tools });
  equal(message.stop_reason, 'tool_use');
  called(calls(message));
  equal(text(await ask([user('call'), again(message), results(message)], { tools })), HEARD);
});

spoken('think', asks, async (ask) => {
  const message = await ask('think hello', { thinking });
  equal(message.content.map((block) => block.type), ['thinking', 'text']);
  equal([message.content[0].thinking, text(message)], [THOUGHT, SAID]);
  counted(message.usage, THINKING);
});

spoken('think_tools', asks, async (ask) => {
  const message = await ask('think call', { tools, thinking });
  equal(message.content.map((block) => block.type), ['thinking', 'tool_use', 'tool_use']);
  called(calls(message));
  equal(text(await ask([user('think call'), again(message), results(message)], { tools, thinking })), HEARD);
});

test('image', async () => {
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG64 } };
  equal(text(await asks.whole([user([picture, { type: 'text', text: 'see' }])])), SEEN);
});

spoken('schema', asks, async (ask) => {
  equal(JSON.parse(text(await ask('json', { output_config: { format: { type: 'json_schema', schema: TRIP } } }))), TRIP_SAID);
});

spoken('length', asks, async (ask) => {
  const message = await ask('long', { max_tokens: LIMIT });
  equal([text(message), message.stop_reason, message.usage.output_tokens], [TRUNCATED, 'max_tokens', LIMIT]);
});

spoken('usage', asks, async (ask) => counted((await ask('say hello')).usage));

spoken('error_400', asks, async (ask) => {
  const error = await refused(Anthropic.BadRequestError, () => ask('nonsense'));
  equal(error.error.error.type, 'invalid_request_error');
  expect(error.error.error.message.includes('no answer to'), error.message);
});

// A connection that breaks is the runtime's own error.
test('cut', () => broken(client.messages.create(body('cut', { stream: true })), Error, (event) => event.delta?.text));

spoken('error_429', asks, async (ask) => {
  const error = await refused(Anthropic.RateLimitError, () => ask('fail'));
  equal([error.error.error.type, error.headers.get('retry-after')], ['rate_limit_error', RETRY_AFTER]);
  expect(error.error.error.message.includes(BUSY), error.message);
});

await run('anthropic-node', '@anthropic-ai/sdk');
