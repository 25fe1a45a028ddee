/* A Unix pipe as a participant: one write and one read for each message.

       cc -O3 -I harness/adapters/c harness/adapters/c/pipe.c -o c-pipe && ./c-pipe describe > c-pipe.toml */

#include "ipcmark.h"

struct channel {
    int ends[2];
};

static const char *refuses(size_t message_bytes) {
    return message_bytes ? NULL : "a byte stream carries no empty message";
}

static void *create(size_t message_bytes) {
    (void)message_bytes;
    struct channel *channel = malloc(sizeof *channel);
    return channel && pipe(channel->ends) == 0 ? channel : NULL;
}

static void attach(void *channel, enum ipcmark_end end) {
    close(((struct channel *)channel)->ends[end == IPCMARK_RECEIVER]);
}

static bool send_message(void *channel, const void *message, size_t bytes) {
    for (const char *at = message; bytes > 0;) {
        ssize_t written = write(((struct channel *)channel)->ends[1], at, bytes);
        if (written < 0) return false;
        at += written;
        bytes -= (size_t)written;
    }
    return true;
}

static long receive_message(void *channel, void *room, size_t bytes) {
    size_t got = 0;
    while (got < bytes) {
        ssize_t now = read(((struct channel *)channel)->ends[0], (char *)room + got, bytes - got);
        if (now < 0) return -1;
        if (now == 0) break; /* The sender has gone. */
        got += (size_t)now;
    }
    return (long)got;
}

static const struct ipcmark_transport a_pipe = {refuses, create, attach, send_message, receive_message, NULL};
IPCMARK_TRANSPORT(pipe_row, "c-pipe", 0, "block", "pipes", "a pipe: one write and one read for each message, in C", a_pipe);

int main(int argc, char **argv) {
    static const struct ipcmark_row *const rows[] = {&pipe_row, NULL};
    return ipcmark_main(argc, argv, "1.0", rows);
}
