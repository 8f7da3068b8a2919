"""What OpenAI's API, or Anthropic's, has and this gateway has not, and what is said to those who ask for it."""

from __future__ import annotations

import re
from typing import Final

_VERSIONS: Final = re.compile(r"(?:/v1)*(?=/)")
_WHAT: Final = {
    "embeddings": "There are no embeddings here",
    "images": "No images are made here",
    "audio": "There is no speech here, neither spoken nor written down",
    "moderations": "Nothing is moderated here",
    "files": "No files are kept here: send them as parts of a message",
    "uploads": "No files are kept here: send them as parts of a message",
    "vector_stores": "No files are kept here: send them as parts of a message",
    "batches": "There are no batches here",
    "assistants": "There are no assistants here",
    "threads": "There are no assistants here",
    "fine_tuning": "No models are trained here",
    "fine-tunes": "No models are trained here",
    "rerank": "Nothing is ranked here",
    "realtime": "There are no realtime sessions here",
    "responses": "Responses are not kept here: the POST answers all of one, `previous_response_id` goes on with it",
    "conversations": "Conversations are not kept here: `previous_response_id` goes on with the one of a response",
    "videos": "No videos are made here",
    "edits": "There are no edits here",
    "containers": "No programs are run here",
    "evals": "Nothing is evaluated here",
    "skills": "There are no skills here",
    "chatkit": "There are no sessions of ChatKit here",
    "organization": "There are no organizations here",
    "messages": "There are no batches here",
    "complete": "Anthropic's former completions are not answered here",
    "engines": "Models are named in the body here",
}
_INSTEAD: Final = (
    "This gateway serves chat models: POST /v1/chat/completions, /v1/responses, /v1/messages or /v1/completions. "
    "GET /v1/models lists them, GET /docs shows all endpoints."
)


def sentence(path: str) -> str:
    """What is said of `path`, where nothing is; empty where nobody could expect anything there."""
    first = _VERSIONS.sub("", path, count=1).removeprefix("/").partition("/")[0]
    what = _WHAT.get(first)
    return f"{what}. {_INSTEAD}" if what else ""
