#include "CLogGather.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* 120 KiB, about 29 frames: SQLite's UNIX VFS takes the length of a write modulo 128 KiB. */
enum { ROOM = 120 << 10 };

/* A WAL. The default VFS's file lies behind it. */
struct log_file {
    sqlite3_file base;
    sqlite3_file *real;
    unsigned char *room;
    sqlite3_int64 start; /* where in the file what is gathered belongs */
    int length;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs our_vfs;
static const char *our_name;

static struct log_file *of(sqlite3_file *file) { return (struct log_file *)file; }

/* What could not be written is forgotten: the commit that it belongs to fails. */
static int flush(struct log_file *log) {
    if (log->length == 0) return SQLITE_OK;
    int length = log->length;
    log->length = 0;
    return log->real->pMethods->xWrite(log->real, log->room, length, log->start);
}

/* What is gathered and was not synced belongs to no commit: nobody needs it. */
static int log_close(sqlite3_file *file) {
    struct log_file *log = of(file);
    free(log->room);
    log->room = NULL;
    return log->real->pMethods->xClose(log->real);
}

static int log_read(sqlite3_file *file, void *into, int count, sqlite3_int64 at) {
    struct log_file *log = of(file);
    if (log->length > 0 && at + count > log->start) {
        int code = flush(log);
        if (code != SQLITE_OK) return code;
    }
    return log->real->pMethods->xRead(log->real, into, count, at);
}

static int log_write(sqlite3_file *file, const void *octets, int count, sqlite3_int64 at) {
    struct log_file *log = of(file);
    if (log->length > 0 && (at != log->start + log->length || log->length + count > ROOM)) {
        int code = flush(log);
        if (code != SQLITE_OK) return code;
    }
    if (!log->room) log->room = malloc(ROOM);
    if (!log->room || count > ROOM) return log->real->pMethods->xWrite(log->real, octets, count, at);
    if (log->length == 0) log->start = at;
    memcpy(log->room + log->length, octets, (size_t)count);
    log->length += count;
    return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int code = flush(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int log_sync(sqlite3_file *file, int flags) {
    int code = flush(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xSync(of(file)->real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size) {
    int code = flush(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xFileSize(of(file)->real, size);
}

static int log_lock(sqlite3_file *file, int level) { return of(file)->real->pMethods->xLock(of(file)->real, level); }
static int log_unlock(sqlite3_file *file, int level) { return of(file)->real->pMethods->xUnlock(of(file)->real, level); }
static int log_check(sqlite3_file *file, int *held) { return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, held); }
static int log_control(sqlite3_file *file, int code, void *argument) { return of(file)->real->pMethods->xFileControl(of(file)->real, code, argument); }
static int log_sector(sqlite3_file *file) { return of(file)->real->pMethods->xSectorSize(of(file)->real); }
static int log_traits(sqlite3_file *file) { return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real); }

static const sqlite3_io_methods log_methods = {
    .iVersion = 1, .xClose = log_close, .xRead = log_read, .xWrite = log_write, .xTruncate = log_truncate, .xSync = log_sync, .xFileSize = log_size,
    .xLock = log_lock, .xUnlock = log_unlock, .xCheckReservedLock = log_check, .xFileControl = log_control, .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_traits,
};

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given) {
    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL)) return real_vfs->xOpen(real_vfs, name, file, flags, given);
    struct log_file *log = of(file);
    memset(log, 0, sizeof *log);
    log->real = (sqlite3_file *)(log + 1);
    int code = real_vfs->xOpen(real_vfs, name, log->real, flags, given);
    if (code == SQLITE_OK) log->base.pMethods = &log_methods;
    return code;
}

static void make(void) {
    real_vfs = sqlite3_vfs_find(NULL);
    if (!real_vfs) return;
    our_vfs = *real_vfs;
    our_vfs.pNext = NULL;
    our_vfs.zName = "martlet-gather";
    our_vfs.szOsFile = (int)sizeof(struct log_file) + real_vfs->szOsFile;
    our_vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&our_vfs, 0) == SQLITE_OK) our_name = our_vfs.zName;
}

const char *cloggather_vfs(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return our_name;
}
