/* What both programs need of the system: a clock, sockets, and a way to give up. */
#ifndef COMMON_H
#define COMMON_H

#include <stddef.h>
#include <stdint.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* CLOCK_MONOTONIC in microseconds: the same for all processes of a machine. */
int64_t now_us(void);

/* Says what is wrong, with the reason in errno where there is one, and ends the program with 2. */
_Noreturn void give_up(const char *what);

/* Memory that is there; gives up otherwise. `size` may not be 0. */
void *grown(void *old, size_t size);

/* As many descriptors as the system lets this process have. */
void raise_descriptor_limit(void);

/* No Nagle: every write is a packet of its own. */
void send_at_once(int fd);

/* Waits for events until `due`, or for ever where that is negative. Returns how many there are; 0 after a signal. */
struct epoll_event;
int wait_until(int poll, struct epoll_event *events, int most, int64_t due);

#endif
