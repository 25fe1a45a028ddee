//! One death, from a fresh lock to what became of it. Everybody but the warden is a child of his that attaches to the lock
//! by itself, as a process that was started for it would.

use std::io;

use super::actor::Actor;
use super::stage::{Line, PARTS, Part, Stage};
use super::tracer;
use super::{Aftermath, Claim};
use crate::address::Address;
use crate::child::Child;
use crate::lock::erased::AnyLock;
use crate::lock::{ContenderId, Holder};
use crate::measure::MeasureError;
use crate::record::KillPoint;
use crate::{clock, pin, wait};

/// What somebody does while he has the lock.
#[derive(Clone, Copy)]
enum Stay {
    /// Leaves at once.
    Brief,
    /// Works until told to go: a loop without a system call.
    Busy,
    /// Sleeps until told to go, and stamps that moment.
    Asleep,
}

/// A fresh lock, and the lines of those who play.
struct Scene<'a> {
    lock: &'a AnyLock,
    address: Address,
    stage: Stage,
    cpus: &'a [u32],
}

/// Lets somebody die, and sees who gets the lock then. The victim runs on the first of `cpus` and the next in line on the
/// second, where there are any.
///
/// Errors: `Invalid` when the lock let two in.
pub(super) fn play(lock: &AnyLock, death: KillPoint, cpus: &[u32]) -> Result<Aftermath, MeasureError> {
    let scene = Scene { lock, address: lock.create(PARTS)?, stage: Stage::set()?, cpus };
    match death {
        KillPoint::Holding => scene.inside(),
        KillPoint::Waiting => scene.queued(),
        KillPoint::Releasing => scene.releasing(),
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.address.clone().release() {
            name.remove();
        }
    }
}

impl Scene<'_> {
    /// The owner dies at work while another waits.
    fn inside(&self) -> Result<Aftermath, MeasureError> {
        let mut victim = self.enter(Part::Victim, Stay::Busy)?;
        victim.until_has()?;
        let mut next = self.enter(Part::Next, Stay::Brief)?;
        next.until_waits(false)?;
        let died_ns = clock::now_ns();
        victim.kill()?;
        self.aftermath(next, died_ns, died_ns)
    }

    /// One who waits dies, with another behind him; after that the owner lets go. A lock may hold that owner fast until the
    /// dead one has answered: nobody waits for him to be done.
    fn queued(&self) -> Result<Aftermath, MeasureError> {
        let mut owner = self.enter(Part::Owner, Stay::Asleep)?;
        owner.until_has()?;
        let mut victim = self.enter(Part::Victim, Stay::Brief)?;
        victim.until_waits(false)?;
        let mut next = self.enter(Part::Next, Stay::Brief)?;
        next.until_waits(false)?;
        victim.kill()?;
        let left_ns = owner.lets_go()?;
        self.aftermath(next, left_ns, left_ns)
    }

    /// The owner lets go and dies before the system call by which he would have woken the next.
    fn releasing(&self) -> Result<Aftermath, MeasureError> {
        let mut victim = self.enter(Part::Victim, Stay::Busy)?;
        victim.until_has()?;
        let mut next = self.enter(Part::Next, Stay::Brief)?;
        next.until_waits(true)?;
        let free_ns = clock::now_ns();
        tracer::run_to_next_call(victim.pid(), || victim.line.go())?;
        if !victim.is_inside() {
            return Err(
                io::Error::other("it let the lock go without a system call, though somebody slept for it").into()
            );
        }
        let died_ns = clock::now_ns();
        victim.kill()?;
        self.aftermath(next, died_ns, free_ns)
    }

    /// Who gets the lock: the next in line, or one who comes later, or nobody. It should be had at `since_ns`, and cannot
    /// before `free_ns`.
    fn aftermath(&self, next: Actor<'_>, since_ns: u64, free_ns: u64) -> Result<Aftermath, MeasureError> {
        let line = next.line;
        let next = next.claims(Some(since_ns))?;
        if matches!(next, Claim::Had { .. }) {
            return match line.had_ns() {
                had_ns if had_ns < free_ns => Err("two had the lock at once".to_owned().into()),
                _ => Ok(Aftermath { next, newcomer: None }),
            };
        }
        let newcomer = self.enter(Part::Newcomer, Stay::Brief)?.claims(None)?;
        Ok(Aftermath { next, newcomer: Some(newcomer) })
    }

    /// Sends somebody to the lock.
    fn enter(&self, part: Part, stay: Stay) -> io::Result<Actor<'_>> {
        let line = self.stage.line(part);
        let place = match part {
            Part::Victim | Part::Owner => 0,
            Part::Next | Part::Newcomer => 1,
        };
        let cpu = self.cpus.get(place).or(self.cpus.last()).copied();
        let child = Child::start(|| {
            if let Err(error) = self.want(part, cpu, stay, line) {
                line.broke(&error);
            }
        })?;
        Ok(Actor { part, line, child })
    }

    /// What a child does: it attaches, takes the lock once, and says how far it has come.
    fn want(&self, part: Part, cpu: Option<u32>, stay: Stay, line: &Line) -> io::Result<()> {
        wait::sleep_until_woken();
        cpu.map_or(Ok(()), pin::pin_this_thread)?;
        let mut holder = self.lock.attach(&self.address, ContenderId { index: part.index(), contenders: PARTS })?;
        line.asks();
        holder.with_lock(|acquired| {
            line.has(acquired);
            match stay {
                Stay::Brief => Ok(()),
                Stay::Busy => {
                    line.stays_busy();
                    Ok(())
                }
                Stay::Asleep => line.stays_asleep().inspect(|()| line.lets_go()),
            }
        })??;
        line.left();
        Ok(())
    }
}
