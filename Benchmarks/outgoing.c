/* The two ends of Benchmarks/outgoing, and the source of Benchmarks/judging.
 *
 *   outgoing sink FILE COUNT ADDRESS:PORT...     takes mail (SMTP with PIPELINING, SIZE, 8BITMIME, DSN, ENHANCEDSTATUSCODES, SMTPUTF8 and CHUNKING) and throws
 *                                                it away. FILE begins with COUNT times `struct counts`, one a listener, in their order. "hole:" before an address:
 *                                                nobody accepts there, and the backlog is full, so that what connects waits until it gives up.
 *   outgoing source PORT CONNECTIONS COUNT SIZE SENDER LOGIN DOMAIN...
 *                                                sends COUNT messages of SIZE octets to 127.0.0.1, one recipient each, to each domain in turn.
 *                                                LOGIN: base64 for AUTH PLAIN, or "-".
 *   outgoing letters ADDRESS PORT CONNECTIONS COUNT EACH HELLO SENDER USERS DOMAIN FILE...
 *                                                brings COUNT messages to 127.0.0.1 from ADDRESS, EACH (0: all) over a connection, to user1 ... userUSERS of DOMAIN
 *                                                in turn. Each is the next FILE as it goes over the wire: dots doubled, and CRLF and the last dot at its end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct counts {
    uint64_t messages, octets, connections, open, most_open;
    uint64_t first, last; /* when messages came: nanoseconds of CLOCK_MONOTONIC */
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in address_of(const char *text) {
    char host[64];
    const char *colon = strrchr(text, ':');
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (!colon || colon - text >= (long)sizeof host) { fprintf(stderr, "not an address: %s\n", text); exit(2); }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    a.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) { fprintf(stderr, "not an address: %s\n", text); exit(2); }
    return a;
}

/* -- sink ---------------------------------------------------------------------------------------------------------- */

enum state { COMMANDS, TEXT, CHUNK };

struct peer {
    int fd;
    int listens;
    struct counts *counts;
    enum state state;
    int is_last;        /* of the chunks */
    uint64_t left;      /* octets of the chunk */
    int seen;           /* how much of CRLF.CRLF the text's end may be */
    size_t held, out;
    char in[65536], answers[16384];
};

static void answer(struct peer *p, const char *text) {
    size_t n = strlen(text);
    if (p->out + n > sizeof p->answers) { fprintf(stderr, "sink: too much is asked at once\n"); exit(1); }
    memcpy(p->answers + p->out, text, n);
    p->out += n;
}

static void took(struct peer *p) {
    uint64_t t = now();
    if (!p->counts->messages) p->counts->first = t;
    p->counts->last = t;
    __atomic_add_fetch(&p->counts->messages, 1, __ATOMIC_RELEASE);
    answer(p, "250 2.0.0 Ok: taken\r\n");
}

static int begins(const char *line, const char *word) { return strncasecmp(line, word, strlen(word)) == 0; }

/* Nonzero: the connection is over. */
static int command(struct peer *p, char *line) {
    if (begins(line, "EHLO") || begins(line, "LHLO"))
        answer(p, "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
    else if (begins(line, "MAIL")) answer(p, "250 2.1.0 Ok\r\n");
    else if (begins(line, "RCPT")) answer(p, "250 2.1.5 Ok\r\n");
    else if (begins(line, "DATA")) {
        answer(p, "354 End data with <CR><LF>.<CR><LF>\r\n");
        p->state = TEXT;
        p->seen = 2;
    } else if (begins(line, "BDAT ")) {
        char *end;
        p->left = strtoull(line + 5, &end, 10);
        while (*end == ' ') end++;
        p->is_last = begins(end, "LAST");
        p->state = CHUNK;
    } else if (begins(line, "QUIT")) {
        answer(p, "221 2.0.0 Bye\r\n");
        return 1;
    } else if (begins(line, "RSET") || begins(line, "NOOP") || begins(line, "HELO")) answer(p, "250 2.0.0 Ok\r\n");
    else answer(p, "500 5.5.2 Unknown\r\n");
    return 0;
}

/* How much of it belongs to the text; nonzero *ended: with its end. */
static size_t text(struct peer *p, const char *s, size_t n, int *ended) {
    static const char end[] = "\r\n.\r\n";
    for (size_t i = 0; i < n;) {
        if (p->seen == 0) {
            const char *cr = memchr(s + i, '\r', n - i);
            if (!cr) return n;
            i = (size_t)(cr - s) + 1;
            p->seen = 1;
            continue;
        }
        if (s[i] == end[p->seen]) p->seen++;
        else p->seen = s[i] == '\r';
        i++;
        if (p->seen == 5) {
            *ended = 1;
            return i;
        }
    }
    return n;
}

static int digest(struct peer *p) {
    size_t at = 0;
    int over = 0;
    while (at < p->held && !over) {
        if (p->state == TEXT) {
            int ended = 0;
            size_t n = text(p, p->in + at, p->held - at, &ended);
            at += n;
            p->counts->octets += n;
            if (ended) {
                p->state = COMMANDS;
                took(p);
            }
        } else if (p->state == CHUNK) {
            size_t n = p->held - at < p->left ? p->held - at : (size_t)p->left;
            at += n;
            p->left -= n;
            p->counts->octets += n;
            if (!p->left) {
                p->state = COMMANDS;
                if (p->is_last) took(p); else answer(p, "250 2.0.0 Ok: go on\r\n");
            }
        } else {
            char *end = memchr(p->in + at, '\n', p->held - at);
            if (!end) break;
            *end = 0;
            over = command(p, p->in + at);
            at = (size_t)(end - p->in) + 1;
            if (p->state == CHUNK && !p->left) {
                p->state = COMMANDS;
                if (p->is_last) took(p); else answer(p, "250 2.0.0 Ok: go on\r\n");
            }
        }
    }
    memmove(p->in, p->in + at, p->held - at);
    p->held -= at;
    if (p->held == sizeof p->in) over = 1;
    if (p->out && write(p->fd, p->answers, p->out) != (ssize_t)p->out) over = 1;
    p->out = 0;
    return over;
}

static int listening(struct sockaddr_in a, int backlog) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, backlog)) die("listen");
    return fd;
}

