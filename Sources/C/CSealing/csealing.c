#include "CSealing.h"

// What is used of BoringSSL, by the names that swift-crypto gives it (openssl/aead.h). A version that calls it otherwise does not link.
typedef struct evp_aead_st EVP_AEAD;
const EVP_AEAD *CCryptoBoringSSL_EVP_aead_aes_256_gcm(void);
void *CCryptoBoringSSL_EVP_AEAD_CTX_new(const EVP_AEAD *aead, const uint8_t *key, size_t key_len, size_t tag_len);
void CCryptoBoringSSL_EVP_AEAD_CTX_free(void *ctx);
int CCryptoBoringSSL_EVP_AEAD_CTX_seal_scatter(
    const void *ctx, uint8_t *out, uint8_t *out_tag, size_t *out_tag_len, size_t max_out_tag_len, const uint8_t *nonce, size_t nonce_len, const uint8_t *in,
    size_t in_len, const uint8_t *extra_in, size_t extra_in_len, const uint8_t *ad, size_t ad_len);
int CCryptoBoringSSL_EVP_AEAD_CTX_open_gather(
    const void *ctx, uint8_t *out, const uint8_t *nonce, size_t nonce_len, const uint8_t *in, size_t in_len, const uint8_t *in_tag, size_t in_tag_len,
    const uint8_t *ad, size_t ad_len);

csealing_key *csealing_key_new(const uint8_t key[CSEALING_KEY]) {
    return CCryptoBoringSSL_EVP_AEAD_CTX_new(CCryptoBoringSSL_EVP_aead_aes_256_gcm(), key, CSEALING_KEY, CSEALING_TAG);
}

void csealing_key_free(csealing_key *key) { CCryptoBoringSSL_EVP_AEAD_CTX_free(key); }

int csealing_seal(
    const csealing_key *key, const uint8_t nonce[CSEALING_NONCE], const void *plain, size_t count, const void *authenticated, size_t authenticated_count,
    void *sealed, uint8_t tag[CSEALING_TAG]) {
    size_t length = 0;
    int done = CCryptoBoringSSL_EVP_AEAD_CTX_seal_scatter(
        key, sealed, tag, &length, CSEALING_TAG, nonce, CSEALING_NONCE, plain, count, NULL, 0, authenticated, authenticated_count);
    return done == 1 && length == CSEALING_TAG ? 0 : -1;
}

int csealing_open(
    const csealing_key *key, const uint8_t nonce[CSEALING_NONCE], const void *sealed, size_t count, const uint8_t tag[CSEALING_TAG], const void *authenticated,
    size_t authenticated_count, void *plain) {
    int done = CCryptoBoringSSL_EVP_AEAD_CTX_open_gather(
        key, plain, nonce, CSEALING_NONCE, sealed, count, tag, CSEALING_TAG, authenticated, authenticated_count);
    return done == 1 ? 0 : -1;
}
