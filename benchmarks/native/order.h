/* What a run of the load client is to do, from its command line. */
#ifndef ORDER_H
#define ORDER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

struct order {
    struct sockaddr_in address;
    struct buffer request; /* as it goes over the wire */
    long concurrency, requests, expected; /* pieces of an answer; 0: any number */
    double seconds, ramp, patience, slow, window_begin, window_end;
    int is_plain; /* any answer with status 200 is right */
};

/* Ends the program with a word on how to use it when the command line is not right. */
struct order read_order(int count, char **words);

#endif
