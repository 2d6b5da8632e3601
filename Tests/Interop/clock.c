/* Preloaded before libc: the program's clock shows a later time. Its clock is time(2), and nothing else: what waits, waits by a clock of another kind.

   CLOCK_AHEAD  seconds */
#include <stdlib.h>
#include <time.h>

static time_t ahead;

__attribute__((constructor)) static void begin(void) {
    const char *seconds = getenv("CLOCK_AHEAD");
    if (seconds) ahead = atoll(seconds);
}

time_t time(time_t *place) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    if (place) *place = now.tv_sec + ahead;
    return now.tv_sec + ahead;
}
