/* A load client for benchmarks: so many streams at a time, every piece of every answer checked.

   Prints a JSON object at the end, and on SIGUSR1 a line with what has come so far. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"
#include "order.h"
#include "pieces.h"
#include "response.h"
#include "timers.h"

#define MOST_EVENTS 512
#define SECOND 1e6
#define SLOW_WINDOW 4096 /* bytes that the kernel takes for a reader that does not read */

enum outcome { RIGHT, WRONG_STATUS, ERROR_EVENT, CUT_OFF, LOST, REORDERED, NO_CONNECTION, TIMED_OUT, HUNG_UP, OUTCOMES };
static const char *const OUTCOME_NAMES[OUTCOMES] = {
    "right", "wrong_status", "error_event", "cut_off", "lost", "reordered", "no_connection", "timed_out", "hung_up"};

struct slot {
    int fd; /* -1: none */
    int asks, is_reused;
    size_t sent; /* bytes of the request */
    struct response response;
    struct reading reading;
    struct timer timer;
};

static struct order order;
static int poll_fd;
static struct timers timers;
static struct findings findings;
static struct histogram whole; /* microseconds from a request to the end of its answer */
static uint64_t outcomes[OUTCOMES], statuses[600], begun, reconnects;
static int64_t started, stop_at, ended;
static long busy; /* slots that have something to do */
static volatile sig_atomic_t is_asked;

static int64_t span(double seconds) {
    return (int64_t)(seconds * SECOND);
}

static void hang_up(struct slot *slot) {
    if (slot->fd >= 0) close(slot->fd);
    slot->fd = -1;
}

static int may_begin(void) {
    return stop_at ? now_us() < stop_at : begun < (uint64_t)order.requests;
}

static void watch(struct slot *slot, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = slot};
    if (epoll_ctl(poll_fd, operation, slot->fd, &event)) give_up("epoll_ctl");
}

