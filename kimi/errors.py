"""Everything that can go wrong, named for what the caller should do about it.

KimiError
├── AccountError         this account cannot serve now, another one may
│   ├── TokenRejected    a token or key was refused, perhaps for now: renew it, then it may serve again
│   ├── AccountDead      the refresh token or API key was refused: only the operator can help
│   ├── AccountBanned    the vendor has closed the account
│   ├── AccountBusy      another stream of this account is running
│   ├── Overloaded       the upstream is too busy for this account just now
│   ├── RateLimited      too many requests: wait the time it says
│   ├── QuotaSpent       the plan is used up until it resets
│   │   └── FeatureSpent     what one model or feature may take of the plan is used up
│   ├── ModelRefused     this account's plan does not contain the model
│   └── ChatGone         the chat that was to be continued on this account is not there any more
├── UpstreamError        the upstream is in trouble, no account is to blame
│   ├── Unreachable      no connection, or it broke
│   ├── UpstreamTimeout  nothing came in time
│   ├── UpstreamDown     it has just failed again and again: nobody was asked
│   └── BrokenAnswer     what came is not what the dialect promises, or it stopped half-way
├── RequestRefused       the client's affair: no other account would answer differently
│   ├── ContentRefused   withdrawn by the vendor's filter
│   ├── PromptTooLong    more than the model reads
│   ├── RequestInvalid   a field the upstream does not take
│   │   └── FileRefused  a file that cannot be had, or that the upstream does not read
│   ├── ConversationLost the conversation that is to be continued is not known, or not any more
│   ├── AnswerUnread     the client did not read its answer in time
│   └── AnswerUnfit      the model has not answered in the form that was asked for, though it was asked twice
│       ├── CallsUnfit   it has called no tool, or none in a way in which it can be called
│       └── FormUnfit    its JSON is none, or not what was asked for
└── PoolError            no account could be had at all
    ├── AllBusy          every account is busy or cooling down: come back later
    │   └── ConversationBusy an answer of the conversation that is to be continued is still running
    ├── NoAccount        no usable account is configured for this
    │   └── AwaitingToken    there are accounts, but their tokens are still being refreshed
    ├── Crowded          there is no room for it just now: come back later
    └── StoreUnavailable Redis does not answer
        ├── Unreadable       its secrets are sealed with a key that this process does not have
        │   └── Garbled          what stands in it of an account is not understood, with whatever key
        ├── Outdated         what stands in it is of another release, which this one cannot work with
        └── NotKept          fewer servers have what was written than are to have it

Messages are for logs and may quote the upstream, always through `redact`.
What a client reads is written by the gateway's own table; the one thing taken from here is what explains a field.
"""

from __future__ import annotations

from kimi.redaction import redact


class KimiError(Exception):
    """Base of all. `retry_after` is the number of seconds after which trying again makes sense, where it is known."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(redact(message))
        self.retry_after = retry_after


class AccountError(KimiError):
    """This account cannot serve now; another one may."""


class TokenRejected(AccountError):
    """The access token was refused; or any other credential, but by nobody who is surely Kimi."""


class AccountDead(AccountError):
    """The refresh token or API key was refused for good."""


class AccountBanned(AccountError):
    """The vendor has closed the account."""


class AccountBusy(AccountError):
    """Another stream of this account is running."""


class Overloaded(AccountError):
    """The upstream is too busy for this account just now."""


class RateLimited(AccountError):
    """Too many requests from this account, or from all of its `organisation`, where that is known (a hash)."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, organisation: str = "") -> None:
        super().__init__(message, retry_after=retry_after)
        self.organisation = organisation


class QuotaSpent(AccountError):
    """The plan is used up until it resets."""


class FeatureSpent(QuotaSpent):
    """What this account may take of one model or feature is used up."""


class ModelRefused(AccountError):
    """This account's plan does not contain the model."""


class ChatGone(AccountError):
    """The chat that was to be continued on this account is not there any more; a new one would be answered."""


