#ifndef CSEALING_H
#define CSEALING_H

#include <stddef.h>
#include <stdint.h>

// AES-256-GCM (NIST SP 800-38D) with a key that is set up once and results written where they belong. The cipher is swift-crypto's BoringSSL, whose Swift
// interface sets a key up for each call and copies what it gives several times; for a page of the index that is three quarters of the cost.

#define CSEALING_KEY 32
#define CSEALING_NONCE 12
#define CSEALING_TAG 16

typedef struct csealing_key csealing_key;

// NULL when there is no memory. Several threads may use one key at a time.
csealing_key *csealing_key_new(const uint8_t key[CSEALING_KEY]);

// Overwrites it.
void csealing_key_free(csealing_key *key);

// Writes `count` octets of ciphertext, and the tag of them and of what is `authenticated`. 0, or -1 when nothing was sealed.
// `plain` and `sealed` may be the same, or do not overlap; they are not touched where `count` is 0.
int csealing_seal(
    const csealing_key *key, const uint8_t nonce[CSEALING_NONCE], const void *plain, size_t count, const void *authenticated, size_t authenticated_count,
    void *sealed, uint8_t tag[CSEALING_TAG]);

// Writes the `count` octets whose ciphertext `sealed` is. 0, or -1 when tag, ciphertext or what is `authenticated` are not what was sealed; then what was
// written is overwritten. `sealed` and `plain` may be the same, or do not overlap.
int csealing_open(
    const csealing_key *key, const uint8_t nonce[CSEALING_NONCE], const void *sealed, size_t count, const uint8_t tag[CSEALING_TAG], const void *authenticated,
    size_t authenticated_count, void *plain);

#endif
