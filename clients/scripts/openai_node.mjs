// openai-node: chat completions, tools, JSON, Responses.

import { setTimeout as delay } from "node:timers/promises";

import OpenAI from "openai";
import { ARGUMENTS, ASKED, KEY, MODEL, TEXT, V1, WEATHER, all, assert, check, counted, directed, holds, leftStreams, main, refused, thinkingModel, wanting, webOnly } from "./checks.mjs";

const client = new OpenAI({ baseURL: V1, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const said = (content) => [{ role: "user", content }];
const ask = (content, more = {}) => client.chat.completions.create({ model: MODEL, messages: said(content), ...more });
const tool = { type: "function", function: { name: "get_weather", description: "Weather", parameters: WEATHER } };
const flat = { type: "function", name: "get_weather", description: "Weather", parameters: WEATHER, strict: true };
const broken = directed("x".repeat(200), { fault: { what: "truncate", args: { texts: 5 } } });
const cities = ["Paris", "Rome"];
const both = directed("Look.", { calls: cities.map((city) => ({ name: "get_weather", arguments: { city, days: 1 } })) });
const person = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };

check("chat: models", async () => {
  const found = await all(client.models.list());
  assert.ok(found.some((model) => model.id === MODEL));
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
});

check("chat: whole, with usage", async () => {
  const answer = await ask(ASKED);
  assert.equal(answer.choices[0].message.content, TEXT);
  assert.equal(answer.choices[0].finish_reason, "stop");
  counted(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens);
});

check("chat: streamed, with usage", async () => {
  const chunks = await all(await ask(ASKED, { stream: true, stream_options: { include_usage: true } }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), TEXT);
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
  const { prompt_tokens, completion_tokens, total_tokens } = chunks.at(-1).usage;
  counted(prompt_tokens, completion_tokens, total_tokens);
});

check("chat: the stream helper", async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: said(ASKED) });
  const pieces = [];
  stream.on("content", (piece) => pieces.push(piece));
  assert.equal(await stream.finalContent(), TEXT);
  assert.equal(pieces.join(""), TEXT);
});

check("chat: thinking", async () => {
  const model = await thinkingModel();
  const { message } = (await ask(ASKED, { model })).choices[0];
  holds(message.reasoning_content, "thinking");
  assert.equal(message.content, TEXT);
  const chunks = await all(await ask(ASKED, { model, stream: true }));
  const said = (field) => chunks.map((chunk) => chunk.choices[0]?.delta[field] ?? "").join("");
  assert.deepEqual([said("reasoning_content"), said("content")], [message.reasoning_content, TEXT]);
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
  const before = await leftStreams();
  const stream = await ask(directed("x", { events: 500, delay: 0.05 }), { stream: true });
  for await (const _ of stream) {
    stream.controller.abort();
    break;
  }
  while ((await leftStreams()) === before) await delay(50); // the script is bounded in time
});

check("chat: max_tokens and stop", async () => {
  assert.equal((await ask("bonjour", { max_tokens: 5 })).choices[0].finish_reason, "length");
  const [{ message }] = (await ask(directed("count", { text: "one two three four" }), { stop: ["three"] })).choices;
  assert.equal(message.content.trim(), "one two");
});

check("tools: streamed, two calls at once", async () => {
  const chunks = await all(await ask(both, { tools: [tool], stream: true }));
  const pieces = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  assert.deepEqual([...new Set(pieces.map((piece) => piece.index))], [0, 1]);
  for (const [index, city] of cities.entries()) {
    const [first, ...rest] = pieces.filter((piece) => piece.index === index);
    assert.deepEqual([first.type, first.function.name, typeof first.id], ["function", "get_weather", "string"]);
    assert.ok(rest.every((piece) => !piece.id && !piece.type && !piece.function.name), "an id, type or name came twice");
    assert.equal(JSON.parse([first, ...rest].map((piece) => piece.function.arguments).join("")).city, city);
  }
  assert.equal(new Set(pieces.filter((piece) => piece.id).map((piece) => piece.id)).size, 2);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "");
  assert.deepEqual(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean), ["tool_calls"]);
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

check("tools: required, a named one, none", async () => {
  for (const tool_choice of ["required", { type: "function", function: { name: "get_weather" } }]) {
    const { finish_reason, message } = (await ask("hello", { tools: [tool], tool_choice })).choices[0];
    assert.deepEqual([finish_reason, message.content || ""], ["tool_calls", ""]);
    assert.deepEqual(message.tool_calls.map((call) => [call.type, call.function.name]), [["function", "get_weather"]]);
    assert.ok(message.tool_calls[0].id);
  }
  const { finish_reason } = (await ask(wanting("get_weather", ARGUMENTS), { tools: [tool], tool_choice: "none" })).choices[0];
  assert.equal(finish_reason, "stop");
});

