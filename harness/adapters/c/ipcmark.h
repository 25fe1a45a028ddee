/* ipcmark.h: measures transports and locks written in C or C++ with ipcmark, beside its own.

   One header for C11 and C++17, for Linux with GCC or Clang. Include it before any other header. A program states its
   mechanisms in tables of functions, and its main function is one call:

       static const struct ipcmark_transport a_pipe = {refuses, create, attach, send, receive, destroy};
       IPCMARK_TRANSPORT(pipe_row, "c-pipe", 0, "block", "pipes", "a pipe", a_pipe);
       static const struct ipcmark_row *const rows[] = {&pipe_row, NULL};
       int main(int argc, char **argv) { return ipcmark_main(argc, argv, "1.0", rows); }

   Build it with -O3, let it describe itself, and run a plan with its rows:

       cc -O3 -I harness/adapters/c my_pipe.c -o my-pipe
       ./my-pipe describe > my-pipe.toml
       ipcmark run --participants my-pipe.toml --plan my-plan.toml

   The program speaks the lines of ipcmark's workers over stdin and stdout (order, offer, peers, ready, go, done) and plays
   all roles of a trial in processes that it forks. Nothing of the protocol happens while the clock runs. The timed loops
   are compiled for each row, with direct calls of its functions.

   The rules are those of all workers. Word i of a message is mix(stamp) + i, where the stamp is the producer (16 bits) and
   the sequence (48 bits). Every byte is compared in the timed loop, and the first difference makes the trial invalid. A
   lock protects plain counters and the name of its owner. Pilots that double through the warm-up give the count that fills
   the hot phase. Times are of the monotonic clock. CPU time, switches, faults and run delay are measured from
   the first to the last message of the hot phase. All processes die with the harness.

   Measures: round_trip and stream of a transport with one sender and one receiver; acquire and contention of a lock. */

#ifndef IPCMARK_H
#define IPCMARK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "messages are made of little-endian words"
#endif

/* --- What a program provides ----------------------------------------------------------------------------------------- */

enum ipcmark_end { IPCMARK_SENDER, IPCMARK_RECEIVER };

/* A transport. A round trip uses two channels, a stream one. A channel is created before the processes fork, so it may
   hold descriptors, and memory mapped with MAP_SHARED. Functions that fail set errno. */
struct ipcmark_transport {
    /* Why it cannot carry messages of this size, or NULL. The function may be NULL. */
    const char *(*refuses)(size_t message_bytes);
    /* Makes a channel; NULL if it fails. Names are to be removed before it returns. */
    void *(*create)(size_t message_bytes);
    /* Called by each process for each channel, to close what belongs to the other end. May be NULL. */
    void (*attach)(void *channel, enum ipcmark_end end);
    /* Sends the message, waiting for room. */
    bool (*send)(void *channel, const void *message, size_t bytes);
    /* Waits for the next message; its length, or -1. `room` has as many bytes as messages have. */
    long (*receive)(void *channel, void *room, size_t bytes);
    /* Closes a channel. May be NULL. */
    void (*destroy)(void *channel);
};

/* A lock in zeroed memory that all contenders share. Functions that fail set errno. */
struct ipcmark_lock {
    size_t bytes;
    bool (*create)(void *memory);
    bool (*acquire)(void *memory);
    bool (*release)(void *memory);
};

/* Cache lines are not shared between what different processes write. */
#define IPCMARK_LINE 128

/* --- Time, memory, text ----------------------------------------------------------------------------------------------- */

#define IPCMARK_PROTOCOL 3
#define IPCMARK_WINDOWS 20
#define IPCMARK_STAMPS_MAX ((uint64_t)1 << 22)
#define IPCMARK_BATCH_NS 20000
#define IPCMARK_BATCH_MAX 4096
#define IPCMARK_CPUS_MAX 1024
#define IPCMARK_INLINE static inline __attribute__((always_inline))
#define IPCMARK_COLD static inline __attribute__((cold, noreturn))

static inline uint64_t ipcmark_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t ipcmark_now(void) { return ipcmark_clock(CLOCK_MONOTONIC); }

/* Why a process gave up, for the one that speaks to the harness. */
struct ipcmark_complaint {
    volatile sig_atomic_t made;
    char line[1024];
};

/* State of the process that the harness started, and of its children by inheritance. */
struct ipcmark_process {
    struct ipcmark_complaint *complaint;
    bool is_child;
    volatile sig_atomic_t watching;
    cpu_set_t home;
};

static inline struct ipcmark_process *ipcmark_process(void) {
    static struct ipcmark_process process;
    return &process;
}

static inline void ipcmark_print(const char *text) {
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(1, text, left);
        if (written < 0 && errno != EINTR) _exit(1);
        text += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
}

/* A child has ended that should not have: passes its complaint on. */
static inline void ipcmark_child_ended(int signal_number) {
    static const char killed[] = "{\"type\":\"failed\",\"why\":\"a process of the trial was killed, or ended by itself\"}\n";
    struct ipcmark_process *process = ipcmark_process();
    int status;
    (void)signal_number;
    if (!process->watching || waitpid(-1, &status, WNOHANG) <= 0) return;
    ipcmark_print(process->complaint->made ? process->complaint->line : killed);
    _exit(0);
}

/* A call may have failed because a child has ended: gives its complaint the chance to arrive. */
static inline void ipcmark_hear_children(void) {
    struct timespec patience = {1, 0};
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    ipcmark_child_ended(SIGCHLD);
    if (sigtimedwait(&ended, NULL, &patience) == SIGCHLD) ipcmark_child_ended(SIGCHLD);
}

/* Ends the trial with a last line. `key` is "invalid" for a check that failed, else "failed". Of several processes the
   first complaint counts. */
IPCMARK_COLD void ipcmark_end_with(const char *key, const char *why) {
    struct ipcmark_process *process = ipcmark_process();
    char line[sizeof process->complaint->line], safe[sizeof line - 100];
    size_t length = 0;
    for (; *why && length < sizeof safe - 1; why++) {
        unsigned char byte = (unsigned char)*why;
        safe[length++] = byte < ' ' || byte == '"' || byte == '\\' || byte > '~' ? '\'' : (char)byte;
    }
    safe[length] = 0;
    if (strcmp(key, "invalid") == 0)
        snprintf(line, sizeof line, "{\"type\":\"done\",\"invalid\":\"%s\"}\n", safe);
    else
        snprintf(line, sizeof line, "{\"type\":\"failed\",\"why\":\"%s\"}\n", safe);
    if (!process->is_child) {
        if (process->watching && strcmp(key, "failed") == 0) ipcmark_hear_children();
        process->watching = 0;
        ipcmark_print(line);
        _exit(0);
    }
    if (!process->complaint->made) {
        memcpy(process->complaint->line, line, sizeof line);
        process->complaint->made = 1;
    }
    _exit(1);
}

IPCMARK_COLD __attribute__((format(printf, 1, 2))) void ipcmark_invalid(const char *format, ...) {
    char why[512];
    va_list values;
    va_start(values, format);
    vsnprintf(why, sizeof why, format, values);
    va_end(values);
    ipcmark_end_with("invalid", why);
}

/* Gives up because a call failed; the reason is that of errno. */
IPCMARK_COLD void ipcmark_failed(const char *call) {
    char why[512];
    snprintf(why, sizeof why, "%s: %s", call, errno ? strerror(errno) : "it failed without an error number");
    ipcmark_end_with("failed", why);
}

static inline void *ipcmark_shared(size_t bytes) {
    void *memory = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) ipcmark_failed("mmap");
    return memory;
}