/* Nobody accepts, and there is no room to wait. */
static void hole(struct sockaddr_in a) {
    listening(a, 0);
    for (int i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) die("connect");
    }
}

static _Noreturn void sink(int argc, char **argv) {
    int count = atoi(argv[1]), file = open(argv[0], O_RDWR | O_CREAT, 0600), queue = epoll_create1(0);
    size_t size = (size_t)count * sizeof(struct counts);
    if (count < argc - 2 || file < 0 || ftruncate(file, (off_t)size)) die(argv[0]);
    struct counts *counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counts == MAP_FAILED) die("mmap");
    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], "hole:", 5) == 0) {
            hole(address_of(argv[i] + 5));
            continue;
        }
        struct peer *p = calloc(1, sizeof *p);
        p->fd = listening(address_of(argv[i]), 4096);
        p->listens = 1;
        p->counts = counts + i - 2;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
        epoll_ctl(queue, EPOLL_CTL_ADD, p->fd, &e);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(queue, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (p->listens) {
                int one = 1, fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0) continue;
                struct peer *new = malloc(sizeof *new);
                memset(new, 0, offsetof(struct peer, in));
                new->fd = fd;
                new->counts = p->counts;
                new->counts->connections++;
                if (++new->counts->open > new->counts->most_open) new->counts->most_open = new->counts->open;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                struct epoll_event e = {.events = EPOLLIN, .data.ptr = new};
                epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e);
                if (write(fd, "220 sink.example ESMTP\r\n", 24) != 24) close(fd);
                continue;
            }
            ssize_t got = read(p->fd, p->in + p->held, sizeof p->in - p->held);
            if (got > 0) p->held += (size_t)got;
            if (got <= 0 || digest(p)) {
                p->counts->open--;
                close(p->fd);
                free(p);
            }
        }
    }
}

/* -- source -------------------------------------------------------------------------------------------------------- */

static int port, senders, total, length, domains;
static const char *from, *login;
static char **domain;
static int next_message;
static struct sockaddr_in local; /* where connections come from, if it is set */

struct talk {
    int fd;
    size_t held;
    char in[8192];
};

/* The last line of the next reply begins with that. */
static void expect(struct talk *t, const char *code) {
    for (;;) {
        char *end;
        while (!(end = memchr(t->in, '\n', t->held))) {
            ssize_t n = read(t->fd, t->in + t->held, sizeof t->in - t->held);
            if (n <= 0) { fprintf(stderr, "source: the connection has ended before %s\n", code); exit(1); }
            t->held += (size_t)n;
        }
        size_t n = (size_t)(end - t->in) + 1;
        int is_last = n > 3 && t->in[3] == ' ';
        if (is_last && strncmp(t->in, code, strlen(code))) { fprintf(stderr, "source: not %s: %.*s", code, (int)n, t->in); exit(1); }
        memmove(t->in, t->in + n, t->held - n);
        t->held -= n;
        if (is_last) return;
    }
}

static void say(struct talk *t, const char *s, size_t n) {
    while (n) {
        ssize_t w = write(t->fd, s, n);
        if (w <= 0) die("source: write");
        s += w;
        n -= (size_t)w;
    }
}

