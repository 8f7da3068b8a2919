/** A streamed chat completion as its deltas. */

import { Failure, request } from "../api.js";
import { refused, t } from "../i18n.js";

/** The next piece; none where the connection is gone. */
async function next(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { done: true };
  }
}

/** The JSON of each `data:` line, until `[DONE]`. Throws `Failure` where the answer breaks off or says so. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await next(reader);
    if (done) throw new Failure(0, "broken", t("error.broken"));
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Failure(200, chunk.error.code, refused(chunk.error.code, chunk.error.message));
      yield chunk;
    }
  }
}

/**
 * Asks, and yields `{thinking, text, usage, finish}` as they come; what is not there is empty.
 * @param {object} body of a chat completion
 * @param {AbortSignal} signal stops it
 */
export async function* answer(body, signal) {
  const asked = { ...body, stream: true, stream_options: { include_usage: true } };
  const response = await request("POST", "/chat/completions", asked, signal);
  for await (const { choices, usage } of events(response.body)) {
    const { delta = {}, finish_reason: finish } = choices[0] ?? {};
    yield { thinking: delta.reasoning_content ?? "", text: delta.content ?? "", usage: usage ?? null, finish: finish ?? null };
  }
}
