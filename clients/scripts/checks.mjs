// What the scripts of clients for Node share: where to ask, and how they tell what came of a check.

import assert from "node:assert/strict";

export { assert };
export const URL = process.env.CLIENT_URL;
export const V1 = `${URL}/v1`;
export const KEY = process.env.CLIENT_KEY;
export const MODEL = process.env.CLIENT_MODEL;
const SIMULATOR = process.env.CLIENT_SIMULATOR;
const MARKS = ["<call-", "</call-", "<result-", "</result-", "<|tool_"];

export const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};
export const ARGUMENTS = { city: "Paris", days: 2 };
/** An answer that has to arrive as it is, and what it is the answer to. It comes in pieces, not all at once. */
export const TEXT = 'Bonjour à tous!\n\n1. 你好, 世界 🌍\n2. a < b && "c" \\ d';
export const ASKED = directed("bonjour", { text: TEXT, delay: 0.01 });

const checks = [];

/** Why something cannot be tried here. */
export class Skipped extends Error {}

/** Registers a check of that name, `form: what`. */
export function check(name, what) {
  checks.push([name, what]);
}

/** Runs all checks and says what came of each, at once. */
export async function main() {
  for (const [name, what] of checks) {
    const said = { check: name };
    try {
      await what();
    } catch (error) {
      const text = `${error?.name ?? "Error"}: ${error?.message ?? error}`.split(/\s+/).join(" ").slice(0, 600);
      if (error instanceof Skipped) said.skipped = error.message;
      else said.error = text;
    }
    console.log(JSON.stringify(said));
  }
  process.exit(0); // connections that are kept alive would hold us
}

/** A prompt that tells the simulator how to answer it. */
export function directed(text, script) {
  return `${text} [[sim ${JSON.stringify(script)}]]`;
}

/** A prompt after which the model wants to call that tool. */
export function wanting(name, args) {
  return directed(`Use ${name}, please.`, { calls: [{ name, arguments: args }] });
}

/** The text has to have the part, and to show nothing of how tools are called. */
export function holds(text, part) {
  assert.ok(typeof text === "string" && text.includes(part), `${JSON.stringify(part)} is not in ${JSON.stringify(text)}`);
  assert.ok(!MARKS.some((mark) => text.includes(mark)), `marks of a call are in ${JSON.stringify(text)}`);
}

/** These tokens have to be those of an answer. */
export function counted(prompt, completion, total) {
  assert.ok(prompt > 0 && completion > 0 && prompt + completion === total, `${prompt} + ${completion} = ${total} tokens`);
}

/** How many streams were closed before the upstream had come to their end. */
export async function leftStreams() {
  return (await (await fetch(`${SIMULATOR}/_sim/state`)).json()).totals.closed_by_peer;
}

/** The present model with `-thinking`. */
export async function thinkingModel() {
  const answer = await fetch(`${V1}/models`, { headers: { authorization: `Bearer ${KEY}` } });
  const names = (await answer.json()).data.map((model) => model.id);
  if (!names.includes(`${MODEL}-thinking`)) throw new Skipped(`${MODEL} does not think`);
  return `${MODEL}-thinking`;
}

/** Nothing can be tried where official keys answer. */
export function webOnly(what) {
  if (!["kimi", "kimi-k1.5"].includes(MODEL)) throw new Skipped(`official keys have no ${what}`);
}

/** The error that `ask` has to end with. */
export async function refused(ask) {
  let answer;
  try {
    answer = await ask();
  } catch (error) {
    return error;
  }
  assert.fail(`no error came, but ${JSON.stringify(answer)}`);
}

/** Everything that an async iterable gives. */
export async function all(stream) {
  const found = [];
  for await (const item of stream) found.push(item);
  return found;
}
