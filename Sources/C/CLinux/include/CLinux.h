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

/// 1 where PATH is the root of a mount, 0 where it is not, -1 with errno. Where the kernel does not say (before 5.8), whether it lies on another device than
/// the folder it is in.
int clinux_is_mount_point(const char *path);

/// Makes the whole process that of user UID and group GID for good: groups (those of NAME in the system's list; NULL: GID alone), then group, then user, of all
/// threads that run (setxid in glibc). No program that it runs from now on gets more rights (PR_SET_NO_NEW_PRIVS; of this thread, and of those that it starts). Checks that
/// there is no way back. 0, or -1 with errno; then nobody knows who the process is, and it must end.
int clinux_become(const char *name, unsigned int uid, unsigned int gid);

/// No core is dumped, neither into a file nor to a program, and no other process of the same user may look into the memory (RLIMIT_CORE, PR_SET_DUMPABLE).
/// 0, or -1 with errno.
int clinux_forbid_core_dumps(void);

/// COUNT octets of memory for a secret, zeroed: pages of its own, out of cores, and kept out of swap where the limit of locked memory (RLIMIT_MEMLOCK) lets it.
/// NULL with errno.
void *clinux_secret_new(size_t count);

/// Overwrites what clinux_secret_new gave, and gives it back.
void clinux_secret_free(void *secret, size_t count);

/// Keeps the pages of COUNT octets at AT out of swap, as long as the process lives. 0, or -1 with errno (ENOMEM, EPERM: the limit is reached).
int clinux_lock(const void *at, size_t count);

/// Overwrites COUNT octets at AT, whatever the compiler thinks of it (explicit_bzero).
void clinux_wipe(void *at, size_t count);

/// Names the calling thread, as `top -H` shows it; at most 15 octets count.
void clinux_name_thread(const char *name);

#endif
