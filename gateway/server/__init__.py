"""The HTTP server in front of the application: gunicorn's, with bounds for whoever is at the other end.

- `worker`: a process of gunicorn's, from its start to its gentle end; `master`: the one that keeps others in the place
  of those that end; `ending`: what both know of that.
- `connections`: those that it serves, each in a greenlet of its own.
- `accepting`: taking them from a listener; `room`: how many; `listening`: what their sockets are told.
- `intake`: what comes on one; `patience`: how long for.
- `heads` and `chunks`: gunicorn's parsers; `environs` and `environ_keys`: the environment of a request.
- `answer`, `outlet` and `sending`: what goes out.
- `refusals`: answers to what is not HTTP; `log`: gunicorn's messages among ours.
"""
