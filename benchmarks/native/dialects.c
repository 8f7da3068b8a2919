#define _GNU_SOURCE
#include "dialects.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_AROUND 512 /* what stands around the text of an event */
#define ENVELOPE_HEAD 5

static const char MARK[] = "bench:";
static const char *const TYPES[] = {
    [CLASSIC] = "text/event-stream; charset=utf-8",
    [CONNECT] = "application/connect+json",
    [OPENAI] = "text/event-stream",
};

static void set_field(struct shape *shape, const char *name, long value) {
    if (strncmp(name, "events=", 7) == 0) shape->events = value;
    if (strncmp(name, "interval=", 9) == 0) shape->interval = value;
    if (strncmp(name, "bytes=", 6) == 0) shape->filling = value < MOST_FILLING ? value : MOST_FILLING;
}

struct shape read_shape(const char *body, size_t length) {
    struct shape shape = {.events = 10};
    const char *found = length ? memmem(body, length, MARK, strlen(MARK)) : NULL;
    if (found == NULL) return shape;
    char text[100] = {0};
    size_t rest = (size_t)(body + length - found) - strlen(MARK);
    memcpy(text, found + strlen(MARK), rest < sizeof text ? rest : sizeof text - 1);
    for (char *field = text; *field; field++) {
        char *equals = field + strspn(field, "abcdefghijklmnopqrstuvwxyz"), *end;
        if (*equals != '=') break;
        long value = strtol(equals + 1, &end, 10);
        set_field(&shape, field, value);
        field = end;
        if (*field != ',') break;
    }
    return shape;
}

static void put_chunk(struct buffer *out, const char *bytes, size_t length) {
    char size[20];
    int digits = snprintf(size, sizeof size, "%zx\r\n", length);
    buffer_put(out, size, (size_t)digits);
    buffer_put(out, bytes, length);
    buffer_put(out, "\r\n", 2);
}

static void put_envelope(struct buffer *out, char flags, char *room, size_t length) {
    room[0] = flags;
    for (int place = 1; place < ENVELOPE_HEAD; place++) room[place] = (char)(length >> (8 * (4 - place)));
    put_chunk(out, room, ENVELOPE_HEAD + length);
}

/* One message in a chunk of its own, framed as the dialect has it. */
__attribute__((format(printf, 3, 4))) static void say(
    struct buffer *out, const struct stream *stream, const char *format, ...) {
    char text[MOST_FILLING + MOST_AROUND + 100];
    size_t head = ENVELOPE_HEAD + (stream->dialect == CONNECT ? 0 : 1);
    va_list values;
    va_start(values, format);
    size_t length = (size_t)vsnprintf(text + head, sizeof text - head - 2, format, values);
    va_end(values);
    if (stream->dialect == CONNECT) {
        put_envelope(out, 0, text, length);
        return;
    }
    memcpy(text, "data: ", 6);
    memcpy(text + 6 + length, "\n\n", 2);
    put_chunk(out, text, 6 + length + 2);
}

#define CHUNK "{\"id\":\"chatcmpl-%" PRIu64 "\",\"object\":\"chat.completion.chunk\",\"created\":1800000000," \
              "\"model\":\"kimi-bench\",\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]%s}"
#define MESSAGE "{\"op\":\"set\",\"mask\":\"message\",\"eventOffset\":%d,\"message\":{\"id\":\"%s-%" PRIu64 "\"," \
                "\"parentId\":\"%s\",\"role\":\"%s\",\"status\":\"MESSAGE_STATUS_%s\"}}"

void put_beginning(struct buffer *out, const struct stream *stream, int closes) {
    char head[300];
    int length = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n%s\r\n",
        TYPES[stream->dialect], closes ? "Connection: close\r\n" : "");
    buffer_put(out, head, (size_t)length);
    uint64_t number = stream->number;
    if (stream->dialect == CLASSIC) {
        say(out, stream, "{\"event\":\"req\",\"id\":\"q%019" PRIu64 "\",\"group_id\":\"g\",\"content\":\"\"}", number);
        say(out, stream, "{\"event\":\"resp\",\"id\":\"a%019" PRIu64 "\",\"group_id\":\"g\"}", number);
    } else if (stream->dialect == CONNECT) {
        say(out, stream, "{\"op\":\"set\",\"eventOffset\":1,\"chat\":{\"id\":\"19a0c0de-1111-8000-8000-%012" PRIx64
            "\",\"name\":\"bench\"}}", number);
        say(out, stream, MESSAGE, 2, "user", number, "root", "user", "COMPLETED");
        say(out, stream, MESSAGE, 3, "answer", number, "user", "assistant", "GENERATING");
    } else {
        say(out, stream, CHUNK, number, "\"role\":\"assistant\",\"content\":\"\"", "null", "");
    }
}

static void put_text(struct buffer *out, const struct stream *stream, const char *text) {
    if (stream->dialect == CLASSIC) {
        say(out, stream, "{\"event\":\"cmpl\",\"idx_s\":0,\"idx_z\":0,\"text\":\"%s\",\"view\":\"cmpl\"}", text);
    } else if (stream->dialect == CONNECT) {
        int first = stream->sent == 0;
        say(out, stream, "{\"op\":\"%s\",\"mask\":\"block.text%s\",\"eventOffset\":%ld,\"block\":{\"id\":\"b2\","
            "\"parentId\":\"\",\"text\":{\"content\":\"%s\"}}}",
            first ? "set" : "append", first ? "" : ".content", 4 + stream->sent, text);
    } else {
        char delta[MOST_FILLING + 100];
        snprintf(delta, sizeof delta, "\"content\":\"%s\"", text);
        say(out, stream, CHUNK, stream->number, delta, "null", "");
    }
}

void put_piece(struct buffer *out, const struct stream *stream, int64_t now) {
    char text[MOST_FILLING + 80];
    int length = snprintf(text, 80, " n%ld t%" PRId64 ";", stream->sent + 1, now);
    size_t filling = (size_t)stream->shape.filling;
    memset(text + length, 'x', filling);
    text[(size_t)length + filling] = 0;
    put_text(out, stream, text);
}

void put_end(struct buffer *out, const struct stream *stream) {
    if (stream->dialect == CLASSIC) {
        say(out, stream, "{\"event\":\"all_done\"}");
    } else if (stream->dialect == CONNECT) {
        char trailer[ENVELOPE_HEAD + 2] = "-----{}";
        say(out, stream, "{\"op\":\"set\",\"mask\":\"message.status\",\"eventOffset\":%ld,\"message\":{\"id\":\"answer-%"
            PRIu64 "\",\"status\":\"MESSAGE_STATUS_COMPLETED\"}}", 5 + stream->sent, stream->number);
        say(out, stream, "{\"eventOffset\":%ld,\"done\":{}}", 6 + stream->sent);
        put_envelope(out, 2, trailer, 2);
    } else {
        char usage[120];
        snprintf(usage, sizeof usage, ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%ld,\"total_tokens\":%ld}",
            stream->sent, stream->sent + 9);
        say(out, stream, CHUNK, stream->number, "", "\"stop\"", usage);
        put_chunk(out, "data: [DONE]\n\n", 14);
    }
    buffer_put(out, "0\r\n\r\n", 5);
}