/* Private memory, every page of it written. */
static inline void *ipcmark_room(size_t bytes) {
    void *memory = NULL;
    size_t whole = (bytes + IPCMARK_LINE) & ~(size_t)(IPCMARK_LINE - 1);
    errno = posix_memalign(&memory, IPCMARK_LINE, whole);
    if (errno) ipcmark_failed("posix_memalign");
    memset(memory, 0xff, whole);
    return memory;
}

/* Reads past one JSON value, or a comma or colon. */
static inline const char *ipcmark_skip(const char *at) {
    int depth = 0;
    bool quoted = false;
    for (; *at; at++) {
        if (quoted) {
            if (*at == '\\' && at[1]) at++;
            else if (*at == '"') quoted = false;
        } else if (*at == '"') {
            quoted = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (depth-- == 0) return at;
        } else if (depth == 0 && (*at == ',' || *at == ':')) {
            return at;
        }
    }
    return at;
}

/* The next member of an object, its key in quotes, or NULL. `at` points behind the opening brace or a value. */
static inline const char *ipcmark_member(const char *at, const char **key) {
    while (*at == ',' || *at == ' ') at++;
    if (*at != '"') return NULL;
    *key = at;
    at = ipcmark_skip(at);
    return *at == ':' ? at + 1 : NULL;
}

/* A member of an object, or NULL where it is absent or null. */
static inline const char *ipcmark_get(const char *object, const char *name) {
    const char *key, *value;
    size_t length = strlen(name);
    if (!object || *object != '{') return NULL;
    for (object++; (value = ipcmark_member(object, &key)); object = ipcmark_skip(value))
        if (strncmp(key + 1, name, length) == 0 && key[length + 1] == '"')
            return strncmp(value, "null", 4) == 0 ? NULL : value;
    return NULL;
}

static inline bool ipcmark_is(const char *value, const char *text) {
    size_t length = strlen(text);
    return value && *value == '"' && strncmp(value + 1, text, length) == 0 && value[length + 1] == '"';
}

static inline uint64_t ipcmark_number(const char *value, uint64_t otherwise) {
    return value ? strtoull(value, NULL, 10) : otherwise;
}

/* --- Messages --------------------------------------------------------------------------------------------------------- */

enum { IPCMARK_STREAM, IPCMARK_PING, IPCMARK_PONG };

