// What the scripts of clients for Node share: where to ask, and how they tell what came of a check.

import assert from "node:assert/strict";

export { assert };
export const URL = process.env.CLIENT_URL;
export const V1 = `${URL}/v1`;
export const KEY = process.env.CLIENT_KEY;
export const MODEL = process.env.CLIENT_MODEL;

export const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};
export const ARGUMENTS = { city: "Paris", days: 2 };

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

export function holds(text, part) {
  assert.ok(typeof text === "string" && text.includes(part), `${JSON.stringify(part)} is not in ${JSON.stringify(text)}`);
}

/** The present model with `-thinking`. */
export async function thinkingModel() {
  const answer = await fetch(`${V1}/models`, { headers: { authorization: `Bearer ${KEY}` } });
  const names = (await answer.json()).data.map((model) => model.id);
  if (!names.includes(`${MODEL}-thinking`)) throw new Skipped(`${MODEL} does not think`);
  return `${MODEL}-thinking`;
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
