"""What can go wrong, and what a client reads of it.

The texts never hold a secret, nor a word at which one-api switches its channel to us off: see `gateway.harmless`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from werkzeug.exceptions import MethodNotAllowed, NotFound, RequestEntityTooLarge

from gateway.errors import (
    AccountMissing,
    AdminOff,
    BadRequest,
    BodyIncomplete,
    BodyLate,
    BodyTooLarge,
    ClientGone,
    CsrfFailed,
    Draining,
    KeyMissing,
    TokenUndecided,
    TooManyNewTokens,
    TooManyViewers,
    TooManyWrongAdminKeys,
    TooManyWrongKeys,
    UnknownKey,
    WrongAdminKey,
)
from gateway.problem import INVALID, LIMIT, SERVER, SERVICE, Problem
from kimi import errors as kimi
from kimi.models import FeatureUnserved, UnknownModel
from kimi.pool.client_limits import LimitReached

_NO_RETRY = (("x-should-retry", "false"),)


def _final(code: str, message: str, param: str | None = None) -> Problem:
    """What is the client's affair, and comes out the same however often it is sent."""
    return Problem(status=400, type=INVALID, code=code, message=message, param=param, headers=_NO_RETRY)


_BUSY = Problem(
    status=429,
    type=LIMIT,
    code="rate_limit_exceeded",
    message="All accounts are busy just now. Try again in a moment; the header Retry-After says when.",
)
_NO_ACCOUNT = Problem(
    status=503,
    type=SERVICE,
    code="no_available_account",
    message="No account can serve this request at present. The operator of this gateway can tell why.",
)
_TOO_LARGE = Problem(
    status=413,
    type=INVALID,
    code="request_too_large",
    message="The request body is larger than this gateway takes.",
)
_UNFIT = Problem(
    status=502,
    type=SERVER,
    code="answer_unfit",
    message="The model did not answer in the form asked for, though it was asked twice.",
    headers=_NO_RETRY,  # clients do that by themselves, and two questions were enough
)

