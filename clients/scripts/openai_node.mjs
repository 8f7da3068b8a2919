// openai-node: chat completions, tools, JSON, Responses.

import OpenAI from "openai";
import { ARGUMENTS, KEY, MODEL, V1, WEATHER, all, assert, check, directed, holds, main, refused, thinkingModel, wanting } from "./checks.mjs";

const client = new OpenAI({ baseURL: V1, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const said = (content) => [{ role: "user", content }];
const ask = (content, more = {}) => client.chat.completions.create({ model: MODEL, messages: said(content), ...more });
const tool = { type: "function", function: { name: "get_weather", description: "Weather", parameters: WEATHER } };
const flat = { type: "function", name: "get_weather", description: "Weather", parameters: WEATHER, strict: true };
const broken = directed("x".repeat(200), { fault: { what: "truncate", args: { texts: 5 } } });
const person = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };

check("chat: models", async () => {
  const found = await all(client.models.list());
  assert.ok(found.some((model) => model.id === MODEL));
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
});

check("chat: whole, with usage", async () => {
  const answer = await ask("bonjour");
  holds(answer.choices[0].message.content, "bonjour");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.ok(answer.usage.prompt_tokens && answer.usage.completion_tokens);
});

check("chat: streamed, with usage", async () => {
  const chunks = await all(await ask("bonjour", { stream: true, stream_options: { include_usage: true } }));
  holds(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "bonjour");
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
  assert.ok(chunks.at(-1).usage.total_tokens);
});

check("chat: the stream helper", async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: said("bonjour") });
  const pieces = [];
  stream.on("content", (piece) => pieces.push(piece));
  holds(await stream.finalContent(), "bonjour");
  assert.equal(pieces.join(""), await stream.finalContent());
});

check("chat: thinking", async () => {
  const model = await thinkingModel();
  const answer = await ask("bonjour", { model });
  holds(answer.choices[0].message.reasoning_content, "thinking");
  const chunks = await all(await ask("bonjour", { model, stream: true }));
  holds(chunks.map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "").join(""), "thinking");
});

check("chat: errors by their kind", async () => {
  const error = await refused(() => ask("x", { model: "no-such-model" }));
  assert.ok(error instanceof OpenAI.NotFoundError, error);
  assert.equal(error.code, "model_not_found");
  assert.ok((await refused(() => ask("x", { n: 3 }))) instanceof OpenAI.BadRequestError);
  const stranger = new OpenAI({ baseURL: V1, apiKey: "sk-wrong", maxRetries: 0 });
  assert.ok((await refused(() => stranger.models.list())) instanceof OpenAI.AuthenticationError);
  assert.ok(error.requestID);
});

check("chat: an answer that breaks off is an error", async () => {
  const error = await refused(async () => all(await ask(broken, { stream: true })));
  assert.ok(error instanceof OpenAI.APIError, error);
});

check("chat: aborted by the client", async () => {
  const stream = await ask(directed("x", { events: 500, delay: 0.05 }), { stream: true });
  for await (const _ of stream) {
    stream.controller.abort();
    break;
  }
  holds((await ask("bonjour")).choices[0].message.content, "bonjour");
});

check("tools: run by the helper until the answer", async () => {
  const results = [];
  const runner = client.chat.completions.runTools({
    model: MODEL,
    messages: said(wanting("get_weather", ARGUMENTS)),
    tools: [{ type: "function", function: { ...tool.function, parse: JSON.parse, function: (args) => (results.push(args), "21 degrees") } }],
  });
  holds(await runner.finalContent(), "21 degrees");
  assert.deepEqual(results, [ARGUMENTS]);
});

check("tools: the same, streamed", async () => {
  const runner = client.chat.completions.runTools({
    model: MODEL,
    stream: true,
    messages: said(wanting("get_weather", ARGUMENTS)),
    tools: [{ type: "function", function: { ...tool.function, parse: JSON.parse, function: () => "21 degrees" } }],
  });
  holds(await runner.finalContent(), "21 degrees");
});

check("tools: required", async () => {
  const answer = await ask("hello", { tools: [tool], tool_choice: "required" });
  assert.equal(answer.choices[0].message.tool_calls[0].function.name, "get_weather");
});

check("JSON: json_schema", async () => {
  const form = { type: "json_schema", json_schema: { name: "person", strict: true, schema: person } };
  const answer = await client.chat.completions.parse({ model: MODEL, messages: said("a person"), response_format: form });
  assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)).sort(), ["age", "name"]);
});

check("Responses: whole", async () => {
  const answer = await client.responses.create({ model: MODEL, input: "bonjour", instructions: "be brief" });
  holds(answer.output_text, "bonjour");
  assert.ok(answer.usage.input_tokens && answer.usage.output_tokens);
});

check("Responses: streamed", async () => {
  const events = await all(await client.responses.create({ model: MODEL, input: "bonjour", stream: true }));
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
  holds(events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""), "bonjour");
});

check("Responses: the stream helper", async () => {
  const stream = client.responses.stream({ model: MODEL, input: "bonjour" });
  holds((await stream.finalResponse()).output_text, "bonjour");
});

check("Responses: thinking", async () => {
  const answer = await client.responses.create({ model: await thinkingModel(), input: "bonjour" });
  assert.deepEqual(answer.output.map((item) => item.type), ["reasoning", "message"]);
});

check("Responses: a tool call and its result", async () => {
  const question = said(wanting("get_weather", ARGUMENTS));
  const first = await client.responses.create({ model: MODEL, input: question, tools: [flat] });
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual(JSON.parse(call.arguments), ARGUMENTS);
  const result = { type: "function_call_output", call_id: call.call_id, output: "21 degrees" };
  const second = await client.responses.create({ model: MODEL, input: [...question, ...first.output, result], tools: [flat] });
  holds(second.output_text, "21 degrees");
});

check("Responses: an answer that breaks off is an error", async () => {
  let last;
  try {
    last = (await all(await client.responses.create({ model: MODEL, input: broken, stream: true }))).at(-1).type;
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, error);
    return;
  }
  assert.ok(["response.failed", "error"].includes(last), last);
});

await main();
