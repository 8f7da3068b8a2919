#define _GNU_SOURCE
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_HEAD 65536

void response_reset(struct response *response) {
    struct buffer line = response->line;
    buffer_drop(&line, buffer_length(&line));
    *response = (struct response){.line = line};
}

void response_close(struct response *response) {
    response->part = response->part == UNTIL_CLOSE ? COMPLETE : BROKEN;
}

/* The value of a header in a head that ends with a zero, NULL where it is missing. */
static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') return line + length + 1 + (line[length + 1] == ' ');
    }
    return NULL;
}

static void understand_head(struct response *response, const char *head) {
    if (strncmp(head, "HTTP/1.", 7) != 0 || strlen(head) < 12) {
        response->part = BROKEN;
        return;
    }
    response->status = atoi(head + 9);
    const char *length = header(head, "content-length"), *coding = header(head, "transfer-encoding");
    const char *connection = header(head, "connection");
    response->closes = connection ? strncasecmp(connection, "close", 5) == 0 : head[7] == '0';
    if (coding && strncasecmp(coding, "chunked", 7) == 0) {
        response->part = CHUNK_SIZE;
    } else if (length) {
        response->left = strtoull(length, NULL, 10);
        response->part = response->left ? BY_LENGTH : COMPLETE;
    } else if (response->status == 204 || response->status == 304) {
        response->part = COMPLETE;
    } else {
        response->part = UNTIL_CLOSE;
        response->closes = 1;
    }
}

/* Collects up to and with `end`. Returns how many bytes it took; `*whole` says whether the end was among them. */
static size_t collect(struct response *response, const char *bytes, size_t length, const char *end, int *whole) {
    size_t end_length = strlen(end), held = buffer_length(&response->line);
    size_t from = held < end_length ? 0 : held - end_length + 1;
    buffer_put(&response->line, bytes, length);
    char *front = buffer_front(&response->line);
    char *found = memmem(front + from, held + length - from, end, end_length);
    *whole = found != NULL;
    if (!found) {
        if (held + length > MOST_HEAD) response->part = BROKEN;
        return length;
    }
    *found = 0;
    return (size_t)(found - front) + end_length - held;
}

static void forget_line(struct response *response) {
    buffer_drop(&response->line, buffer_length(&response->line));
}

static size_t take_line(struct response *response, const char *bytes, size_t length) {
    int whole;
    size_t taken = collect(response, bytes, length, response->part == HEAD ? "\r\n\r\n" : "\r\n", &whole);
    if (!whole) return taken;
    char *line = buffer_front(&response->line), *end;
    if (response->part == HEAD) {
        understand_head(response, line);
    } else if (response->part == CHUNK_SIZE) {
        response->left = strtoull(line, &end, 16);
        response->part = end == line ? BROKEN : response->left ? CHUNK_DATA : TRAILER;
    } else if (response->part == CHUNK_END) {
        response->part = *line ? BROKEN : CHUNK_SIZE;
    } else if (*line == 0) { /* the trailer */
        response->part = COMPLETE;
    }
    forget_line(response);
    return taken;
}

static size_t take_data(
    struct response *response, const char *bytes, size_t length, take_body *take, void *taker) {
    if (response->part == UNTIL_CLOSE) {
        take(taker, bytes, length);
        return length;
    }
    size_t taken = length < response->left ? length : response->left;
    take(taker, bytes, taken);
    response->left -= taken;
    if (response->left == 0) response->part = response->part == BY_LENGTH ? COMPLETE : CHUNK_END;
    return taken;
}

static int is_data(const struct response *response) {
    return response->part == BY_LENGTH || response->part == CHUNK_DATA || response->part == UNTIL_CLOSE;
}

size_t response_feed(struct response *response, const char *bytes, size_t length, take_body *take, void *taker) {
    size_t taken = 0;
    while (taken < length && response->part != COMPLETE && response->part != BROKEN) {
        const char *rest = bytes + taken;
        taken += is_data(response) ? take_data(response, rest, length - taken, take, taker)
                                   : take_line(response, rest, length - taken);
    }
    return taken;
}
