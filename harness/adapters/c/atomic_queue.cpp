/* The lock-free ring of Maxim Egorushkin's atomic_queue as a participant (Debian package libatomic-queue-dev). AtomicQueue2
   holds its elements in itself, so it can be shared by processes. Elements have one type, hence a row for each size.

       c++ -O3 -I harness/adapters/c harness/adapters/c/atomic_queue.cpp -o atomic-queue
       ./atomic-queue describe > atomic-queue.toml */

#include "ipcmark.h"

#include <atomic_queue/atomic_queue.h>

#include <new>

namespace {

constexpr unsigned DEPTH = 1024;

template <std::size_t BYTES> struct Message {
    alignas(8) unsigned char bytes[BYTES];
};

/* With many producers and consumers, or with one of each. */
template <std::size_t BYTES, bool ONE_TO_ONE>
using Queue = atomic_queue::AtomicQueue2<Message<BYTES>, DEPTH, true, true, false, ONE_TO_ONE>;

template <class Q> void *create(std::size_t) { return new (ipcmark_shared(sizeof(Q))) Q; }

template <class Q> bool send_message(void *queue, const void *message, std::size_t) {
    static_cast<Q *>(queue)->push(*static_cast<const typename Q::value_type *>(message));
    return true;
}

template <class Q> long receive_message(void *queue, void *room, std::size_t bytes) {
    *static_cast<typename Q::value_type *>(room) = static_cast<Q *>(queue)->pop();
    return static_cast<long>(bytes);
}

template <class Q>
constexpr ipcmark_transport ring = {nullptr, create<Q>, nullptr, send_message<Q>, receive_message<Q>, nullptr};

#define ROWS(bytes)                                                                                                       \
    IPCMARK_TRANSPORT(many_##bytes, "atomic-queue", bytes, "spin", "libraries",                                           \
                      "atomic_queue::AtomicQueue2 with 1024 elements, for many producers and consumers",                  \
                      (ring<Queue<bytes, false>>));                                                                       \
    IPCMARK_TRANSPORT(one_##bytes, "atomic-queue-spsc", bytes, "spin", "libraries",                                       \
                      "atomic_queue::AtomicQueue2 with 1024 elements, for one producer and one consumer",                 \
                      (ring<Queue<bytes, true>>))

ROWS(8);
ROWS(64);
ROWS(1024);
ROWS(4096);

} // namespace

int main(int argc, char **argv) {
    static const ipcmark_row *const rows[] = {&many_8, &many_64, &many_1024, &many_4096,
                                              &one_8,  &one_64,  &one_1024,  &one_4096, nullptr};
    return ipcmark_main(argc, argv, "2022-05-18", rows);
}
