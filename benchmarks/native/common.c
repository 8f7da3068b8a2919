#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

_Noreturn void give_up(const char *what) {
    fprintf(stderr, errno ? "%s: %s\n" : "%s\n", what, strerror(errno));
    exit(2);
}

void *grown(void *old, size_t size) {
    void *memory = realloc(old, size);
    if (memory == NULL) give_up("no memory");
    return memory;
}

void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) give_up("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) give_up("setrlimit");
}

void send_at_once(int fd) {
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

int wait_until(int poll, struct epoll_event *events, int most, int64_t due) {
    int64_t left = due < 0 ? 0 : due - now_us();
    if (left < 0) left = 0;
    struct timespec span = {left / 1000000, left % 1000000 * 1000};
    int count = epoll_pwait2(poll, events, most, due < 0 ? NULL : &span, NULL);
    if (count < 0 && errno != EINTR) give_up("epoll_pwait2");
    return count < 0 ? 0 : count;
}
