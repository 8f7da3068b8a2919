/* Bytes that wait: put in at the end, taken from the front. A zeroed buffer is an empty one. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

struct buffer {
    char *bytes;
    size_t start, end, room;
};

size_t buffer_length(const struct buffer *buffer);
char *buffer_front(const struct buffer *buffer);
void buffer_put(struct buffer *buffer, const void *bytes, size_t length);
void buffer_drop(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);

#endif