/* First word of a message: SplitMix64's finaliser of its stamp. */
IPCMARK_INLINE uint64_t ipcmark_mix(unsigned producer, uint64_t sequence) {
    uint64_t z = ((uint64_t)producer << 48 | (sequence & 0xffffffffffffu)) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Writes a message, the last cache line first, as all workers do. */
IPCMARK_INLINE void ipcmark_fill(unsigned char *room, size_t bytes, uint64_t first) {
    if (bytes == 8) {
        memcpy(room, &first, 8);
        return;
    }
    for (size_t line = (bytes + 63) / 64; line-- > 0;) {
        size_t at = 64 * line, end = at + 64 < bytes ? at + 64 : bytes;
        for (; at + 8 <= end; at += 8) {
            uint64_t word = first + at / 8;
            memcpy(room + at, &word, 8);
        }
        uint64_t last = first + at / 8;
        if (at < end) memcpy(room + at, &last, end - at);
    }
}

/* All bits in which any word differs from what is due; 0 if none does. */
IPCMARK_INLINE uint64_t ipcmark_words_differ(const unsigned char *seen, size_t bytes, uint64_t first) {
    uint64_t differing = 0, word = 0;
    size_t words = bytes / 8;
    for (size_t i = 0; i < words; i++) {
        memcpy(&word, seen + 8 * i, 8);
        differing |= word ^ (first + i);
    }
    if (bytes % 8) {
        word = first + words;
        memcpy(&word, seen + 8 * words, bytes % 8);
        differing |= word ^ (first + words);
    }
    return differing;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static inline uint64_t ipcmark_differ_avx2(const unsigned char *seen, size_t bytes,
                                                                           uint64_t first) {
    return ipcmark_words_differ(seen, bytes, first);
}
#endif

IPCMARK_INLINE uint64_t ipcmark_differ(const unsigned char *seen, size_t bytes, uint64_t first) {
#ifdef __x86_64__
    if (bytes >= 256 && __builtin_cpu_supports("avx2")) return ipcmark_differ_avx2(seen, bytes, first);
#endif
    return ipcmark_words_differ(seen, bytes, first);
}

/* Says what is wrong with a message, outside of the timed path. */
IPCMARK_COLD void ipcmark_wrong(const unsigned char *seen, long got, size_t bytes, unsigned producer, uint64_t sequence) {
    if (got < 0) ipcmark_failed("receive");
    if ((size_t)got != bytes)
        ipcmark_invalid("message %llu has %ld bytes instead of %zu", (unsigned long long)sequence, got, bytes);
    for (uint64_t distance = 1; distance <= 64; distance++)
        for (int sign = -1; sign <= 1; sign += 2) {
            uint64_t other = sign < 0 ? sequence - distance : sequence + distance;
            if (ipcmark_words_differ(seen, bytes, ipcmark_mix(producer, other)) == 0)
                ipcmark_invalid("expected message %llu, received message %llu: lost, repeated or out of order",
                                (unsigned long long)sequence, (unsigned long long)other);
        }
    ipcmark_invalid("message %llu arrived with wrong bytes: corrupted, torn or stale", (unsigned long long)sequence);
}

/* --- Counts and costs ------------------------------------------------------------------------------------------------- */

struct ipcmark_window {
    uint64_t start_ns, elapsed_ns, messages;
};

struct ipcmark_cost {
    char role[16];
    int cpu;
    uint64_t messages, wall_ns, user_ns, system_ns, voluntary, involuntary, minor, major, running_ns, ready_ns, migrations;
    uint64_t own_threads_ns;
};

/* What this process has used since a moment; stopping gives the cost from then on. */
struct ipcmark_meter {
    struct rusage used;
    uint64_t wall_ns, cpu_ns, delay_ns, threads;
};

/* Time for which threads of this process waited for a CPU, and their number. */
static inline uint64_t ipcmark_run_delay(uint64_t *threads) {
    uint64_t delay_ns = 0;
    DIR *folder = opendir("/proc/self/task");
    *threads = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[PATH_MAX], text[128] = "";
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : 0;
        if (file >= 0) close(file);
        char *second = length > 0 ? strchr(text, ' ') : NULL;
        delay_ns += second ? strtoull(second, NULL, 10) : 0;
        *threads += 1;
    }
    if (folder) closedir(folder);
    return delay_ns;
}

static inline struct ipcmark_meter ipcmark_start_meter(void) {
    struct ipcmark_meter meter;
    meter.delay_ns = ipcmark_run_delay(&meter.threads);
    getrusage(RUSAGE_SELF, &meter.used);
    /* The wall time spans the CPU time, so that one thread never exceeds it. */
    meter.wall_ns = ipcmark_now();
    meter.cpu_ns = ipcmark_clock(CLOCK_PROCESS_CPUTIME_ID);
    return meter;
}

static inline uint64_t ipcmark_time_ns(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static inline struct ipcmark_cost ipcmark_stop_meter(const struct ipcmark_meter *meter, const char *role, int cpu,
                                                     uint64_t messages) {
    struct ipcmark_cost cost;
    struct rusage used;
    uint64_t cpu_ns = ipcmark_clock(CLOCK_PROCESS_CPUTIME_ID) - meter->cpu_ns, threads;
    memset(&cost, 0, sizeof cost);
    cost.wall_ns = ipcmark_now() - meter->wall_ns;
    getrusage(RUSAGE_SELF, &used);
    uint64_t delay_ns = ipcmark_run_delay(&threads) - meter->delay_ns;
    snprintf(cost.role, sizeof cost.role, "%s", role);
    cost.cpu = cpu;
    cost.messages = messages;
    /* CPU time is exact; its split into user and system time is the kernel's estimate. */
    double user = (double)(ipcmark_time_ns(used.ru_utime) - ipcmark_time_ns(meter->used.ru_utime));
    double system = (double)(ipcmark_time_ns(used.ru_stime) - ipcmark_time_ns(meter->used.ru_stime));
    cost.system_ns = user + system > 0 ? (uint64_t)((double)cpu_ns * system / (user + system)) : 0;
    cost.user_ns = cpu_ns - cost.system_ns;
    cost.voluntary = (uint64_t)(used.ru_nvcsw - meter->used.ru_nvcsw);
    cost.involuntary = (uint64_t)(used.ru_nivcsw - meter->used.ru_nivcsw);
    cost.minor = (uint64_t)(used.ru_minflt - meter->used.ru_minflt);
    cost.major = (uint64_t)(used.ru_majflt - meter->used.ru_majflt);
    cost.running_ns = cpu_ns < cost.wall_ns ? cpu_ns : cost.wall_ns;
    cost.ready_ns = delay_ns < cost.wall_ns - cost.running_ns ? delay_ns : cost.wall_ns - cost.running_ns;
    cost.migrations = cpu >= 0 && sched_getcpu() != cpu;
    /* Threads of one process wait for each other, each at most as long as the others run. */
    cost.own_threads_ns = cost.running_ns * (threads > 1 ? threads - 1 : 0);
    return cost;
}

static inline int ipcmark_compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Median; sorts the values. */
static inline double ipcmark_median(double *values, size_t count) {
    if (count == 0) return 0;
    qsort(values, count, sizeof *values, ipcmark_compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Work of `count` units on an object. */
typedef void ipcmark_work(void *object, uint64_t count);

/* Runs `work` in slices, each timed. Gives their number. */
static inline int ipcmark_in_slices(struct ipcmark_window *windows, ipcmark_work *work, void *object, uint64_t count) {
    int done = 0;
    uint64_t start = ipcmark_now(), last = start;
    for (uint64_t i = 0; i < IPCMARK_WINDOWS; i++) {
        uint64_t units = count * (i + 1) / IPCMARK_WINDOWS - count * i / IPCMARK_WINDOWS;
        if (!units) continue;
        work(object, units);
        uint64_t now = ipcmark_now();
        windows[done].start_ns = last - start;
        windows[done].elapsed_ns = now > last ? now - last : 1;
        windows[done++].messages = units;
        last = now;
    }
    return done;
}

/* Median over windows of the time for one unit. */
static inline double ipcmark_typical(const struct ipcmark_window *windows) {
    double values[IPCMARK_WINDOWS];
    size_t count = 0;
    for (int i = 0; i < IPCMARK_WINDOWS; i++)
        if (windows[i].messages) values[count++] = (double)windows[i].elapsed_ns / (double)windows[i].messages;
    return ipcmark_median(values, count);
}

/* Smallest difference between elapsed times that the clock tells apart. */
static inline double ipcmark_clock_step(void) {
    enum { LOOKS = 2000, LENGTH = 4096 };
    static uint16_t seen[LENGTH];
    uint16_t most = 0;
    for (int at = 0; at < LOOKS; at++) {
        uint64_t before = ipcmark_now();
        for (volatile int i = 0; i < at % 16;) i = i + 1;
        uint64_t ns = ipcmark_now() - before;
        if (ns < LENGTH && ++seen[ns] > most) most = seen[ns];
    }
    int step = 0, last = 0, before_last = -1;
    for (int ns = 1; ns < LENGTH; ns++) {
        if (!seen[ns] || seen[ns] * 10 < most) continue;
        if (before_last >= 0 && ns - before_last == 2) return 1;
        if (ns - last > 1 && (!step || ns - last < step)) step = ns - last;
        before_last = last;
        last = ns;
    }
    return step ? step : 1;
}

/* --- The conversation ------------------------------------------------------------------------------------------------- */

/* An order, and the result of its trial. */
struct ipcmark_trial {
    char *order, *answer;
    size_t answer_length;
    FILE *metrics;
    const char *version, *case_text, *params;
    uint64_t warm_up_ns, hot_ns, fixed_count;
    bool fixed, started;
    size_t message_bytes;
    int cpus[IPCMARK_CPUS_MAX], cpu_count;
    /* Filled by the measure. */
    uint64_t messages, warmed_up_ns;
    struct ipcmark_window windows[IPCMARK_WINDOWS];
    int window_count;
    struct ipcmark_cost *costs;
    int cost_count;
};

struct ipcmark_row {
    const char *family, *mechanism, *wait, *group, *summary;
    /* Size of messages that this row is compiled for; 0 for any. */
    size_t only_bytes;
    void (*play)(struct ipcmark_trial *trial);
};

static inline int ipcmark_cpu(const struct ipcmark_trial *trial, int role) {
    return trial->cpu_count ? trial->cpus[role % trial->cpu_count] : -1;
}

static inline void ipcmark_pin(int cpu) {
    cpu_set_t set = ipcmark_process()->home;
    if (cpu >= 0) {
        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
    }
    if (sched_setaffinity(0, sizeof set, &set)) ipcmark_failed("sched_setaffinity");
}

/* Reads a line that the harness sends. */
static inline char *ipcmark_read_line(const char *due) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length <= 0) _exit(1); /* The harness has gone. */
    if (!ipcmark_is(ipcmark_get(line, "type"), due)) ipcmark_end_with("failed", "a line of the harness is not the one due");
    return line;
}

/* From now on the end of stdin kills this process and, where it leads its group, all that it started. */
static inline void ipcmark_end_with_stdin(void) {
    pid_t own = getpid();
    fcntl(0, F_SETOWN, getpgrp() == own ? -own : own);
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_ASYNC);
}

/* Attached; returns once the harness says go. */
static inline void ipcmark_start(struct ipcmark_trial *trial) {
    trial->started = true;
    ipcmark_print("{\"type\":\"offer\",\"offers\":[]}\n");
    free(ipcmark_read_line("peers"));
    ipcmark_print("{\"type\":\"ready\"}\n");
    free(ipcmark_read_line("go"));
    ipcmark_end_with_stdin();
}

/* Answers that this case cannot be measured here. */
IPCMARK_COLD __attribute__((format(printf, 2, 3))) void ipcmark_refuse(struct ipcmark_trial *trial, const char *format, ...) {
    va_list values;
    if (!trial->started) ipcmark_start(trial);
    fputs("{\"type\":\"done\",\"skipped\":\"", stdout);
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    puts("\"}");
    fflush(stdout);
    _exit(0);
}

/* Refuses a case with parameters other than `names`, a list that ends with NULL. */
static inline void ipcmark_uses(struct ipcmark_trial *trial, const char *const *names) {
    const char *key, *value, *at = trial->params ? trial->params + 1 : "";
    for (; (value = ipcmark_member(at, &key)); at = ipcmark_skip(value)) {
        int length = (int)(ipcmark_skip(key) - key) - 2;
        const char *const *name = names;
        while (*name && (strncmp(key + 1, *name, (size_t)length) || (*name)[length])) name++;
        if (!*name && strncmp(value, "null", 4)) ipcmark_refuse(trial, "it does not support `%.*s`", length, key + 1);
    }
}

static inline void ipcmark_wants(struct ipcmark_trial *trial, const char *name, const char *due) {
    const char *value = ipcmark_get(trial->params, name);
    if (value && !ipcmark_is(value, due)) ipcmark_refuse(trial, "it runs with `%s` %s only", name, due);
}

static inline void ipcmark_metric(struct ipcmark_trial *trial, const char *name, double value) {
    fprintf(trial->metrics, "%s\"%s\":%.9g", ftell(trial->metrics) ? "," : "", name, value);
}

static inline void ipcmark_add_cost(struct ipcmark_trial *trial, struct ipcmark_cost cost) {
    size_t bytes = sizeof cost * (size_t)(trial->cost_count + 1);
    trial->costs = (struct ipcmark_cost *)realloc(trial->costs, bytes);
    if (!trial->costs) ipcmark_failed("realloc");
    trial->costs[trial->cost_count++] = cost;
}

/* Percentiles with at least ten values beyond them, the largest value and the clock's step; sorts the values. */
static inline void ipcmark_percentiles(struct ipcmark_trial *trial, double *values, size_t count) {
    static const struct {
        const char *name;
        double share;
    } all[] = {{"p50_ns", 0.5}, {"p90_ns", 0.9}, {"p99_ns", 0.99}, {"p999_ns", 0.999}};
    if (!count) return;
    ipcmark_median(values, count);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double at = (double)count * all[i].share - 1e-6, beyond = (double)count * (1 - all[i].share);
        size_t place = (size_t)at + ((double)(size_t)at < at) - 1;
        if (beyond + 1e-6 >= 10) ipcmark_metric(trial, all[i].name, values[place]);
    }
    ipcmark_metric(trial, "max_ns", values[count - 1]);
    ipcmark_metric(trial, "clock_step_ns", ipcmark_clock_step());
}

