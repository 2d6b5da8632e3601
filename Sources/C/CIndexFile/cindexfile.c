#include "CIndexFile.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = CINDEXFILE_PAGE,
    TRAILER = CINDEXFILE_TRAILER,
    CONTENT = PAGE - TRAILER,
    WAL_HEADER = CINDEXFILE_WAL_HEADER,
    FRAME_HEADER = CINDEXFILE_FRAME_HEADER,
    FRAME = FRAME_HEADER + PAGE,
    /* Where the checksum lies in a frame's header. */
    FRAME_CHECKSUM = 16,
    /* 120 KiB, about 29 frames: SQLite's UNIX VFS takes the length of a write modulo 128 KiB. */
    ROOM = 120 << 10,
    /* The longest read of a database's beginning that is not a page. */
    DATABASE_HEADER = 100,
};

/* Pages that were checked or made here, so that one is read and checked once and not for each connection after each commit. A page is in one set, by where it
   lies; in it the one that was asked for longest ago makes room. */
enum { SETS = 1024, WAYS = 4, LOCKS = 64 };

struct kept_page {
    sqlite3_int64 at; /* twice where its content lies, and one more in a WAL; 0: nothing is kept here */
    uint32_t asked;
    uint32_t number;        /* of the page */
    unsigned char *content; /* with its trailer */
};

struct kept_pages {
    pthread_mutex_t locks[LOCKS]; /* of every 64th set each */
    uint32_t clock[LOCKS];
    struct kept_page pages[SETS][WAYS];
};

/* A VFS with its seal. */
struct index_vfs {
    sqlite3_vfs base;
    cindexfile_seal seal;
    struct kept_pages kept;
    uint64_t serial; /* no other one of this process has it, before or after */
    char name[40];
};

/* A database or its WAL. The default VFS's file lies behind it. */
struct index_file {
    sqlite3_file base;
    sqlite3_file *real;
    const cindexfile_seal *seal;
    struct kept_pages *kept;
    uint64_t serial;
    int is_log;
    /* What is gathered of a WAL. */
    unsigned char *room;
    sqlite3_int64 start; /* where in the file what is gathered belongs */
    int length;
    /* The header of a frame that waits for its page; none while header_at is 0. */
    unsigned char header[FRAME_HEADER];
    sqlite3_int64 header_at;
    /* The checksum that a frame written at `next_at` goes on from, and the one that SQLite's own goes on from, where it is known. */
    sqlite3_int64 next_at;
    uint32_t next[2], next_told[2];
    int is_told;
    /* While the frames are read one after the other: the checksum as it lies there, and as SQLite is to see it, before the frame at `read_at`. */
    sqlite3_int64 read_at;
    uint32_t read[2], told[2];
    /* The words of the checksum are not in this machine's order of octets. */
    int swaps;
};

static struct index_file *of(sqlite3_file *file) { return (struct index_file *)file; }

static unsigned set_of(sqlite3_int64 at) { return (unsigned)(((uint64_t)at * 0x9E3779B97F4A7C15u) >> 40) % SETS; }

static sqlite3_int64 place(const struct index_file *file, sqlite3_int64 at) { return (at + PAGE) * 2 + file->is_log; }

/* The number of the page whose content lies at `at`, when it is kept; then it is in `page`, with its trailer. 0: it is not. */
static uint32_t find_kept(const struct index_file *file, sqlite3_int64 at, unsigned char *page) {
    sqlite3_int64 wanted = place(file, at);
    unsigned set = set_of(wanted), lock = set % LOCKS;
    uint32_t number = 0;
    pthread_mutex_lock(&file->kept->locks[lock]);
    for (int way = 0; way < WAYS && number == 0; way++) {
        struct kept_page *kept = &file->kept->pages[set][way];
        if (kept->at != wanted) continue;
        kept->asked = ++file->kept->clock[lock];
        memcpy(page, kept->content, PAGE);
        number = kept->number;
    }
    pthread_mutex_unlock(&file->kept->locks[lock]);
    return number;
}

/* The page that this thread read last from a WAL, with its trailer: a checkpoint writes it into the database next. */
static _Thread_local struct {
    uint64_t serial; /* of the VFS */
    uint32_t number; /* 0: none */
    unsigned char page[PAGE];
} copied;

