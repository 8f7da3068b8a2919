#define _GNU_SOURCE
#include "pieces.h"

#include <string.h>

enum step { OUTSIDE, SPACE, NUMBER, BETWEEN, TIME };

void reading_reset(struct reading *reading, int64_t asked) {
    struct buffer line = reading->line;
    buffer_drop(&line, buffer_length(&line));
    *reading = (struct reading){.findings = reading->findings, .line = line, .asked = asked};
}

static void note_piece(struct reading *reading) {
    struct findings *findings = reading->findings;
    int64_t delay = reading->now - reading->time;
    findings->pieces++;
    if (reading->now >= findings->window_begin && reading->now < findings->window_end)
        histogram_add(&findings->delay, delay);
    if (reading->found == 0) {
        histogram_add(&findings->first_delay, delay);
        histogram_add(&findings->first_event, reading->now - reading->asked);
    }
    if (reading->number != ++reading->found) {
        if (!reading->is_disordered) findings->out_of_order++;
        reading->is_disordered = 1;
    }
}

static int is_digit(char character) {
    return character >= '0' && character <= '9';
}

/* One character of the text. A piece may begin in one chunk and end in the next. */
static void take_character(struct reading *reading, char character) {
    int step = reading->step;
    reading->step = OUTSIDE;
    if (step == NUMBER && is_digit(character)) {
        reading->number = reading->number * 10 + character - '0';
        reading->step = NUMBER;
    } else if (step == NUMBER && character == ' ') {
        reading->step = BETWEEN;
    } else if (step == TIME && is_digit(character)) {
        reading->time = reading->time * 10 + character - '0';
        reading->step = TIME;
    } else if (step == TIME && character == ';') {
        note_piece(reading);
    } else if (step == BETWEEN && character == 't') {
        reading->time = 0;
        reading->step = TIME;
    } else if (step == SPACE && character == 'n') {
        reading->number = 0;
        reading->step = NUMBER;
    } else if (character == ' ') {
        reading->step = SPACE;
    }
}

static const char *skip_spaces(const char *text, const char *end) {
    while (text < end && *text == ' ') text++;
    return text;
}

/* Where the value of a field begins; NULL where the field is missing. */
static const char *value_of(const char *name, const char *text, const char *end) {
    const char *found = memmem(text, (size_t)(end - text), name, strlen(name));
    return found ? skip_spaces(found + strlen(name), end) : NULL;
}

static int begins(const char *value, const char *end, char character) {
    return value != NULL && value < end && *value == character;
}

static void take_chunk(struct reading *reading, const char *text, const char *end) {
    reading->findings->chunks++;
    const char *content = value_of("\"content\":", text, end);
    if (begins(content, end, '"'))
        for (content++; content < end && *content != '"'; content++) take_character(reading, *content);
    if (begins(value_of("\"finish_reason\":", text, end), end, '"')) reading->has_finish = 1;
    if (begins(value_of("\"error\":", text, end), end, '{')) reading->has_error = 1;
}

static void take_line(struct reading *reading, const char *line, size_t length) {
    const char *end = line + length;
    if (length && end[-1] == '\r') end--;
    if (end - line < 5 || memcmp(line, "data:", 5) != 0) return;
    line = skip_spaces(line + 5, end);
    if (end - line == 6 && memcmp(line, "[DONE]", 6) == 0) reading->is_done = 1;
    else take_chunk(reading, line, end);
}

void reading_take(void *taker, const char *bytes, size_t length) {
    struct reading *reading = taker;
    const char *end = bytes + length, *line_end;
    reading->findings->bytes += length;
    while ((line_end = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
        if (buffer_length(&reading->line)) {
            buffer_put(&reading->line, bytes, (size_t)(line_end - bytes));
            take_line(reading, buffer_front(&reading->line), buffer_length(&reading->line));
            buffer_drop(&reading->line, buffer_length(&reading->line));
        } else {
            take_line(reading, bytes, (size_t)(line_end - bytes));
        }
        bytes = line_end + 1;
    }
    buffer_put(&reading->line, bytes, (size_t)(end - bytes));
}
