"""A worker of ipcmark that measures what Python's standard library offers between processes.

It speaks the lines of ipcmark's workers over stdin and stdout (order -> offer -> peers -> ready -> go -> done) and
plays all roles of a trial itself, with the real processes of `multiprocessing`: nothing is simulated, and nothing
beyond the standard library of Python 3.9 is used.

Start methods: every row starts its processes by fork, the platform's default on Linux up to Python 3.13 and asked for
by name since; only `python-spawn` starts fresh interpreters. Children are daemons, die with their parent
(PR_SET_PDEATHSIG) and, should the harness go without a word, with the end of stdin, which signals the whole group.

The rules are those of all workers. The payload is that of src/payload.rs: word i of a message is mix(stamp) + i, where
the stamp is the producer (16 bits) and the sequence (48 bits); every message, task, item, value and answer is compared
byte by byte with what was due, in the timed run, and the first that differs makes the trial invalid. A pilot count
doubles until the warm-up time has passed; the count that fills the hot time follows from the last pilots. Times are
of the monotonic clock. The control page is left alone: a trial starts on the line `go`.

What the measures mean here:

round_trip, stream  bytes objects over one channel, or one each way; Pipe's send pickles them, as most programs have it,
                    and `python-pipe-bytes` does not
acquire, contention `with lock:` around an update of a counter in shared memory, which must not lose any
access              gets and sets of a Manager's dict; a value names its writer, its time and its key
dispatch            a round trip of Pool.apply is one task: its time is task_ns of the call `apply`. Of `apply-async`
                    (and `submit`) 64 are out at a time. Tasks get a message and answer with another of the same
                    size; where messages have 0 bytes, with two ints, the stamp and a mix. The work of a task is
                    an empty `for` loop over a range, whose rounds are timed on the CPU that will run it
drain               rounds of put, get, task_done; join must find everything done
start_up            Process(...).start() until its first word arrives; an echo; join
serve               closed loops of client processes with a ThreadingTCPServer on loopback, one connection each

In a round trip the next message and the answer that is due are made while the other side works, so that Python's
slow arithmetic does not count against its channels; in a stream it is part of the work of both sides. A module that
only some rows need is imported by them: a spawned process imports this file anew, before its first word.
"""

import collections
import fcntl
import functools
import json
import math
import mmap
import multiprocessing
import os
import queue
import random
import resource
import signal
import socket
import struct
import sys
import time

PROTOCOL = 3
FORK = multiprocessing.get_context("fork")

WINDOWS = 20
"""Slices of the hot phase."""
IN_FLIGHT = 64
"""Tasks handed over and not yet taken back, where a caller does not wait for each."""
BATCH_NS, BATCH_MAX = 20_000, 64
"""How long acquisitions go on between two looks at the clock, and how many there are at most."""
STAMPS_MAX = 1 << 20
"""Trips that are stamped one by one, at most."""

now_ns = time.monotonic_ns


class Invalid(Exception):
    """A check failed: what was measured means nothing."""


class Refused(Exception):
    """The case asks for what this row does not have."""


class Abandoned(Exception):
    """A process of the trial ended that should not have."""


# --- The conversation -------------------------------------------------------------------------------------------------


def send(kind, **fields):
    sys.stdout.write(json.dumps({"type": kind, **fields}) + "\n")
    sys.stdout.flush()


def receive(due):
    line = sys.stdin.readline()
    if not line:
        sys.exit("the harness closed the connection")
    message = json.loads(line)
    if message.get("type") != due:
        raise ValueError(f"expected `{due}`, got {line[:200]}")
    return message


class Trial:
    """An order, and how far the conversation about it has come."""

    def __init__(self, order):
        self.case, self.timing, self.cpus = order["case"], order["timing"], order["cpus"]
        self.params = self.case.get("params", {})
        self.mechanism = self.case["mechanism"]
        self.measure = self.case["measure"]
        self.message_bytes = self.params.get("message_bytes")
        self.started = False

    def cpu(self, role):
        return self.cpus[role % len(self.cpus)] if self.cpus else None

    def uses(self, *names):
        """Refuses a case with other parameters than `names`."""
        for name, value in self.params.items():
            if value is not None and name not in names:
                raise Refused(f"{self.mechanism} does not support `{name}`, which is {value} here")

    def wants(self, name, value):
        if self.params.get(name, value) != value:
            raise Refused(f"{self.mechanism} runs with `{name}` {value}, not {self.params[name]}")

    def pattern(self):
        """Senders and receivers."""
        senders, receivers = self.params.get("pattern", "1:1").split(":")
        return int(senders), int(receivers)

    def payload(self, least=8):
        size = least if self.message_bytes is None else self.message_bytes
        if size < least or 0 < size < 8:
            few = "0 or at least 8" if least == 0 else "at least 8"
            raise Refused(f"messages of {self.mechanism} have {few} bytes, not {size}")
        return Payload(size)

    def start(self):
        """Attached; returns once the harness says go."""
        self.started = True
        send("offer", offers=[])
        receive("peers")
        send("ready")
        receive("go")
        end_with_stdin()


# --- Processes --------------------------------------------------------------------------------------------------------

HOME_CPUS = os.sched_getaffinity(0)
WATCHED = []
"""Processes whose end is trouble, for now."""
PARTNERS = []