/* Keeps a page, which lies there as `page` from now on, with its trailer; `page` NULL: it does not, and is forgotten. */
static void keep(const struct index_file *file, sqlite3_int64 at, uint32_t number, const unsigned char *page) {
    sqlite3_int64 wanted = place(file, at);
    unsigned set = set_of(wanted), lock = set % LOCKS;
    pthread_mutex_lock(&file->kept->locks[lock]);
    struct kept_page *chosen = NULL;
    for (int way = 0; way < WAYS; way++) {
        struct kept_page *kept = &file->kept->pages[set][way];
        if (kept->at == wanted) {
            chosen = kept;
            break;
        }
        if (page && (!chosen || kept->at == 0 || (chosen->at != 0 && file->kept->clock[lock] - kept->asked > file->kept->clock[lock] - chosen->asked)))
            chosen = kept;
    }
    if (chosen && page && !chosen->content) chosen->content = malloc(PAGE);
    if (chosen) {
        chosen->at = page && chosen->content ? wanted : 0;
        chosen->asked = ++file->kept->clock[lock];
        chosen->number = number;
        if (chosen->at) memcpy(chosen->content, page, PAGE);
    }
    pthread_mutex_unlock(&file->kept->locks[lock]);
}

/* Forgets what is kept of the file. */
static void forget_all(const struct index_file *file) {
    for (unsigned set = 0; set < SETS; set++) {
        pthread_mutex_lock(&file->kept->locks[set % LOCKS]);
        for (int way = 0; way < WAYS; way++) {
            struct kept_page *kept = &file->kept->pages[set][way];
            if (kept->at != 0 && (kept->at & 1) == file->is_log) kept->at = 0;
        }
        pthread_mutex_unlock(&file->kept->locks[set % LOCKS]);
    }
}

/* A WAL's checksum goes on over `count` octets, a multiple of 8 (https://sqlite.org/fileformat2.html section 4.2). `swaps`: its words are not in this
   machine's order of octets. */
static void add(uint32_t sum[2], const unsigned char *octets, int count, int swaps) {
    for (int at = 0; at < count; at += 8) {
        uint32_t words[2];
        memcpy(words, octets + at, 8);
        sum[0] += (swaps ? __builtin_bswap32(words[0]) : words[0]) + sum[1];
        sum[1] += (swaps ? __builtin_bswap32(words[1]) : words[1]) + sum[0];
    }
}

/* Steps of 8 octets that the checksum takes over a frame: what it covers of the header, and the page. */
enum { STEPS = 1 + PAGE / 8 };

/* What becomes of a difference between two states of the checksum when both go on over the same STEPS. One step takes (a, b) to (a + b, a + 2b) and adds what
   depends on the octets alone, so that differences go their own way. Set once, before any use. */
static uint32_t carry[2][2];
static pthread_once_t carry_once = PTHREAD_ONCE_INIT;

static void make_carry(void) {
    uint32_t row[2][2] = {{1, 0}, {0, 1}};
    for (int step = 0; step < STEPS; step++)
        for (int column = 0; column < 2; column++) {
            row[0][column] += row[1][column];
            row[1][column] += row[0][column];
        }
    memcpy(carry, row, sizeof carry);
}

static void put(unsigned char *octets, uint32_t number) {
    for (int i = 0; i < 4; i++) octets[i] = (unsigned char)(number >> (24 - 8 * i));
}

static uint32_t number_at(const unsigned char *octets) {
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | (uint32_t)octets[3];
}

static int is_right(const struct index_file *file, uint32_t number, const unsigned char *page) {
    return file->seal->check(file->seal->context, number, page, page + CONTENT) == 0;
}

/* What is behind a page's content is zeros, for SQLite. */
static void hide_trailer(unsigned char *page) { memset(page + CONTENT, 0, TRAILER); }

/* What could not be written is forgotten: the commit that it belongs to fails. */
static int flush(struct index_file *log) {
    if (log->length == 0) return SQLITE_OK;
    int length = log->length;
    log->length = 0;
    return log->real->pMethods->xWrite(log->real, log->room, length, log->start);
}

