//! Critical section: work of a known duration on the protected state, with a check that no other contender is inside.

use std::sync::atomic::Ordering;

use super::protected_state::ProtectedState;
use super::work;
use crate::lock::{Guard, MAX_CONTENDERS};

/// Critical sections of one contender.
pub struct CriticalSection {
    protected: ProtectedState,
    me: u64,
    rounds: u64,
    lines: u32,
    /// Number of times that another contender was inside.
    pub violations: u64,
    /// Failed attempts of optimistic updates.
    pub retries: u64,
    /// Critical sections by slot of the previous owner; the last entry counts those without one.
    pub after: Vec<u64>,
    /// Longest series of consecutive critical sections.
    pub longest_run: u64,
    run: u64,
}

impl CriticalSection {
    /// Creates the critical section of the contender on `slot`: `rounds` of work, with `lines` changed.
    pub fn new(protected: ProtectedState, slot: u32, rounds: u64, lines: u32) -> Self {
        Self {
            protected,
            me: u64::from(slot) + 1,
            rounds,
            lines,
            violations: 0,
            retries: 0,
            after: vec![0; MAX_CONTENDERS as usize + 1],
            longest_run: 0,
            run: 0,
        }
    }

    /// The protected state.
    pub fn protected(&self) -> &ProtectedState {
        &self.protected
    }

    /// Resets the counters before the hot phase.
    pub fn reset(&mut self) {
        (self.violations, self.retries, self.longest_run, self.run) = (0, 0, 0, 0);
        self.after.fill(0);
    }

    /// Critical sections that followed one of another contender.
    pub fn taken_over(&self) -> u64 {
        let after_any = &self.after[..MAX_CONTENDERS as usize];
        after_any.iter().sum::<u64>() - self.after[self.me as usize - 1]
    }

    /// Whether this contender was the last owner.
    pub fn is_last(&self) -> bool {
        self.protected.head().last.load(Ordering::Relaxed) == self.me
    }

    /// Runs one critical section. `guard` is a constant at each call site, so the match is free.
    #[inline]
    pub fn pass(&mut self, guard: Guard) {
        match guard {
            Guard::Exclusive | Guard::Nothing => self.alone(),
            Guard::Atomic => self.atomic(),
            Guard::Retry => self.optimistic(),
        }
    }

    /// Runs the shortest critical section: one update, without work and statistics.
    #[inline]
    pub fn count(&mut self, guard: Guard) {
        let head = self.protected.head();
        match guard {
            Guard::Exclusive | Guard::Nothing => {
                let count = head.first.load(Ordering::Relaxed);
                head.first.store(count + 1, Ordering::Relaxed);
                head.second.store(count + 1, Ordering::Relaxed);
            }
            Guard::Atomic => drop(head.first.fetch_add(1, Ordering::Relaxed)),
            Guard::Retry => {
                let add = |count| Some(count + 1);
                let _ = head.first.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            }
        }
    }

    #[inline]
    fn alone(&mut self) {
        let head = self.protected.head();
        let count = head.first.load(Ordering::Relaxed);
        let free = head.owner.load(Ordering::Relaxed) == 0 && head.second.load(Ordering::Relaxed) == count;
        head.owner.store(self.me, Ordering::Relaxed);
        head.first.store(count + 1, Ordering::Relaxed);
        work::run(self.rounds);
        for line in 1..self.lines {
            self.protected.touch(line);
        }
        let last = head.last.load(Ordering::Relaxed);
        let mine = head.owner.load(Ordering::Relaxed) == self.me && head.first.load(Ordering::Relaxed) == count + 1;
        head.second.store(count + 1, Ordering::Relaxed);
        head.last.store(self.me, Ordering::Relaxed);
        head.owner.store(0, Ordering::Relaxed);
        self.violations += u64::from(!(free && mine));
        self.note(last);
    }

    #[inline]
    fn atomic(&mut self) {
        let head = self.protected.head();
        work::run(self.rounds);
        for line in 1..self.lines {
            self.protected.touch_atomically(line);
        }
        head.first.fetch_add(1, Ordering::Relaxed);
        self.note(0);
    }

    #[inline]
    fn optimistic(&mut self) {
        let first = &self.protected.head().first;
        let mut count = first.load(Ordering::Relaxed);
        loop {
            work::run(self.rounds);
            match first.compare_exchange(count, count + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => count = now,
            }
            self.retries += 1;
        }
        self.note(0);
    }

    /// Counts the previous owner, if it is recorded.
    #[inline]
    fn note(&mut self, last: u64) {
        let at = last.wrapping_sub(1).min(u64::from(MAX_CONTENDERS)) as usize;
        self.after[at] += 1;
        self.run = if last == self.me { self.run + 1 } else { 1 };
        self.longest_run = self.longest_run.max(self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (CriticalSection, CriticalSection) {
        let address = ProtectedState::create().unwrap();
        let of = |slot| CriticalSection::new(ProtectedState::attach(&address).unwrap(), slot, 3, 4);
        (of(0), of(1))
    }

    #[test]
    fn previous_owners_are_counted() {
        let (mut first, mut second) = two();
        for _ in 0..3 {
            first.pass(Guard::Exclusive);
            second.pass(Guard::Exclusive);
            second.pass(Guard::Exclusive);
        }
        assert_eq!((first.violations, second.violations), (0, 0));
        assert_eq!((first.after[1], first.after[MAX_CONTENDERS as usize]), (2, 1));
        assert_eq!((second.after[0], second.after[1], second.longest_run), (3, 3, 2));
        assert_eq!((first.protected().passes(Guard::Exclusive), first.protected().touches(3)), (9, 9));
    }

    #[test]
    fn another_owner_is_detected() {
        let (mut first, second) = two();
        second.protected().head().owner.store(second.me, Ordering::Relaxed);
        first.pass(Guard::Exclusive);
        assert_eq!(first.violations, 1);
    }

    #[test]
    fn a_lost_update_is_detected_by_the_next_section() {
        let (mut first, second) = two();
        first.pass(Guard::Nothing);
        second.protected().head().first.store(0, Ordering::Relaxed);
        first.pass(Guard::Nothing);
        assert_eq!(first.violations, 1);
    }
}
