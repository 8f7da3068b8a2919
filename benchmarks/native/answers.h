/* What the upstream answers to whom: its table of paths, and its figures. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stdint.h>

#include "buffer.h"
#include "dialects.h"
#include "requests.h"

struct figures {
    uint64_t connections, requests, exchanges, chats_made, chats_deleted;
    uint64_t streams_begun, streams_finished, events, bytes;
    uint64_t streams_open;
};

/* Puts a short answer into `out`, or fills in `stream` and returns 1 when an answer is to be streamed. */
int answer(const struct request *request, struct figures *figures, struct buffer *out, struct stream *stream);

#endif
