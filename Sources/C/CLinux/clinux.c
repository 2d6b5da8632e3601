#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

int clinux_is_mount_point(const char *path) {
    struct statx facts, above;
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &facts) != 0) return -1;
    if (facts.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) return (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    int answer = statx(folder, "..", 0, STATX_BASIC_STATS, &above);
    close(folder);
    if (answer != 0) return -1;
    return facts.stx_dev_major != above.stx_dev_major || facts.stx_dev_minor != above.stx_dev_minor;
}

int clinux_become(const char *name, unsigned int uid, unsigned int gid) {
    gid_t group = gid;
    if ((name ? initgroups(name, group) : setgroups(1, &group)) != 0) return -1;
    if (setresgid(group, group, group) != 0 || setresuid(uid, uid, uid) != 0) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    uid_t users[3];
    gid_t groups[3];
    if (getresuid(&users[0], &users[1], &users[2]) != 0 || getresgid(&groups[0], &groups[1], &groups[2]) != 0) return -1;
    for (int i = 0; i < 3; i++) {
        if (users[i] != uid || groups[i] != group) goto undone;
    }
    /* What must fail. */
    if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0) goto undone;
    return 0;
undone:
    errno = EPERM;
    return -1;
}

int clinux_forbid_core_dumps(void) {
    struct rlimit none = {0, 0}, limit;
    /* A filter of system calls may forbid to set what the service manager has set already. */
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return -1;
    if ((limit.rlim_cur != 0 || limit.rlim_max != 0) && setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void *clinux_secret_new(size_t count) {
    void *secret = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED) return NULL;
    madvise(secret, count, MADV_DONTDUMP);
    mlock(secret, count);
    return secret;
}

void clinux_secret_free(void *secret, size_t count) {
    explicit_bzero(secret, count);
    munmap(secret, count);
}

int clinux_lock(const void *at, size_t count) { return mlock(at, count); }

void clinux_wipe(void *at, size_t count) { explicit_bzero(at, count); }

void clinux_name_thread(const char *name) {
    char short_name[16];
    strncpy(short_name, name, sizeof short_name - 1);
    short_name[sizeof short_name - 1] = 0;
    pthread_setname_np(pthread_self(), short_name);
}
