/* Answers as each upstream of the gateway writes them, in chunks of HTTP/1.1. No I/O. */
#ifndef DIALECTS_H
#define DIALECTS_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define MOST_FILLING 16000

enum dialect { CLASSIC, CONNECT, OPENAI };

/* How an answer is to come, as the question says: `bench:events=10,interval=20000,bytes=100`. */
struct shape {
    long events;
    long interval; /* microseconds between two of them; 0: all at once, each in a write of its own */
    long filling;  /* bytes of text on top of each one's number and time */
};

struct stream {
    enum dialect dialect;
    struct shape shape;
    uint64_t number; /* of the answer */
    long sent;       /* events */
    int64_t next;    /* when the next event is due, now_us() */
};

/* What the question says, which stands anywhere in `body`; an answer of ten events at once where it says nothing. */
struct shape read_shape(const char *body, size_t length);

/* The head of the HTTP response, and what stands before the first piece of text. */
void put_beginning(struct buffer *out, const struct stream *stream, int closes);

/* The next piece of text, ` n17 t123456789;`: its number from 1, and `now`. */
void put_piece(struct buffer *out, const struct stream *stream, int64_t now);

/* All that stands behind the last piece of text, and the end of the body. */
void put_end(struct buffer *out, const struct stream *stream);

#endif