def end_with_stdin():
    """From now on the end of stdin kills this process and, where it leads its group, all that it started."""
    group = os.getpgrp()
    fcntl.fcntl(0, fcntl.F_SETOWN, -group if group == os.getpid() else os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def pin(cpu):
    os.sched_setaffinity(0, HOME_CPUS if cpu is None else {cpu})


@functools.lru_cache
def prctl():
    """The call by which a process asks to die with its parent; nothing where there is none."""
    import ctypes

    try:
        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda *_: None  # The end of stdin has to do.


def newborn(parent):
    """Called first in a child, so that it dies with its parent and watches no process."""
    die_with_parent = 1
    prctl()(die_with_parent, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    WATCHED.clear()
    PARTNERS.clear()


def keep(parent):
    """The first thing a Manager's server does: it runs where there is room."""
    newborn(parent)
    pin(None)


def child_ended(_signal, _frame):
    if any(process.exitcode is not None for process in WATCHED):
        WATCHED.clear()
        raise Abandoned


class Partner:
    """A process that plays a role: `play(control, ...)` answers each word it is told, until that is None."""

    def __init__(self, cpu, play, *arguments):
        self.control, theirs = FORK.Pipe()
        whole = (theirs, self.control, os.getpid(), cpu, play, arguments)
        self.process = FORK.Process(target=take_part, args=whole, daemon=True)
        self.process.start()
        theirs.close()
        WATCHED.append(self.process)
        PARTNERS.append(self)

    def tell(self, word):
        self.control.send(word)

    def receive(self):
        try:
            kind, value = self.control.recv()
        except (EOFError, ConnectionError):
            raise Abandoned from None
        if kind == "done":
            return value
        WATCHED.clear()
        raise Invalid(value) if kind == "invalid" else OSError(value)

    def end(self):
        WATCHED.remove(self.process)
        PARTNERS.remove(self)
        self.tell(None)
        self.process.join()


def take_part(control, other_end, parent, cpu, play, arguments):
    newborn(parent)
    pin(cpu)
    other_end.close()
    try:
        play(control, *arguments)
    except EOFError:
        pass
    except Invalid as broken:
        control.send(("invalid", str(broken)))
    except Exception as broken:
        control.send(("failed", f"{type(broken).__name__}: {broken}"))
    else:
        return
    sys.exit(1)


def words_told(control):
    return iter(control.recv, None)


def told(control, value):
    control.send(("done", value))


class Manager:
    """A Manager whose server process dies with us. Its socket has a short name in the trial's own folder."""

    def __init__(self):
        from multiprocessing.managers import SyncManager

        address = os.path.join(os.environ.get("TMPDIR", "/tmp"), "m")
        self.manager = SyncManager(address, ctx=FORK)
        self.manager.start(keep, (os.getpid(),))
        self.process = next(child for child in multiprocessing.active_children() if child not in WATCHED)
        WATCHED.append(self.process)

    def end(self):
        WATCHED.remove(self.process)
        self.manager.shutdown()


# --- Payload ----------------------------------------------------------------------------------------------------------

WORD = (1 << 64) - 1
PING, PONG = 1, 2
pack_word = struct.Struct("<Q").pack


def stamp(producer, sequence):
    return (producer << 48) | sequence


def mix(stamped):
    z = (stamped + 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def unmix(mixed):
    z = mixed ^ (mixed >> 31) ^ (mixed >> 62)
    z = (z * 0x319642B2D24D8EC3) & WORD
    z ^= (z >> 27) ^ (z >> 54)
    z = (z * 0x96DE1B173F119089) & WORD
    return ((z ^ (z >> 30) ^ (z >> 60)) - 0x9E3779B97F4A7C15) & WORD


def claimed(message):
    """Producer and sequence of the stamp that a message claims in its first word."""
    stamped = unmix(int.from_bytes(message[:8], "little"))
    return stamped >> 48, stamped & ((1 << 48) - 1)


class Payload:
    """Messages of one size. `fill(stamp)` is the whole message, to be sent, and to compare with what has come."""

    FEW_WORDS = 64

    def __init__(self, size):
        self.size = size
        # A last piece shorter than a word holds the low bytes of the next one.
        self.words = (size + 7) // 8
        if size == 0:
            self.fill = lambda _: b""
        elif size == 8:
            self.fill = lambda stamped: pack_word(mix(stamped))
        elif self.words <= self.FEW_WORDS or sys.byteorder != "little":
            self.ones = sum(1 << (64 * i) for i in range(self.words))
            self.ramp = sum(i << (64 * i) for i in range(self.words))
            self.fill = self.fill_few
        else:
            ramp = bytearray().join(struct.pack("<H", i & 0xFFFF) for i in range(0x10000))
            self.low = memoryview(ramp * (2 + self.words // 0x10000)).cast("H")
            self.fill = self.fill_many

    def fill_few(self, stamped):
        """All words at once, as one number."""
        first = mix(stamped)
        if first + self.words > WORD:
            return b"".join(pack_word((first + i) & WORD) for i in range(self.words))[: self.size]
        return (first * self.ones + self.ramp).to_bytes(8 * self.words, "little")[: self.size]

    def fill_many(self, stamped):
        """Runs of words that differ in their low 16 bits only, and then those."""
        first = mix(stamped)
        room, done = bytearray(), 0
        while done < self.words:
            base = (first + done) & WORD
            run = min(self.words - done, 0x10000 - (base & 0xFFFF))
            room += pack_word(base) * run
            done += run
        low = first & 0xFFFF
        memoryview(room).cast("H")[::4] = self.low[low : low + self.words]
        return bytes(room) if len(room) == self.size else bytes(room[: self.size])


def differs(seen, wanted, sequence):
    """Says what is wrong with a message, outside of any fast path."""
    if len(seen) != len(wanted):
        return Invalid(f"message {sequence} has {len(seen)} bytes where {len(wanted)} were sent")
    if len(seen) >= 8 and claimed(seen)[1] != sequence and abs(claimed(seen)[1] - sequence) <= 64:
        other = claimed(seen)[1]
        return Invalid(f"message {sequence} was due and message {other} arrived: lost, repeated or out of order")
    return Invalid(f"message {sequence} arrived with wrong bytes: corrupted, torn or stale")


# --- Counts, windows, costs -------------------------------------------------------------------------------------------


def derive(timing, pilot):
    """Warms up with growing counts. Gives the count for the hot time, how it was chosen, and how long this took.

    `pilot(count)` says how long its work took, in nanoseconds. The very first unit decides nothing: it pays for what
    the library makes when it is first used, the thread that feeds a queue for one. Nor does one pilot decide alone,
    which may have been put off its CPU."""
    pilot(1)
    warm_up_ns, count, unit_ns = 0, 1, []
    while True:
        lasted_ns = pilot(count)
        warm_up_ns += lasted_ns
        unit_ns = (unit_ns + [lasted_ns / count])[-3:]
        if warm_up_ns >= timing["warm_up_ns"] and len(unit_ns) == 3:
            break
        if lasted_ns < timing["warm_up_ns"]:
            count *= 2
    if timing["fixed_count"] is not None:
        return timing["fixed_count"], "fixed", warm_up_ns
    typical_ns = max(median(unit_ns), 0.1)
    return max(int(timing["hot_ns"] / typical_ns), WINDOWS), "time", warm_up_ns


def timed(work):
    """The same work as a pilot that times itself."""

    def pilot(count):
        before = now_ns()
        work(count)
        return now_ns() - before

    return pilot


def slices(count):
    parts = min(count, WINDOWS)
    return [count * (i + 1) // parts - count * i // parts for i in range(parts)]


def in_slices(count, work):
    windows = []
    start = ended = now_ns()
    for messages in slices(count):
        work(messages)
        now = now_ns()
        windows.append({"start_ns": ended - start, "elapsed_ns": now - ended, "messages": messages})
        ended = now
    return windows


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def typical(windows):
    return float(median([window["elapsed_ns"] / window["messages"] for window in windows]))


@functools.cache
def clock_step_ns():
    """Smallest difference between elapsed times that the clock tells apart, as `clock.rs` has it."""
    seen = collections.Counter()
    for at in range(2000):
        before = now_ns()
        for _ in range(at % 16):
            pass
        seen[now_ns() - before] += 1
    most = max(seen.values())
    elapsed = sorted({0} | {ns for ns, times in seen.items() if times * 10 >= most})
    if any(c - a == 2 for a, c in zip(elapsed, elapsed[2:])):
        return 1.0
    return float(min((b - a for a, b in zip(elapsed, elapsed[1:]) if b - a > 1), default=1))


def percentiles(values, names=(("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("p999_ns", 0.999))):
    """Those with at least ten values beyond them, as `percentile.rs` has it; the largest value and the clock's step."""
    values = sorted(values)
    count = len(values)
    at = {name: math.ceil(q * count - 1e-6) - 1 for name, q in names if count * (1 - q) + 1e-6 >= 10}
    found = {name: float(values[place]) for name, place in at.items()}
    if values and names[0][0] == "p50_ns":
        found.update(max_ns=float(values[-1]), clock_step_ns=clock_step_ns())
    return found


def cpu_time_ns(pid=None):
    """CPU time of all threads of a process, of this one by default. Source: clock_getcpuclockid(3), as Linux encodes it.

    getrusage(2) and /proc count a running thread only up to the last tick of the scheduler; reading the clock of a
    thread of this process makes the kernel count it up to now.
    """
    if pid is not None:
        return time.clock_gettime_ns((~pid << 3) | 2)
    for thread in os.listdir("/proc/self/task"):
        try:
            time.clock_gettime_ns((~int(thread) << 3) | 6)
        except OSError:
            continue  # It ended meanwhile.
    return time.clock_gettime_ns(time.CLOCK_PROCESS_CPUTIME_ID)


class Meter:
    """What a process uses from now on. CPU time is exact for this process; its split into user and system time is the
    kernel's estimate."""

    def __init__(self, role, cpu, pid=None):
        self.role, self.cpu, self.pid = role, cpu, pid
        self.before = self.read()
        # The wall time spans the CPU time, so that one thread never exceeds it.
        self.wall_ns, self.cpu_ns = now_ns(), cpu_time_ns(pid)

    def read(self):
        folder = f"/proc/{self.pid or 'self'}"
        ready, switches = 0, [0, 0]
        for thread in os.listdir(f"{folder}/task"):
            try:
                with open(f"{folder}/task/{thread}/schedstat") as file:
                    fields = file.read().split()
                with open(f"{folder}/task/{thread}/status") as file:
                    given_up = [int(line.split()[1]) for line in file if "ctxt_switches" in line]
            except OSError:
                continue  # It ended meanwhile.
            ready += int(fields[1])
            switches = [sum(pair) for pair in zip(switches, given_up)]
        with open(f"{folder}/stat") as file:
            stat = file.read().rsplit(")", 1)[1].split()
        if self.pid is None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            estimates = (used.ru_utime, used.ru_stime)
            counts = (used.ru_nvcsw, used.ru_nivcsw, used.ru_minflt, used.ru_majflt)
        else:
            estimates = (int(stat[11]), int(stat[12]))
            counts = (*switches, int(stat[7]), int(stat[9]))
        self.threads = int(stat[17])
        return (*estimates, *counts, ready, int(stat[36]))

    def stop(self, messages):
        cpu_ns = cpu_time_ns(self.pid) - self.cpu_ns
        wall_ns = now_ns() - self.wall_ns
        after = self.read()
        grown = [max(now - then, 0) for now, then in zip(after, self.before)]
        system_ns = int(cpu_ns * grown[1] / ((grown[0] + grown[1]) or 1))
        running_ns = min(cpu_ns, wall_ns)
        ready_ns = min(grown[6], wall_ns - running_ns)
        return {
            "role": self.role,
            "cpu": self.cpu,
            "messages": messages,
            "wall_ns": wall_ns,
            "user_ns": cpu_ns - system_ns,
            "system_ns": system_ns,
            "voluntary_switches": grown[2],
            "involuntary_switches": grown[3],
            "minor_faults": grown[4],
            "major_faults": grown[5],
            "running_ns": running_ns,
            "ready_ns": ready_ns,
            "blocked_ns": wall_ns - running_ns - ready_ns,
            "migrations": int(self.cpu is not None and after[7] != self.cpu),
            # Threads of one process wait for each other, each at most as long as the others run.
            "own_threads_ns": running_ns * (self.threads - 1),
        }


def report(messages, chosen_by, warm_up_ns, metrics, windows, roles):
    whole = {name: float(value) for name, value in metrics.items()}
    return {
        "messages": messages,
        "chosen_by": chosen_by,
        "warm_up_ns": warm_up_ns,
        "metrics": whole,
        "windows": windows,
        "roles": roles,
    }


def spin(rounds):
    """The work of a task."""
    for _ in range(rounds):
        pass


def rounds_of(ns):
    """How many rounds of `spin` take so long on this CPU: the quickest of several looks."""
    if not ns:
        return 0
    looks, sample = [], 100_000
    for _ in range(5):
        before = now_ns()
        spin(sample)
        looks.append((now_ns() - before) / sample)
    return max(round(ns / min(looks)), 1)


def shared_words(count):
    """Words of 64 bits that forked processes share, without any lock."""
    return memoryview(mmap.mmap(-1, max(8 * count, mmap.PAGESIZE))).cast("Q")


def wait_until(moment_ns):
    """Sleeps most of the time, and polls for the rest. Gives the time it is then."""
    while True:
        now = now_ns()
        if now >= moment_ns:
            return now
        if moment_ns - now > 1_000_000:
            time.sleep((moment_ns - now - 500_000) / 1e9)


def in_one_window(partners, own_part, length_ns):
    """Lets everybody work in the same window. Gives the findings in order of role, and the window's start."""
    start_ns = now_ns() + 5_000_000
    for partner in partners:
        partner.tell((start_ns, start_ns + length_ns))
    found = [own_part(start_ns, start_ns + length_ns)] if own_part else []
    return found + [partner.receive() for partner in partners]


def window_index(start_ns, end_ns, moment_ns):
    return min((moment_ns - start_ns) * WINDOWS // (end_ns - start_ns), WINDOWS - 1)


def shared_windows(length_ns, counts):
    """Windows of all together, from what each did in each."""
    edges = [length_ns * i // WINDOWS for i in range(WINDOWS + 1)]
    sums = [sum(column) for column in zip(*counts)]
    return [
        {"start_ns": start, "elapsed_ns": end - start, "messages": messages}
        for start, end, messages in zip(edges, edges[1:], sums)
    ]


# --- Transports -------------------------------------------------------------------------------------------------------


class PipeChannel:
    """Both ways over one duplex Pipe, a socket pair; one way over a plain pipe."""

    def __init__(self, _payload, two_way, whole):
        near, far = FORK.Pipe(duplex=True) if two_way else reversed(FORK.Pipe(duplex=False))
        self.connections = (near, far)
        out, back = ("send", "recv") if whole else ("send_bytes", "recv_bytes")
        self.near, self.far = [
            (getattr(end, out), getattr(end, back)) if two_way else (getattr(near, out), getattr(far, back))
            for end in (near, far)
        ]

    def keep(self, own):
        self.connections[1 - own].close()

    def end(self):
        self.connections[0].close()


class QueueChannel:
    """A queue each way."""

    def __init__(self, _payload, _two_way, make):
        self.queues = (make(), make())
        out, back = self.queues
        self.near = (out.put, self.taken_from(back))
        self.far = (back.put, self.taken_from(out))

    @staticmethod
    def taken_from(taken):
        if not hasattr(taken, "task_done"):
            return taken.get

        def get_and_account():
            item = taken.get()
            taken.task_done()
            return item

        return get_and_account

    def keep(self, _own):
        pass

    def end(self):
        for one in self.queues:
            one.close()


KEPT = []
"""Blocks of shared memory, mapped for the life of the process."""


class SharedMemoryChannel:
    """A block of shared memory each way with room for one message, handed over under a Condition. The blocks lose their
    names at once: the other process inherits them."""

    def __init__(self, payload, _two_way):
        out, back = [self.block(payload.size) for _ in range(2)]
        self.near = (out[0], back[1])
        self.far = (back[0], out[1])

    @staticmethod
    def block(size):
        from multiprocessing.shared_memory import SharedMemory

        memory = SharedMemory(create=True, size=8 + size)
        memory.unlink()
        KEPT.append(memory)
        room, changed = memory.buf, FORK.Condition()

        def put(message):
            with changed:
                while room[0]:
                    changed.wait()
                room[8 : 8 + size] = message
                room[0] = 1
                changed.notify()

        def get():
            with changed:
                while not room[0]:
                    changed.wait()
                message = bytes(room[8 : 8 + size])
                room[0] = 0
                changed.notify()
            return message

        return put, get

    def keep(self, _own):
        pass

    def end(self):
        pass


CHANNELS = {
    "python-pipe": lambda payload, two_way: PipeChannel(payload, two_way, True),
    "python-pipe-bytes": lambda payload, two_way: PipeChannel(payload, two_way, False),
    "python-queue": lambda payload, two_way: QueueChannel(payload, two_way, FORK.Queue),
    "python-simple-queue": lambda payload, two_way: QueueChannel(payload, two_way, FORK.SimpleQueue),
    "python-joinable-queue": lambda payload, two_way: QueueChannel(payload, two_way, FORK.JoinableQueue),
    "python-shared-memory": SharedMemoryChannel,
}


def transport(trial):
    trial.uses("message_bytes", "pattern", "touch")
    for name, value in (("pattern", "1:1"), ("touch", "all")):
        trial.wants(name, value)
    payload = trial.payload(least=0)
    two_way = trial.measure == "round_trip"
    channel = CHANNELS[trial.mechanism](payload, two_way)
    other = answering if two_way else receiving
    partner = Partner(trial.cpu(1), other, channel, payload, trial.cpu(1))
    channel.keep(0)
    trial.start()
    found = (round_trip if two_way else stream)(trial, channel, payload, partner)
    partner.end()
    channel.end()
    return found


def answering(control, channel, payload, cpu):
    channel.keep(1)
    (send, receive), fill, sequence = channel.far, payload.fill, 0
    for count in words_told(control):
        meter = Meter("ponger", cpu)
        for sequence in range(sequence, sequence + count):
            due, answer = fill(stamp(PING, sequence)), fill(stamp(PONG, sequence))
            seen = receive()
            if seen != due:
                raise differs(seen, due, sequence)
            send(answer)
        sequence += 1
        told(control, meter.stop(count))


def round_trip(trial, channel, payload, partner):
    (send, receive), fill = channel.near, payload.fill
    state = [0, fill(stamp(PING, 0))]

    def trips(count, stamps=None):
        sequence, ping = state
        for sequence in range(sequence, sequence + count):
            send(ping)
            # While the answer is on its way: what it must be, and what comes next.
            due, ping = fill(stamp(PONG, sequence)), fill(stamp(PING, sequence + 1))
            seen = receive()
            if seen != due:
                raise differs(seen, due, sequence)
            if stamps is not None:
                stamps.append(now_ns())
        state[:] = sequence + 1, ping

    def pilot(count):
        partner.tell(count)
        lasted_ns = timed(trips)(count)
        partner.receive()
        return lasted_ns

    count, chosen_by, warm_up_ns = derive(trial.timing, pilot)
    one_by_one = min(count // 2, STAMPS_MAX)
    partner.tell(count)
    meter = Meter("pinger", trial.cpu(0))
    windows = in_slices(count - one_by_one, trips)
    stamps = [now_ns()]
    if one_by_one:
        trips(one_by_one, stamps)
    roles = [meter.stop(count), partner.receive()]
    metrics = {"round_trip_ns": typical(windows), **percentiles([b - a for a, b in zip(stamps, stamps[1:])])}
    if one_by_one:
        metrics["stamped_round_trip_ns"] = (stamps[-1] - stamps[0]) / one_by_one
    return report(count, chosen_by, warm_up_ns, metrics, windows, roles)


def receiving(control, channel, payload, cpu):
    channel.keep(1)
    receive, fill = channel.far[1], payload.fill
    verified = [0]

    def verify(count):
        sequence = verified[0]
        for sequence in range(sequence, sequence + count):
            due = fill(stamp(0, sequence))
            seen = receive()
            if seen != due:
                raise differs(seen, due, sequence)
        verified[0] = sequence + 1

    for count in words_told(control):
        meter = Meter("receiver", cpu)
        windows = in_slices(count, verify)
        told(control, (now_ns(), windows, meter.stop(count)))


def stream(trial, channel, payload, partner):
    send, fill = channel.near[0], payload.fill
    sent = [0]

    def send_all(count):
        sequence = sent[0]
        for sequence in range(sequence, sequence + count):
            send(fill(stamp(0, sequence)))
        sent[0] = sequence + 1

    def pilot(count):
        partner.tell(count)
        before = now_ns()
        send_all(count)
        return partner.receive()[0] - before

    count, chosen_by, warm_up_ns = derive(trial.timing, pilot)
    partner.tell(count)
    meter = Meter("sender", trial.cpu(0))
    start = now_ns()
    send_all(count)
    own_cost = meter.stop(count)
    ended, windows, other_cost = partner.receive()
    per_s = count * 1e9 / max(ended - start, 1)
    metrics = {"messages_per_s": per_s, "bytes_per_s": per_s * payload.size}
    return report(count, chosen_by, warm_up_ns, metrics, windows, [own_cost, other_cost])


# --- Locks ------------------------------------------------------------------------------------------------------------

COUNTER, OWNER = 0, 1


def lock(trial):
    trial.uses("contenders", "critical_section_ns", "think_time_ns", "spacing")
    trial.wants("spacing", "fixed")
    manager = Manager() if trial.mechanism == "python-manager-lock" else None
    make = {"python-lock": FORK.Lock, "python-rlock": FORK.RLock}
    one = manager.manager.Lock() if manager else make[trial.mechanism]()
    found = (acquire if trial.measure == "acquire" else contention)(trial, one)
    if manager:
        manager.end()
    return found


def acquire(trial, one):
    words = shared_words(2)
    taken = [0]

    def take(count):
        for _ in range(count):
            with one:
                words[COUNTER] += 1
        taken[0] += count

    trial.start()
    count, chosen_by, warm_up_ns = derive(trial.timing, timed(take))
    meter = Meter("contender", trial.cpu(0))
    windows = in_slices(count, take)
    cost = meter.stop(count)
    agree(words[COUNTER], taken[0])
    return report(count, chosen_by, warm_up_ns, {"acquire_ns": typical(windows)}, windows, [cost])


def agree(seen, passes):
    if seen != passes:
        raise Invalid(f"the protected counter stands at {seen} after {passes} critical sections")


def hold(one, words, me, work, start_ns, end_ns):
    """One contender in one window. Gives its acquisitions by slice, all of them, and how often another had it before."""
    inside, outside = work
    counts, passes, handed_off = [0] * WINDOWS, 0, 0
    batch, looked = 1, wait_until(start_ns)
    while True:
        for _ in range(batch):
            with one:
                if words[OWNER] != me:
                    words[OWNER] = me
                    handed_off += 1
                words[COUNTER] += 1
                if inside:
                    spin(inside)
                if words[OWNER] != me:
                    raise Invalid(f"contender {me} met another in the critical section")
            if outside:
                spin(outside)
        passes += batch
        now = now_ns()
        if now >= end_ns:
            return counts, passes, handed_off
        counts[window_index(start_ns, end_ns, now)] += batch
        if now - looked > BATCH_NS:
            batch = max(batch // 2, 1)
        elif 2 * (now - looked) < BATCH_NS:
            batch = min(2 * batch, BATCH_MAX)
        looked = now


def holding(control, one, words, me, params, cpu):
    work = (rounds_of(params.get("critical_section_ns")), rounds_of(params.get("think_time_ns")))
    for start_ns, end_ns in words_told(control):
        meter = Meter("contender", cpu)
        found = hold(one, words, me, work, start_ns, end_ns)
        told(control, (*found, meter.stop(sum(found[0]))))


def contention(trial, one):
    words, contenders = shared_words(2), trial.params["contenders"]
    partners = [Partner(trial.cpu(i), holding, one, words, i + 1, trial.params, trial.cpu(i)) for i in range(1, contenders)]
    work = (rounds_of(trial.params.get("critical_section_ns")), rounds_of(trial.params.get("think_time_ns")))

    def own_part(start_ns, end_ns):
        meter = Meter("contender", trial.cpu(0))
        found = hold(one, words, 1, work, start_ns, end_ns)
        return (*found, meter.stop(sum(found[0])))

    trial.start()
    warm_up_ns, hot_ns = max(trial.timing["warm_up_ns"], 1_000_000), trial.timing["hot_ns"]
    passes = sum(found[1] for found in in_one_window(partners, own_part, warm_up_ns))
    every = in_one_window(partners, own_part, hot_ns)
    agree(words[COUNTER], passes + sum(found[1] for found in every))
    for partner in partners:
        partner.end()

    shares = [sum(found[0]) for found in every]
    total, roles = sum(shares), [found[3] for found in every]
    spent = sum(role["user_ns"] + role["system_ns"] for role in roles)
    switches = sum(role["voluntary_switches"] + role["involuntary_switches"] for role in roles)
    metrics = {
        "acquisitions_per_s": total * 1e9 / hot_ns,
        "jain": total**2 / (contenders * sum(share**2 for share in shares)) if total else 0.0,
        "handed_off_share": sum(found[2] for found in every) / max(sum(found[1] for found in every), 1),
        "cpu_ns_per_acquisition": spent / max(total, 1),
        "switches_per_acquisition": switches / max(total, 1),
    }
    windows = shared_windows(hot_ns, [found[0] for found in every])
    return report(total, "time", warm_up_ns, metrics, windows, roles)


# --- Shared state -----------------------------------------------------------------------------------------------------


class Accessor:
    """One of several that use a dict of values, each of which names its writer, its time and its key: the n-th value
    of a writer has the sequence n * keys + key."""

    def __init__(self, trial, shared, payload, me):
        self.shared, self.payload, self.me = shared, payload, me
        self.keys, self.contenders = trial.params.get("keys", 1024), trial.params["contenders"]
        chance = random.Random(me)
        reads = trial.params["reads_percent"]
        self.turns = [(chance.randrange(self.keys), chance.randrange(100) < reads) for _ in range(4096)]
        self.turn, self.written, self.last, self.newest = 0, 0, {}, {}

    def check(self, key, value):
        producer, sequence = claimed(value)
        right = value == self.payload.fill(stamp(producer, sequence))
        if not right or producer > self.contenders or sequence % self.keys != key:
            raise Invalid(f"the value of key {key} was not written there")
        if self.newest.get((key, producer), 0) > sequence:
            raise Invalid(f"the value of key {key} is older than what was read before")
        self.newest[key, producer] = sequence
        return producer, sequence

    def play(self, start_ns, end_ns):
        shared, counts, reads_ns, writes_ns = self.shared, [0] * WINDOWS, [], []
        wait_until(start_ns)
        while True:
            key, reads = self.turns[self.turn % len(self.turns)]
            self.turn += 1
            if reads:
                asked = now_ns()
                value = shared[key]
                ended = now_ns()
                self.check(key, value)
            else:
                self.written += 1
                sequence = self.written * self.keys + key
                value = self.payload.fill(stamp(self.me, sequence))
                asked = now_ns()
                shared[key] = value
                ended = now_ns()
                self.last[key] = sequence
            if ended >= end_ns:
                return counts, reads_ns, writes_ns, self.last
            (reads_ns if reads else writes_ns).append(ended - asked)
            counts[window_index(start_ns, end_ns, ended)] += 1


def accessing(control, accessor, cpu):
    for start_ns, end_ns in words_told(control):
        meter = Meter("accessor", cpu)
        found = accessor.play(start_ns, end_ns)
        told(control, (*found, meter.stop(sum(found[0]))))


def shared_state(trial):
    trial.uses("contenders", "reads_percent", "keys", "message_bytes")
    payload, contenders = trial.payload(), trial.params["contenders"]
    manager = Manager()
    keys = trial.params.get("keys", 1024)
    # Initial values, without a writer.
    shared = manager.manager.dict({key: payload.fill(stamp(contenders, key)) for key in range(keys)})
    accessors = [Accessor(trial, shared, payload, me) for me in range(contenders)]
    partners = [Partner(trial.cpu(i), accessing, accessors[i], trial.cpu(i)) for i in range(1, contenders)]

    def own_part(start_ns, end_ns):
        meter = Meter("accessor", trial.cpu(0))
        found = accessors[0].play(start_ns, end_ns)
        return (*found, meter.stop(sum(found[0])))

    trial.start()
    warm_up_ns, hot_ns = max(trial.timing["warm_up_ns"], 1_000_000), trial.timing["hot_ns"]
    in_one_window(partners, own_part, warm_up_ns)
    manager_meter = Meter("manager", None, manager.process.pid)
    every = in_one_window(partners, own_part, hot_ns)
    total = sum(sum(found[0]) for found in every)
    roles = [found[4] for found in every] + [manager_meter.stop(total)]
    # What is left under each key is the last that its writer put there.
    for key, value in shared.copy().items():
        producer, sequence = accessors[0].check(key, value)
        last = every[producer][3].get(key) if producer < contenders else key
        if sequence != last:
            raise Invalid(f"the last write of {producer} to key {key} is lost")
    for partner in partners:
        partner.end()
    manager.end()

    reads_ns = [ns for found in every for ns in found[1]]
    writes_ns = [ns for found in every for ns in found[2]]
    metrics = {
        "accesses_per_s": total * 1e9 / hot_ns,
        "reads_per_s": len(reads_ns) * 1e9 / hot_ns,
        "writes_per_s": len(writes_ns) * 1e9 / hot_ns,
        **percentiles(reads_ns, (("read_p50_ns", 0.5), ("read_p99_ns", 0.99))),
        **percentiles(writes_ns, (("write_p50_ns", 0.5), ("write_p99_ns", 0.99))),
        **percentiles(reads_ns + writes_ns),
    }
    windows = shared_windows(hot_ns, [found[0] for found in every])
    return report(total, "time", warm_up_ns, metrics, windows, roles)


# --- Pools ------------------------------------------------------------------------------------------------------------

EMPLOYED = {}
"""What a pool's worker knows: its payload and the rounds of its work."""


def employ(parent, cpus, places, payload, grain_ns):
    """The first thing a pool's worker does, in a process of its own. `places` counts the workers that have started and those that are ready."""
    newborn(parent)
    with places.get_lock():
        place = places[0]
        places[0] += 1
    pin(cpus[place % len(cpus)] if cpus else None)
    EMPLOYED.update(payload=payload, rounds=rounds_of(grain_ns))
    with places.get_lock():
        places[1] += 1


def task(message):
    """Checks the message, works, and answers with another that only its reader could make."""
    payload = EMPLOYED["payload"]
    if payload.size == 0:
        stamped = message
    else:
        stamped = stamp(*claimed(message))
        if message != payload.fill(stamped):
            raise Invalid("a task arrived with wrong bytes")
    spin(EMPLOYED["rounds"])
    answered = stamp(PONG, stamped & ((1 << 48) - 1))
    return payload.fill(answered) if payload.size else mix(answered)


def stamped_task(message):
    began = now_ns()
    answer = task(message)
    return began, now_ns(), answer


class Tasks:
    """Numbered tasks and their answers."""

    def __init__(self, payload):
        self.payload, self.next = payload, 0

    def message(self, sequence):
        stamped = stamp(PING, sequence)
        return self.payload.fill(stamped) if self.payload.size else stamped

    def check(self, sequence, answer):
        stamped = stamp(PONG, sequence)
        due = self.payload.fill(stamped) if self.payload.size else mix(stamped)
        if answer != due:
            raise Invalid(f"task {sequence} came back with a wrong answer: lost, repeated, or out of order")

    def take(self, count):
        sequences = range(self.next, self.next + count)
        self.next += count
        return sequences

    def check_any_order(self, sequences, answers):
        missing = set(sequences)
        for answer in answers:
            sequence = (claimed(answer) if self.payload.size else claimed(pack_word(answer)))[1]
            self.check(sequence, answer)
            if sequence not in missing:
                raise Invalid(f"task {sequence} came back twice")
            missing.remove(sequence)
        if missing:
            raise Invalid(f"task {min(missing)} never came back")

    def check_in_order(self, sequences, answers):
        done = 0
        for sequence, answer in zip(sequences, answers):
            self.check(sequence, answer)
            done += 1
        if done != len(sequences):
            raise Invalid(f"{done} of {len(sequences)} tasks came back")


class PoolCalls:
    """The ways to hand tasks to a multiprocessing Pool, of processes or threads. Each does `count` of them."""

    def __init__(self, pool, tasks, chunk_of):
        self.pool, self.tasks, self.chunk_of = pool, tasks, chunk_of
        self.out = collections.deque()
        self.calls = {
            "apply": self.apply,
            "apply-async": self.apply_async,
            "map": self.map,
            "imap": self.imap,
            "imap-unordered": self.imap_unordered,
        }

    def one(self, work, message):
        return self.pool.apply(work, (message,))

    def apply(self, count):
        for sequence in self.tasks.take(count):
            self.tasks.check(sequence, self.one(task, self.tasks.message(sequence)))

    def submit(self, message):
        return self.pool.apply_async(task, (message,)).get

    def apply_async(self, count, to_come=0):
        """`count` answers. Of the tasks `to_come` after them, some are on their way when this returns."""
        out, last = self.out, self.tasks.next - len(self.out) + count + to_come
        for _ in range(count):
            while len(out) < IN_FLIGHT and self.tasks.next < last:
                sequence = self.tasks.take(1)[0]
                out.append((sequence, self.submit(self.tasks.message(sequence))))
            sequence, answer = out.popleft()
            self.tasks.check(sequence, answer())

    def without_pause(self, word, count):
        """The call that does `count` tasks in slices, with no lull between them where tasks overlap."""
        if word != "apply-async":
            return self.calls[word]
        left = [count]

        def some(slice_of):
            left[0] -= slice_of
            self.apply_async(slice_of, left[0])

        return some

    def map(self, count):
        sequences = self.tasks.take(count)
        answers = self.pool.map(task, [self.tasks.message(it) for it in sequences], self.chunk_of(count))
        self.tasks.check_in_order(sequences, answers)

    def imap(self, count):
        sequences = self.tasks.take(count)
        answers = self.pool.imap(task, map(self.tasks.message, sequences), self.chunk_of(count))
        self.tasks.check_in_order(sequences, answers)

    def imap_unordered(self, count):
        sequences = self.tasks.take(count)
        answers = self.pool.imap_unordered(task, map(self.tasks.message, sequences), self.chunk_of(count))
        self.tasks.check_any_order(sequences, answers)

    def end(self):
        self.pool.close()
        self.pool.join()


class ExecutorCalls(PoolCalls):
    """The same of a concurrent.futures executor, which has submit and map."""

    def __init__(self, pool, tasks, chunk_of):
        super().__init__(pool, tasks, chunk_of)
        self.calls = {name: self.calls[name] for name in ("apply", "apply-async", "map")}

    def one(self, work, message):
        return self.pool.submit(work, message).result()

    def submit(self, message):
        return self.pool.submit(task, message).result

    def map(self, count):
        sequences = self.tasks.take(count)
        messages = [self.tasks.message(it) for it in sequences]
        self.tasks.check_in_order(sequences, self.pool.map(task, messages, chunksize=self.chunk_of(count)))

    def end(self):
        self.pool.shutdown()


def chunks_for(trial, workers):
    """How many tasks go over at once, of a number of them."""
    word = trial.params.get("chunk", "1")
    if word == "guided":
        raise Refused(f"{trial.mechanism} has chunks of one size, not guided ones")
    if word != "1" and trial.params["call"] in ("apply", "apply-async"):
        raise Refused(f"`{trial.params['call']}` hands over one task at a time, not chunks of `{word}`")
    if word == "python":
        return lambda count: -(-count // (4 * workers))
    return lambda _: int(word)


def make_pool(trial, workers, payload, grain_ns, calls):
    """A pool of the row's kind, all its workers at their posts."""
    if trial.mechanism == "python-thread-pool":
        EMPLOYED.update(payload=payload, rounds=rounds_of(grain_ns))
        from multiprocessing.pool import ThreadPool

        return calls(ThreadPool(workers)), []
    cpus = [trial.cpu(1 + i) for i in range(workers)] if trial.cpus else []
    places = FORK.Array("i", 2)
    known = (os.getpid(), cpus, places, payload, grain_ns)
    if trial.mechanism == "python-pool":
        called = calls(FORK.Pool(workers, employ, known))
    else:
        from concurrent.futures import ProcessPoolExecutor

        executor = ProcessPoolExecutor(workers, FORK, employ, known)
        called = calls(executor)
    while places[1] < workers:
        if trial.mechanism != "python-pool":
            # Some versions start a worker only for a task that finds none idle.
            executor.submit(time.sleep, 0.01)
        time.sleep(0.001)
    return called, [child.pid for child in multiprocessing.active_children()]


def pool(trial):
    trial.uses("workers", "call", "chunk", "grain_ns", "message_bytes")
    payload = trial.payload(0) if trial.message_bytes is not None else Payload(0)
    workers, grain_ns = trial.params.get("workers", 1), trial.params.get("grain_ns", 0)
    tasks, chunk_of, word = Tasks(payload), chunks_for(trial, workers), trial.params["call"]
    kind = ExecutorCalls if trial.mechanism == "python-process-pool-executor" else PoolCalls
    called, pids = make_pool(trial, workers, payload, grain_ns, lambda pool: kind(pool, tasks, chunk_of))
    if word not in called.calls:
        called.end()
        raise Refused(f"{trial.mechanism} has no `{word}`; it has {', '.join(called.calls)}")
    call = called.calls[word]
    trial.start()

    count, chosen_by, warm_up_ns = derive(trial.timing, timed(call))
    one_by_one = min(count // 2, STAMPS_MAX) if word == "apply" else 0
    meters = [Meter("host", trial.cpu(0))] + [Meter("worker", None, pid) for pid in pids]
    windows = in_slices(count - one_by_one, called.without_pause(word, count))
    times = stamped_tasks(called, tasks, one_by_one)
    # A worker's share is not told; together they did them all.
    shares = [count] + [count // max(len(pids), 1)] * len(pids)
    roles = [meter.stop(share) for meter, share in zip(meters, shares)]
    called.end()

    elapsed_ns = sum(window["elapsed_ns"] for window in windows)
    done = sum(window["messages"] for window in windows)
    task_ns = elapsed_ns / done
    metrics = {
        "task_ns": task_ns,
        "tasks_per_s": 1e9 / task_ns,
        "task_overhead_ns": workers * task_ns - grain_ns,
        "efficiency": grain_ns / (workers * task_ns),
        **times,
    }
    return report(count, chosen_by, warm_up_ns, metrics, windows, roles)


def stamped_tasks(called, tasks, count):
    """Tasks one by one, with the moments that their workers saw."""
    before, after, whole = [], [], []
    for sequence in tasks.take(count):
        message = tasks.message(sequence)
        asked = now_ns()
        began, finished, answer = called.one(stamped_task, message)
        ended = now_ns()
        tasks.check(sequence, answer)
        before.append(began - asked)
        after.append(ended - finished)
        whole.append(ended - asked)
    if not whole:
        return {}
    return {"submit_to_start_ns": median(before), "finish_to_visible_ns": median(after), **percentiles(whole)}


# --- Queues of work ---------------------------------------------------------------------------------------------------


def put_some(items, payload, producer, sequences):
    for sequence in sequences:
        items.put(payload.fill(stamp(producer, sequence)))
    return now_ns()


def producing(control, items, payload, producer, cpu):
    for sequences in words_told(control):
        meter = Meter("producer", cpu)
        ended = put_some(items, payload, producer, sequences)
        told(control, (ended, meter.stop(len(sequences))))


def consuming(control, items, payload, words, me, cpu):
    """Takes items until one says that there will be no more."""
    meter, seen, newest = None, collections.Counter(), {}
    for _ in words_told(control):
        meter = Meter("consumer", cpu)
        while True:
            item = items.get()
            if item is None:
                items.task_done()
                break
            producer, sequence = claimed(item)
            if item != payload.fill(stamp(producer, sequence)):
                raise Invalid("an item arrived with wrong bytes: corrupted, torn or stale")
            if newest.get(producer, -1) >= sequence:
                raise Invalid(f"item {sequence} of producer {producer} came after item {newest[producer]}")
            newest[producer] = sequence
            seen[producer] += sequence + 1
            words[me] += 1
            items.task_done()
        told(control, (dict(seen), meter.stop(words[me])))


def work_queue(trial):
    trial.uses("pattern", "message_bytes", "depth")
    payload = Payload(64) if trial.message_bytes is None else trial.payload()
    producers, consumers = trial.pattern()
    items, words = FORK.JoinableQueue(trial.params.get("depth", 0)), shared_words(consumers)
    others = [Partner(trial.cpu(i), producing, items, payload, i, trial.cpu(i)) for i in range(1, producers)]
    places = range(producers, producers + consumers)
    takers = [
        Partner(trial.cpu(place), consuming, items, payload, words, place - producers, trial.cpu(place))
        for place in places
    ]
    trial.start()
    for taker in takers:
        taker.tell("begin")
    sent, drains = [0] * producers, []

    def rounds(count):
        """`count` items of all producers together; the round ends when join says that they are done."""
        shares = []
        for i in range(producers):
            share = count * (i + 1) // producers - count * i // producers
            shares.append(range(sent[i], sent[i] + share))
            sent[i] += share
        for other, share in zip(others, shares[1:]):
            other.tell(share)
        moments = [put_some(items, payload, 0, shares[0])]
        moments += [other.receive()[0] for other in others]
        items.join()
        drains.append(now_ns() - max(moments))
        if sum(words) != sum(sent):
            raise Invalid(f"join returned when {sum(words)} of {sum(sent)} items were done")

    count, chosen_by, warm_up_ns = derive(trial.timing, timed(rounds))
    drains.clear()
    meter = Meter("producer", trial.cpu(0))
    windows = in_slices(count, rounds)
    roles = [meter.stop(count)]
    for _ in takers:
        items.put(None)
    found = [taker.receive() for taker in takers]
    account_for(found, sent)
    for partner in others + takers:
        partner.end()
    items.close()

    elapsed_ns = sum(window["elapsed_ns"] for window in windows)
    metrics = {
        "drain_ns": median(drains),
        "messages_per_s": count * 1e9 / elapsed_ns,
        **percentiles(drains),
        **idle_queue(payload),
    }
    return report(count, chosen_by, warm_up_ns, metrics, windows, roles + [cost for _, cost in found])


def account_for(found, sent):
    """Every item of every producer was seen once: the sum of their numbers, counted from one, says so."""
    for producer, items in enumerate(sent):
        seen = sum(sums.get(producer, 0) for sums, _ in found)
        if seen != items * (items + 1) // 2:
            raise Invalid(f"the items of producer {producer} were not seen once each")


def idle_queue(payload, count=200):
    """Cost of each call without contention."""
    items, message = FORK.JoinableQueue(), payload.fill(stamp(0, 0))
    start = now_ns()
    for _ in range(count):
        items.put(message)
    put_ns = (now_ns() - start) / count
    # The feeder thread has to have written them first.
    got = [items.get()]
    while items.qsize() and not items._reader.poll():
        pass
    start = now_ns()
    got += [items.get() for _ in range(count - 1)]
    get_ns = (now_ns() - start) / (count - 1)
    if got != [message] * count:
        raise Invalid("an item arrived with wrong bytes: corrupted, torn or stale")
    start = now_ns()
    for _ in range(count):
        refused(items.get_nowait, queue.Empty)
    empty_ns = (now_ns() - start) / count
    late_ns = []
    for _ in range(20):
        start = now_ns()
        refused(functools.partial(items.get, True, 0.001), queue.Empty)
        late_ns.append(now_ns() - start - 1_000_000)
    full = FORK.JoinableQueue(1)
    full.put(message)
    start = now_ns()
    for _ in range(count):
        refused(functools.partial(full.put_nowait, message), queue.Full)
    full_ns = (now_ns() - start) / count
    if full.get() != message:
        raise Invalid("an item arrived with wrong bytes: corrupted, torn or stale")
    return {
        "put_ns": put_ns,
        "get_ns": get_ns,
        "put_full_ns": full_ns,
        "get_empty_ns": empty_ns,
        "time_out_late_ns": max(median(late_ns), 0),
    }


def refused(call, due):
    try:
        call()
    except due:
        return
    raise Invalid(f"a call that had to end in `{due.__name__}` did not")


# --- Processes as such ------------------------------------------------------------------------------------------------

STAGES = ("call_ns", "start_up_ns", "message_ns", "exit_ns", "life_ns")


def life(control, parent, payload, sequence):
    """What a started process does: its first word, an answer, its end."""
    control.send_bytes(payload.fill(stamp(PONG, sequence)))
    newborn(parent)
    message = control.recv_bytes()
    if message == payload.fill(stamp(PING, sequence)):
        control.send_bytes(payload.fill(stamp(PONG, sequence + 1)))
    else:
        control.send_bytes(b"")
    control.recv_bytes()


def resident(trial):
    """Memory in use, every page of it written."""
    wanted = trial.params.get("parent_rss_bytes", 0)
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    if wanted > free * 3 // 4:
        raise Refused(f"the parent would need {wanted} bytes of memory, and {free} are available")
    return bytearray(b"\1") * wanted


def launch(trial):
    trial.uses("batch", "parent_rss_bytes")
    context = FORK if trial.mechanism == "python-fork" else multiprocessing.get_context("spawn")
    payload, memory, at_once = Payload(64), resident(trial), trial.params.get("batch", 1)
    stages, numbered = [[] for _ in STAGES], [0]

    def one_round():
        """`at_once` lives: all are started before the first is waited for."""
        born = []
        for _ in range(at_once):
            sequence, numbered[0] = numbered[0], numbered[0] + 2
            ours, theirs = context.Pipe()
            begun = now_ns()
            process = context.Process(target=life, args=(theirs, os.getpid(), payload, sequence), daemon=True)
            process.start()
            born.append((process, ours, theirs, sequence, begun, now_ns()))
        for process, ours, theirs, sequence, begun, called in born:
            theirs.close()
            word = ours.recv_bytes()
            heard = now_ns()
            ours.send_bytes(payload.fill(stamp(PING, sequence)))
            answer = ours.recv_bytes()
            answered = now_ns()
            for seen, number in ((word, sequence), (answer, sequence + 1)):
                if seen != payload.fill(stamp(PONG, number)):
                    raise differs(seen, payload.fill(stamp(PONG, number)), number)
            leave = now_ns()
            ours.send_bytes(b"leave")
            process.join()
            ended = now_ns()
            if process.exitcode != 0:
                raise Invalid(f"a child ended with status {process.exitcode}")
            ours.close()
            moments = (called - begun, heard - begun, answered - begun, ended - leave, ended - begun)
            for stage, ns in zip(stages, moments):
                stage.append(ns)

    def rounds(count):
        for _ in range(-(-count // at_once)):
            one_round()

    trial.start()
    count, chosen_by, warm_up_ns = derive(trial.timing, timed(rounds))
    for stage in stages:
        stage.clear()
    meter, children = Meter("host", trial.cpu(0)), ChildrenMeter()
    windows = in_slices(count, rounds)
    lives = len(stages[0])
    roles = [meter.stop(lives), children.stop(lives)]
    del memory
    elapsed_ns = sum(window["elapsed_ns"] for window in windows)
    metrics = {name: median(stage) for name, stage in zip(STAGES, stages)}
    metrics.update(percentiles(stages[1]))
    metrics["starts_per_s"] = lives * 1e9 / elapsed_ns
    return report(lives, chosen_by, warm_up_ns, metrics, windows, roles)


class ChildrenMeter:
    """What children used that have ended meanwhile, all together."""

    def __init__(self):
        self.before, self.wall_ns = resource.getrusage(resource.RUSAGE_CHILDREN), now_ns()

    def stop(self, messages):
        after, wall_ns = resource.getrusage(resource.RUSAGE_CHILDREN), now_ns() - self.wall_ns
        grown = [now - then for now, then in zip(after, self.before)]
        user_ns, system_ns = int(grown[0] * 1e9), int(grown[1] * 1e9)
        running_ns = min(user_ns + system_ns, wall_ns)
        return {
            "role": "children",
            "cpu": None,
            "messages": messages,
            "wall_ns": wall_ns,
            "user_ns": user_ns,
            "system_ns": system_ns,
            "voluntary_switches": grown[14],
            "involuntary_switches": grown[15],
            "minor_faults": grown[6],
            "major_faults": grown[7],
            "running_ns": running_ns,
            "ready_ns": 0,
            "blocked_ns": wall_ns - running_ns,
            "migrations": 0,
        }


# --- Servers ----------------------------------------------------------------------------------------------------------


def receive_exactly(connection, size):
    """All of a message; nothing when the other side has closed."""
    room = bytearray(size)
    view, done = memoryview(room), 0
    while done < size:
        count = connection.recv_into(view[done:])
        if count == 0:
            return None
        done += count
    return bytes(room)


def sum_of(message):
    """The words of a request added up: the answer of a server that computes."""
    words = len(message) // 8
    whole = sum(struct.unpack(f"<{words}Q", message[: 8 * words]))
    return pack_word((whole + int.from_bytes(message[8 * words :], "little")) & WORD)


def serving(control, listener, payload, compute, grain_ns):
    import socketserver

    rounds = rounds_of(grain_ns)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                message = receive_exactly(self.request, payload.size)
                if message is None:
                    return
                spin(rounds)
                self.request.sendall(sum_of(message) if compute else message)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    told(control, "listening")
    server.serve_forever()


class Client:
    """A connection, and requests over it one at a time."""

    def __init__(self, address, payload, me, compute):
        self.address, self.payload, self.me, self.compute = address, payload, me, compute
        self.connection, self.sequence = None, 0

    def connect(self):
        """From before the connection until its first answer."""
        begun = now_ns()
        self.connection = socket.create_connection(self.address)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask()
        return now_ns() - begun

    def ask(self):
        message = self.payload.fill(stamp(self.me, self.sequence))
        due = sum_of(message) if self.compute else message
        asked = now_ns()
        self.connection.sendall(message)
        answer = receive_exactly(self.connection, len(due))
        answered = now_ns()
        if answer != due:
            raise Invalid(f"request {self.sequence} of client {self.me} was answered wrongly, or not at all")
        self.sequence += 1
        return answered - asked, answered

    def play(self, start_ns, end_ns):
        counts, times_ns = [0] * WINDOWS, []
        wait_until(start_ns)
        while True:
            took_ns, answered = self.ask()
            if answered >= end_ns:
                return counts, times_ns
            counts[window_index(start_ns, end_ns, answered)] += 1
            times_ns.append(took_ns)


def asking(control, client, cpu):
    connect_ns = client.connect()
    told(control, connect_ns)
    for start_ns, end_ns in words_told(control):
        meter = Meter("client", cpu)
        counts, times_ns = client.play(start_ns, end_ns)
        told(control, (counts, times_ns, meter.stop(sum(counts))))


def server(trial):
    trial.uses("clients", "service", "grain_ns", "message_bytes")
    payload = Payload(64) if trial.message_bytes is None else trial.payload()
    compute, clients = trial.params.get("service") == "compute", trial.params.get("clients", 1)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    host = Partner(None, serving, listener, payload, compute, trial.params.get("grain_ns"))
    address = listener.getsockname()
    listener.close()
    host.receive()
    cpus = [trial.cpu(1 + i) for i in range(clients)]
    everybody = [Partner(cpu, asking, Client(address, payload, i, compute), cpu) for i, cpu in enumerate(cpus)]
    connect_ns = [client.receive() for client in everybody]
    trial.start()
    warm_up_ns, hot_ns = max(trial.timing["warm_up_ns"], 1_000_000), trial.timing["hot_ns"]
    in_one_window(everybody, None, warm_up_ns)
    meter = Meter("server", None, host.process.pid)
    every = in_one_window(everybody, None, hot_ns)
    total = sum(sum(found[0]) for found in every)
    roles = [meter.stop(total)] + [found[2] for found in every]
    for client in everybody:
        client.end()
    WATCHED.remove(host.process)
    host.process.kill()
    host.process.join()

    metrics = {
        "requests_per_s": total * 1e9 / hot_ns,
        "connect_ns": median(connect_ns),
        **percentiles([ns for found in every for ns in found[1]]),
    }
    windows = shared_windows(hot_ns, [found[0] for found in every])
    return report(total, "time", warm_up_ns, metrics, windows, roles)


# --- All of it --------------------------------------------------------------------------------------------------------

FAMILIES = {
    "transport": transport,
    "lock": lock,
    "shared_state": shared_state,
    "pool": pool,
    "queue": work_queue,
    "launch": launch,
    "server": server,
}


def last_words():
    """What the process had to say that ended too early."""
    for partner in list(PARTNERS):
        try:
            while partner.control.poll(0.2):
                kind, value = partner.control.recv()
                if kind != "done":
                    return kind, value
        except (EOFError, OSError):
            continue
    return "failed", "a process of the trial was killed, or ended by itself"


def play(trial):
    """The answer of the last line: its word and its fields."""
    try:
        pin(trial.cpu(0))
        prctl()  # Children inherit it.
        signal.signal(signal.SIGCHLD, child_ended)
        found = FAMILIES[trial.case["family"]](trial)
        version = ".".join(str(number) for number in sys.version_info[:3])
        found["remark"] = f"Python {version}"
        return "done", found
    except Refused as why:
        return "done", {"skipped": str(why)}
    except Invalid as why:
        return "done", {"invalid": str(why)}
    except Abandoned:
        kind, why = last_words()
        return ("done", {"invalid": why}) if kind == "invalid" else ("failed", {"why": why})
    except Exception as broken:
        return "failed", {"why": f"{type(broken).__name__}: {broken}"}


def main():
    order = receive("order")
    if order["protocol"] != PROTOCOL:
        send("failed", why=f"the order speaks protocol {order['protocol']}, this worker {PROTOCOL}")
        return
    trial = Trial(order)
    word, fields = play(trial)
    WATCHED.clear()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if word == "done" and not trial.started:
        trial.start()
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    send(word, **fields)


if __name__ == "__main__":
    main()
