import { store } from "./store.js";
import { refused, t } from "./i18n.js";

const BASE = "/admin/api";

/** What the API refused; `message` is for the operator, `wait` the seconds after which to try again. */
export class Failure extends Error {
  constructor(status, code, message, wait = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.wait = wait;
  }
}

async function failure(response) {
  const said = await response.json().catch(() => ({}));
  const { code = "", message = t("error.status", { status: response.status }) } = said.error ?? {};
  return new Failure(response.status, code, refused(code, message), Number(response.headers.get("retry-after")));
}

async function send(method, path, body, signal) {
  const headers = method === "GET" ? {} : { "x-csrf-token": store.csrf };
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Failure(0, "unreachable", t("error.unreachable"));
  }
}

/** The answer to a request, whatever it is; for those who sign in. Throws `Failure` for all but 2xx. */
export async function once(method, path, body, signal) {
  const response = await send(method, path, body, signal);
  if (!response.ok) throw await failure(response);
  return response;
}

/** The same for all others: where the session has ended it waits for the next one, and asks again. */
export async function request(method, path, body, signal) {
  const response = await send(method, path, body, signal);
  const failed = response.ok ? null : await failure(response);
  if (failed?.status !== 401 && failed?.code !== "csrf_failed") {
    if (failed) throw failed;
    return response;
  }
  await store.renew();
  return once(method, path, body, signal);
}

export const get = async (path) => (await request("GET", path)).json();
export const post = async (path, body) => (await request("POST", path, body)).json();
export const patch = async (path, body) => (await request("PATCH", path, body)).json();
export const remove = async (path) => (await request("DELETE", path)).json();
