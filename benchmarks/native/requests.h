/* Requests of HTTP/1.1 as they stand in memory. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stddef.h>

struct request {
    const char *method, *path; /* not ended by a zero */
    size_t method_length, path_length;
    const char *head, *body;
    size_t head_length, body_length;
    int closes; /* the connection is to be closed behind the answer */
};

/* Finds the request at the front of `bytes`. Returns its length, 0 while it is not complete, -1 for what is none. */
long read_request(struct request *request, const char *bytes, size_t length);

/* The value of a header, up to the end of its line; NULL where it is missing. `name` in small letters. */
const char *find_header(const struct request *request, const char *name, size_t *length);

int has_path(const struct request *request, const char *path);
int begins_with(const struct request *request, const char *path);
int ends_with(const struct request *request, const char *path);

#endif