/* The last line. */
static inline void ipcmark_report(struct ipcmark_trial *trial) {
    fclose(trial->metrics);
    printf("{\"type\":\"done\",\"messages\":%llu,\"chosen_by\":\"%s\",\"warm_up_ns\":%llu,\"metrics\":{%s},\"remark\":\"",
           (unsigned long long)trial->messages, trial->fixed ? "fixed" : "time", (unsigned long long)trial->warmed_up_ns,
           trial->answer);
#ifdef __cplusplus
    printf("%s, C++ compiler %s\",\"windows\":[", trial->version, __VERSION__);
#else
    printf("%s, C compiler %s\",\"windows\":[", trial->version, __VERSION__);
#endif
    for (int i = 0; i < trial->window_count; i++)
        printf("%s{\"start_ns\":%llu,\"elapsed_ns\":%llu,\"messages\":%llu}", i ? "," : "",
               (unsigned long long)trial->windows[i].start_ns, (unsigned long long)trial->windows[i].elapsed_ns,
               (unsigned long long)trial->windows[i].messages);
    printf("],\"roles\":[");
    for (int i = 0; i < trial->cost_count; i++) {
        const struct ipcmark_cost *cost = &trial->costs[i];
        const struct {
            const char *name;
            uint64_t value;
        } fields[] = {{"messages", cost->messages},
                      {"wall_ns", cost->wall_ns},
                      {"user_ns", cost->user_ns},
                      {"system_ns", cost->system_ns},
                      {"voluntary_switches", cost->voluntary},
                      {"involuntary_switches", cost->involuntary},
                      {"minor_faults", cost->minor},
                      {"major_faults", cost->major},
                      {"running_ns", cost->running_ns},
                      {"ready_ns", cost->ready_ns},
                      {"blocked_ns", cost->wall_ns - cost->running_ns - cost->ready_ns},
                      {"migrations", cost->migrations},
                      {"own_threads_ns", cost->own_threads_ns}};
        printf("%s{\"role\":\"%s\",\"cpu\":", i ? "," : "", cost->role);
        if (cost->cpu >= 0) printf("%d", cost->cpu);
        else printf("null");
        for (size_t field = 0; field < sizeof fields / sizeof *fields; field++)
            printf(",\"%s\":%llu", fields[field].name, (unsigned long long)fields[field].value);
        printf("}");
    }
    printf("]}\n");
    fflush(stdout);
}

/* --- Processes -------------------------------------------------------------------------------------------------------- */

/* A process that plays a role, and the socket over which it is told what to do. */
struct ipcmark_partner {
    pid_t pid;
    int socket;
};

static inline void ipcmark_send_to(int socket, const void *what, size_t bytes) {
    ssize_t sent;
    while ((sent = send(socket, what, bytes, MSG_NOSIGNAL)) < 0 && errno == EINTR) {}
    if (sent != (ssize_t)bytes) ipcmark_failed("send to a process of the trial");
}

/* False at the end of the connection. */
static inline bool ipcmark_receive_from(int socket, void *what, size_t bytes) {
    ssize_t got;
    while ((got = recv(socket, what, bytes, 0)) < 0 && errno == EINTR) {}
    if (got != 0 && got != (ssize_t)bytes) ipcmark_failed("receive from a process of the trial");
    return got != 0;
}

/* From now on the end of a child ends the trial. */
static inline void ipcmark_watch(void) {
    ipcmark_process()->watching = 1;
    ipcmark_child_ended(SIGCHLD);
}

/* Forks a process for a role. It returns true in the child, which plays its role and then calls _exit(0). */
static inline bool ipcmark_fork(struct ipcmark_partner *partner, int cpu) {
    int sockets[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)) ipcmark_failed("socketpair");
    partner->pid = fork();
    if (partner->pid < 0) ipcmark_failed("fork");
    partner->socket = sockets[partner->pid == 0];
    close(sockets[partner->pid != 0]);
    if (partner->pid > 0) return false;
    ipcmark_process()->is_child = true;
    ipcmark_process()->watching = 0;
    signal(SIGCHLD, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    ipcmark_pin(cpu);
    return true;
}

/* What a process of the trial answers. */
static inline void ipcmark_answer_of(const struct ipcmark_partner *partner, void *what, size_t bytes) {
    errno = ECONNRESET;
    if (!ipcmark_receive_from(partner->socket, what, bytes)) ipcmark_failed("receive from a process of the trial");
}

/* Lets a process end whose work is done. Call it after `watching` was set to 0. */
static inline void ipcmark_end_partner(struct ipcmark_partner *partner) {
    close(partner->socket);
    while (waitpid(partner->pid, NULL, 0) < 0 && errno == EINTR) {}
}

/* --- Transports ------------------------------------------------------------------------------------------------------- */

/* One side of the channels of a trial. */
struct ipcmark_side {
    void *out, *in;
    unsigned char *room;
    size_t bytes;
    uint64_t exchanged;
};

/* The timed loops of a row. */
struct ipcmark_loops {
    ipcmark_work *trips, *answers, *send_all, *verify;
    void (*stamped_trips)(struct ipcmark_side *side, uint64_t count, uint64_t *stamps);
};

IPCMARK_INLINE void ipcmark_put(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t first) {
    ipcmark_fill(side->room, side->bytes, first);
    if (__builtin_expect(!row->send(side->out, side->room, side->bytes), 0)) ipcmark_failed("send");
}

IPCMARK_INLINE void ipcmark_take(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t first,
                                 unsigned producer, uint64_t sequence) {
    long got = row->receive(side->in, side->room, side->bytes);
    if (__builtin_expect(got != (long)side->bytes || ipcmark_differ(side->room, side->bytes, first) != 0, 0))
        ipcmark_wrong(side->room, got, side->bytes, producer, sequence);
}