static int connect_slot(struct slot *slot) {
    slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (slot->fd < 0) give_up("socket");
    send_at_once(slot->fd);
    int window = SLOW_WINDOW;
    if (order.slow > 0) setsockopt(slot->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    int failed = connect(slot->fd, (struct sockaddr *)&order.address, sizeof order.address);
    if (failed && errno != EINPROGRESS) return -1;
    watch(slot, EPOLL_CTL_ADD, EPOLLOUT);
    return 0;
}

static void finish(struct slot *slot, enum outcome outcome);

/* Writes what is left of the request, and waits for what comes then. */
static void ask(struct slot *slot) {
    const char *bytes = buffer_front(&order.request);
    size_t length = buffer_length(&order.request);
    ssize_t written = send(slot->fd, bytes + slot->sent, length - slot->sent, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
        finish(slot, NO_CONNECTION);
        return;
    }
    if (written > 0) slot->sent += (size_t)written;
    if (slot->sent < length) watch(slot, EPOLL_CTL_MOD, EPOLLOUT);
    else if (order.slow > 0) watch(slot, EPOLL_CTL_MOD, 0);
    else watch(slot, EPOLL_CTL_MOD, EPOLLIN);
}

static void open_and_ask(struct slot *slot) {
    slot->sent = 0;
    response_reset(&slot->response);
    if (slot->fd >= 0) ask(slot);
    else if (connect_slot(slot)) finish(slot, NO_CONNECTION);
}

static void begin(struct slot *slot) {
    if (!may_begin()) {
        hang_up(slot);
        busy--;
        return;
    }
    begun++;
    int64_t now = now_us();
    slot->asks = 1;
    slot->is_reused = slot->fd >= 0;
    reading_reset(&slot->reading, now);
    timers_set(&timers, &slot->timer, now + span(order.slow > 0 ? order.slow : order.patience));
    open_and_ask(slot);
}

static void finish(struct slot *slot, enum outcome outcome) {
    int64_t now = now_us();
    outcomes[outcome]++;
    if (slot->response.status > 0 && slot->response.status < (int)LENGTH(statuses)) statuses[slot->response.status]++;
    if (outcome == RIGHT) histogram_add(&whole, now - slot->reading.asked);
    if (outcome != RIGHT || slot->response.closes) hang_up(slot);
    slot->asks = 0;
    ended = now;
    /* At once, but not from here: a server that refuses everybody would have us call ourselves for ever. */
    timers_set(&timers, &slot->timer, now);
}

static enum outcome judge(const struct slot *slot) {
    const struct reading *reading = &slot->reading;
    if (slot->response.part == BROKEN) return CUT_OFF;
    if (slot->response.status != 200) return WRONG_STATUS;
    if (order.is_plain) return RIGHT;
    if (reading->has_error) return ERROR_EVENT;
    if (!reading->is_done || !reading->has_finish) return CUT_OFF;
    if (order.expected && reading->found != order.expected) return LOST;
    return reading->is_disordered ? REORDERED : RIGHT;
}

/* The server has closed a kept connection just when it was used again: nothing of this request was seen by anybody. */
static int is_stale(const struct slot *slot) {
    return slot->is_reused && slot->response.part == HEAD && buffer_length(&slot->response.line) == 0;
}

static void end_of_stream(struct slot *slot) {
    if (is_stale(slot)) {
        reconnects++;
        slot->is_reused = 0;
        hang_up(slot);
        open_and_ask(slot);
        return;
    }
    response_close(&slot->response);
    slot->response.closes = 1;
    finish(slot, judge(slot));
}

static void take_in(struct slot *slot) {
    static char bytes[262144];
    ssize_t length = recv(slot->fd, bytes, sizeof bytes, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
        end_of_stream(slot);
        return;
    }
    slot->reading.now = now_us();
    response_feed(&slot->response, bytes, (size_t)length, reading_take, &slot->reading);
    if (slot->response.part == COMPLETE || slot->response.part == BROKEN) finish(slot, judge(slot));
}

static void handle(struct slot *slot, uint32_t events) {
    if (slot->fd < 0) return;
    if (!slot->asks) { /* closed while nothing was asked */
        hang_up(slot);
    } else if (slot->sent < buffer_length(&order.request)) {
        if (events & (EPOLLERR | EPOLLHUP)) finish(slot, NO_CONNECTION);
        else ask(slot);
    } else if (order.slow > 0) {
        finish(slot, HUNG_UP);
    } else {
        take_in(slot);
    }
}

static void come_due(struct slot *slot) {
    if (slot->asks) finish(slot, order.slow > 0 ? HUNG_UP : TIMED_OUT);
    else begin(slot);
}

static void prepare(struct slot *slots) {
    started = ended = now_us();
    stop_at = order.seconds > 0 ? started + span(order.seconds) : 0;
    findings.window_begin = started + span(order.window_begin);
    findings.window_end = started + span(order.window_end);
    for (long index = 0; index < order.concurrency; index++) {
        slots[index] = (struct slot){.fd = -1, .reading.findings = &findings, .timer.owner = &slots[index]};
        timers_set(&timers, &slots[index].timer, started + span(order.ramp) * index / order.concurrency);
        busy++;
    }
}

static void print_counts(const char *name, const char *const *names, const uint64_t *counts, size_t length) {
    const char *comma = "";
    printf("\"%s\":{", name);
    for (size_t index = 0; index < length; index++) {
        if (counts[index] == 0) continue;
        if (names) printf("%s\"%s\":%" PRIu64, comma, names[index], counts[index]);
        else printf("%s\"%zu\":%" PRIu64, comma, index, counts[index]);
        comma = ",";
    }
    printf("},");
}

static void print_histogram(const char *name, const struct histogram *histogram, const char *behind) {
    printf("\"%s\":", name);
    histogram_print(histogram, stdout);
    printf("%s", behind);
}

static void report(void) {
    double seconds = (double)(ended - started) / SECOND;
    printf("{\"seconds\":%.3f,\"requests\":%" PRIu64 ",\"right\":%" PRIu64 ",\"reconnects\":%" PRIu64 ",", seconds, begun,
        outcomes[RIGHT], reconnects);
    printf("\"requests_per_second\":%.1f,\"pieces\":%" PRIu64 ",\"chunks\":%" PRIu64 ",\"bytes\":%" PRIu64 ",",
        seconds > 0 ? (double)outcomes[RIGHT] / seconds : 0, findings.pieces, findings.chunks, findings.bytes);
    print_counts("outcomes", OUTCOME_NAMES, outcomes, OUTCOMES);
    print_counts("statuses", NULL, statuses, LENGTH(statuses));
    print_histogram("delay_us", &findings.delay, ",");
    print_histogram("first_delay_us", &findings.first_delay, ",");
    print_histogram("first_event_us", &findings.first_event, ",");
    print_histogram("whole_us", &whole, "}\n");
}

static void note_question(int number) {
    (void)number;
    is_asked = 1;
}

static void tell_progress(void) {
    is_asked = 0;
    printf("{\"right\":%" PRIu64 ",\"pieces\":%" PRIu64 "}\n", outcomes[RIGHT], findings.pieces);
    fflush(stdout);
}

static void listen_to_signals(void) {
    struct sigaction question = {.sa_handler = note_question}; /* interrupts the wait */
    sigaction(SIGUSR1, &question, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int count, char **words) {
    listen_to_signals();
    order = read_order(count, words);
    raise_descriptor_limit();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct slot *slots = grown(NULL, (size_t)order.concurrency * sizeof *slots);
    prepare(slots);
    struct epoll_event events[MOST_EVENTS];
    while (busy) {
        int ready = wait_until(poll_fd, events, MOST_EVENTS, timers_next(&timers));
        if (is_asked) tell_progress();
        for (int index = 0; index < ready; index++) handle(events[index].data.ptr, events[index].events);
        struct slot *due;
        int64_t now = now_us();
        while ((due = timers_pop(&timers, now)) != NULL) come_due(due);
    }
    report();
    return outcomes[RIGHT] + outcomes[HUNG_UP] == begun ? 0 : 1;
}
