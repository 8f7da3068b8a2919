/* Whole numbers from 0 on, counted so that a percentile is right to 1.6 %. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define FINENESS 6 /* bits of a number that count, behind its first */
#define PLACES ((64 - FINENESS) << FINENESS)

struct histogram {
    uint64_t places[PLACES], count, greatest;
    double sum;
};

void histogram_add(struct histogram *histogram, int64_t value);

/* What `share` (0 to 1) of the numbers do not exceed; 0 where there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

/* `{"count":…,"mean":…,"p50":…,"p90":…,"p99":…,"max":…}` */
void histogram_print(const struct histogram *histogram, FILE *file);

#endif
