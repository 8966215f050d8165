// The official Node SDK.
import { randomBytes } from 'node:crypto';
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import {
  API_KEY, BASE_URL, CHECKING, DIRECT, JUDGE_URL, equal, expect, hungUp, last, refused, run, seen, sha256, test,
} from './cases.mjs';

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, timeout: 20_000 });
const vendor = new OpenAI({ baseURL: `${JUDGE_URL}/v1`, apiKey: 'none', defaultHeaders: CHECKING });
const once = { maxRetries: 0 };

const model = 'gpt-4o-mini';
const EMOJI = 'naïve 日本語 مرحبا 👩‍👩‍👧‍👦🏳️‍🌈 \u2028 \\u0041 \x7f';
const ARGUMENTS = '{"city":"Zürich 🏔","days":7}';
const weather = {
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
};
const tools = [{ type: 'function', function: weather }];
const Trip = z.object({ city: z.string(), days: z.number().int(), stops: z.array(z.string()) });
const TRIP = { city: 'Zürich 🏔', days: 7, stops: ['Zürich 🏔'] };

const ask = (text = 'Hello') => [{ role: 'user', content: text }];
const chat = (of, body, options) => of.chat.completions.create({ model, messages: ask(), ...body }, options);

async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function sameStream(body) {
  const raw = async (of) => (await chat(of, { ...body, stream: true }).asResponse()).text();
  const got = await raw(client);
  equal(got, await raw(vendor));
  return got;
}

const bytes = async (response) => Buffer.from(await response.arrayBuffer());

test('chat', async () => {
  const answer = await chat(client);
  equal(answer.choices[0].message.content, 'You said: Hello');
  expect(answer.usage.total_tokens > 0);
  expect(answer._request_id, 'a request id');
});

test('stream', async () => {
  const chunks = await collect(await chat(client, { stream: true }));
  equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), 'You said: Hello');
  equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('stream-usage', async () => {
  const body = { stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(await chat(client, body));
  equal(chunks.at(-1).choices, []);
  expect(chunks.at(-1).usage.total_tokens > 0);
  await sameStream(body);
});

test('stream-no-usage', async () => expect(!(await sameStream()).includes('"usage"'), 'no usage key when nobody asked'));

test('stream-unicode', async () => {
  await sameStream({ model: 'split-bytes', messages: ask(EMOJI) });
});

test('unicode', async () => {
  const answer = await chat(client, { messages: ask(EMOJI) });
  equal(answer.choices[0].message.content, `You said: ${EMOJI}`);
  equal((await last('/v1/chat/completions')).json.messages, ask(EMOJI));
});

test('tools', async () => {
  const [first] = (await chat(client, { tools })).choices;
  const [call] = first.message.tool_calls;
  equal([first.finish_reason, call.function.name, call.function.arguments], ['tool_calls', 'weather', ARGUMENTS]);
  const messages = [...ask(), first.message, { role: 'tool', tool_call_id: call.id, content: 'sun' }];
  equal((await chat(client, { tools, messages })).choices[0].message.content, 'The tool said: sun');
});

test('tools-stream', async () => {
  const answer = await client.chat.completions.stream({ model, messages: ask(), tools }).finalChatCompletion();
  const [call] = answer.choices[0].message.tool_calls;
  equal([call.function.name, call.function.arguments], ['weather', ARGUMENTS]);
});

test('structured', async () => {
  const response_format = zodResponseFormat(Trip, 'trip');
  const answer = await client.chat.completions.parse({ model, messages: ask(), response_format });
  equal(answer.choices[0].message.parsed, TRIP);
});

test('completions', async () => {
  const answer = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'Hello' });
  equal(answer.choices[0].text, 'You said: Hello');
});

