/* Reads an answer of OpenAI's dialect, cut anywhere, and finds the pieces of the upstream in it: ` n17 t123456789;`. */
#ifndef PIECES_H
#define PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "histogram.h"

/* What was found in all answers together; times are microseconds. */
struct findings {
    struct histogram delay;       /* of each piece, since the upstream wrote it, that came in the window */
    struct histogram first_delay; /* of the first piece of each answer */
    struct histogram first_event; /* since the request was sent */
    uint64_t pieces, out_of_order, chunks, bytes;
    int64_t window_begin, window_end; /* now_us() */
};

struct reading {
    struct findings *findings;
    struct buffer line;
    int64_t asked, now; /* when the request was sent; when the bytes came that are read */
    int step;           /* within a piece */
    int64_t number, time;
    int64_t found; /* pieces so far; the next one ought to have the number behind */
    int has_finish, is_done, has_error, is_disordered;
};

void reading_reset(struct reading *reading, int64_t asked);

/* A `take_body` for `struct reading`. */
void reading_take(void *reading, const char *bytes, size_t length);

#endif