IPCMARK_INLINE void ipcmark_trips(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t count,
                                  uint64_t *stamps) {
    uint64_t sequence = side->exchanged, end = sequence + count, next = ipcmark_mix(IPCMARK_PING, sequence);
    while (sequence < end) {
        ipcmark_put(row, side, next);
        /* Computed while the answer is on its way. */
        uint64_t due = ipcmark_mix(IPCMARK_PONG, sequence);
        next = ipcmark_mix(IPCMARK_PING, sequence + 1);
        ipcmark_take(row, side, due, IPCMARK_PONG, sequence);
        sequence++;
        if (stamps) *stamps++ = ipcmark_now();
    }
    side->exchanged = end;
}

IPCMARK_INLINE void ipcmark_answers(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t count) {
    uint64_t end = side->exchanged + count;
    for (uint64_t sequence = side->exchanged; sequence < end; sequence++) {
        uint64_t due = ipcmark_mix(IPCMARK_PING, sequence), answer = ipcmark_mix(IPCMARK_PONG, sequence);
        ipcmark_take(row, side, due, IPCMARK_PING, sequence);
        ipcmark_put(row, side, answer);
    }
    side->exchanged = end;
}

IPCMARK_INLINE void ipcmark_send_all(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t count) {
    uint64_t end = side->exchanged + count;
    for (uint64_t sequence = side->exchanged; sequence < end; sequence++)
        ipcmark_put(row, side, ipcmark_mix(IPCMARK_STREAM, sequence));
    side->exchanged = end;
}

IPCMARK_INLINE void ipcmark_verify(const struct ipcmark_transport *row, struct ipcmark_side *side, uint64_t count) {
    uint64_t end = side->exchanged + count;
    for (uint64_t sequence = side->exchanged; sequence < end; sequence++)
        ipcmark_take(row, side, ipcmark_mix(IPCMARK_STREAM, sequence), IPCMARK_STREAM, sequence);
    side->exchanged = end;
}