test('embeddings-base64', async () => {
  const body = { model: 'text-embedding-3-small', input: ['one', 'two'] };
  const answer = await client.embeddings.create(body);
  equal((await last('/v1/embeddings')).json.encoding_format, 'base64');
  equal(answer.data, (await vendor.embeddings.create(body)).data);
  equal(answer.data[0].embedding.length, 256);
});

test('embeddings-float', async () => {
  const answer = await client.embeddings.create({
    model: 'text-embedding-3-small', input: [[1, 2, 3]], encoding_format: 'float', dimensions: 8,
  });
  equal(answer.data[0].embedding.length, 8);
});

test('files', async () => {
  const data = randomBytes(5 * 2 ** 20);
  const made = await client.files.create({ file: await toFile(data, 'five megabytes ü.bin'), purpose: 'user_data' });
  equal((await last('/v1/files')).files[0].sha256, sha256(data));
  equal((await client.files.retrieve(made.id)).bytes, data.length);
  equal(sha256(await bytes(await client.files.content(made.id))), sha256(data));
  expect((await collect(client.files.list())).some((file) => file.id === made.id), 'the file in the list');
  expect((await client.files.delete(made.id)).deleted);
  await refused(OpenAI.NotFoundError, () => client.files.retrieve(made.id));
});

test('uploads', async () => {
  const pieces = [randomBytes(700_000), randomBytes(700_000)];
  const upload = await client.uploads.create({
    bytes: 1_400_000, filename: 'w.bin', mime_type: 'application/octet-stream', purpose: 'user_data',
  });
  const part_ids = [];
  for (const piece of pieces) {
    const part = await client.uploads.parts.create(upload.id, { data: await toFile(piece, 'part') });
    part_ids.push(part.id);
  }
  const done = await client.uploads.complete(upload.id, { part_ids });
  equal(sha256(await bytes(await client.files.content(done.file.id))), sha256(Buffer.concat(pieces)));
});

test('transcription', async () => {
  const sound = randomBytes(300_000);
  const answer = await client.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(sound, 'a.wav') });
  equal(answer.text, 'Heard 300000 bytes — ça va? 🎧');
  equal((await last('/v1/audio/transcriptions')).files[0].sha256, sha256(sound));
});

test('transcription-stream', async () => {
  const file = await toFile(Buffer.from('abc'), 'a.wav');
  const events = await collect(await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file, stream: true }));
  equal(events.at(-1), { type: 'transcript.text.done', text: 'Heard 3 bytes — ça va? 🎧' });
});

test('speech', async () => {
  const answer = await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello' });
  const sound = Buffer.concat(await collect(answer.body));
  equal(sha256(sound), (await last('/v1/audio/speech')).sent_sha256);
  return `${sound.length} bytes`;
});

test('images', async () => {
  const made = await client.images.generate({ model: 'gpt-image-1', prompt: 'a red dot' });
  expect(Buffer.from(made.data[0].b64_json, 'base64').subarray(1, 4).equals(Buffer.from('PNG')));
  const picture = randomBytes(9_000);
  await client.images.edit({ model: 'gpt-image-1', prompt: 'redder', image: await toFile(picture, 'a.png') });
  equal((await last('/v1/images/edits')).files[0].sha256, sha256(picture));
});

test('images-stream', async () => {
  const body = { model: 'gpt-image-1', prompt: 'a red dot', stream: true, partial_images: 1 };
  const events = await collect(await client.images.generate(body));
  equal(events.map((event) => event.type), ['image_generation.partial_image', 'image_generation.completed']);
});

test('moderations', async () => {
  equal((await client.moderations.create({ input: 'attack' })).results[0].flagged, true);
});

test('models', async () => {
  const names = (await collect(client.models.list())).map((listed) => listed.id);
  for (const name of [model, 'org/slash-model', ...(DIRECT ? [] : ['alias-model'])]) {
    expect(names.some((listed) => listed === name || listed.endsWith(`/${name}`)), `${name} in ${names}`);
  }
  expect((await client.models.retrieve('org/slash-model')).id.endsWith('org/slash-model'));
  await refused(OpenAI.NotFoundError, () => client.models.retrieve('no-such-model'));
});