TABLE: Mapping[type[BaseException], Problem] = {
    # the gateway's own
    UnknownKey: Problem(
        status=401,
        type=INVALID,
        code="invalid_api_key",
        message="Incorrect API key provided. Send a client key of this gateway as header Authorization or x-api-key.",
        headers=(("www-authenticate", "Bearer"),),
    ),
    TokenUndecided: Problem(
        status=503,
        type=SERVICE,
        code="token_undecided",
        message="Kimi has not said yet whether the token is good. Try again in a moment.",
    ),
    TooManyNewTokens: replace(
        _BUSY, message="Too many new refresh tokens came at once. Try again after the time in Retry-After."
    ),
    AccountMissing: Problem(
        status=404, type=INVALID, code="account_not_found", message="there is no account alice", param="name"
    ),
    KeyMissing: Problem(status=404, type=INVALID, code="key_not_found", message="There is no such key.", param="id"),
    AdminOff: Problem(
        status=404,
        type=INVALID,
        code="not_found",
        message="The admin page and its API are off. Its operator turns them on with GATEWAY_ADMIN_KEY.",
    ),
    WrongAdminKey: Problem(
        status=401,
        type=INVALID,
        code="invalid_admin_key",
        message="This needs the admin key of the gateway as header Authorization or x-api-key, or to be signed in.",
        headers=(("www-authenticate", "Bearer"),),
    ),
    CsrfFailed: Problem(
        status=403,
        type=INVALID,
        code="csrf_failed",
        message="Nothing shows that the admin page itself sent this. GET /admin/api/session tells the x-csrf-token.",
    ),
    TooManyWrongKeys: replace(
        _BUSY,
        code="too_many_wrong_keys",
        message="This key is not known, and too many wrong ones came from this address, or like this one. "
        "Try again after the time in Retry-After.",
    ),
    TooManyWrongAdminKeys: replace(
        _BUSY,
        code="too_many_wrong_keys",
        message="Too many wrong admin keys came from this address. Try again after the time in Retry-After.",
    ),
    TooManyViewers: replace(
        _BUSY, message="Too many look at the admin page already. Try again after the time in Retry-After."
    ),
    BodyTooLarge: _TOO_LARGE,
    BodyIncomplete: Problem(
        status=400, type=INVALID, code="incomplete_body", message="The request body ended before it was complete."
    ),
    BodyLate: Problem(
        status=408,
        type=INVALID,
        code="request_timeout",
        message="The request body came too slowly.",
    ),
    ClientGone: Problem(status=499, type=INVALID, code="client_gone", message="The client closed the connection."),
    BadRequest: Problem(status=400, type=INVALID, code="invalid_value", message="The request is not valid."),
    UnknownModel: Problem(
        status=404,
        type=INVALID,
        code="model_not_found",
        message="The model does not exist. GET /v1/models lists what is served here.",
        param="model",
    ),
    FeatureUnserved: Problem(
        status=400, type=INVALID, code="invalid_value", message="No account here can do this.", param="model"
    ),
    Draining: Problem(
        status=503, type=SERVICE, code="shutting_down", message="This gateway is restarting. Try again in a moment."
    ),
    LimitReached: replace(_BUSY, message="This key has had all that one of its limits allows."),
    # no account could be had
    kimi.AllBusy: _BUSY,
    kimi.ConversationBusy: replace(
        _BUSY, message="An answer of this conversation is still running. Ask on when it has ended."
    ),
    kimi.Crowded: replace(
        _BUSY,
        message="Too many large requests, files or JSON schemas are looked at here just now. "
        "Try again after the time in Retry-After.",
    ),
    kimi.NoAccount: _NO_ACCOUNT,
    kimi.StoreUnavailable: Problem(
        status=503,
        type=SERVICE,
        code="store_unavailable",
        message="The gateway cannot reach its store just now. Try again in a moment.",
    ),
    kimi.Outdated: Problem(
        status=503,
        type=SERVICE,
        code="store_outdated",
        message="What the store of this gateway holds is of a newer release. Its operator has to start that one here.",
    ),
    kimi.Unreadable: Problem(
        status=503,
        type=SERVICE,
        code="store_sealed",
        message="This gateway has not the keys with which secrets in its store are sealed. "
        "Its operator has to give it the right TOKEN_ENCRYPTION_KEYS and start it anew.",
    ),
    kimi.Garbled: Problem(
        status=503,
        type=SERVICE,
        code="store_garbled",
        message="What the store of this gateway holds of an account is not understood. `./dev doctor` says of which.",
    ),
    # every account that was tried failed
    kimi.AccountBusy: _BUSY,
    kimi.Overloaded: _BUSY,
    kimi.RateLimited: _BUSY,
    kimi.QuotaSpent: _BUSY,
    kimi.FeatureSpent: replace(
        _BUSY, message="What the accounts may take of this model or feature is used up for now. Try another one."
    ),
    kimi.AccountError: _NO_ACCOUNT,
    # the upstream
    kimi.UpstreamTimeout: Problem(
        status=502, type=SERVER, code="upstream_timeout", message="Kimi did not answer in time."
    ),
    kimi.Unreachable: Problem(
        status=502,
        type=SERVER,
        code="upstream_error",
        message="The connection to Kimi could not be made, or it broke.",
    ),
    kimi.BrokenAnswer: Problem(
        status=502, type=SERVER, code="upstream_error", message="Kimi's answer was broken or stopped half-way."
    ),
    kimi.UpstreamError: Problem(
        status=502, type=SERVER, code="upstream_error", message="Kimi is in trouble and gave no answer."
    ),
    # the client's affair
    kimi.ContentRefused: _final("content_filter", "Kimi's content filter refused this request."),
    kimi.PromptTooLong: _final(
        # The latter half is what LiteLLM knows the case by.
        "context_length_exceeded",
        "This conversation is longer than the model's context length. Send less.",
        "messages",
    ),
    kimi.FileRefused: _final("invalid_file", "A file of this request cannot be read."),
    kimi.ConversationLost: _final(
        "conversation_not_found",
        "There is no such conversation, or it cannot be continued any more. Send the whole history.",
        "conversation_id",
    ),
    kimi.AnswerUnread: Problem(
        status=408, type=INVALID, code="answer_unread", message="The answer was not read in time.", headers=_NO_RETRY
    ),
    kimi.AnswerUnfit: _UNFIT,
    kimi.CallsUnfit: replace(
        _UNFIT, code="tool_call_failed", message="The model called no tool rightly, though it was asked twice."
    ),
    kimi.FormUnfit: replace(
        _UNFIT, code="json_form_failed", message="The model did not give the JSON asked for, though it was asked twice."
    ),
    kimi.RequestRefused: _final("invalid_value", "Kimi does not accept a field of this request."),
    # HTTP
    NotFound: Problem(
        status=404,
        type=INVALID,
        code="not_found",
        message="There is no such endpoint. GET /docs lists those there are.",
    ),
    MethodNotAllowed: Problem(
        status=405, type=INVALID, code="method_not_allowed", message="This endpoint does not take this method."
    ),
    RequestEntityTooLarge: _TOO_LARGE,
}
