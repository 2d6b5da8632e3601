#ifndef CUNICODE_H
#define CUNICODE_H

#include <stddef.h>
#include <stdint.h>

// Tables for i;unicode-casemap (RFC 5051) and the parting of words, by code point; generate.py makes them.
extern const uint16_t cunicode_blocks[8704];
extern const uint16_t cunicode_entries[];
extern const uint32_t cunicode_forms[];
extern const uint8_t cunicode_octets[];

// What a code point, under 0x110000, is: its kind (0 parts words, 1 is part of one, 2 is written without spaces) in the low two bits,
// above them the number of its folded form, 0 for itself.
static inline uint16_t cunicode_entry(uint32_t scalar) {
    return cunicode_entries[((size_t)cunicode_blocks[scalar >> 7] << 7) + (scalar & 127)];
}

static inline const uint8_t *cunicode_form(uint16_t number, size_t *length) {
    *length = cunicode_forms[number] & 255;
    return cunicode_octets + (cunicode_forms[number] >> 8);
}

// memmem(3), which Swift's Glibc module does not show.
const void *cunicode_find(const void *text, size_t length, const void *needle, size_t needle_length);

#endif