/* Defines the row `name` of a transport, whose loops call its functions directly. */
#define IPCMARK_TRANSPORT(name, mechanism, only_bytes, wait, group, summary, transport)                                   \
    static void name##_trips(void *side, uint64_t count) {                                                                \
        ipcmark_trips(&transport, (struct ipcmark_side *)side, count, NULL);                                              \
    }                                                                                                                     \
    static void name##_stamped_trips(struct ipcmark_side *side, uint64_t count, uint64_t *stamps) {                       \
        ipcmark_trips(&transport, side, count, stamps);                                                                   \
    }                                                                                                                     \
    static void name##_answers(void *side, uint64_t count) {                                                              \
        ipcmark_answers(&transport, (struct ipcmark_side *)side, count);                                                  \
    }                                                                                                                     \
    static void name##_send_all(void *side, uint64_t count) {                                                             \
        ipcmark_send_all(&transport, (struct ipcmark_side *)side, count);                                                 \
    }                                                                                                                     \
    static void name##_verify(void *side, uint64_t count) {                                                               \
        ipcmark_verify(&transport, (struct ipcmark_side *)side, count);                                                   \
    }                                                                                                                     \
    static void name##_play(struct ipcmark_trial *trial) {                                                                \
        static const struct ipcmark_loops loops = {name##_trips, name##_answers, name##_send_all, name##_verify,          \
                                                   name##_stamped_trips};                                                 \
        ipcmark_play_transport(trial, &transport, &loops);                                                                \
    }                                                                                                                     \
    static const struct ipcmark_row name = {"transport", mechanism, wait, group, summary, only_bytes, name##_play}

/* What the second process of a transport answers after each phase. */
struct ipcmark_phase {
    uint64_t ended_ns;
    struct ipcmark_cost cost;
    struct ipcmark_window windows[IPCMARK_WINDOWS];
    int window_count;
};

/* The answering or receiving process. */
IPCMARK_COLD void ipcmark_follow(int socket, struct ipcmark_side *side, const struct ipcmark_loops *loops, bool both_ways,
                                 int cpu) {
    uint64_t count;
    while (ipcmark_receive_from(socket, &count, sizeof count)) {
        struct ipcmark_phase phase;
        memset(&phase, 0, sizeof phase);
        struct ipcmark_meter meter = ipcmark_start_meter();
        ipcmark_send_to(socket, &count, sizeof count); /* Awake and about to receive. */
        phase.window_count = ipcmark_in_slices(phase.windows, both_ways ? loops->answers : loops->verify, side, count);
        phase.ended_ns = ipcmark_now();
        phase.cost = ipcmark_stop_meter(&meter, both_ways ? "ponger" : "receiver", cpu, count);
        ipcmark_send_to(socket, &phase, sizeof phase);
    }
    _exit(0);
}

static inline void ipcmark_tell_count(struct ipcmark_partner *partner, uint64_t count) {
    ipcmark_send_to(partner->socket, &count, sizeof count);
    ipcmark_answer_of(partner, &count, sizeof count);
}

/* Warms up with counts that double. Gives the count for the hot phase, from the fastest of the last three pilots: the start of
   a pilot costs a wake-up, and its CPU may have been taken away. So the last one is long by that measure, too. */
static inline uint64_t ipcmark_warm_up(struct ipcmark_trial *trial, uint64_t (*pilot)(void *, uint64_t), void *with) {
    double unit_ns[3] = {0, 0, 0};
    uint64_t count = 1;
    pilot(with, 1);
    for (int pilots = 1;; pilots++, count *= 2) {
        uint64_t lasted_ns = pilot(with, count);
        unit_ns[pilots % 3] = (double)lasted_ns / (double)count;
        trial->warmed_up_ns += lasted_ns;
        double fastest_ns = unit_ns[0] < unit_ns[1] ? unit_ns[0] : unit_ns[1];
        if (unit_ns[2] < fastest_ns) fastest_ns = unit_ns[2];
        if (fastest_ns < 0.1) fastest_ns = 0.1;
        if (pilots < 3 || trial->warmed_up_ns < trial->warm_up_ns) continue;
        if (2 * fastest_ns * (double)count < (double)trial->warm_up_ns) continue;
        if (trial->fixed) return trial->fixed_count;
        uint64_t derived = (uint64_t)((double)trial->hot_ns / fastest_ns);
        return derived > IPCMARK_WINDOWS ? derived : IPCMARK_WINDOWS;
    }
}

struct ipcmark_pair {
    struct ipcmark_partner partner;
    struct ipcmark_side side;
    const struct ipcmark_loops *loops;
    bool both_ways;
};

/* One pilot; its length in nanoseconds. */
static inline uint64_t ipcmark_pilot_of_pair(void *with, uint64_t count) {
    struct ipcmark_pair *pair = (struct ipcmark_pair *)with;
    struct ipcmark_phase phase;
    ipcmark_tell_count(&pair->partner, count);
    uint64_t start = ipcmark_now();
    (pair->both_ways ? pair->loops->trips : pair->loops->send_all)(&pair->side, count);
    uint64_t end = ipcmark_now();
    ipcmark_answer_of(&pair->partner, &phase, sizeof phase);
    return (pair->both_ways ? end : phase.ended_ns) - start;
}

static inline void ipcmark_attach(const struct ipcmark_transport *row, void *channel, enum ipcmark_end end) {
    if (row->attach && channel) row->attach(channel, end);
}

static inline void ipcmark_round_trips(struct ipcmark_trial *trial, struct ipcmark_pair *pair, uint64_t count) {
    struct ipcmark_phase phase;
    uint64_t one_by_one = count / 2 < IPCMARK_STAMPS_MAX ? count / 2 : IPCMARK_STAMPS_MAX;
    uint64_t *stamps = (uint64_t *)ipcmark_room(sizeof *stamps * (one_by_one + 1));
    ipcmark_tell_count(&pair->partner, count);
    struct ipcmark_meter meter = ipcmark_start_meter();
    trial->window_count = ipcmark_in_slices(trial->windows, pair->loops->trips, &pair->side, count - one_by_one);
    stamps[0] = ipcmark_now();
    if (one_by_one) pair->loops->stamped_trips(&pair->side, one_by_one, stamps + 1);
    ipcmark_add_cost(trial, ipcmark_stop_meter(&meter, "pinger", ipcmark_cpu(trial, 0), count));
    ipcmark_answer_of(&pair->partner, &phase, sizeof phase);
    ipcmark_add_cost(trial, phase.cost);
    ipcmark_metric(trial, "round_trip_ns", ipcmark_typical(trial->windows));
    if (one_by_one) ipcmark_metric(trial, "stamped_round_trip_ns", (double)(stamps[one_by_one] - stamps[0]) / (double)one_by_one);
    double *trips = (double *)ipcmark_room(sizeof *trips * (one_by_one + 1));
    for (uint64_t i = 0; i < one_by_one; i++) trips[i] = (double)(stamps[i + 1] - stamps[i]);
    ipcmark_percentiles(trial, trips, one_by_one);
}

static inline void ipcmark_stream(struct ipcmark_trial *trial, struct ipcmark_pair *pair, uint64_t count) {
    struct ipcmark_phase phase;
    ipcmark_tell_count(&pair->partner, count);
    struct ipcmark_meter meter = ipcmark_start_meter();
    uint64_t start = ipcmark_now();
    pair->loops->send_all(&pair->side, count);
    ipcmark_add_cost(trial, ipcmark_stop_meter(&meter, "sender", ipcmark_cpu(trial, 0), count));
    ipcmark_answer_of(&pair->partner, &phase, sizeof phase);
    ipcmark_add_cost(trial, phase.cost);
    memcpy(trial->windows, phase.windows, sizeof phase.windows);
    trial->window_count = phase.window_count;
    double per_s = (double)count * 1e9 / (double)(phase.ended_ns > start ? phase.ended_ns - start : 1);
    ipcmark_metric(trial, "messages_per_s", per_s);
    ipcmark_metric(trial, "bytes_per_s", per_s * (double)trial->message_bytes);
}

static inline void ipcmark_play_transport(struct ipcmark_trial *trial, const struct ipcmark_transport *row,
                                          const struct ipcmark_loops *loops) {
    static const char *const names[] = {"message_bytes", "pattern", "touch", NULL};
    struct ipcmark_pair pair;
    ipcmark_uses(trial, names);
    ipcmark_wants(trial, "pattern", "1:1");
    ipcmark_wants(trial, "touch", "all");
    const char *why = row->refuses ? row->refuses(trial->message_bytes) : NULL;
    if (why) ipcmark_refuse(trial, "%s", why);
    memset(&pair, 0, sizeof pair);
    pair.loops = loops;
    pair.both_ways = ipcmark_is(ipcmark_get(trial->case_text, "measure"), "round_trip");
    void *there = row->create(trial->message_bytes), *back = NULL;
    if (!there) ipcmark_failed("create");
    if (pair.both_ways && !(back = row->create(trial->message_bytes))) ipcmark_failed("create");
    bool child = ipcmark_fork(&pair.partner, ipcmark_cpu(trial, 1));
    ipcmark_attach(row, there, child ? IPCMARK_RECEIVER : IPCMARK_SENDER);
    ipcmark_attach(row, back, child ? IPCMARK_SENDER : IPCMARK_RECEIVER);
    pair.side.out = child ? back : there;
    pair.side.in = child ? there : back;
    pair.side.bytes = trial->message_bytes;
    pair.side.room = (unsigned char *)ipcmark_room(trial->message_bytes);
    if (child) ipcmark_follow(pair.partner.socket, &pair.side, loops, pair.both_ways, ipcmark_cpu(trial, 1));
    ipcmark_start(trial);
    ipcmark_watch();
    uint64_t count = ipcmark_warm_up(trial, ipcmark_pilot_of_pair, &pair);
    trial->messages = count;
    if (pair.both_ways) ipcmark_round_trips(trial, &pair, count);
    else ipcmark_stream(trial, &pair, count);
    ipcmark_process()->watching = 0;
    ipcmark_end_partner(&pair.partner);
    if (row->destroy) {
        row->destroy(there);
        if (back) row->destroy(back);
    }
}

/* --- Locks ------------------------------------------------------------------------------------------------------------ */

/* What a lock protects: plain words, on a cache line of their own. */
struct ipcmark_protected {
    volatile uint64_t entered, owner, left;
};

/* One contender. */
struct ipcmark_contender {
    void *memory;
    struct ipcmark_protected *state;
    uint64_t me, inside, outside;
};

/* A window, and what a contender did in it. */
struct ipcmark_span {
    uint64_t start_ns, end_ns;
};
struct ipcmark_share {
    uint64_t counts[IPCMARK_WINDOWS], counted, passes, handed_off;
    struct ipcmark_cost cost;
};

struct ipcmark_lock_loops {
    ipcmark_work *take;
    uint64_t (*hold)(struct ipcmark_contender *contender, uint64_t count);
};

/* Calibrated work: a chain of multiplications. */
static __attribute__((noinline, unused)) void ipcmark_chain(uint64_t rounds) {
    uint64_t word = rounds;
    for (uint64_t i = 0; i < rounds; i++) {
        word *= 0x9e3779b97f4a7c15u;
        __asm__ volatile("" : "+r"(word));
    }
}

/* Rounds of the chain that last `ns` on this CPU: the fastest of several looks. */
static inline uint64_t ipcmark_rounds(uint64_t ns) {
    const uint64_t sample = 100000;
    uint64_t fastest_ns = UINT64_MAX;
    for (int look = 0; ns && look < 5; look++) {
        uint64_t before = ipcmark_now();
        ipcmark_chain(sample);
        uint64_t lasted_ns = ipcmark_now() - before;
        if (lasted_ns < fastest_ns) fastest_ns = lasted_ns;
    }
    return ns ? (uint64_t)((double)ns * (double)sample / (double)fastest_ns + 0.5) : 0;
}

IPCMARK_INLINE void ipcmark_acquire(const struct ipcmark_lock *row, void *memory) {
    if (__builtin_expect(!row->acquire(memory), 0)) ipcmark_failed("acquire");
}

IPCMARK_INLINE void ipcmark_release(const struct ipcmark_lock *row, void *memory) {
    if (__builtin_expect(!row->release(memory), 0)) ipcmark_failed("release");
}

/* Uncontended. */
IPCMARK_INLINE void ipcmark_take_lock(const struct ipcmark_lock *row, struct ipcmark_contender *contender, uint64_t count) {
    for (; count; count--) {
        ipcmark_acquire(row, contender->memory);
        contender->state->entered = contender->state->entered + 1;
        ipcmark_release(row, contender->memory);
    }
}

/* A batch of critical sections; how many of them had another owner before. */
IPCMARK_INLINE uint64_t ipcmark_hold(const struct ipcmark_lock *row, struct ipcmark_contender *contender, uint64_t count) {
    struct ipcmark_protected *state = contender->state;
    uint64_t handed_off = 0;
    for (; count; count--) {
        ipcmark_acquire(row, contender->memory);
        state->entered = state->entered + 1;
        if (state->owner != contender->me) {
            state->owner = contender->me;
            handed_off++;
        }
        if (contender->inside) ipcmark_chain(contender->inside);
        if (__builtin_expect(state->owner != contender->me, 0))
            ipcmark_invalid("contender %llu met another in the critical section", (unsigned long long)contender->me);
        state->left = state->left + 1;
        ipcmark_release(row, contender->memory);
        if (contender->outside) ipcmark_chain(contender->outside);
    }
    return handed_off;
}

/* Defines the row `name` of a lock, whose loops call its functions directly. */
#define IPCMARK_LOCK(name, mechanism, wait, group, summary, lock)                                                         \
    static void name##_take(void *contender, uint64_t count) {                                                            \
        ipcmark_take_lock(&lock, (struct ipcmark_contender *)contender, count);                                           \
    }                                                                                                                     \
    static uint64_t name##_hold(struct ipcmark_contender *contender, uint64_t count) {                                    \
        return ipcmark_hold(&lock, contender, count);                                                                     \
    }                                                                                                                     \
    static void name##_play(struct ipcmark_trial *trial) {                                                                \
        static const struct ipcmark_lock_loops loops = {name##_take, name##_hold};                                        \
        ipcmark_play_lock(trial, &lock, &loops);                                                                          \
    }                                                                                                                     \
    static const struct ipcmark_row name = {"lock", mechanism, wait, group, summary, 0, name##_play}

struct ipcmark_taker {
    struct ipcmark_contender *contender;
    const struct ipcmark_lock_loops *loops;
};

static inline uint64_t ipcmark_pilot_of_lock(void *with, uint64_t count) {
    struct ipcmark_taker *taker = (struct ipcmark_taker *)with;
    uint64_t start = ipcmark_now();
    taker->loops->take(taker->contender, count);
    return ipcmark_now() - start;
}

static inline void ipcmark_agree(uint64_t seen, uint64_t passes) {
    if (seen != passes)
        ipcmark_invalid("the protected counter stands at %llu after %llu critical sections", (unsigned long long)seen,
                        (unsigned long long)passes);
}

static inline void ipcmark_play_acquire(struct ipcmark_trial *trial, struct ipcmark_contender *contender,
                                        const struct ipcmark_lock_loops *loops) {
    struct ipcmark_taker taker = {contender, loops};
    ipcmark_start(trial);
    uint64_t count = ipcmark_warm_up(trial, ipcmark_pilot_of_lock, &taker), before = contender->state->entered;
    trial->messages = count;
    struct ipcmark_meter meter = ipcmark_start_meter();
    trial->window_count = ipcmark_in_slices(trial->windows, loops->take, contender, count);
    ipcmark_add_cost(trial, ipcmark_stop_meter(&meter, "contender", ipcmark_cpu(trial, 0), count));
    ipcmark_agree(contender->state->entered, before + count);
    ipcmark_metric(trial, "acquire_ns", ipcmark_typical(trial->windows));
}

/* Sleeps most of the time until the span starts, and polls for the rest. */
static inline void ipcmark_wait_until(uint64_t moment_ns) {
    for (uint64_t now; (now = ipcmark_now()) < moment_ns;) {
        if (moment_ns - now <= 1000000) continue;
        struct timespec pause = {0, (long)(moment_ns - now - 500000 < 900000000 ? moment_ns - now - 500000 : 900000000)};
        nanosleep(&pause, NULL);
    }
}

/* One contender in one window. */
static inline struct ipcmark_share ipcmark_contend(struct ipcmark_contender *contender, struct ipcmark_span span, int cpu,
                                                   const struct ipcmark_lock_loops *loops) {
    struct ipcmark_share share;
    uint64_t batch = 1;
    memset(&share, 0, sizeof share);
    ipcmark_wait_until(span.start_ns);
    struct ipcmark_meter meter = ipcmark_start_meter();
    for (uint64_t last = ipcmark_now(), now;; last = now) {
        share.handed_off += loops->hold(contender, batch);
        share.passes += batch;
        now = ipcmark_now();
        if (now >= span.end_ns) break;
        share.counts[(now - span.start_ns) * IPCMARK_WINDOWS / (span.end_ns - span.start_ns)] += batch;
        share.counted += batch;
        if (now - last > IPCMARK_BATCH_NS) batch = batch > 1 ? batch / 2 : 1;
        else if (2 * (now - last) < IPCMARK_BATCH_NS && batch < IPCMARK_BATCH_MAX) batch *= 2;
    }
    share.cost = ipcmark_stop_meter(&meter, "contender", cpu, share.counted);
    return share;
}

/* All contenders in one window. Gives their shares, to be freed. */
static inline struct ipcmark_share *ipcmark_all_contend(struct ipcmark_trial *trial, struct ipcmark_partner *partners, int count,
                                                        struct ipcmark_contender *own, uint64_t length_ns,
                                                        const struct ipcmark_lock_loops *loops) {
    struct ipcmark_share *shares = (struct ipcmark_share *)ipcmark_room(sizeof *shares * (size_t)count);
    struct ipcmark_span span = {ipcmark_now() + 5000000, 0};
    span.end_ns = span.start_ns + length_ns;
    for (int i = 1; i < count; i++) ipcmark_send_to(partners[i].socket, &span, sizeof span);
    shares[0] = ipcmark_contend(own, span, ipcmark_cpu(trial, 0), loops);
    for (int i = 1; i < count; i++) ipcmark_answer_of(&partners[i], &shares[i], sizeof *shares);
    return shares;
}

static inline void ipcmark_report_contention(struct ipcmark_trial *trial, const struct ipcmark_share *shares, int count) {
    double squares = 0, handed_off = 0, passes = 0, spent = 0, switches = 0;
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        const struct ipcmark_cost *cost = &shares[i].cost;
        total += shares[i].counted;
        squares += (double)shares[i].counted * (double)shares[i].counted;
        handed_off += (double)shares[i].handed_off;
        passes += (double)shares[i].passes;
        spent += (double)(cost->user_ns + cost->system_ns);
        switches += (double)(cost->voluntary + cost->involuntary);
        ipcmark_add_cost(trial, *cost);
        for (int window = 0; window < IPCMARK_WINDOWS; window++) trial->windows[window].messages += shares[i].counts[window];
    }
    for (int i = 0; i < IPCMARK_WINDOWS; i++) {
        trial->windows[i].start_ns = trial->hot_ns * (uint64_t)i / IPCMARK_WINDOWS;
        trial->windows[i].elapsed_ns = trial->hot_ns * (uint64_t)(i + 1) / IPCMARK_WINDOWS - trial->windows[i].start_ns;
    }
    trial->window_count = IPCMARK_WINDOWS;
    trial->messages = total;
    trial->fixed = false;
    ipcmark_metric(trial, "acquisitions_per_s", (double)total * 1e9 / (double)trial->hot_ns);
    ipcmark_metric(trial, "jain", squares > 0 ? (double)total * (double)total / (count * squares) : 0);
    ipcmark_metric(trial, "handed_off_share", passes > 0 ? handed_off / passes : 0);
    ipcmark_metric(trial, "cpu_ns_per_acquisition", spent / (total ? (double)total : 1));
    ipcmark_metric(trial, "switches_per_acquisition", switches / (total ? (double)total : 1));
}

