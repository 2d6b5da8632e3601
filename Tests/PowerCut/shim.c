/* Preloaded before libc: records what a program does to the files below one folder, so that a power cut can be played afterwards.

   POWERCUT_DATA     the folder (absolute, without symbolic links)
   POWERCUT_LOG      the journal: records are appended; cut.py reads them. On the same file system as the folder
   POWERCUT_GRAVES   a folder on that file system; whatever is unlinked or replaced stays there under its sequence number
   POWERCUT_CONTROL  a file of 16 int64 that both sides map (see `enum control`)

   A record is written after its operation and before the call returns, with the bytes that the operation destroyed. Operations on files
   are made one at a time; syncs run beside them. A completed sync covers what had returned before it began. Everything is done by system
   calls of our own, so nothing here is recorded twice. Stores through a shared mapping cannot be seen: one that could write is recorded
   as OP_UNSEEN, except SQLite's -shm, which promises nothing to survive. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation {
    OP_OPEN = 1, OP_CREATE, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_RENAME, OP_UNLINK, OP_MKDIR, OP_LINK, OP_RMDIR, OP_SYNC_FAILED, OP_UNSEEN = 99
};
enum control { SEQUENCE, SYNC_OFF, SYNC_DELAY_US, KILL_AT, SYNC_FAILS_IN, SYNC_FAILS, WRITE_FAILS_IN, WRITE_FAILS, WRITE_ERRNO, SYNCS, WRITES };

struct record {
    uint32_t magic, operation;
    uint64_t sequence, file, replaced;
    int64_t offset, length, old_size;
    uint32_t path_length, path2_length;
    uint64_t old_length;
};

#define MOST_FILES 65536
static uint64_t tracked[MOST_FILES]; /* inode by descriptor; 0: not ours */
static uint8_t self_syncing[MOST_FILES];
static char root[PATH_MAX], graves[PATH_MAX];
static size_t root_length;
static int journal = -1;
static _Atomic int64_t nothing[16];
static _Atomic int64_t *control = nothing;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *why) {
    syscall(SYS_write, 2, "powercut shim: ", 15);
    syscall(SYS_write, 2, why, strlen(why));
    syscall(SYS_write, 2, "\n", 1);
    syscall(SYS_exit_group, 99);
}

__attribute__((constructor)) static void begin(void) {
    const char *data = getenv("POWERCUT_DATA"), *log = getenv("POWERCUT_LOG"), *kept = getenv("POWERCUT_GRAVES"), *ctl = getenv("POWERCUT_CONTROL");
    if (!data || !log || !kept || !ctl) return;
    int fd = syscall(SYS_openat, AT_FDCWD, ctl, O_RDWR | O_CLOEXEC);
    if (fd < 0) die("no control file");
    void *map = (void *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die("cannot map the control file");
    syscall(SYS_close, fd);
    control = map;
    fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) die("cannot open the journal");
    journal = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way of small numbers */
    if (journal < 0) journal = fd; else syscall(SYS_close, fd);
    strncpy(graves, kept, sizeof graves - 1);
    strncpy(root, data, sizeof root - 1);
    root_length = strlen(root);
}

static int ours(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static const char *path_of(int fd, char *out) {
    char name[64] = "/proc/self/fd/", digits[16];
    int n = 0;
    for (int d = fd; ; d /= 10) { digits[n++] = '0' + d % 10; if (d < 10) break; }
    size_t at = strlen(name);
    while (n) name[at++] = digits[--n];
    name[at] = 0;
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, name, out, PATH_MAX - 1);
    out[length > 0 ? length : 0] = 0;
    return out;
}

/* The absolute path; not resolved: "..", and links inside the folder, are not what a mail store uses. */
static const char *absolute(int dir, const char *path, char *out) {
    if (path[0] == '/') return path;
    if (dir == AT_FDCWD) {
        if (syscall(SYS_getcwd, out, PATH_MAX) <= 0) out[0] = 0;
    } else {
        path_of(dir, out);
    }
    while (path[0] == '.' && path[1] == '/') path += 2;
    size_t n = strlen(out);
    if (n + strlen(path) + 2 > PATH_MAX) return path;
    out[n] = '/';
    strcpy(out + n + 1, path);
    return out;
}

static int status_of(const char *path, struct stat *st) { return syscall(SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW); }
static int status_of_fd(int fd, struct stat *st) { return syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH); }