test('responses', async () => {
  equal((await client.responses.create({ model, input: 'Hello' })).output_text, 'You said: Hello');
});

test('responses-tools', async () => {
  const [call] = (await client.responses.create({ model, input: 'Hello', tools: [{ type: 'function', ...weather }] })).output;
  equal([call.type, call.name, call.arguments], ['function_call', 'weather', ARGUMENTS]);
});

test('responses-structured', async () => {
  const format = zodTextFormat(Trip, 'trip');
  equal((await client.responses.parse({ model, input: 'Hello', text: { format } })).output_parsed, TRIP);
});

test('responses-stream', async () => {
  const events = await collect(await client.responses.create({ model, input: EMOJI, stream: true }));
  equal(events.map((event) => event.sequence_number), [...events.keys()]);
  equal(events.at(-1).type, 'response.completed');
  const texts = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
  equal(texts.join(''), `You said: ${EMOJI}`);
});

test('responses-retrieve', async () => {
  const made = await client.responses.create({ model, input: 'Keep this' });
  equal((await client.responses.retrieve(made.id)).output_text, 'You said: Keep this');
});

test('responses-cancel', async () => {
  const made = await client.responses.create({ model, input: 'Take long', background: true });
  equal((await client.responses.cancel(made.id)).status, 'cancelled');
});

test('responses-delete', async () => {
  const made = await client.responses.create({ model, input: 'Forget this' });
  await client.responses.delete(made.id);
  await refused(OpenAI.NotFoundError, () => client.responses.retrieve(made.id));
});

test('alias-model', async () => {
  equal((await chat(client, { model: 'alias-model' })).choices[0].message.content, 'You said: Hello');
  equal((await last('/v1/chat/completions')).json.model, model);
}, { gatewayOnly: true });

test('cancel', async () => {
  let count = 0;
  for await (const _ of await chat(client, { model: 'slow', stream: true })) if (++count === 3) break;
  return hungUp('/v1/chat/completions');
});

test('cancel-waiting', async () => {
  const signal = AbortSignal.timeout(500);
  await refused(OpenAI.APIUserAbortError, () => chat(client, { model: 'hang' }, { signal }));
  return hungUp('/v1/chat/completions');
});

test('retries', async () => {
  equal((await chat(client, { model: 'fail-429-once' })).choices[0].message.content, 'You said: Hello');
  equal((await seen('/v1/chat/completions')).map((entry) => entry.status), [429, 200]);
});

test('error-400', async () => {
  const error = await refused(OpenAI.BadRequestError, () => chat(client, { model: 'fail-400' }, once));
  equal([error.param, error.code], ['judged', 'unsupported_parameter']);
});

test('error-404', async () => {
  const error = await refused(OpenAI.NotFoundError, () => chat(client, { model: 'fail-404' }, once));
  expect(error.message.includes('says the vendor'), error.message);
});

test('error-500', async () => {
  await refused(OpenAI.InternalServerError, () => chat(client, { model: 'fail-500-always' }, once));
});

test('error-401', async () => {
  const kind = DIRECT ? OpenAI.AuthenticationError : OpenAI.InternalServerError; // the operator's key is bad, not the caller's
  const error = await refused(kind, () => chat(client, { model: 'fail-401' }, once));
  if (!DIRECT) expect(JSON.stringify(error.error).includes('upstream_auth_failed'), error.message);
});

test('error-mid-stream', async () => {
  const error = await refused(OpenAI.APIError, async () => collect(await chat(client, { model: 'stream-error', stream: true })));
  expect(String(error.message).includes('says the vendor'), error.message);
});

test('error-cut-stream', async () => {
  const error = await refused(Error, async () => collect(await chat(client, { model: 'stream-cut', stream: true })));
  return error.message;
});

await run('openai-node', 'openai');
