#define _GNU_SOURCE
#include "order.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define USAGE                                                                                                        \
    "load [options] 127.0.0.1:PORT/PATH\n"                                                                           \
    "  -c N  streams at a time (1)\n"                                                                                \
    "  -n N  requests in all (as many as streams)\n"                                                                 \
    "  -d S  begin new requests for so many seconds, instead of -n\n"                                                \
    "  -r S  the first requests are spread over so many seconds (0)\n"                                               \
    "  -t S  an answer that takes longer has failed (60)\n"                                                          \
    "  -w A,B  the delay of pieces that come between these seconds counts (all)\n"                                   \
    "  -e N  pieces that every answer has to have\n"                                                                 \
    "  -b T  body of the request; with it the method is POST\n"                                                      \
    "  -f F  a file with the body\n"                                                                                 \
    "  -H H  a header, as in 'Name: value'; may be repeated\n"                                                       \
    "  -s S  read nothing for so many seconds, then hang up\n"                                                       \
    "  -p    any answer with status 200 is right, whatever it says\n"

struct parts {
    struct buffer headers, body;
    int has_body;
};

static _Noreturn void explain(void) {
    fputs(USAGE, stderr);
    exit(2);
}

static double number(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || value < 0) explain();
    return value;
}

static void read_window(struct order *order, const char *text) {
    if (sscanf(text, "%lf,%lf", &order->window_begin, &order->window_end) != 2) explain();
}

static void add_header(struct parts *parts, const char *line) {
    buffer_put(&parts->headers, line, strlen(line));
    buffer_put(&parts->headers, "\r\n", 2);
}

static void read_body(struct parts *parts, const char *path) {
    char bytes[65536];
    size_t length;
    FILE *file = fopen(path, "rb");
    if (file == NULL) give_up(path);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0) buffer_put(&parts->body, bytes, length);
    fclose(file);
}

static void take_option(struct order *order, struct parts *parts, int option) {
    switch (option) {
        case 'c': order->concurrency = (long)number(optarg); break;
        case 'n': order->requests = (long)number(optarg); break;
        case 'd': order->seconds = number(optarg); break;
        case 'r': order->ramp = number(optarg); break;
        case 't': order->patience = number(optarg); break;
        case 'w': read_window(order, optarg); break;
        case 'e': order->expected = (long)number(optarg); break;
        case 's': order->slow = number(optarg); break;
        case 'p': order->is_plain = 1; break;
        case 'H': add_header(parts, optarg); break;
        case 'b': buffer_put(&parts->body, optarg, strlen(optarg)); break;
        case 'f': read_body(parts, optarg); break;
        default: explain();
    }
    if (option == 'b' || option == 'f') parts->has_body = 1;
}

static void compose(struct order *order, const struct parts *parts, const char *path, const char *host) {
    char head[2048];
    size_t length = buffer_length(&parts->body);
    int head_length = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n",
        parts->has_body ? "POST" : "GET", path, host);
    buffer_put(&order->request, head, (size_t)head_length);
    if (parts->has_body) {
        head_length = snprintf(head, sizeof head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
        buffer_put(&order->request, head, (size_t)head_length);
    }
    if (buffer_length(&parts->headers))
        buffer_put(&order->request, buffer_front(&parts->headers), buffer_length(&parts->headers));
    buffer_put(&order->request, "\r\n", 2);
    if (length) buffer_put(&order->request, buffer_front(&parts->body), length);
}

static void read_url(struct order *order, const struct parts *parts, const char *url) {
    char host[64];
    int port, taken = 0;
    if (strncmp(url, "http://", 7) == 0) url += 7;
    if (sscanf(url, "%63[^:/]:%d%n", host, &port, &taken) != 2) explain();
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    order->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &order->address.sin_addr) != 1) explain();
    compose(order, parts, url[taken] ? url + taken : "/", host);
}

struct order read_order(int count, char **words) {
    struct order order = {.concurrency = 1, .patience = 60, .window_end = 1e9};
    struct parts parts = {0};
    int option;
    while ((option = getopt(count, words, "c:n:d:r:t:w:e:s:pH:b:f:")) != -1) take_option(&order, &parts, option);
    errno = 0;
    if (optind != count - 1 || order.concurrency < 1) explain();
    if (order.requests == 0) order.requests = order.concurrency;
    read_url(&order, &parts, words[optind]);
    buffer_free(&parts.body);
    buffer_free(&parts.headers);
    return order;
}
