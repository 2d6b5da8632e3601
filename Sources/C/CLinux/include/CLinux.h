#ifndef MARTLET_CLINUX_H
#define MARTLET_CLINUX_H

#include <stddef.h>
#include <stdint.h>

/// Opens PATH with FLAGS and MODE; open(2) is variadic and so out of Swift's reach with a mode.
int clinux_open(const char *path, int flags, unsigned int mode);

/// The uid of the process at the other end of the UNIX socket FD, or -1.
int64_t clinux_peer_uid(int fd);

/// Has malloc take blocks of 256 KiB and more from the system itself, so that they go back to it when they are freed (mallopt). By default one large
/// block that is freed makes it keep all later ones up to 32 MiB in its arenas, full of holes.
void clinux_return_large_blocks(void);

/// Gives back to the system what malloc holds and nobody uses (malloc_trim). It locks one arena after the other, for milliseconds.
void clinux_trim_heap(void);

/// Octets of the process that are in memory, or -1.
int64_t clinux_resident_octets(void);

/// Fills INTO with COUNT octets, at most 256, that nobody can guess (getrandom); 0 on success.
int clinux_random(void *into, size_t count);

/// 1 where PATH is on a file system that is in memory alone (tmpfs), 0 where it is not, -1 with errno.
int clinux_lies_in_memory(const char *path);

/// 1 where the system says that something keeps its clock right (adjtimex), 0 where it does not, -1 with errno.
int clinux_clock_is_kept(void);

/// Names the calling thread, as `top -H` shows it; at most 15 octets count.
void clinux_name_thread(const char *name);

#endif
