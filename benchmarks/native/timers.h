/* What is due when: a heap of timers that stand inside what they belong to. */
#ifndef TIMERS_H
#define TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due;  /* now_us() */
    size_t place; /* in the heap, from 1; 0 while it is not set */
    void *owner;
};

struct timers {
    struct timer **heap;
    size_t count, room;
};

/* Has `timer` come up at `due`, and at no other time that was set before. */
void timers_set(struct timers *timers, struct timer *timer, int64_t due);
void timers_clear(struct timers *timers, struct timer *timer);

/* When the next one is due; -1 when none is set. */
int64_t timers_next(const struct timers *timers);

/* The owner of a timer that is due at `now`, which is cleared; NULL when there is none. */
void *timers_pop(struct timers *timers, int64_t now);

#endif
