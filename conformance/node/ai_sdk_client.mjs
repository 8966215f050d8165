// The AI SDK with its OpenAI provider: Responses by default, chat when asked.
import { createOpenAI } from '@ai-sdk/openai';
import {
  embedMany, experimental_generateSpeech as generateSpeech, experimental_transcribe as transcribe, generateImage, generateObject,
  generateText, stepCountIs, streamObject, streamText, tool,
} from 'ai';
import { z } from 'zod';
import { API_KEY, BASE_URL, equal, expect, hungUp, last, run, seen, sha256, test } from './cases.mjs';

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const schema = z.object({ city: z.string(), days: z.number().int() });
const TRIP = { city: 'Zürich 🏔', days: 7 };
const tools = {
  weather: tool({
    description: 'The weather somewhere',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `sun in ${city}`,
  }),
};
const prompt = 'Hello';

for (const [wire, pick, path] of [
  ['responses', openai, '/v1/responses'],
  ['chat', openai.chat, '/v1/chat/completions'],
]) {
  const model = pick('gpt-4o-mini');

  test(`${wire}-text`, async () => {
    const answer = await generateText({ model, prompt: 'Hello 🏔' });
    equal(answer.text, 'You said: Hello 🏔');
    expect(answer.usage.totalTokens > 0);
    equal((await last('/v1/')).path, path);
  });

  test(`${wire}-stream`, async () => {
    const answer = streamText({ model, prompt });
    let text = '';
    for await (const piece of answer.textStream) text += piece;
    equal(text, 'You said: Hello');
    expect((await answer.usage).totalTokens > 0);
  });

  test(`${wire}-tools`, async () => {
    const answer = await generateText({ model, prompt, tools, stopWhen: stepCountIs(3) });
    equal(answer.steps[0].toolResults[0].output, 'sun in Zürich 🏔');
    expect(answer.text.includes('sun in Zürich'), answer.text);
  });

  test(`${wire}-tools-stream`, async () => {
    const answer = streamText({ model, prompt, tools, stopWhen: stepCountIs(3) });
    expect((await answer.text).includes('sun in Zürich'), await answer.text);
  });

  test(`${wire}-object`, async () => equal((await generateObject({ model, prompt, schema })).object, TRIP));

  test(`${wire}-object-stream`, async () => {
    const answer = streamObject({ model, prompt, schema });
    for await (const _ of answer.partialObjectStream);
    equal(await answer.object, TRIP);
  });
}

test('embeddings', async () => {
  const answer = await embedMany({ model: openai.embedding('text-embedding-3-small'), values: ['one', 'two'] });
  equal(answer.embeddings.map((vector) => vector.length), [256, 256]);
});

test('image', async () => {
  const answer = await generateImage({ model: openai.image('gpt-image-1'), prompt });
  equal(answer.image.mediaType, 'image/png');
});

test('transcription', async () => {
  const answer = await transcribe({ model: openai.transcription('whisper-1'), audio: Buffer.from('abc') });
  equal(answer.text, 'Heard 3 bytes — ça va? 🎧');
});

test('speech', async () => {
  const answer = await generateSpeech({ model: openai.speech('tts-1'), text: prompt });
  equal(sha256(answer.audio.uint8Array), (await last('/v1/audio/speech')).sent_sha256);
});

test('retries', async () => {
  equal((await generateText({ model: openai.chat('fail-429-once'), prompt })).text, 'You said: Hello');
  equal((await seen('/v1/chat/completions')).map((entry) => entry.status), [429, 200]);
});

test('cancel', async () => {
  const stop = new AbortController();
  const answer = streamText({ model: openai.chat('slow'), prompt, abortSignal: stop.signal, onError() {} });
  let count = 0;
  try {
    for await (const _ of answer.textStream) if (++count === 3) stop.abort();
  } catch (error) {
    equal(error.name, 'AbortError');
  }
  return hungUp('/v1/chat/completions');
});

test('error-404', async () => {
  const error = await generateText({ model: openai.chat('fail-404'), prompt }).catch((failure) => failure);
  equal([error.statusCode, error.message], [404, 'No such model, says the vendor.']);
});

await run('ai-sdk', 'ai');
