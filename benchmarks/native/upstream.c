/* Kimi's three dialects with nothing behind them, for benchmarks: one event a write, at the pace that the question asks.

   `upstream PORT` listens on 127.0.0.1. `GET /figures` tells what it has done. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"
#include "buffer.h"
#include "common.h"
#include "timers.h"

#define MOST_EVENTS 512
#define MOST_IN_A_TURN 32 /* pieces of one stream before others have theirs */
#define MOST_REQUEST (8 * 1024 * 1024)

struct connection {
    int fd;
    int watches_room; /* for what could not be written */
    int streams, closes, done;
    struct buffer in, out;
    struct timer timer;
    struct stream stream;
    struct connection *next_dead;
};

static int poll_fd;
static struct timers timers;
static struct figures figures;
static struct connection *dead; /* freed when nobody can look at them any more */

static void watch(struct connection *connection, int operation) {
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | (connection->watches_room ? EPOLLOUT : 0u), .data.ptr = connection};
    if (epoll_ctl(poll_fd, operation, connection->fd, &event)) give_up("epoll_ctl");
}

static void end(struct connection *connection) {
    if (connection->done) return;
    connection->done = 1;
    if (connection->streams) figures.streams_open--;
    figures.connections--;
    timers_clear(&timers, &connection->timer);
    close(connection->fd);
    connection->next_dead = dead;
    dead = connection;
}

static void bury(void) {
    while (dead) {
        struct connection *connection = dead;
        dead = connection->next_dead;
        buffer_free(&connection->in);
        buffer_free(&connection->out);
        free(connection);
    }
}

/* Writes what waits, in one call, and has the rest wait for room. */
static void flush(struct connection *connection) {
    size_t length = buffer_length(&connection->out);
    if (length) {
        ssize_t written = send(connection->fd, buffer_front(&connection->out), length, MSG_NOSIGNAL);
        if (written < 0 && errno != EAGAIN) {
            end(connection);
            return;
        }
        if (written > 0) {
            buffer_drop(&connection->out, (size_t)written);
            figures.bytes += (uint64_t)written;
        }
    }
    int waits = buffer_length(&connection->out) > 0;
    if (waits == connection->watches_room) return;
    connection->watches_room = waits;
    watch(connection, EPOLL_CTL_MOD);
}

static int is_stuck(const struct connection *connection) {
    return connection->done || connection->watches_room;
}

static void finish(struct connection *connection) {
    put_end(&connection->out, &connection->stream);
    connection->streams = 0;
    figures.streams_open--;
    figures.streams_finished++;
    flush(connection);
    if (connection->closes && !is_stuck(connection)) end(connection);
}

/* Writes the pieces that are due. */
static void advance(struct connection *connection) {
    struct stream *stream = &connection->stream;
    for (int turn = 0; turn < MOST_IN_A_TURN; turn++) {
        if (stream->sent >= stream->shape.events) {
            finish(connection);
            return;
        }
        int64_t now = now_us();
        put_piece(&connection->out, stream, now);
        stream->sent++;
        figures.events++;
        flush(connection);
        if (stream->shape.interval) {
            /* The first gap is of any length, so that streams that begin together do not go on together. */
            int64_t gap = stream->sent == 1 ? 1 + random() % stream->shape.interval : stream->shape.interval;
            stream->next = stream->next + gap > now ? stream->next + gap : now;
        }
        if (is_stuck(connection)) return;
        if (stream->shape.interval) break;
    }
    timers_set(&timers, &connection->timer, stream->next);
}

static void begin(struct connection *connection) {
    connection->streams = 1;
    connection->stream.next = now_us();
    figures.streams_open++;
    put_beginning(&connection->out, &connection->stream, connection->closes);
    flush(connection);
    if (!is_stuck(connection)) advance(connection);
}

/* Answers what has been asked, one after the other. */
static void serve(struct connection *connection) {
    struct request request;
    long length;
    while (!connection->streams && !is_stuck(connection) && !connection->closes) {
        length = read_request(&request, buffer_front(&connection->in), buffer_length(&connection->in));
        if (length == 0) return;
        if (length < 0) {
            end(connection);
            return;
        }
        connection->closes = request.closes;
        int streams = answer(&request, &figures, &connection->out, &connection->stream);
        buffer_drop(&connection->in, (size_t)length);
        if (streams) {
            begin(connection);
        } else {
            flush(connection);
            if (connection->closes && !is_stuck(connection)) end(connection);
        }
    }
}

static void take_in(struct connection *connection) {
    static char bytes[65536];
    ssize_t length = recv(connection->fd, bytes, sizeof bytes, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0 || buffer_length(&connection->in) > MOST_REQUEST) {
        end(connection);
        return;
    }
    buffer_put(&connection->in, bytes, (size_t)length);
    serve(connection);
}

static void go_on(struct connection *connection) {
    flush(connection);
    if (is_stuck(connection)) return;
    if (connection->streams) {
        timers_set(&timers, &connection->timer, connection->stream.next);
    } else if (connection->closes) {
        end(connection);
    } else {
        serve(connection);
    }
}

static void welcome(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        send_at_once(fd);
        struct connection *connection = grown(NULL, sizeof *connection);
        *connection = (struct connection){.fd = fd};
        connection->timer.owner = connection;
        figures.connections++;
        watch(connection, EPOLL_CTL_ADD);
    }
}

static int listen_at(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) give_up("cannot listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event)) give_up("epoll_ctl");
    return fd;
}

static void handle(struct connection *connection, uint32_t events) {
    if (events & EPOLLOUT) go_on(connection);
    if (!connection->done && events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) take_in(connection);
}

int main(int count, char **words) {
    if (count != 2) {
        fprintf(stderr, "upstream PORT\n");
        return 2;
    }
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_at(atoi(words[1]));
    struct epoll_event events[MOST_EVENTS];
    for (;;) {
        int ready = wait_until(poll_fd, events, MOST_EVENTS, timers_next(&timers));
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr == NULL) welcome(listener);
            else handle(events[index].data.ptr, events[index].events);
        }
        struct connection *due;
        int64_t now = now_us();
        while ((due = timers_pop(&timers, now)) != NULL) advance(due);
        bury();
    }
}
