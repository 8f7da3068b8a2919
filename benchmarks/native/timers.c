#include "timers.h"

#include "common.h"

static void put(struct timers *timers, size_t place, struct timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

static void lift(struct timers *timers, struct timer *timer, size_t place) {
    for (; place > 1 && timers->heap[place / 2]->due > timer->due; place /= 2)
        put(timers, place, timers->heap[place / 2]);
    put(timers, place, timer);
}

static size_t earlier_child(const struct timers *timers, size_t place) {
    size_t child = place * 2;
    if (child < timers->count && timers->heap[child + 1]->due < timers->heap[child]->due) child++;
    return child;
}

static void sink(struct timers *timers, struct timer *timer, size_t place) {
    size_t child;
    while ((child = earlier_child(timers, place)) <= timers->count && timers->heap[child]->due < timer->due) {
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void timers_set(struct timers *timers, struct timer *timer, int64_t due) {
    timers_clear(timers, timer);
    if (timers->count + 2 > timers->room) {
        timers->room = (timers->count + 2) * 2;
        timers->heap = grown(timers->heap, timers->room * sizeof *timers->heap);
    }
    timer->due = due;
    lift(timers, timer, ++timers->count);
}

void timers_clear(struct timers *timers, struct timer *timer) {
    size_t place = timer->place;
    if (place == 0) return;
    timer->place = 0;
    struct timer *last = timers->heap[timers->count--];
    if (last == timer) return;
    lift(timers, last, place);
    sink(timers, last, last->place);
}

int64_t timers_next(const struct timers *timers) {
    return timers->count ? timers->heap[1]->due : -1;
}

void *timers_pop(struct timers *timers, int64_t now) {
    if (timers->count == 0 || timers->heap[1]->due > now) return NULL;
    struct timer *timer = timers->heap[1];
    timers_clear(timers, timer);
    return timer->owner;
}