/* What is gathered and was not synced belongs to no commit: nobody needs it. */
static int file_close(sqlite3_file *file) {
    free(of(file)->room);
    of(file)->room = NULL;
    return of(file)->real->pMethods->xClose(of(file)->real);
}

static int real_read(struct index_file *file, void *into, int count, sqlite3_int64 at) { return file->real->pMethods->xRead(file->real, into, count, at); }

/* --- the WAL --- */

static int gather(struct index_file *log, const void *octets, int count, sqlite3_int64 at) {
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

/* The checksum that the frame at `at` goes on from, and whether its words are swapped. What is gathered has been written. */
static int chain_before(struct index_file *log, sqlite3_int64 at, uint32_t sum[2], int *swaps) {
    unsigned char header[WAL_HEADER];
    int code = real_read(log, header, WAL_HEADER, 0);
    if (code != SQLITE_OK) return code;
    uint32_t probe = 1;
    *swaps = (number_at(header) & 1) == *(unsigned char *)&probe;
    unsigned char octets[8];
    memcpy(octets, header + WAL_HEADER - 8, 8);
    if (at > WAL_HEADER) code = real_read(log, octets, 8, at - FRAME + FRAME_CHECKSUM);
    sum[0] = number_at(octets);
    sum[1] = number_at(octets + 4);
    return code;
}

/* The checksum behind a frame, by SQLite's own of the same frame without its trailer: what differs is where they began, and the trailer. */
static void add_by_difference(struct index_file *log, const unsigned char *header, const unsigned char *page, uint32_t sum[2]) {
    uint32_t from[2] = {sum[0] - log->next_told[0], sum[1] - log->next_told[1]};
    uint32_t trailer[2] = {0, 0};
    add(trailer, page + CONTENT, TRAILER, log->swaps);
    for (int row = 0; row < 2; row++)
        sum[row] = number_at(header + FRAME_CHECKSUM + 4 * row) + carry[row][0] * from[0] + carry[row][1] * from[1] + trailer[row];
}

/* Gives the frame at `at` the checksum that its page has with its trailer: so the WAL is one that any SQLite can read. */
static int chain(struct index_file *log, unsigned char *header, sqlite3_int64 at, const unsigned char *page) {
    static const unsigned char none[16];
    /* While SQLite is to make checksums anew it leaves them out, with the salts before them. */
    int is_given = memcmp(header + FRAME_CHECKSUM - 8, none, sizeof none) != 0;
    uint32_t told[2] = {number_at(header + FRAME_CHECKSUM), number_at(header + FRAME_CHECKSUM + 4)};
    uint32_t sum[2];
    int swaps = 0, is_next = log->next_at == at;
    if (is_next) {
        memcpy(sum, log->next, sizeof sum);
    } else {
        int code = flush(log);
        if (code == SQLITE_OK) code = chain_before(log, at, sum, &swaps);
        if (code != SQLITE_OK) return code;
        log->swaps = swaps;
    }
    if (is_next && log->is_told && is_given) {
        add_by_difference(log, header, page, sum);
    } else {
        add(sum, header, 8, log->swaps);
        add(sum, page, PAGE, log->swaps);
    }
    put(header + FRAME_CHECKSUM, sum[0]);
    put(header + FRAME_CHECKSUM + 4, sum[1]);
    memcpy(log->next, sum, sizeof sum);
    memcpy(log->next_told, told, sizeof told);
    log->is_told = is_given;
    log->next_at = at + FRAME;
    return SQLITE_OK;
}

/* A frame's header that was written anew without its page goes on from the frame before it. */
static int settle(struct index_file *log) {
    if (log->header_at == 0) return SQLITE_OK;
    sqlite3_int64 at = log->header_at;
    log->header_at = 0;
    int code = flush(log);
    unsigned char page[PAGE];
    if (code == SQLITE_OK) code = real_read(log, page, PAGE, at + FRAME_HEADER);
    if (code == SQLITE_OK) code = chain(log, log->header, at, page);
    return code == SQLITE_OK ? gather(log, log->header, FRAME_HEADER, at) : code;
}

/* A frame as SQLite would have written it, without its trailer, for who looks for the WAL's end. One that is not as it was written has a wrong checksum. */
static int read_frame(struct index_file *log, unsigned char *frame, sqlite3_int64 at) {
    int code = real_read(log, frame, FRAME, at);
    if (code != SQLITE_OK) return code;
    if (at == WAL_HEADER) {
        code = chain_before(log, at, log->read, &log->swaps);
        if (code != SQLITE_OK) return code;
        memcpy(log->told, log->read, sizeof log->told);
        log->read_at = at;
    }
    int is_next = log->read_at == at;
    if (is_next) {
        add(log->read, frame, 8, log->swaps);
        add(log->read, frame + FRAME_HEADER, PAGE, log->swaps);
    }
    int is_whole = is_next && log->read[0] == number_at(frame + FRAME_CHECKSUM) && log->read[1] == number_at(frame + FRAME_CHECKSUM + 4);
    if (!is_right(log, number_at(frame), frame + FRAME_HEADER)) is_whole = 0;
    hide_trailer(frame + FRAME_HEADER);
    if (!is_whole) {
        frame[FRAME_CHECKSUM] ^= 0xFF;
        return SQLITE_OK;
    }
    add(log->told, frame, 8, log->swaps);
    add(log->told, frame + FRAME_HEADER, PAGE, log->swaps);
    put(frame + FRAME_CHECKSUM, log->told[0]);
    put(frame + FRAME_CHECKSUM + 4, log->told[1]);
    log->read_at = at + FRAME;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *into, int count, sqlite3_int64 at) {
    struct index_file *log = of(file);
    int code = settle(log);
    if (code == SQLITE_OK && log->length > 0 && at + count > log->start) code = flush(log);
    if (code != SQLITE_OK) return code;
    sqlite3_int64 within = at < WAL_HEADER ? -1 : (at - WAL_HEADER) % FRAME;
    if (count == FRAME && within == 0) return read_frame(log, into, at);
    if (count == PAGE && within == FRAME_HEADER) {
        copied.serial = log->serial;
        copied.number = find_kept(log, at, copied.page);
        if (copied.number == 0) {
            unsigned char frame[FRAME];
            code = real_read(log, frame, FRAME, at - FRAME_HEADER);
            if (code != SQLITE_OK) return code;
            if (!is_right(log, number_at(frame), frame + FRAME_HEADER)) return SQLITE_IOERR_DATA;
            memcpy(copied.page, frame + FRAME_HEADER, PAGE);
            copied.number = number_at(frame);
            keep(log, at, copied.number, copied.page);
        }
        memcpy(into, copied.page, PAGE);
        hide_trailer(into);
        return SQLITE_OK;
    }
    return count <= WAL_HEADER ? real_read(log, into, count, at) : SQLITE_IOERR_DATA;
}

static int write_page(struct index_file *log, const void *octets, sqlite3_int64 at) {
    unsigned char page[PAGE];
    memcpy(page, octets, CONTENT);
    int has_header = log->header_at != 0 && log->header_at == at - FRAME_HEADER;
    uint32_t number = has_header ? number_at(log->header) : 0;
    if (!has_header) {
        /* A page that a transaction writes once more; SQLite writes the headers from there on anew before it commits. */
        unsigned char header[FRAME_HEADER];
        int code = settle(log);
        if (code == SQLITE_OK) code = flush(log);
        if (code == SQLITE_OK) code = real_read(log, header, FRAME_HEADER, at - FRAME_HEADER);
        if (code != SQLITE_OK) return code;
        number = number_at(header);
        log->next_at = 0;
    }
    if (log->seal->seal(log->seal->context, number, page, page + CONTENT) != 0) return SQLITE_IOERR_WRITE;
    if (has_header) {
        sqlite3_int64 header_at = log->header_at;
        log->header_at = 0;
        int code = chain(log, log->header, header_at, page);
        if (code == SQLITE_OK) code = gather(log, log->header, FRAME_HEADER, header_at);
        if (code != SQLITE_OK) return code;
    }
    int code = gather(log, page, PAGE, at);
    keep(log, at, number, code == SQLITE_OK ? page : NULL);
    return code;
}

static int log_write(sqlite3_file *file, const void *octets, int count, sqlite3_int64 at) {
    struct index_file *log = of(file);
    sqlite3_int64 within = at < WAL_HEADER ? -1 : (at - WAL_HEADER) % FRAME;
    if (count == PAGE && within == FRAME_HEADER) return write_page(log, octets, at);
    int code = settle(log);
    if (code != SQLITE_OK) return code;
    if (count == FRAME_HEADER && within == 0) {
        memcpy(log->header, octets, FRAME_HEADER);
        log->header_at = at;
        return SQLITE_OK;
    }
    if (count > WAL_HEADER) return SQLITE_IOERR_WRITE;
    /* The WAL begins anew. */
    log->next_at = log->read_at = 0;
    return gather(log, octets, count, at);
}

/* Nothing waits to be written. */
static int settled(struct index_file *file) {
    int code = settle(file);
    return code == SQLITE_OK ? flush(file) : code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int code = settled(of(file));
    of(file)->next_at = of(file)->read_at = 0;
    forget_all(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int file_sync(sqlite3_file *file, int flags) {
    int code = settled(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xSync(of(file)->real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    int code = settled(of(file));
    return code != SQLITE_OK ? code : of(file)->real->pMethods->xFileSize(of(file)->real, size);
}

/* --- the database --- */

static int database_read(sqlite3_file *file, void *into, int count, sqlite3_int64 at) {
    int is_page = count == PAGE && at % PAGE == 0;
    if (is_page && find_kept(of(file), at, into) != 0) {
        hide_trailer(into);
        return SQLITE_OK;
    }
    int code = real_read(of(file), into, count, at);
    /* Behind the end lie zeros, which are no page's content: SQLite finds that by itself. */
    if (code != SQLITE_OK) return code;
    if (!is_page) return at + count <= DATABASE_HEADER ? SQLITE_OK : SQLITE_IOERR_DATA;
    uint32_t number = (uint32_t)(at / PAGE) + 1;
    if (!is_right(of(file), number, into)) return SQLITE_IOERR_DATA;
    keep(of(file), at, number, into);
    hide_trailer(into);
    return SQLITE_OK;
}

static int database_write(sqlite3_file *file, const void *octets, int count, sqlite3_int64 at) {
    if (count != PAGE || at % PAGE != 0) return SQLITE_IOERR_WRITE;
    unsigned char page[PAGE];
    memcpy(page, octets, CONTENT);
    uint32_t number = (uint32_t)(at / PAGE) + 1;
    const cindexfile_seal *seal = of(file)->seal;
    if (copied.serial == of(file)->serial && copied.number == number && memcmp(copied.page, page, CONTENT) == 0) {
        memcpy(page + CONTENT, copied.page + CONTENT, TRAILER);
    } else if (seal->seal(seal->context, number, page, page + CONTENT) != 0) {
        return SQLITE_IOERR_WRITE;
    }
    int code = of(file)->real->pMethods->xWrite(of(file)->real, page, PAGE, at);
    keep(of(file), at, number, code == SQLITE_OK ? page : NULL);
    return code;
}

/* --- what is the default VFS's --- */

static int file_lock(sqlite3_file *file, int level) { return of(file)->real->pMethods->xLock(of(file)->real, level); }
static int file_unlock(sqlite3_file *file, int level) { return of(file)->real->pMethods->xUnlock(of(file)->real, level); }
static int file_reserved(sqlite3_file *file, int *held) { return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, held); }
static int file_control(sqlite3_file *file, int code, void *argument) { return of(file)->real->pMethods->xFileControl(of(file)->real, code, argument); }
static int file_sector(sqlite3_file *file) { return of(file)->real->pMethods->xSectorSize(of(file)->real); }
static int file_traits(sqlite3_file *file) { return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real); }
static int file_map(sqlite3_file *file, int page, int size, int extends, void volatile **at) {
    return of(file)->real->pMethods->xShmMap(of(file)->real, page, size, extends, at);
}
static int file_map_lock(sqlite3_file *file, int first, int count, int flags) {
    return of(file)->real->pMethods->xShmLock(of(file)->real, first, count, flags);
}
static void file_barrier(sqlite3_file *file) { of(file)->real->pMethods->xShmBarrier(of(file)->real); }
static int file_unmap(sqlite3_file *file, int deletes) { return of(file)->real->pMethods->xShmUnmap(of(file)->real, deletes); }

static const sqlite3_io_methods log_methods = {
    .iVersion = 1, .xClose = file_close, .xRead = log_read, .xWrite = log_write, .xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size,
    .xLock = file_lock, .xUnlock = file_unlock, .xCheckReservedLock = file_reserved, .xFileControl = file_control, .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

/* Version 2: with the shared memory of the WAL's index, without mapping the file, whose pages must be checked. */
static const sqlite3_io_methods database_methods = {
    .iVersion = 2, .xClose = file_close, .xRead = database_read, .xWrite = database_write, .xTruncate = file_truncate, .xSync = file_sync,
    .xFileSize = file_size, .xLock = file_lock, .xUnlock = file_unlock, .xCheckReservedLock = file_reserved, .xFileControl = file_control,
    .xSectorSize = file_sector, .xDeviceCharacteristics = file_traits, .xShmMap = file_map, .xShmLock = file_map_lock, .xShmBarrier = file_barrier,
    .xShmUnmap = file_unmap,
};

static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given) {
    struct index_vfs *ours = (struct index_vfs *)vfs;
    sqlite3_vfs *real = vfs->pAppData;
    int is_log = flags & SQLITE_OPEN_WAL, is_database = flags & SQLITE_OPEN_MAIN_DB;
    if (!is_log && !is_database) return real->xOpen(real, name, file, flags, given);
    struct index_file *opened = of(file);
    memset(opened, 0, sizeof *opened);
    opened->real = (sqlite3_file *)(opened + 1);
    opened->seal = &ours->seal;
    opened->kept = &ours->kept;
    opened->serial = ours->serial;
    opened->is_log = is_log != 0;
    int code = real->xOpen(real, name, opened->real, flags, given);
    if (code == SQLITE_OK) opened->base.pMethods = is_log ? &log_methods : &database_methods;
    return code;
}

static int make(struct index_vfs *vfs, const char *name) {
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real) return 0;
    vfs->base = *real;
    vfs->base.pNext = NULL;
    vfs->base.pAppData = real;
    vfs->base.zName = name;
    vfs->base.szOsFile = (int)sizeof(struct index_file) + real->szOsFile;
    vfs->base.xOpen = open_file;
    return sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK;
}

static atomic_ullong serials;

void *cindexfile_register(cindexfile_seal seal) {
    pthread_once(&carry_once, make_carry);
    struct index_vfs *vfs = calloc(1, sizeof *vfs);
    if (!vfs) return NULL;
    vfs->seal = seal;
    vfs->serial = atomic_fetch_add(&serials, 1) + 1;
    for (int lock = 0; lock < LOCKS; lock++) pthread_mutex_init(&vfs->kept.locks[lock], NULL);
    snprintf(vfs->name, sizeof vfs->name, "martlet-%p", (void *)vfs);
    if (make(vfs, vfs->name)) return vfs;
    free(vfs);
    return NULL;
}

const char *cindexfile_name(void *vfs) { return ((struct index_vfs *)vfs)->name; }

void cindexfile_replaced(void *vfs) {
    struct index_vfs *ours = vfs;
    for (unsigned set = 0; set < SETS; set++) {
        pthread_mutex_lock(&ours->kept.locks[set % LOCKS]);
        for (int way = 0; way < WAYS; way++) ours->kept.pages[set][way].at = 0;
        pthread_mutex_unlock(&ours->kept.locks[set % LOCKS]);
    }
}

void cindexfile_forget(void *vfs) {
    struct index_vfs *ours = vfs;
    sqlite3_vfs_unregister(&ours->base);
    for (int lock = 0; lock < LOCKS; lock++) pthread_mutex_destroy(&ours->kept.locks[lock]);
    for (unsigned set = 0; set < SETS; set++)
        for (int way = 0; way < WAYS; way++) free(ours->kept.pages[set][way].content);
    free(ours);
}
