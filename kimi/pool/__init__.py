"""The Redis schema, all of it: accounts, tokens, leases, chats and the signals between the processes.

Every key begins with `kimi:{pool}:`, or with another name of a pool (`KIMI_POOL`) between the braces. These keep all
keys of a pool in one slot of a cluster: a pool is a shard, every script is about one, and no command about two.
Times in Redis are integer milliseconds since the epoch, in Python float seconds.

| key                        | type   | holds                                                                  |
| -------------------------- | ------ | ---------------------------------------------------------------------- |
| `accounts`                 | set    | every name that is, or was not long ago, configured                    |
| `account:NAME`             | hash   | definition, credential, state and load of one account                  |
| `gone`                     | zset   | names out of the configuration, by the time since when                 |
| `refresh`                  | zset   | names by the time of their next refresh; 0 is at once, below 0 somebody waits |
| `due:CLASS:LINE`           | zset   | names of `refresh` that are due along a line                           |
| `due:CLASS`                | zset   | lines that are `asked` for, `new` or `old`, by the place of the first  |
| `due:from`                 | hash   | how far `refresh` was looked through for them, by class                |
| `turns`                    | hash   | which of these classes has the next pick                               |
| `exchanges`                | string | how far the refreshes that were begun are ahead of their rate; expires |
| `usable`                   | zset   | names in service, by the expiry of their access token                  |
| `vault`                    | hash   | a word that is sealed with the operator's keys; what Redis's files still hold |
| `sealers`, `:refreshers`   | zset   | processes with a word that each has sealed, by when last seen; expires |
| `holders`                  | hash   | names of those that serve everybody, by the fingerprint of their secret |
| `newest`                   | hash   | names of web accounts, by the fingerprint of their newest refresh token |
| `kept:FINGERPRINT`         | hash   | what has become of a configured secret that no account has; expires    |
| `private`                  | zset   | accounts of somebody's own, by the time at which they are forgotten    |
| `leases`                   | zset   | `WORKER.ID:NAME` by expiry; a crashed holder's vanish by themselves    |
| `leases:expired`           | string | how many leases nobody gave back in time                               |
| `returned:WORKER.ID:NAME`  | string | a lease that was given back just now; expires                          |
| `routes`                   | set    | every route that some configured account serves for everybody          |
| `route:R:members`          | set    | all accounts of a route, whatever their state                          |
| `route:R:ready:PRIORITY`   | zset   | accounts that nobody has met full, by turn; those set aside are below 0 |
| `route:R:priorities`       | zset   | priorities in use                                                      |
| `route:R:full`, `:pending` | zset   | accounts that were met at their limit; those without a good token      |
| `route:R:cooling`          | zset   | accounts by the time at which they may be tried again                  |
| `refused:NAME`             | zset   | models that an account refused, by the time at which they may be tried again |
| `org:HASH`                 | set    | accounts that were told of a limit of this organisation; expires       |
| `recent:NAME`              | list   | times of the latest leases, where requests a minute are limited        |
| `lock:NAME`                | string | owner of the running refresh; expires                                  |
| `chats`                    | zset   | `CHAT:NAME` by the time from which the refresher may delete it         |
| `chats:opened`             | zset   | the same by the time at which it was noted first                       |
| `conversation:KEY`         | string | chat and last message of a conversation that can be continued; expires |
| `continued:KEY`            | string | the chat of a conversation with a name that is being continued; expires |
| `replaced:CHAT:NAME`       | string | a chat of which nobody knows any more that it could be continued; expires |
| `upload:NAME:KEY`          | string | a file of a client that an account has given to its upstream; expires  |
| `route:R:turns`            | hash   | virtual time of the fair queueing by weight, by priority               |
| `route:R:queue`            | zset   | tickets of the requests that wait for an account, by their number + 0.5 |
| `wish:DIGEST`              | zset   | tickets of a kind by number, or when they may be called again; expires |
| `route:R:wishes`           | zset   | kinds of wishes by a number that none of their tickets is below; expires |
| `wanted:NAME`              | zset   | the same of wishes for which only that account will do; expires        |
| `route:R:wanted`           | set    | names of the accounts of which there is such a wish; expires           |
| `route:R:adopted`          | string | up to which number tickets of 0.1.0 were given kinds; expires          |
| `route:R:looker`           | string | the worker that looks after those who wait; expires                    |
| `called:NAME`              | zset   | tickets for which a place of the account is kept, by the time of the call |
| `ticket:WORKER.N`          | hash   | number, routes, wish, kind, place and earliest next call of a ticket; expires |
| `tickets`                  | string | the last number given                                                  |
| `tickets:ours`             | string | the last number that a release with kinds has given                    |
| `tickets:elders`           | string | 1 while tickets of 0.1.0 may wait; expires                             |
| `waiting`                  | string | exists while somebody waits for an account; expires                    |
| `client:ID`                | hash   | a client key: SHA-256, beginning, name, limits; expires once revoked   |
| `epoch`, `clients:epoch`   | string | when the numbers of their changes began; older releases write none |
| `clients`, `clients:changes` | zset, string | ids of client keys by the number of their change; the last number |
| `clients:names`            | hash   | ids of client keys that are not revoked, by name                       |
| `client:ID:recent`         | list   | times of a key's latest requests, where those of a minute are limited; expires |
| `client:ID:running`        | zset   | requests of a key that run, by expiry, where they are limited          |
| `client:ID:tokens:DAY`     | string | tokens that a key took on a day of UTC, where they are limited; expires |
| `drift`                    | hash   | what the upstreams said that is not known, by `KIND WHAT NAME`         |
| `changed`, `changes`       | zset, string | names by the number of their latest change; the last number      |
| `admin:session:SHA256`     | string | proof that whoever signed in to the admin page had its key; expires    |
| `wrong:admin:ADDRESS`      | hash   | wrong admin keys from there, and until when none is looked at; expires |
| `wrong:client:BUCKET`      | hash   | wrong client keys from an address, or with the same beginning; expires |
| `wrongs:admin`, `wrongs:client` | string | how many of those were made of late; expires                      |
| `alerts`                   | hash   | what is wrong since when, and who was told of it when, by `RULE:NAME`  |
| `alerts:active`            | string | what is wrong now, for those who look                                  |
| `alerts:watch`             | string | the process that watches; expires                                      |
| `probe`                    | string | shows that Redis takes writes; expires                                 |
| `refreshers`               | zset   | refreshers by the time at which they were last seen                    |
| `figures:account`, `:client`, `:all` | hash | day, requests, errors, tokens and last use, by name or id of a key |
| `figures:changed`          | zset   | `account NAME` and `client ID` by the time at which they last counted |
| `figures:STEP:NUMBER`      | hash   | requests, errors, tokens and durations of a step of so many seconds; expires |
| `figures:delivered:SENDER` | string | the last delivery of a worker that was added to the figures; expires   |
| `states`, `states:sums`    | hash   | accounts by name, and how many there are, by state; expire             |
| `audit`                    | stream | what operators did                                                     |
| `audit:routine`            | list   | the entries of it that tell of tests and refreshes                     |
| `schema`                   | hash   | version of all this, and the oldest whose releases may work with it    |
| `schema:lock`              | string | the process that converts it; expires                                  |
| `beside`, `beside:looked`  | string | other pools of this Redis; that somebody has looked for them just now; expire |
| `releases`                 | zset   | processes with the release of each, by when last seen; expires         |
| `wake`                     | pubsub | a refresh is wanted, or an account has died                            |
| `freed:WORKER`             | pubsub | it is the turn of one of this worker's tickets                         |

0.1.0, which may run beside this release, writes -1 into `refresh` where somebody waits, in place of the time - 10^15,
and whole numbers into `route:R:queue`.

Access and refresh tokens, keys of the official platform and addresses of proxies stand in `account:NAME` and
`kept:FINGERPRINT`, sealed with the operator's keys where there are any (`kimi.pool.vault`). They stand nowhere else.

A route is what a request can be sent along: `kimi`, `kimi-classic`, `moonshot:MODEL`, or `kimi:ENTRY` for what
an account of that kind lists (see `kimi.scenarios`), `kimi:*` where it has told no list so far.
Those of an account that serves one client alone end in `@` and its owner.
Whatever changes more than one key is one script in `lua/`, so that no reader ever sees half of it.
"""

from kimi.pool.chats import Chats
from kimi.pool.connection import connect
from kimi.pool.conversations import Bookmark, Conversation, Conversations
from kimi.pool.leases import Lease, Leases, Released, Rest, Wish
from kimi.pool.members import Members, Summary, SyncReport
from kimi.pool.opening import follow, open_signals, open_store
from kimi.pool.private import PrivateAccounts
from kimi.pool.signals import Signals
from kimi.pool.store import Store
from kimi.pool.tokens import TokenStore

__all__ = [
    "Bookmark",
    "Chats",
    "Conversation",
    "Conversations",
    "Lease",
    "Leases",
    "Members",
    "PrivateAccounts",
    "Released",
    "Rest",
    "Signals",
    "Store",
    "Summary",
    "SyncReport",
    "TokenStore",
    "Wish",
    "connect",
    "follow",
    "open_signals",
    "open_store",
]