static inline void ipcmark_play_contention(struct ipcmark_trial *trial, struct ipcmark_contender *contender,
                                           const struct ipcmark_lock_loops *loops) {
    int count = (int)ipcmark_number(ipcmark_get(trial->params, "contenders"), 2);
    uint64_t inside_ns = ipcmark_number(ipcmark_get(trial->params, "critical_section_ns"), 0);
    uint64_t outside_ns = ipcmark_number(ipcmark_get(trial->params, "think_time_ns"), 0), passes = 0;
    struct ipcmark_partner *partners = (struct ipcmark_partner *)ipcmark_room(sizeof *partners * (size_t)(count > 1 ? count : 1));
    bool child = false;
    int own = 0;
    for (int i = 1; i < count && !child; i++)
        if ((child = ipcmark_fork(&partners[i], ipcmark_cpu(trial, i)))) own = i;
    contender->me = (uint64_t)own + 1;
    contender->inside = ipcmark_rounds(inside_ns);
    contender->outside = ipcmark_rounds(outside_ns);
    if (child) {
        struct ipcmark_span span;
        while (ipcmark_receive_from(partners[own].socket, &span, sizeof span)) {
            struct ipcmark_share share = ipcmark_contend(contender, span, ipcmark_cpu(trial, own), loops);
            ipcmark_send_to(partners[own].socket, &share, sizeof share);
        }
        _exit(0);
    }
    ipcmark_start(trial);
    ipcmark_watch();
    trial->warmed_up_ns = trial->warm_up_ns > 1000000 ? trial->warm_up_ns : 1000000;
    struct ipcmark_share *shares = ipcmark_all_contend(trial, partners, count, contender, trial->warmed_up_ns, loops);
    for (int i = 0; i < count; i++) passes += shares[i].passes;
    shares = ipcmark_all_contend(trial, partners, count, contender, trial->hot_ns, loops);
    for (int i = 0; i < count; i++) passes += shares[i].passes;
    ipcmark_process()->watching = 0;
    ipcmark_agree(contender->state->entered, passes);
    ipcmark_agree(contender->state->left, passes);
    for (int i = 1; i < count; i++) ipcmark_end_partner(&partners[i]);
    ipcmark_report_contention(trial, shares, count);
}

