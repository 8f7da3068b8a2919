#define _GNU_SOURCE
#include "requests.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *find_header(const struct request *request, const char *name, size_t *length) {
    const char *line = request->head, *end = request->head + request->head_length;
    size_t wanted = strlen(name);
    while ((line = memmem(line, (size_t)(end - line), "\r\n", 2)) != NULL) {
        line += 2;
        if ((size_t)(end - line) <= wanted || line[wanted] != ':' || strncasecmp(line, name, wanted) != 0) continue;
        const char *value = line + wanted + 1;
        while (*value == ' ') value++;
        *length = (size_t)((char *)memchr(value, '\r', (size_t)(end - value)) - value);
        return value;
    }
    return NULL;
}

static int says_close(const struct request *request) {
    size_t length = 0;
    const char *value = find_header(request, "connection", &length);
    return value != NULL && length == 5 && strncasecmp(value, "close", 5) == 0;
}

static int read_first_line(struct request *request) {
    const char *space = memchr(request->head, ' ', request->head_length);
    if (space == NULL) return -1;
    request->method = request->head;
    request->method_length = (size_t)(space - request->head);
    request->path = space + 1;
    const char *end = memchr(request->path, ' ', request->head_length - request->method_length - 1);
    if (end == NULL) return -1;
    request->path_length = (size_t)(end - request->path);
    request->closes = strncmp(end, " HTTP/1.0", 9) == 0 || says_close(request);
    return 0;
}

long read_request(struct request *request, const char *bytes, size_t length) {
    const char *end = length ? memmem(bytes, length, "\r\n\r\n", 4) : NULL;
    if (end == NULL) return 0;
    size_t value_length = 0;
    *request = (struct request){.head = bytes, .head_length = (size_t)(end - bytes) + 4, .body = end + 4};
    if (read_first_line(request) < 0 || find_header(request, "transfer-encoding", &value_length)) return -1;
    const char *value = find_header(request, "content-length", &value_length);
    request->body_length = value ? strtoul(value, NULL, 10) : 0;
    size_t whole = request->head_length + request->body_length;
    return whole <= length ? (long)whole : 0;
}

int has_path(const struct request *request, const char *path) {
    return request->path_length == strlen(path) && begins_with(request, path);
}

int begins_with(const struct request *request, const char *path) {
    size_t length = strlen(path);
    return request->path_length >= length && memcmp(request->path, path, length) == 0;
}

int ends_with(const struct request *request, const char *path) {
    size_t length = strlen(path);
    return request->path_length >= length && memcmp(request->path + request->path_length - length, path, length) == 0;
}
