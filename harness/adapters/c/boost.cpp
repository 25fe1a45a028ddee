/* Boost.Interprocess as a participant (Debian package libboost-dev): its message queue and its mutex.

       c++ -O3 -I harness/adapters/c harness/adapters/c/boost.cpp -o boost && ./boost describe > boost.toml */

#include "ipcmark.h"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/version.hpp>

#include <new>
#include <string>

namespace {

namespace bi = boost::interprocess;

constexpr std::size_t DEPTH = 64;

/* The queue is opened before the fork, so its name is removed at once. */
void *create_queue(std::size_t message_bytes) {
    static int made = 0;
    const std::string name = "ipcmark-boost-" + std::to_string(getpid()) + "-" + std::to_string(made++);
    try {
        auto *queue = new bi::message_queue(bi::create_only, name.c_str(), DEPTH, message_bytes ? message_bytes : 1);
        bi::message_queue::remove(name.c_str());
        return queue;
    } catch (const bi::interprocess_exception &error) {
        errno = error.get_native_error();
        return nullptr;
    }
}

bool send_message(void *queue, const void *message, std::size_t bytes) {
    static_cast<bi::message_queue *>(queue)->send(message, bytes, 0);
    return true;
}

long receive_message(void *queue, void *room, std::size_t bytes) {
    std::size_t got = 0;
    unsigned priority = 0;
    static_cast<bi::message_queue *>(queue)->receive(room, bytes ? bytes : 1, got, priority);
    return static_cast<long>(got);
}

void destroy_queue(void *queue) { delete static_cast<bi::message_queue *>(queue); }

constexpr ipcmark_transport queue = {nullptr, create_queue, nullptr, send_message, receive_message, destroy_queue};
IPCMARK_TRANSPORT(queue_row, "boost-message-queue", 0, "block", "libraries",
                  "boost::interprocess::message_queue, 64 messages: a mutex, conditions and a heap in shared memory", queue);

bool create_mutex(void *memory) {
    new (memory) bi::interprocess_mutex;
    return true;
}

bool acquire(void *memory) {
    static_cast<bi::interprocess_mutex *>(memory)->lock();
    return true;
}

bool release(void *memory) {
    static_cast<bi::interprocess_mutex *>(memory)->unlock();
    return true;
}

constexpr ipcmark_lock mutex = {sizeof(bi::interprocess_mutex), create_mutex, acquire, release};
IPCMARK_LOCK(mutex_row, "boost-mutex", "block", "pthread-locks",
             "boost::interprocess::interprocess_mutex: a pthread mutex in shared memory", mutex);

} // namespace

int main(int argc, char **argv) {
    static const ipcmark_row *const rows[] = {&queue_row, &mutex_row, nullptr};
    static const std::string version = std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
    return ipcmark_main(argc, argv, version.c_str(), rows);
}
