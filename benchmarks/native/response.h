/* Reads one HTTP/1.x response, cut anywhere: its status, and its body without the framing. No I/O. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum part { HEAD, BY_LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, UNTIL_CLOSE, COMPLETE, BROKEN };

struct response {
    enum part part;
    int status;
    int closes; /* the server says that it closes the connection behind this */
    uint64_t left;
    struct buffer line; /* what is there of the head, or of a line of the framing */
};

typedef void take_body(void *taker, const char *bytes, size_t length);

/* Takes bytes up to the end of the response. Returns how many; the response is COMPLETE or BROKEN where it has ended. */
size_t response_feed(struct response *response, const char *bytes, size_t length, take_body *take, void *taker);

/* The connection has ended: COMPLETE where that is how the body ends, BROKEN otherwise. */
void response_close(struct response *response);

/* Ready for the next one. */
void response_reset(struct response *response);

#endif
