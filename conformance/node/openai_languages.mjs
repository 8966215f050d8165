// OpenAI's SDK: chat completions and responses, whatever stands behind.
import OpenAI from 'openai';
import {
  ABOUT, BUSY, CACHED, EMBEDS, HEARD, LIMIT, MODEL, NAMES, OBEYED, PNG64, PROMPT, READ, RESULTS, RETRY_AFTER, SAID, SCHEMAS, SEEN, SYSTEM,
  TEXTS, THINKING, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, VECTORS, VENDOR, WRITTEN, broken, called, spoken,
} from './asking.mjs';
import { API_KEY, BASE_URL, DIRECT, equal, expect, refused, run, test } from './cases.mjs';

const client = new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey: API_KEY, maxRetries: 0 });
const PICTURE = `data:image/png;base64,${PNG64}`;
const user = (content) => ({ role: 'user', content });
const parsed = (calls) => calls.map(([id, name, given]) => [id, name, JSON.parse(given)]);

function completed(completion) {
  const [{ message, finish_reason: stop }] = completion.choices;
  const { usage } = completion;
  return {
    again: [message],
    stop,
    text: message.content ?? '',
    thought: message.reasoning_content ?? message.reasoning ?? '', // DeepSeek's word for it, and Ollama's
    calls: parsed((message.tool_calls ?? []).map((call) => [call.id, call.function.name, call.function.arguments])),
    written: usage?.completion_tokens,
    counts: usage && [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
    details: [usage?.prompt_tokens_details?.cached_tokens ?? 0, usage?.completion_tokens_details?.reasoning_tokens ?? 0],
  };
}

const messages = (given) => (Array.isArray(given) ? given : [user(given)]);
const chat = {
  word: 'chat',
  tools: NAMES.map((name) => ({ type: 'function', function: { name, description: ABOUT[name], parameters: SCHEMAS[name] } })),
  stops: { end: 'stop', calls: 'tool_calls', length: 'length' },
  think: { reasoning_effort: 'high' },
  trip: { response_format: { type: 'json_schema', json_schema: { name: 'trip', schema: TRIP, strict: true } } },
  limit: { max_completion_tokens: LIMIT },
  picture: [{ type: 'image_url', image_url: { url: PICTURE } }, { type: 'text', text: 'see' }],
  result: (id, content) => ({ role: 'tool', tool_call_id: id, content }),
  ordered: (text) => [[{ role: 'system', content: SYSTEM }, user(text)], {}],
  whole: async (given, options) => completed(await client.chat.completions.create({ model: MODEL, messages: messages(given), ...options })),
  // Gathered by the SDK's own helper. What it has no name for it leaves to who asks: of that only the last piece is there.
  streamed: async (given, options) => {
    const body = { model: MODEL, messages: messages(given), stream_options: { include_usage: true }, ...options };
    const deltas = [];
    const stream = client.chat.completions.stream(body).on('chunk', (chunk) => deltas.push(...chunk.choices.map((choice) => choice.delta)));
    const completion = await stream.finalChatCompletion();
    const [{ message }] = completion.choices;
    for (const word of ['reasoning_content', 'reasoning']) {
      if (word in message) message[word] = deltas.map((delta) => delta[word] ?? '').join('');
    }
    if ('thinking_blocks' in message) message.thinking_blocks = deltas.flatMap((delta) => delta.thinking_blocks ?? []);
    return completed(completion);
  },
  pieces: (text) => client.chat.completions.create({ model: MODEL, messages: [user(text)], stream: true }),
  piece: (chunk) => chunk.choices[0]?.delta.content,
};

function responded(response) {
  const { usage } = response;
  const thoughts = response.output.filter((item) => item.type === 'reasoning');
  return {
    again: response.output,
    stop: response.status,
    text: response.output.flatMap((item) => (item.type === 'message' ? item.content : [])).map((part) => part.text).join(''),
    thought: thoughts.flatMap((item) => (item.summary.length ? item.summary : item.content ?? [])).map((part) => part.text).join(''),
    calls: parsed(response.output.filter((item) => item.type === 'function_call').map((item) => [item.call_id, item.name, item.arguments])),
    written: usage.output_tokens,
    counts: [usage.input_tokens, usage.output_tokens, usage.total_tokens],
    details: [usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens],
  };
}

const responses = {
  word: 'responses',
  tools: NAMES.map((name) => ({ type: 'function', name, description: ABOUT[name], parameters: SCHEMAS[name], strict: false })),
  stops: { end: 'completed', calls: 'completed', length: 'incomplete' },
  think: { reasoning: { effort: 'high', summary: 'auto' }, include: ['reasoning.encrypted_content'] },
  trip: { text: { format: { type: 'json_schema', name: 'trip', schema: TRIP, strict: true } } },
  limit: { max_output_tokens: LIMIT },
  picture: [{ type: 'input_image', image_url: PICTURE, detail: 'auto' }, { type: 'input_text', text: 'see' }],
  result: (id, output) => ({ type: 'function_call_output', call_id: id, output }),
  ordered: (text) => [text, { instructions: SYSTEM }],
  whole: async (input, options) => responded(await client.responses.create({ model: MODEL, input, store: false, ...options })),
  // Gathered by the SDK's own helper.
  streamed: async (input, options) => responded(await client.responses.stream({ model: MODEL, input, store: false, ...options }).finalResponse()),
  // A failure is an event here, which a caller must look for.
  async* pieces(input) {
    for await (const event of await client.responses.create({ model: MODEL, input, store: false, stream: true })) {
      if (event.type === 'response.failed') throw new OpenAI.APIError(undefined, undefined, event.response.error.message, undefined);
      yield event;
    }
  },
  piece: (event) => (event.type === 'response.output_text.delta' ? event.delta : ''),
};

function counted(said, thinking = 0) {
  equal(said.counts, [PROMPT, WRITTEN, PROMPT + WRITTEN]);
  equal(said.details, [CACHED, thinking]);
}

async function answered(ask, wire, word, options) {
  const { tools } = wire;
  const said = await ask(word, { tools, ...options });
  equal(said.stop, wire.stops.calls);
  called(said.calls);
  const results = said.calls.map(([id, name]) => wire.result(id, RESULTS[name]));
  equal((await ask([user(word), ...said.again, ...results], { tools, ...options })).text, HEARD);
  return said;
}

// Those who have a door of their own for Responses, or are taken to have one, are asked there, which is not played here.
for (const wire of DIRECT || ['chat', 'deepseek', 'ollama'].includes(VENDOR) ? [chat] : [chat, responses]) {
  const both = (name, check) => spoken(`${wire.word}-${name}`, wire, check);

  both('plain', async (ask) => {
    const said = await ask('say hello');
    equal([said.text, said.stop], [SAID, wire.stops.end]);
  });

  both('system', async (ask) => equal((await ask(...wire.ordered('say hello'))).text, OBEYED));

  both('turns', async (ask) => {
    const first = await ask('say hello');
    equal((await ask([user('say hello'), ...first.again, user('say hello')])).text, SAID);
  });

  both('tools', (ask) => answered(ask, wire, 'call').then(() => ''));

  both('think', async (ask) => {
    const said = await ask('think hello', wire.think);
    equal([said.thought, said.text], [THOUGHT, SAID]);
    counted(said, THINKING);
  });

  both('think_tools', async (ask) => equal((await answered(ask, wire, 'think call', wire.think)).thought, THOUGHT));

  test(`${wire.word}-image`, async () => equal((await wire.whole([user(wire.picture)])).text, SEEN));

  both('schema', async (ask) => equal(JSON.parse((await ask('json', wire.trip)).text), TRIP_SAID));

  test(`${wire.word}-length`, async () => {
    const said = await wire.whole('long', wire.limit);
    equal([said.text, said.stop, said.written], [TRUNCATED, wire.stops.length, LIMIT]);
  });

  both('usage', async (ask) => counted(await ask('say hello')));

  both('error_400', async (ask) => {
    const error = await refused(OpenAI.BadRequestError, () => ask('nonsense'));
    equal(error.type, 'invalid_request_error');
    expect(error.message.includes('no answer to'), error.message);
  });

  test(`${wire.word}-cut`, () => broken(wire.pieces('cut'), Error, wire.piece));

  both('error_429', async (ask) => {
    const error = await refused(OpenAI.RateLimitError, () => ask('fail'));
    equal(error.headers.get('retry-after'), RETRY_AFTER);
    expect(error.message.includes(BUSY), error.message);
  });
}

if (EMBEDS) {
  // The SDK asks for base64 by itself, and gives numbers.
  test('embeddings', async () => {
    const made = await client.embeddings.create({ model: MODEL, input: TEXTS });
    equal(made.data.map((item) => item.embedding), VECTORS);
    equal(made.usage.prompt_tokens, READ);
  });

  test('embeddings-numbers', async () => {
    const made = await client.embeddings.create({ model: MODEL, input: TEXTS[0], encoding_format: 'float', dimensions: 2 });
    equal(made.data.map((item) => item.embedding), [VECTORS[0].slice(0, 2)]);
  });
}

await run('openai-node', 'openai');
