#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"

size_t buffer_length(const struct buffer *buffer) {
    return buffer->end - buffer->start;
}

char *buffer_front(const struct buffer *buffer) {
    return buffer->bytes + buffer->start;
}

static void make_room(struct buffer *buffer, size_t length) {
    size_t held = buffer_length(buffer);
    if (buffer->start) {
        memmove(buffer->bytes, buffer_front(buffer), held);
        buffer->start = 0;
        buffer->end = held;
    }
    if (held + length <= buffer->room) return;
    buffer->room = (held + length) * 2;
    buffer->bytes = grown(buffer->bytes, buffer->room);
}

void buffer_put(struct buffer *buffer, const void *bytes, size_t length) {
    if (length == 0) return;
    if (buffer->end + length > buffer->room) make_room(buffer, length);
    memcpy(buffer->bytes + buffer->end, bytes, length);
    buffer->end += length;
}

void buffer_drop(struct buffer *buffer, size_t length) {
    buffer->start += length;
    if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
