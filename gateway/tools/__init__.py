"""Tools for models that have none: offered and told in words, called in words.

How a client's tools, its choice and what came of earlier calls are told stands in `telling`. The tags in which a model
calls have a trigger from `seal`. What it writes is watched by `sieve`, which knows the marks in `markers`, its
arguments are read by `arguments` and `mending`, and `calling` makes events of it all. No I/O.

What is decided here, where the field disagrees:

- Text flows until a call begins. What is in a code block or between backticks is an example, and shown as it is.
- A mark with no call behind it is hidden, and the text goes on: somebody speaks of it.
- Behind a call that is right nothing is shown: a model that goes on there makes up the result. Its answer ends there.
- A call that is cut off by the end of the answer counts when its arguments are whole, and only then.
- A call of an unknown tool, or with arguments that do not fit, is dropped beside one that is right, and the model calls
  again when it sees that there is no result. Where no call is right it is told what is wrong, and asked once more.
- A tag with which an answer breaks off is not shown, and neither are tags in what the model thinks.
- What `max_tokens` has no room for is dropped whole, and the answer ends with `length`.
- Where a tool has to be called words are not shown, so that a failure can still be an honest status.
"""
