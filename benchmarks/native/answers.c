#define _GNU_SOURCE
#include "answers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_TOKEN 4096

__attribute__((format(printf, 4, 5))) static void reply(
    struct buffer *out, const struct request *request, const char *status, const char *format, ...) {
    char body[2 * MOST_TOKEN + 200], head[300];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(body, sizeof body, format, values);
    va_end(values);
    int head_length = snprintf(
        head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", status,
        length, request->closes ? "Connection: close\r\n" : "");
    buffer_put(out, head, (size_t)head_length);
    buffer_put(out, body, (size_t)length);
}

/* Whoever exchanges a token gets the same one again, as both: it never runs out. */
static void exchange_classic(const struct request *request, struct buffer *out) {
    size_t length = 0;
    const char *token = find_header(request, "authorization", &length);
    if (token == NULL || length < 8 || length > MOST_TOKEN) {
        reply(out, request, "401 Unauthorized", "{\"error_type\":\"auth.token.invalid\",\"message\":\"-\"}");
        return;
    }
    int shown = (int)length - 7;
    reply(out, request, "200 OK", "{\"access_token\":\"%.*s\",\"refresh_token\":\"%.*s\"}", shown, token + 7, shown,
        token + 7);
}

static void exchange_connect(const struct request *request, struct buffer *out) {
    const char name[] = "\"refresh_token\":\"";
    const char *found = request->body_length ? memmem(request->body, request->body_length, name, sizeof name - 1) : NULL;
    const char *token = found ? found + sizeof name - 1 : NULL;
    const char *end = token ? memchr(token, '"', (size_t)(request->body + request->body_length - token)) : NULL;
    if (end == NULL || end - token > MOST_TOKEN) {
        reply(out, request, "401 Unauthorized", "{\"code\":\"unauthenticated\"}");
        return;
    }
    int shown = (int)(end - token);
    reply(out, request, "200 OK", "{\"accessToken\":\"%.*s\",\"refreshToken\":\"%.*s\"}", shown, token, shown, token);
}

static void list_figures(const struct request *request, const struct figures *figures, struct buffer *out) {
    reply(out, request, "200 OK",
        "{\"connections\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"exchanges\":%" PRIu64 ",\"chats_made\":%" PRIu64
        ",\"chats_deleted\":%" PRIu64 ",\"streams_begun\":%" PRIu64 ",\"streams_finished\":%" PRIu64
        ",\"streams_open\":%" PRIu64 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
        figures->connections, figures->requests, figures->exchanges, figures->chats_made, figures->chats_deleted,
        figures->streams_begun, figures->streams_finished, figures->streams_open, figures->events, figures->bytes);
}

static int begin_stream(
    const struct request *request, struct figures *figures, struct stream *stream, enum dialect dialect) {
    *stream = (struct stream){
        .dialect = dialect,
        .shape = read_shape(request->body, request->body_length),
        .number = ++figures->streams_begun,
    };
    if (dialect == CONNECT) figures->chats_made++;
    return 1;
}

static void make_chat(const struct request *request, struct figures *figures, struct buffer *out) {
    reply(out, request, "200 OK", "{\"id\":\"c%019" PRIu64 "\",\"name\":\"bench\",\"created_at\":\"2026-01-01T00:00:00Z\"}",
        ++figures->chats_made);
}

static void delete_chat(const struct request *request, struct figures *figures, struct buffer *out) {
    figures->chats_deleted++;
    reply(out, request, "200 OK", "{}");
}

static void answer_shortly(const struct request *request, struct figures *figures, struct buffer *out) {
    if (has_path(request, "/api/chat")) {
        make_chat(request, figures, out);
    } else if (ends_with(request, "/DeleteChat") || request->method[0] == 'D') {
        delete_chat(request, figures, out);
    } else if (has_path(request, "/api/auth/token/refresh")) {
        figures->exchanges++;
        exchange_classic(request, out);
    } else if (ends_with(request, "AuthService/RefreshToken")) {
        figures->exchanges++;
        exchange_connect(request, out);
    } else if (ends_with(request, "/GetAvailableModels")) {
        reply(out, request, "200 OK",
            "{\"availableModels\":[{\"scenario\":\"SCENARIO_K2D5\",\"displayName\":\"K2.5\",\"thinking\":false}],"
            "\"defaultScenario\":{\"scenario\":\"SCENARIO_K2D5\"}}");
    } else if (ends_with(request, "/models")) {
        reply(out, request, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"kimi-bench\",\"object\":\"model\"}]}");
    } else if (has_path(request, "/figures")) {
        list_figures(request, figures, out);
    } else if (ends_with(request, "/cancel") || ends_with(request, "/GetSubscriptionStats")) {
        reply(out, request, "200 OK", "{}");
    } else {
        reply(out, request, "404 Not Found", "{\"error\":{\"type\":\"not_found\",\"message\":\"no such path\"}}");
    }
}

int answer(const struct request *request, struct figures *figures, struct buffer *out, struct stream *stream) {
    figures->requests++;
    if (ends_with(request, "/completion/stream")) return begin_stream(request, figures, stream, CLASSIC);
    if (ends_with(request, "ChatService/Chat")) return begin_stream(request, figures, stream, CONNECT);
    if (ends_with(request, "/chat/completions")) return begin_stream(request, figures, stream, OPENAI);
    answer_shortly(request, figures, out);
    return 0;
}
