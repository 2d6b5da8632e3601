#ifndef MARTLET_CINDEXFILE_H
#define MARTLET_CINDEXFILE_H

#include <stdint.h>

/// Pages of the database file and of its WAL are of this size, and the last octets of each, which SQLite leaves to its VFS, are the page's trailer.
#define CINDEXFILE_PAGE 4096
#define CINDEXFILE_TRAILER 32
/// A WAL begins with a header; before each page in it lies a frame's header, whose first four octets are the page's number.
#define CINDEXFILE_WAL_HEADER 32
#define CINDEXFILE_FRAME_HEADER 24

/// Makes and checks the trailers of pages. Called from every thread that uses a connection.
typedef struct {
    void *context;
    /// Writes the trailer of page `number`, whose content is `octets` up to the trailer. 0, or the page cannot be written.
    int (*seal)(void *context, uint32_t number, const unsigned char *octets, unsigned char *trailer);
    /// 0 when `trailer` was made for this page with this content.
    int (*check)(void *context, uint32_t number, const unsigned char *octets, const unsigned char *trailer);
} cindexfile_seal;

/// A VFS of SQLite for the index, registered under a name of its own, until `cindexfile_forget`. NULL when it cannot be registered.
///
/// It gathers what a connection appends to its WAL and writes it in one call, at the latest before the WAL is synced, and it seals pages: each page that is
/// written to the database or its WAL gets a trailer, each page that is read is checked, and one that does not pass is an error (SQLITE_IOERR_DATA), never
/// content. SQLite itself sees trailers of zeros. The checksums of a WAL on the disk are over pages with their trailers, so that any SQLite reads the files;
/// what it changes has no trailers. All else is the default VFS's.
///
/// Pages that were checked or written are kept in memory, 16 MiB of them at most, for all its connections: what another program changes in the files meanwhile
/// may be noticed late. All files of a VFS are one database and its WAL.
///
/// Only for connections that sync the WAL at each commit (`synchronous=FULL`), to a database of pages of CINDEXFILE_PAGE octets of which CINDEXFILE_TRAILER
/// are reserved.
void *cindexfile_register(cindexfile_seal seal);

/// Its name, for sqlite3_open_v2, valid until it is forgotten.
const char *cindexfile_name(void *vfs);

/// Forgets all pages: another file was put in the database's place. Call it while no connection is open.
void cindexfile_replaced(void *vfs);

/// Call it once, when no connection uses the VFS any more.
void cindexfile_forget(void *vfs);

#endif