static inline void ipcmark_play_lock(struct ipcmark_trial *trial, const struct ipcmark_lock *row,
                                     const struct ipcmark_lock_loops *loops) {
    static const char *const names[] = {"contenders", "critical_section_ns", "think_time_ns", "spacing", NULL};
    ipcmark_uses(trial, names);
    ipcmark_wants(trial, "spacing", "fixed");
    size_t state_at = (row->bytes / IPCMARK_LINE + 1) * IPCMARK_LINE;
    unsigned char *memory = (unsigned char *)ipcmark_shared(state_at + IPCMARK_LINE);
    struct ipcmark_contender contender = {memory, (struct ipcmark_protected *)(void *)(memory + state_at), 1, 0, 0};
    if (!row->create(memory)) ipcmark_failed("create");
    if (ipcmark_is(ipcmark_get(trial->case_text, "measure"), "acquire")) ipcmark_play_acquire(trial, &contender, loops);
    else ipcmark_play_contention(trial, &contender, loops);
}

/* --- The program ------------------------------------------------------------------------------------------------------ */

/* Prints the rows in the form that `ipcmark run --participants FILE` reads. */
static inline int ipcmark_describe(const struct ipcmark_row *const *rows) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) {
        perror("/proc/self/exe");
        return 1;
    }
    path[length] = 0;
    const char *name = strrchr(path, '/') + 1;
    printf("[[participants]]\nname = '%s'\ncommand = ['%s']\n\n[participants.probe]\ncommand = ['%s', 'version']\n", name, path,
           path);
    for (const struct ipcmark_row *const *row = rows; *row; row++) {
        bool before = false;
        for (const struct ipcmark_row *const *other = rows; other < row; other++)
            before |= strcmp((*other)->mechanism, (*row)->mechanism) == 0;
        if (before) continue;
        printf("\n[[participants.variants]]\nfamily = '%s'\nmechanism = '%s'\nmeasures = [%s]\n", (*row)->family,
               (*row)->mechanism, (*row)->family[0] == 'l' ? "'acquire', 'contention'" : "'round_trip', 'stream'");
        printf("wait = '%s'\ngroup = '%s'\nsummary = '%s'\n", (*row)->wait, (*row)->group, (*row)->summary);
    }
    return 0;
}

/* The row of the case; refuses a size that none is compiled for. */
static inline const struct ipcmark_row *ipcmark_find(struct ipcmark_trial *trial, const struct ipcmark_row *const *rows) {
    const char *family = ipcmark_get(trial->case_text, "family"), *mechanism = ipcmark_get(trial->case_text, "mechanism");
    char sizes[256] = "";
    for (; *rows; rows++) {
        if (!ipcmark_is(family, (*rows)->family) || !ipcmark_is(mechanism, (*rows)->mechanism)) continue;
        if (!(*rows)->only_bytes || (*rows)->only_bytes == trial->message_bytes) return *rows;
        size_t length = strlen(sizes);
        snprintf(sizes + length, sizeof sizes - length, "%s%zu", length ? ", " : "", (*rows)->only_bytes);
    }
    if (*sizes)
        ipcmark_refuse(trial, "it is compiled for messages of %s bytes, not %zu", sizes, trial->message_bytes);
    ipcmark_end_with("failed", "this program has no such mechanism");
}

static inline int ipcmark_play(const char *version, const struct ipcmark_row *const *rows) {
    static struct ipcmark_trial trial;
    struct ipcmark_process *process = ipcmark_process();
    struct sigaction ended;
    process->complaint = (struct ipcmark_complaint *)ipcmark_shared(sizeof *process->complaint);
    sched_getaffinity(0, sizeof process->home, &process->home);
    memset(&ended, 0, sizeof ended);
    ended.sa_handler = ipcmark_child_ended;
    ended.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &ended, NULL);
    signal(SIGPIPE, SIG_IGN);

    trial.order = ipcmark_read_line("order");
    if (ipcmark_number(ipcmark_get(trial.order, "protocol"), 0) != IPCMARK_PROTOCOL)
        ipcmark_end_with("failed", "the order is of another version of the protocol than ipcmark.h");
    const char *timing = ipcmark_get(trial.order, "timing"), *cpus = ipcmark_get(trial.order, "cpus");
    const char *fixed = ipcmark_get(timing, "fixed_count");
    trial.version = version;
    trial.case_text = ipcmark_get(trial.order, "case");
    trial.params = ipcmark_get(trial.case_text, "params");
    trial.warm_up_ns = ipcmark_number(ipcmark_get(timing, "warm_up_ns"), 0);
    trial.hot_ns = ipcmark_number(ipcmark_get(timing, "hot_ns"), 0);
    trial.fixed = fixed != NULL;
    trial.fixed_count = ipcmark_number(fixed, 0);
    trial.message_bytes = (size_t)ipcmark_number(ipcmark_get(trial.params, "message_bytes"), 8);
    for (const char *at = cpus; at && at[1] >= '0' && at[1] <= '9' && trial.cpu_count < IPCMARK_CPUS_MAX;) {
        char *end;
        trial.cpus[trial.cpu_count++] = (int)strtol(at + 1, &end, 10);
        at = end;
    }
    trial.metrics = open_memstream(&trial.answer, &trial.answer_length);
    if (!trial.metrics) ipcmark_failed("open_memstream");
    const struct ipcmark_row *row = ipcmark_find(&trial, rows);
    ipcmark_pin(ipcmark_cpu(&trial, 0));
    row->play(&trial);
    ipcmark_report(&trial);
    return 0;
}

/* The main function of a program. `version` is that of the library measured; `rows` end with NULL. */
static inline int ipcmark_main(int argc, char **argv, const char *version, const struct ipcmark_row *const *rows) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "worker") == 0) return ipcmark_play(version, rows);
    if (strcmp(verb, "describe") == 0) return ipcmark_describe(rows);
    if (strcmp(verb, "version") == 0) return puts(version) < 0;
    fprintf(stderr, "usage: %s describe|version\nipcmark starts it as `%s worker host`.\n", argv[0], argv[0]);
    return 2;
}

#endif
