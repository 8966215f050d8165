// The OpenAI Agents SDK for Node.
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run as runAgent, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';
import { API_KEY, BASE_URL, equal, run, seen, test } from './cases.mjs';

setTracingDisabled(true);
const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const weather = tool({
  name: 'weather',
  description: 'The weather somewhere',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `sun in ${city}`,
});
const ANSWER = 'The tool said: sun in Zürich 🏔';

function agent(Model, options) {
  return new Agent({ name: 'Judge', instructions: 'Be brief.', model: new Model(client, 'gpt-4o-mini'), ...options });
}

for (const [suffix, Model, path] of [
  ['', OpenAIResponsesModel, '/v1/responses'],
  ['-chat', OpenAIChatCompletionsModel, '/v1/chat/completions'],
]) {
  test(`run-tool${suffix}`, async () => {
    equal((await runAgent(agent(Model, { tools: [weather] }), 'Hello')).finalOutput, ANSWER);
    equal((await seen(path)).map((entry) => entry.status), [200, 200]);
  });

  test(`run-tool${suffix}-stream`, async () => {
    const result = await runAgent(agent(Model, { tools: [weather] }), 'Hello', { stream: true });
    let count = 0;
    for await (const _ of result) count += 1;
    equal(result.finalOutput, ANSWER);
    return `${count} events`;
  });
}

test('run-structured', async () => {
  const outputType = z.object({ city: z.string(), days: z.number().int() });
  equal((await runAgent(agent(OpenAIResponsesModel, { outputType }), 'Hello')).finalOutput, { city: 'Zürich 🏔', days: 7 });
});

await run('openai-agents-node', '@openai/agents');
