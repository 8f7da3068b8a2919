#include "histogram.h"

#include <inttypes.h>

static unsigned place_of(uint64_t value) {
    if (value < 1u << (FINENESS + 1)) return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - FINENESS;
    return (shift << FINENESS) + (unsigned)(value >> shift);
}

static uint64_t value_at(unsigned place) {
    if (place < 1u << (FINENESS + 1)) return place;
    unsigned shift = (place >> FINENESS) - 1;
    uint64_t first = (uint64_t)((place & ((1u << FINENESS) - 1)) | 1u << FINENESS) << shift;
    return first + ((UINT64_C(1) << shift) - 1) / 2;
}

void histogram_add(struct histogram *histogram, int64_t value) {
    uint64_t counted = value < 0 ? 0 : (uint64_t)value;
    histogram->places[place_of(counted)]++;
    histogram->count++;
    histogram->sum += (double)counted;
    if (counted > histogram->greatest) histogram->greatest = counted;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share) {
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (unsigned place = 0; place < PLACES; place++) {
        seen += histogram->places[place];
        if (seen && (double)seen >= wanted) return value_at(place);
    }
    return 0;
}

void histogram_print(const struct histogram *histogram, FILE *file) {
    double mean = histogram->count ? histogram->sum / (double)histogram->count : 0;
    fprintf(file, "{\"count\":%" PRIu64 ",\"mean\":%.1f,\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
        ",\"max\":%" PRIu64 "}", histogram->count, mean, histogram_quantile(histogram, 0.5),
        histogram_quantile(histogram, 0.9), histogram_quantile(histogram, 0.99), histogram->greatest);
}