class UpstreamError(KimiError):
    """The upstream is in trouble; no account is to blame. `sent` is false when the request surely never left."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, sent: bool = True) -> None:
        super().__init__(message, retry_after=retry_after)
        self.sent = sent


class Unreachable(UpstreamError):
    """No connection could be made, or it broke."""


class UpstreamTimeout(UpstreamError):
    """Nothing came within the time allowed."""


class UpstreamDown(UpstreamError):
    """The upstream has just failed again and again, so no account was asked."""


class BrokenAnswer(UpstreamError):
    """What came is not what the dialect promises, or it stopped half-way."""


class RequestRefused(KimiError):
    """The client's affair; no other account would answer differently."""


class ContentRefused(RequestRefused):
    """Withdrawn by the vendor's filter."""


class PromptTooLong(RequestRefused):
    """The prompt is longer than the model reads: `size` where it reads `limit`, in `unit`, where we have counted it."""

    def __init__(self, message: str = "", *, size: int = 0, limit: int = 0, unit: str = "tokens") -> None:
        super().__init__(message or f"{size} {unit}, where {limit} are read")
        self.size = size
        self.limit = limit
        self.unit = unit


class RequestInvalid(RequestRefused):
    """The upstream does not take a field of this request; `param` names it where that is known.

    `explained` is what the upstream says of it, where that is meant for whoever wrote the request.
    """

    def __init__(self, message: str = "", *, param: str | None = None, explained: str = "") -> None:
        super().__init__(message)
        self.param = param
        self.explained = redact(explained)


class FileRefused(RequestInvalid):
    """A file that cannot be had, or that the upstream does not read; `param` is where it stands in the request.

    `reason` is for the client, in our own words, and goes on behind the file: it "is empty", it "could not be fetched".
    `name` is what the client may see of the file's name.
    """

    def __init__(self, reason: str = "cannot be read", *, name: str = "", param: str | None = None) -> None:
        super().__init__(f'The file "{name}" {reason}.' if name else f"A file of this request {reason}.", param=param)
        self.reason = reason


class ConversationLost(RequestRefused):
    """The conversation that is to be continued is not known, or its account is not there any more."""


class AnswerUnread(RequestRefused):
    """The client read its answer so slowly that the time for it ran out."""


class AnswerUnfit(RequestRefused):
    """The model has not answered in the form that was asked for, be it JSON or the call of a tool, when asked twice.

    `explained` says what is wrong, for whoever wrote the request. The text does not: there are the model's words in it.
    """

    def __init__(self, explained: str = "") -> None:
        super().__init__("asked twice")
        self.explained = redact(explained)


class CallsUnfit(AnswerUnfit):
    """The model has called no tool where it had to, or none in a way in which it can be called."""


class FormUnfit(AnswerUnfit):
    """What the model says is not the JSON that was asked for."""


class PoolError(KimiError):
    """No account could be had at all."""


class AllBusy(PoolError):
    """Every account that could serve is busy or cooling down."""


class ConversationBusy(AllBusy):
    """An answer of the conversation that is to be continued is still running."""


class NoAccount(PoolError):
    """No usable account is configured for this request."""


class AwaitingToken(NoAccount):
    """There are accounts for this request, but their access tokens are still being refreshed."""


class Crowded(PoolError):
    """Too many requests want what there is only so much of: room for bodies and files, threads for look-ups."""


class StoreUnavailable(PoolError):
    """Redis does not answer."""


class Unreadable(StoreUnavailable):
    """Redis answers, but its secrets are sealed with a key that this process does not have."""


class Garbled(Unreadable):
    """What stands in Redis of an account is not understood, as where it was written by hand."""


class Outdated(StoreUnavailable):
    """Redis answers, but what stands in it is of another release, which this one cannot work with.

    `seen` says what stands there, and `advice` what to do.
    """

    def __init__(self, seen: str = "", advice: str = "") -> None:
        super().__init__(f"{seen}: {advice}")
        self.seen = seen
        self.advice = advice


class NotKept(StoreUnavailable):
    """What was written may be lost: fewer servers have it than are to have it."""