/* Past the greetings. */
static struct talk begun(const char *hello) {
    struct talk t = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    setsockopt(t.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(t.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (local.sin_family && bind(t.fd, (struct sockaddr *)&local, sizeof local)) die("source: bind");
    if (connect(t.fd, (struct sockaddr *)&a, sizeof a)) die("source: connect");
    char line[512];
    expect(&t, "220");
    say(&t, line, (size_t)snprintf(line, sizeof line, "EHLO %s\r\n", hello));
    expect(&t, "250");
    return t;
}

static void end(struct talk *t) {
    say(t, "QUIT\r\n", 6);
    expect(t, "221");
    close(t->fd);
}

static void *sender(void *unused) {
    (void)unused;
    struct talk t = begun("source.example");
    char *line = malloc((size_t)length + 4096);
    if (strcmp(login, "-")) {
        say(&t, line, (size_t)sprintf(line, "AUTH PLAIN %s\r\n", login));
        expect(&t, "235");
    }
    for (int number; (number = __atomic_fetch_add(&next_message, 1, __ATOMIC_RELAXED)) < total;) {
        const char *to = domain[number % domains];
        int n = sprintf(line, "MAIL FROM:<%s>\r\nRCPT TO:<user%d@%s>\r\nDATA\r\n", from, number, to);
        say(&t, line, (size_t)n);
        expect(&t, "250");
        expect(&t, "250");
        expect(&t, "354");
        n = sprintf(line, "From: <%s>\r\nTo: <user%d@%s>\r\nSubject: number %d\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%d.%d@source.example>\r\n\r\n",
                    from, number, to, number, number, (int)getpid());
        while (n < length) n += sprintf(line + n, "Line %d of message %d, with some words that nobody reads.\r\n", n, number);
        n += sprintf(line + n, ".\r\n");
        say(&t, line, (size_t)n);
        expect(&t, "250");
    }
    end(&t);
    free(line);
    return NULL;
}

struct letter {
    char *octets;
    size_t length;
};
static struct letter *letters;
static int letter_count, users, each;
static const char *hello;

static void read_letter(const char *path, struct letter *l) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) die(path);
    l->length = (size_t)ftell(f);
    l->octets = malloc(l->length);
    rewind(f);
    if (fread(l->octets, 1, l->length, f) != l->length) die(path);
    fclose(f);
}

static void *bringer(void *unused) {
    (void)unused;
    struct talk t = {.fd = -1};
    int brought = 0;
    for (int number; (number = __atomic_fetch_add(&next_message, 1, __ATOMIC_RELAXED)) < total;) {
        if (t.fd < 0) t = begun(hello);
        char line[1024];
        int n = snprintf(line, sizeof line, "MAIL FROM:<%s>\r\nRCPT TO:<user%d@%s>\r\nDATA\r\n", from, number % users + 1, domain[0]);
        say(&t, line, (size_t)n);
        expect(&t, "250");
        expect(&t, "250");
        expect(&t, "354");
        say(&t, letters[number % letter_count].octets, letters[number % letter_count].length);
        expect(&t, "250");
        if (++brought == each) {
            end(&t);
            t.fd = -1;
            brought = 0;
        }
    }
    if (t.fd >= 0) end(&t);
    return NULL;
}

static void run(void *(*work)(void *)) {
    pthread_t threads[1000];
    if (senders > 1000) exit(2);
    for (int i = 0; i < senders; i++) pthread_create(threads + i, NULL, work, NULL);
    for (int i = 0; i < senders; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc >= 5 && strcmp(argv[1], "sink") == 0) sink(argc - 2, argv + 2);
    if (argc >= 12 && strcmp(argv[1], "letters") == 0) {
        local.sin_family = AF_INET;
        if (inet_pton(AF_INET, argv[2], &local.sin_addr) != 1) return 2;
        port = atoi(argv[3]);
        senders = atoi(argv[4]);
        total = atoi(argv[5]);
        each = atoi(argv[6]);
        hello = argv[7];
        from = argv[8];
        users = atoi(argv[9]);
        domain = argv + 10;
        letter_count = argc - 11;
        letters = calloc((size_t)letter_count, sizeof *letters);
        for (int i = 0; i < letter_count; i++) read_letter(argv[11 + i], letters + i);
        run(bringer);
        return 0;
    }
    if (argc < 9 || strcmp(argv[1], "source")) { fprintf(stderr, "see the head of outgoing.c\n"); return 2; }
    port = atoi(argv[2]);
    senders = atoi(argv[3]);
    total = atoi(argv[4]);
    length = atoi(argv[5]);
    from = argv[6];
    login = argv[7];
    domain = argv + 8;
    domains = argc - 8;
    run(sender);
    return 0;
}