check("JSON: json_object", async () => {
  const answer = await ask("a JSON object", { response_format: { type: "json_object" } });
  assert.equal(typeof JSON.parse(answer.choices[0].message.content), "object");
});

check("JSON: json_schema", async () => {
  const form = { type: "json_schema", json_schema: { name: "person", strict: true, schema: person } };
  const answer = await client.chat.completions.parse({ model: MODEL, messages: said("a person"), response_format: form });
  assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)).sort(), ["age", "name"]);
});

check("Responses: whole, with usage", async () => {
  const answer = await client.responses.create({ model: MODEL, input: ASKED, instructions: "be brief" });
  assert.deepEqual([answer.output_text, answer.status], [TEXT, "completed"]);
  counted(answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens);
});

check("Responses: streamed", async () => {
  const events = await all(await client.responses.create({ model: MODEL, input: ASKED, stream: true }));
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
  assert.equal(events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""), TEXT);
  assert.deepEqual(events.filter((event) => event.type === "response.output_text.done").map((event) => event.text), [TEXT]);
  const { usage } = events.at(-1).response;
  counted(usage.input_tokens, usage.output_tokens, usage.total_tokens);
});

check("Responses: the stream helper", async () => {
  const stream = client.responses.stream({ model: MODEL, input: ASKED });
  assert.equal((await stream.finalResponse()).output_text, TEXT);
});

check("Responses: thinking", async () => {
  const answer = await client.responses.create({ model: await thinkingModel(), input: ASKED });
  assert.deepEqual(answer.output.map((item) => item.type), ["reasoning", "message"]);
  holds(answer.output[0].summary[0].text, "thinking");
  assert.equal(answer.output_text, TEXT);
});

check("Responses: a tool call and its result", async () => {
  const question = said(wanting("get_weather", ARGUMENTS));
  const first = await client.responses.create({ model: MODEL, input: question, tools: [flat] });
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual([call.name, JSON.parse(call.arguments), first.output_text], ["get_weather", ARGUMENTS, ""]);
  const result = { type: "function_call_output", call_id: call.call_id, output: "21 degrees" };
  const second = await client.responses.create({ model: MODEL, input: [...question, ...first.output, result], tools: [flat] });
  holds(second.output_text, "21 degrees");
});

check("Responses: streamed, two calls at once", async () => {
  const events = await all(await client.responses.create({ model: MODEL, input: both, tools: [flat], stream: true }));
  const of = (type) => events.filter((event) => event.type === `response.${type}`);
  const added = of("output_item.added").filter((event) => event.item.type === "function_call");
  assert.equal(added.length, 2);
  for (const [number, city] of cities.entries()) {
    const { item, output_index } = added[number];
    const deltas = of("function_call_arguments.delta").filter((event) => event.item_id === item.id);
    const [done] = of("function_call_arguments.done").filter((event) => event.item_id === item.id);
    assert.ok(deltas.every((event) => event.output_index === output_index));
    assert.equal(deltas.map((event) => event.delta).join(""), done.arguments);
    assert.deepEqual([item.name, JSON.parse(done.arguments).city], ["get_weather", city]);
  }
  const calls = events.at(-1).response.output.filter((item) => item.type === "function_call");
  assert.deepEqual(calls.map((item) => item.call_id), added.map((event) => event.item.call_id));
  assert.equal(new Set(calls.map((item) => item.call_id)).size, 2);
});

check("Responses: parsed by the schema", async () => {
  const format = { type: "json_schema", name: "person", strict: true, schema: person };
  const answer = await client.responses.parse({ model: MODEL, input: "a person", text: { format } });
  assert.deepEqual(Object.keys(answer.output_parsed).sort(), ["age", "name"]);
});

check("Responses: goes on with previous_response_id", async () => {
  webOnly("conversations");
  const first = await client.responses.create({ model: MODEL, input: "the first question" });
  const second = await client.responses.create({ model: MODEL, input: "the second one", previous_response_id: first.id });
  holds(second.output_text, "the second one");
  assert.equal(second.previous_response_id, first.id);
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

check("completions: whole and streamed", async () => {
  const answer = await client.completions.create({ model: MODEL, prompt: ASKED });
  assert.deepEqual([answer.choices[0].text, answer.choices[0].finish_reason], [TEXT, "stop"]);
  counted(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens);
  const options = { stream: true, stream_options: { include_usage: true } };
  const chunks = await all(await client.completions.create({ model: MODEL, prompt: ASKED, ...options }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.text ?? "").join(""), TEXT);
  assert.ok(chunks.at(-1).usage.total_tokens);
});

await main();