static void pull_the_plug(int64_t now) {
    int64_t at = atomic_load(&control[KILL_AT]);
    if (at && now >= at) {
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
        for (;;) syscall(SYS_sched_yield);
    }
}

static int64_t next(void) { return atomic_fetch_add(&control[SEQUENCE], 1) + 1; }

/* Within the gate. */
static void note(int64_t sequence, enum operation operation, uint64_t file, uint64_t replaced, int64_t offset, int64_t length, int64_t old_size,
                 const char *path, const char *path2, const void *old, size_t old_length) {
    struct record r = {0x4357504d, operation, sequence, file, replaced, offset, length, old_size,
                       path ? strlen(path) : 0, path2 ? strlen(path2) : 0, old_length};
    struct iovec v[4] = {{&r, sizeof r}, {(void *)path, r.path_length}, {(void *)path2, r.path2_length}, {(void *)old, old_length}};
    size_t total = sizeof r + r.path_length + r.path2_length + old_length;
    if ((size_t)syscall(SYS_writev, journal, v, 4) != total) die("cannot write the journal");
}

static void close_gate(int64_t sequence) {
    pull_the_plug(sequence);
    pthread_mutex_unlock(&gate);
}

/* Bytes [from, to) as they are now; NULL when there are none. */
static void *present(int fd, int64_t from, int64_t to, size_t *length) {
    *length = 0;
    if (to <= from) return NULL;
    size_t want = to - from;
    char *old = malloc(want);
    if (!old) die("out of memory");
    int readable = fd, own = -1;
    while (*length < want) {
        ssize_t n = syscall(SYS_pread64, readable, old + *length, want - *length, from + *length);
        if (n < 0 && errno == EBADF && own < 0) { /* opened for writing only */
            char path[PATH_MAX];
            own = readable = syscall(SYS_openat, AT_FDCWD, path_of(fd, path), O_RDONLY | O_CLOEXEC);
            if (own < 0) die("cannot read what is overwritten");
            continue;
        }
        if (n <= 0) break;
        *length += n;
    }
    if (own >= 0) syscall(SYS_close, own);
    return old;
}

static int is_ours(int fd) { return fd >= 0 && fd < MOST_FILES && tracked[fd] != 0; }

static int injected(enum control in, enum control count) {
    if (atomic_load(&control[count]) <= 0) return 0;
    if (atomic_fetch_sub(&control[in], 1) > 1) return 0;
    return atomic_fetch_sub(&control[count], 1) > 0;
}

/* ---- open and close ---- */

static int record_open(int dir, const char *path, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    const char *full = root_length && path ? absolute(dir, path, buffer) : NULL;
    if (!full || !ours(full)) return syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&gate);
    struct stat before = {0}, now;
    int was_there = status_of(full, &before) == 0;
    void *old = NULL;
    size_t old_length = 0;
    if (was_there && (flags & O_TRUNC) && S_ISREG(before.st_mode) && before.st_size) {
        int reader = syscall(SYS_openat, AT_FDCWD, full, O_RDONLY | O_CLOEXEC);
        if (reader >= 0) { old = present(reader, 0, before.st_size, &old_length); syscall(SYS_close, reader); }
    }
    int fd = syscall(SYS_openat, dir, path, flags, mode);
    int error = errno;
    int64_t sequence = 0;
    if (fd >= 0 && fd < MOST_FILES && status_of_fd(fd, &now) == 0 && (S_ISREG(now.st_mode) || S_ISDIR(now.st_mode))) {
        tracked[fd] = now.st_ino;
        self_syncing[fd] = (flags & (O_SYNC | O_DSYNC)) != 0;
        if (!was_there || old_length) {
            sequence = next();
            if (!was_there) note(sequence, OP_CREATE, now.st_ino, 0, 0, 0, 0, full, NULL, NULL, 0);
            else note(sequence, OP_TRUNCATE, now.st_ino, 0, 0, 0, before.st_size, full, NULL, old, old_length);
        }
    }
    free(old);
    close_gate(sequence);
    errno = error;
    return fd;
}

