#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

int clinux_open(const char *path, int flags, unsigned int mode) {
    return open(path, flags | O_CLOEXEC, mode);
}

int64_t clinux_peer_uid(int fd) {
    struct ucred who;
    socklen_t length = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return -1;
    return (int64_t)who.uid;
}

int clinux_random(void *into, size_t count) {
    ssize_t got;
    do got = getrandom(into, count, 0); while (got < 0 && errno == EINTR);
    return got == (ssize_t)count ? 0 : -1;
}

void clinux_return_large_blocks(void) {
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

void clinux_trim_heap(void) { malloc_trim(0); }

int64_t clinux_resident_octets(void) {
    long long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return -1;
    int found = fscanf(file, "%lld %lld", &size, &resident);
    fclose(file);
    return found == 2 ? (int64_t)resident * sysconf(_SC_PAGESIZE) : -1;
}

int clinux_lies_in_memory(const char *path) {
    struct statfs facts;
    if (statfs(path, &facts) != 0) return -1;
    /* tmpfs, ramfs */
    return facts.f_type == 0x01021994 || (unsigned)facts.f_type == 0x858458f6u;
}

int clinux_clock_is_kept(void) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int answer = adjtimex(&state);
    return answer < 0 ? -1 : answer != TIME_ERROR;
}

void clinux_name_thread(const char *name) {
    char short_name[16];
    strncpy(short_name, name, sizeof short_name - 1);
    short_name[sizeof short_name - 1] = 0;
    pthread_setname_np(pthread_self(), short_name);
}
