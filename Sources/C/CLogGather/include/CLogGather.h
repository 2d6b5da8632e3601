#ifndef MARTLET_CLOGGATHER_H
#define MARTLET_CLOGGATHER_H

/// The name of a VFS of SQLite that gathers what a connection appends to its WAL and writes it in one call, at the latest before the WAL is synced; everything
/// else is the default VFS's. NULL when it cannot be registered.
///
/// Only for a connection that syncs the WAL at each commit (`synchronous=FULL`): until then its frames are in nobody's WAL but its own.
const char *cloggather_vfs(void);

#endif
