/* Preloaded before libc: counts what a program allocates and what it pays for passwords, where seconds and pages would tell of the machine as well.

   COUNTS_FILE  a file of 9 int64 that both sides map (see `enum count`)

   What is counted is what malloc and its kin gave, the work of libargon2, whose own memory is mapped and counted by the hash, and tries to accept
   a connection without a descriptor for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum count { LIVE, PEAK, HASHES, HASH_WORK, HASHING, MOST_HASHING, ACCEPTED, ACCEPTS_FAILED, ALLOCATED };

static _Atomic int64_t nothing[9];
static _Atomic int64_t *counts = nothing;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("COUNTS_FILE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) counts = shared;
}

static void raise_to(enum count which, int64_t value) {
    int64_t most = atomic_load(&counts[which]);
    while (value > most && !atomic_compare_exchange_weak(&counts[which], &most, value)) {}
}

static void *gained(void *block) {
    if (block) {
        int64_t size = malloc_usable_size(block);
        raise_to(PEAK, atomic_fetch_add(&counts[LIVE], size) + size);
        atomic_fetch_add(&counts[ALLOCATED], size);
    }
    return block;
}

static void lost(void *block) {
    if (block) atomic_fetch_sub(&counts[LIVE], (int64_t)malloc_usable_size(block));
}

void *malloc(size_t size) { return gained(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return gained(__libc_calloc(count, size)); }
void *memalign(size_t alignment, size_t size) { return gained(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return gained(__libc_memalign(alignment, size)); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *made = gained(__libc_memalign(alignment, size));
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

void *realloc(void *block, size_t size) {
    int64_t before = block ? (int64_t)malloc_usable_size(block) : 0;
    void *moved = __libc_realloc(block, size);
    if (!moved && size) return NULL;
    atomic_fetch_sub(&counts[LIVE], before);
    return gained(moved);
}

void free(void *block) {
    lost(block);
    __libc_free(block);
}

int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags) {
    int accepted = (int)syscall(SYS_accept4, socket, address, length, flags);
    if (accepted >= 0) atomic_fetch_add(&counts[ACCEPTED], 1);
    if (accepted < 0 && (errno == EMFILE || errno == ENFILE)) atomic_fetch_add(&counts[ACCEPTS_FAILED], 1);
    return accepted;
}

int accept(int socket, struct sockaddr *address, socklen_t *length) { return accept4(socket, address, length, 0); }

/* The beginning of libargon2's argon2_context. */
struct context {
    uint8_t *out;
    uint32_t out_length;
    uint8_t *password;
    uint32_t password_length;
    uint8_t *salt;
    uint32_t salt_length;
    uint8_t *secret;
    uint32_t secret_length;
    uint8_t *data;
    uint32_t data_length;
    uint32_t passes, memory;
};

int argon2_ctx(struct context *context, int type) {
    static int (*real)(struct context *, int);
    if (!real) real = (int (*)(struct context *, int))dlsym(RTLD_NEXT, "argon2_ctx");
    if (!real) return -1;
    atomic_fetch_add(&counts[HASHES], 1);
    atomic_fetch_add(&counts[HASH_WORK], (int64_t)context->passes * context->memory);
    raise_to(MOST_HASHING, atomic_fetch_add(&counts[HASHING], 1) + 1);
    int code = real(context, type);
    atomic_fetch_sub(&counts[HASHING], 1);
    return code;
}