#define MODE(flags) ({ mode_t m = 0; if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); m = va_arg(a, mode_t); va_end(a); } m; })
int open(const char *path, int flags, ...) { return record_open(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return record_open(AT_FDCWD, path, flags | O_LARGEFILE, MODE(flags)); }
int openat(int dir, const char *path, int flags, ...) { return record_open(dir, path, flags, MODE(flags)); }
int openat64(int dir, const char *path, int flags, ...) { return record_open(dir, path, flags, MODE(flags)); }
int creat(const char *path, mode_t mode) { return record_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
int __open_2(const char *path, int flags) { return record_open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return record_open(AT_FDCWD, path, flags, 0); }

int close(int fd) {
    if (is_ours(fd)) {
        pthread_mutex_lock(&gate);
        tracked[fd] = 0;
        int r = syscall(SYS_close, fd);
        pthread_mutex_unlock(&gate);
        return r;
    }
    if (fd == journal && fd >= 0) { errno = EBADF; return -1; }
    return syscall(SYS_close, fd);
}

static int copied(int from, int to) {
    if (from >= 0 && from < MOST_FILES && to >= 0 && to < MOST_FILES) { tracked[to] = tracked[from]; self_syncing[to] = self_syncing[from]; }
    return to;
}
int dup(int fd) { return copied(fd, syscall(SYS_dup, fd)); }
int dup2(int fd, int to) { return fd == to ? fcntl(fd, F_GETFD) < 0 ? -1 : to : copied(fd, syscall(SYS_dup3, fd, to, 0)); }
int dup3(int fd, int to, int flags) { return copied(fd, syscall(SYS_dup3, fd, to, flags)); }
static int control_file(int fd, int command, long argument) {
    int r = syscall(SYS_fcntl, fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, r) : r;
}
int fcntl(int fd, int command, ...) { va_list a; va_start(a, command); long v = va_arg(a, long); va_end(a); return control_file(fd, command, v); }
int fcntl64(int fd, int command, ...) { va_list a; va_start(a, command); long v = va_arg(a, long); va_end(a); return control_file(fd, command, v); }

/* ---- bytes ---- */

static ssize_t record_write(int fd, const struct iovec *v, int count, int64_t offset, int positioned, int flags) {
    if (!is_ours(fd)) {
        if (!positioned) return syscall(SYS_writev, fd, v, count);
        if (flags) return syscall(SYS_pwritev2, fd, v, count, offset, 0L, flags);
        return syscall(SYS_pwritev, fd, v, count, offset, 0L);
    }
    atomic_fetch_add(&control[WRITES], 1);
    if (injected(WRITE_FAILS_IN, WRITE_FAILS)) { errno = (int)atomic_load(&control[WRITE_ERRNO]); return -1; }
    pthread_mutex_lock(&gate);
    struct stat st = {0};
    status_of_fd(fd, &st);
    int append = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
    if (!positioned) offset = append ? st.st_size : syscall(SYS_lseek, fd, 0L, SEEK_CUR);
    int64_t total = 0;
    for (int i = 0; i < count; i++) total += v[i].iov_len;
    size_t old_length;
    int64_t end = offset + total < st.st_size ? offset + total : st.st_size;
    void *old = present(fd, offset, end, &old_length);
    ssize_t done = positioned ? syscall(SYS_pwritev2, fd, v, count, offset, 0L, flags) : syscall(SYS_writev, fd, v, count);
    int error = errno;
    int64_t sequence = 0;
    if (done > 0) {
        char path[PATH_MAX];
        sequence = next();
        if ((int64_t)old_length > done) old_length = done;
        note(sequence, OP_WRITE, tracked[fd], 0, offset, done, st.st_size, path_of(fd, path), NULL, old, old_length);
        if (self_syncing[fd] || (flags & (RWF_DSYNC | RWF_SYNC))) {
            sequence = next();
            note(sequence, OP_SYNC, tracked[fd], 0, sequence, 0, 0, path, NULL, NULL, 0);
        }
    }
    free(old);
    close_gate(sequence);
    errno = error;
    return done;
}

static ssize_t one(int fd, const void *bytes, size_t length, int64_t offset, int positioned) {
    struct iovec v = {(void *)bytes, length};
    return record_write(fd, &v, 1, offset, positioned, 0);
}
ssize_t write(int fd, const void *b, size_t n) { return is_ours(fd) ? one(fd, b, n, 0, 0) : syscall(SYS_write, fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { return is_ours(fd) ? one(fd, b, n, at, 1) : syscall(SYS_pwrite64, fd, b, n, at); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { return pwrite(fd, b, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { return record_write(fd, v, n, 0, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { return record_write(fd, v, n, at, 1, 0); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { return record_write(fd, v, n, at, 1, 0); }
ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t at, int f) { return record_write(fd, v, n, at, at != -1, f); }
ssize_t pwritev64v2(int fd, const struct iovec *v, int n, off64_t at, int f) { return record_write(fd, v, n, at, at != -1, f); }

static int record_truncate(int fd, int64_t length, int (*make)(int, int64_t)) {
    pthread_mutex_lock(&gate);
    struct stat st = {0};
    status_of_fd(fd, &st);
    size_t old_length;
    void *old = present(fd, length, st.st_size, &old_length);
    int r = make(fd, length), error = errno;
    int64_t sequence = 0;
    struct stat now = st;
    status_of_fd(fd, &now);
    if (r == 0 && now.st_size != st.st_size) {
        char path[PATH_MAX];
        sequence = next();
        note(sequence, OP_TRUNCATE, tracked[fd], 0, now.st_size, 0, st.st_size, path_of(fd, path), NULL, old, old_length);
    }
    free(old);
    close_gate(sequence);
    errno = error;
    return r;
}
static int make_truncate(int fd, int64_t length) { return syscall(SYS_ftruncate, fd, length); }
static int make_room(int fd, int64_t length) { return syscall(SYS_fallocate, fd, 0, 0L, length); }
int ftruncate(int fd, off_t length) { return is_ours(fd) ? record_truncate(fd, length, make_truncate) : make_truncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
static void unseen(int fd, const char *what) {
    char path[PATH_MAX];
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    note(sequence, OP_UNSEEN, tracked[fd], 0, 0, 0, 0, path_of(fd, path), what, NULL, 0);
    close_gate(sequence);
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
    if (!is_ours(fd)) return syscall(SYS_fallocate, fd, mode, offset, length);
    if (mode & FALLOC_FL_KEEP_SIZE && !(mode & ~FALLOC_FL_KEEP_SIZE)) return syscall(SYS_fallocate, fd, mode, offset, length);
    if (mode) { unseen(fd, "fallocate"); return syscall(SYS_fallocate, fd, mode, offset, length); }
    return record_truncate(fd, offset + length, make_room);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }
int truncate(const char *path, off_t length) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return -1;
    int r = ftruncate(fd, length), error = errno;
    close(fd);
    errno = error;
    return r;
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (is_ours(fd) && (flags & MAP_SHARED) && (protection & PROT_WRITE)) {
        char path[PATH_MAX];
        path_of(fd, path);
        size_t n = strlen(path);
        if (n < 4 || strcmp(path + n - 4, "-shm") != 0) unseen(fd, "mmap");
    }
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) { return mmap(at, length, protection, flags, fd, offset); }
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t n, unsigned f) {
    if (is_ours(out)) unseen(out, "copy_file_range");
    return syscall(SYS_copy_file_range, in, a, out, b, n, f);
}
ssize_t sendfile(int out, int in, off_t *at, size_t n) {
    if (is_ours(out)) unseen(out, "sendfile");
    return syscall(SYS_sendfile, out, in, at, n);
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t n) { return sendfile(out, in, at, n); }

/* ---- syncs ---- */

static int record_sync(int fd, long call) {
    if (!is_ours(fd)) return syscall(call, fd);
    if (atomic_load(&control[SYNC_OFF])) return 0;
    atomic_fetch_add(&control[SYNCS], 1);
    pthread_mutex_lock(&gate);
    int64_t covers = next();
    uint64_t file = tracked[fd];
    close_gate(covers);
    int64_t delay = atomic_load(&control[SYNC_DELAY_US]);
    if (delay > 0) {
        struct timespec t = {0, (covers * 7919 % delay) * 1000};
        syscall(SYS_nanosleep, &t, NULL);
    }
    int fails = injected(SYNC_FAILS_IN, SYNC_FAILS);
    int r = fails ? -1 : syscall(call, fd), error = fails ? EIO : errno;
    char path[PATH_MAX];
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    note(sequence, r == 0 ? OP_SYNC : OP_SYNC_FAILED, file, 0, covers, 0, 0, path_of(fd, path), NULL, NULL, 0);
    close_gate(sequence);
    errno = error;
    return r;
}
int fsync(int fd) { return record_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return record_sync(fd, SYS_fdatasync); }
/* Starts writing; promises nothing about metadata or the disk's cache. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) { return syscall(SYS_sync_file_range, fd, offset, length, flags); }

/* ---- names ---- */

/* Keeps a file that is about to lose a name. */
static void bury(const char *path, int64_t sequence) {
    char grave[PATH_MAX + 32], digits[24];
    int n = 0;
    for (int64_t s = sequence; s; s /= 10) digits[n++] = '0' + s % 10;
    size_t at = strlen(graves);
    memcpy(grave, graves, at);
    grave[at++] = '/';
    while (n) grave[at++] = digits[--n];
    grave[at] = 0;
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, grave, 0) != 0) die("cannot keep an unlinked file");
}

static int record_rename(int d1, const char *from, int d2, const char *to, unsigned flags) {
    char b1[PATH_MAX], b2[PATH_MAX];
    const char *p1 = root_length ? absolute(d1, from, b1) : from, *p2 = root_length ? absolute(d2, to, b2) : to;
    if (!root_length || (!ours(p1) && !ours(p2))) return syscall(SYS_renameat2, d1, from, d2, to, flags);
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    struct stat moved = {0}, replaced = {0};
    status_of(p1, &moved);
    if (status_of(p2, &replaced) == 0 && S_ISREG(replaced.st_mode)) bury(p2, sequence);
    int r = syscall(SYS_renameat2, d1, from, d2, to, flags), error = errno;
    if (r == 0) note(sequence, OP_RENAME, moved.st_ino, replaced.st_ino, 0, 0, 0, p1, p2, NULL, 0);
    close_gate(sequence);
    errno = error;
    return r;
}
int rename(const char *from, const char *to) { return record_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int d1, const char *from, int d2, const char *to) { return record_rename(d1, from, d2, to, 0); }
int renameat2(int d1, const char *from, int d2, const char *to, unsigned flags) { return record_rename(d1, from, d2, to, flags); }

static int record_unlink(int dir, const char *path, int flags) {
    char buffer[PATH_MAX];
    const char *full = root_length ? absolute(dir, path, buffer) : path;
    struct stat st;
    if (!root_length || !ours(full) || status_of(full, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return syscall(SYS_unlinkat, dir, path, flags);
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    if (S_ISREG(st.st_mode)) bury(full, sequence);
    int r = syscall(SYS_unlinkat, dir, path, flags), error = errno;
    if (r == 0) note(sequence, S_ISDIR(st.st_mode) ? OP_RMDIR : OP_UNLINK, st.st_ino, 0, 0, 0, 0, full, NULL, NULL, 0);
    close_gate(sequence);
    errno = error;
    return r;
}
int unlink(const char *path) { return record_unlink(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char *path, int flags) { return record_unlink(dir, path, flags); }
int rmdir(const char *path) { return record_unlink(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int r = record_unlink(AT_FDCWD, path, 0);
    return r != 0 && errno == EISDIR ? rmdir(path) : r;
}

int mkdirat(int dir, const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    const char *full = root_length ? absolute(dir, path, buffer) : path;
    if (!root_length || !ours(full)) return syscall(SYS_mkdirat, dir, path, mode);
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    int r = syscall(SYS_mkdirat, dir, path, mode), error = errno;
    struct stat st = {0};
    if (r == 0 && status_of(full, &st) == 0) note(sequence, OP_MKDIR, st.st_ino, 0, 0, 0, 0, full, NULL, NULL, 0);
    close_gate(sequence);
    errno = error;
    return r;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int d1, const char *from, int d2, const char *to, int flags) {
    char b2[PATH_MAX];
    const char *p2 = root_length ? absolute(d2, to, b2) : to;
    if (!root_length || !ours(p2)) return syscall(SYS_linkat, d1, from, d2, to, flags);
    pthread_mutex_lock(&gate);
    int64_t sequence = next();
    int r = syscall(SYS_linkat, d1, from, d2, to, flags), error = errno;
    struct stat st = {0};
    if (r == 0 && status_of(p2, &st) == 0) note(sequence, OP_LINK, st.st_ino, 0, 0, 0, 0, p2, NULL, NULL, 0);
    close_gate(sequence);
    errno = error;
    return r;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
