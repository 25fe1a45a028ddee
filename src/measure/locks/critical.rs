//! The critical section: work of a known length on protected data, and the check that nobody else was there.

use std::sync::atomic::Ordering;

use super::chain;
use super::ledger::Ledger;
use crate::lock::{Guard, MAX_HOLDERS};

/// One holder's critical sections.
pub struct Critical {
    ledger: Ledger,
    me: u64,
    rounds: u64,
    lines: u32,
    /// Somebody else was seen inside.
    pub violations: u64,
    /// Attempts in vain of an optimistic update.
    pub retries: u64,
    /// By the slot that was inside before; the last entry is nobody.
    pub after: Vec<u64>,
    /// The most in a row.
    pub longest_run: u64,
    run: u64,
}

impl Critical {
    /// The critical sections of the holder on `slot`: `rounds` of the chain, and `lines` changed.
    pub fn new(ledger: Ledger, slot: u32, rounds: u64, lines: u32) -> Self {
        Self {
            ledger,
            me: u64::from(slot) + 1,
            rounds,
            lines,
            violations: 0,
            retries: 0,
            after: vec![0; MAX_HOLDERS as usize + 1],
            longest_run: 0,
            run: 0,
        }
    }

    /// The protected memory.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Forgets what was counted, as the hot phase begins.
    pub fn reset(&mut self) {
        (self.violations, self.retries, self.longest_run, self.run) = (0, 0, 0, 0);
        self.after.fill(0);
    }

    /// Critical sections that came after another holder's.
    pub fn taken_over(&self) -> u64 {
        let of_somebody = &self.after[..MAX_HOLDERS as usize];
        of_somebody.iter().sum::<u64>() - self.after[self.me as usize - 1]
    }

    /// Whether nobody else has been inside since this holder was.
    pub fn is_last(&self) -> bool {
        self.ledger.head().last.load(Ordering::Relaxed) == self.me
    }

    /// One critical section, under what `guard` stands for. `guard` is a constant at every call, so the choice costs nothing.
    #[inline]
    pub fn pass(&mut self, guard: Guard) {
        match guard {
            Guard::Exclusive | Guard::Nothing => self.alone(),
            Guard::Atomic => self.atomic(),
            Guard::Retry => self.optimistic(),
        }
    }

    /// The shortest critical section there is: one update, without work and without book-keeping.
    #[inline]
    pub fn count(&mut self, guard: Guard) {
        let head = self.ledger.head();
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
        let head = self.ledger.head();
        let count = head.first.load(Ordering::Relaxed);
        let nobody = head.owner.load(Ordering::Relaxed) == 0 && head.second.load(Ordering::Relaxed) == count;
        head.owner.store(self.me, Ordering::Relaxed);
        head.first.store(count + 1, Ordering::Relaxed);
        chain::run(self.rounds);
        for line in 1..self.lines {
            self.ledger.touch(line);
        }
        let last = head.last.load(Ordering::Relaxed);
        let mine = head.owner.load(Ordering::Relaxed) == self.me && head.first.load(Ordering::Relaxed) == count + 1;
        head.second.store(count + 1, Ordering::Relaxed);
        head.last.store(self.me, Ordering::Relaxed);
        head.owner.store(0, Ordering::Relaxed);
        self.violations += u64::from(!(nobody && mine));
        self.note(last);
    }

    #[inline]
    fn atomic(&mut self) {
        let head = self.ledger.head();
        chain::run(self.rounds);
        for line in 1..self.lines {
            self.ledger.touch_atomically(line);
        }
        head.first.fetch_add(1, Ordering::Relaxed);
        self.note(0);
    }

    #[inline]
    fn optimistic(&mut self) {
        let first = &self.ledger.head().first;
        let mut count = first.load(Ordering::Relaxed);
        loop {
            chain::run(self.rounds);
            match first.compare_exchange(count, count + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => count = now,
            }
            self.retries += 1;
        }
        self.note(0);
    }

    /// Who was inside before, where somebody keeps book of that.
    #[inline]
    fn note(&mut self, last: u64) {
        let at = last.wrapping_sub(1).min(u64::from(MAX_HOLDERS)) as usize;
        self.after[at] += 1;
        self.run = if last == self.me { self.run + 1 } else { 1 };
        self.longest_run = self.longest_run.max(self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (Critical, Critical) {
        let address = Ledger::create().unwrap();
        let of = |slot| Critical::new(Ledger::attach(&address).unwrap(), slot, 3, 4);
        (of(0), of(1))
    }

    #[test]
    fn turns_are_told_apart_and_add_up() {
        let (mut first, mut second) = two();
        for _ in 0..3 {
            first.pass(Guard::Exclusive);
            second.pass(Guard::Exclusive);
            second.pass(Guard::Exclusive);
        }
        assert_eq!((first.violations, second.violations), (0, 0));
        assert_eq!((first.after[1], first.after[MAX_HOLDERS as usize]), (2, 1));
        assert_eq!((second.after[0], second.after[1], second.longest_run), (3, 3, 2));
        assert_eq!((first.ledger().passes(Guard::Exclusive), first.ledger().touches(3)), (9, 9));
    }

    #[test]
    fn somebody_inside_is_seen() {
        let (mut first, second) = two();
        second.ledger().head().owner.store(second.me, Ordering::Relaxed);
        first.pass(Guard::Exclusive);
        assert_eq!(first.violations, 1);
    }

    #[test]
    fn an_update_that_got_lost_is_seen_by_the_next() {
        let (mut first, second) = two();
        first.pass(Guard::Nothing);
        second.ledger().head().first.store(0, Ordering::Relaxed);
        first.pass(Guard::Nothing);
        assert_eq!(first.violations, 1);
    }
}
