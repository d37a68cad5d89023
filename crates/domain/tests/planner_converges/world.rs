//! A small Proxmox: numbered guests, tasks that take a while, locks, a node that may be dead, a network that loses
//! answers. It knows who touched what, and panics at what must never happen.

use std::collections::BTreeMap;

use innkeeper_domain::instances::{Act, Guest, Owner, Power, Seen};

/// Steps of five seconds since the beginning.
pub(crate) type Tick = u64;

/// What Proxmox has under one number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) ours: bool,
    pub(crate) power: Power,
    pub(crate) making: bool,
    pub(crate) fitted: bool,
    pub(crate) grown: bool,
    pub(crate) guarded: bool,
    /// It reports an address from then on, while it runs.
    pub(crate) addressed_at: Tick,
    /// Somebody else holds it until then.
    pub(crate) locked_until: Tick,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) vmid: u32,
    pub(crate) act: Act,
    pub(crate) ends: Tick,
    pub(crate) fate: Fate,
    /// Whether it succeeded.
    pub(crate) ended: Option<bool>,
    /// Proxmox has lost its record; nobody can tell how it goes or went.
    pub(crate) forgotten: bool,
}

/// How a task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeeds,
    /// Nothing of it remains.
    Fails,
    /// It says that it failed, though all was done.
    FailsAtTheEnd,
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Answered,
    Refused,
    LostBefore,
    LostAfter,
    /// It arrives so many ticks later; nobody hears the answer.
    Late(Tick),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Task(usize),
    Done,
    Refused,
    /// No answer: anything may have happened.
    Silence,
}

/// What others do to the house.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Power(Power),
    Lock(Tick),
    NodeDead(Tick),
    /// An operator removes our guest.
    Vanish,
    /// An operator removes our guest, and somebody else's takes its number.
    Replace,
    /// Somebody else's guest leaves its number.
    ForeignLeaves,
    /// The operation's deadline passes. This one is for the engine.
    Deadline,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: Tick,
    pub(crate) slots: BTreeMap<u32, Slot>,
    pub(crate) jobs: Vec<Job>,
    /// How often a guest of ours came up.
    pub(crate) boots: u32,
    /// How often one was made.
    pub(crate) made: u32,
    /// Our guest does not hear polite requests.
    pub(crate) stubborn: bool,
    late: Vec<(Tick, Act, u32, Tick, Fate)>,
    dead_until: Tick,
}

impl World {
    pub(crate) fn foreign(&mut self, vmid: u32) {
        let power = Power::Running;
        let slot = Slot {
            ours: false,
            power,
            making: false,
            fitted: true,
            grown: true,
            guarded: true,
            addressed_at: 0,
            locked_until: 0,
        };
        self.slots.insert(vmid, slot);
    }

    pub(crate) fn reachable(&self) -> bool {
        self.now >= self.dead_until
    }

    pub(crate) fn ours(&self) -> Option<(&u32, &Slot)> {
        self.slots.iter().find(|(_, slot)| slot.ours)
    }

    /// More was asked for than our guest has.
    pub(crate) fn outgrow(&mut self) {
        for slot in self.slots.values_mut().filter(|slot| slot.ours) {
            (slot.fitted, slot.grown, slot.guarded) = (false, false, false);
        }
    }

    /// Nothing of ours is being worked on or still on its way.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet_as_far_as_known() && self.jobs.iter().all(|job| job.ended.is_some())
    }

    /// The same, but for tasks that Proxmox itself has forgotten.
    pub(crate) fn quiet_as_far_as_known(&self) -> bool {
        self.late.is_empty() && self.jobs.iter().all(|job| job.ended.is_some() || job.forgotten)
    }

    pub(crate) fn look(&self, vmid: u32) -> Seen {
        let Some(slot) = self.slots.get(&vmid) else { return Seen::Absent };
        let owner = match slot {
            Slot { making: true, .. } => Owner::Unreadable,
            Slot { ours: true, .. } => Owner::Ours,
            _ => Owner::Foreign,
        };
        Seen::Present(Guest {
            owner,
            power: slot.power,
            locked: slot.making || slot.locked_until > self.now || self.busy(vmid),
            fitted: slot.fitted,
            grown: slot.grown,
            guarded: slot.guarded,
            addressed: slot.power == Power::Running && slot.addressed_at <= self.now,
        })
    }

    fn busy(&self, vmid: u32) -> bool {
        self.jobs.iter().any(|job| job.vmid == vmid && job.ended.is_none())
    }

    pub(crate) fn send(&mut self, act: Act, vmid: u32, way: Way, takes: Tick, fate: Fate) -> Answer {
        match way {
            Way::Refused => Answer::Refused,
            Way::LostBefore => Answer::Silence,
            Way::Late(by) => {
                self.late.push((self.now + by, act, vmid, takes, fate));
                Answer::Silence
            }
            Way::Answered => self.arrive(act, vmid, takes, fate),
            Way::LostAfter => {
                self.arrive(act, vmid, takes, fate);
                Answer::Silence
            }
        }
    }

    fn arrive(&mut self, act: Act, vmid: u32, takes: Tick, fate: Fate) -> Answer {
        if !self.reachable() {
            return Answer::Silence;
        }
        let slot = self.slots.get(&vmid).copied();
        let Some(slot) = slot else {
            if !matches!(act, Act::Create | Act::Restore) {
                return Answer::Refused;
            }
            let power = Power::Stopped;
            let slot = Slot {
                ours: true,
                power,
                making: true,
                fitted: false,
                grown: false,
                guarded: false,
                addressed_at: 0,
                locked_until: 0,
            };
            self.slots.insert(vmid, slot);
            let ours = self.slots.values().filter(|slot| slot.ours).count();
            assert_eq!(ours, 1, "two guests were made");
            return self.begin(act, vmid, takes, fate);
        };
        if act == Act::Create {
            return Answer::Refused;
        }
        assert!(slot.ours, "{act} was asked of another's guest");
        let possible = match act {
            Act::Create => false,
            Act::Configure
            | Act::Grow
            | Act::Guard
            | Act::Snapshot
            | Act::Rollback
            | Act::DropSnapshot
            | Act::BackUp
            | Act::Migrate => true,
            Act::Start | Act::Delete | Act::Restore => slot.power == Power::Stopped,
            Act::Shutdown | Act::Reboot | Act::Pause => slot.power == Power::Running,
            Act::Stop => slot.power != Power::Stopped,
            Act::Resume => slot.power == Power::Paused,
        };
        if !possible || slot.making || slot.locked_until > self.now || self.busy(vmid) {
            return Answer::Refused;
        }
        if let Some(slot) = self.slots.get_mut(&vmid).filter(|_| matches!(act, Act::Configure | Act::Guard)) {
            slot.fitted |= act == Act::Configure;
            slot.guarded |= act == Act::Guard;
            return Answer::Done;
        }
        self.begin(act, vmid, takes, fate)
    }

    fn begin(&mut self, act: Act, vmid: u32, takes: Tick, fate: Fate) -> Answer {
        self.jobs.push(Job { vmid, act, ends: self.now + takes, fate, ended: None, forgotten: false });
        Answer::Task(self.jobs.len() - 1)
    }

    /// Whether a task begun since then stopped the guest, or started it when it was stopped, and said so.
    pub(crate) fn turned(&self, since: usize) -> bool {
        self.jobs[since..].iter().any(|job| {
            job.ended == Some(true)
                && !job.forgotten
                && matches!(job.act, Act::Stop | Act::Reboot | Act::Start)
        })
    }

    /// Proxmox forgets a task; what it does goes on. None is forgotten that has ended: the engine was told, or asks
    /// for it by the name it knows.
    pub(crate) fn forget(&mut self, job: usize) {
        self.jobs[job].forgotten |= self.jobs[job].ended.is_none();
    }

    pub(crate) fn cancel(&mut self, job: usize) {
        if self.jobs[job].ended.is_none() {
            self.end(job, Fate::Fails);
        }
    }

    /// The next step of time: late requests arrive, tasks end.
    pub(crate) fn tick(&mut self) {
        self.now += 1;
        let (due, rest) = self.late.iter().partition(|late| late.0 <= self.now);
        self.late = rest;
        let due: Vec<(Tick, Act, u32, Tick, Fate)> = due;
        for (_, act, vmid, takes, fate) in due {
            self.arrive(act, vmid, takes, fate);
        }
        for n in 0..self.jobs.len() {
            if self.jobs[n].ended.is_none() && self.jobs[n].ends <= self.now {
                self.end(n, self.jobs[n].fate);
            }
        }
    }

    fn end(&mut self, n: usize, fate: Fate) {
        let Job { vmid, act, .. } = self.jobs[n];
        let deaf = self.stubborn && matches!(act, Act::Shutdown | Act::Reboot);
        let fate = if deaf { Fate::Fails } else { fate };
        self.jobs[n].ended = Some(fate == Fate::Succeeds);
        let slot = self.slots.get_mut(&vmid).expect("nobody removes a guest that is worked on");
        if fate == Fate::Fails {
            // A create that fails is rolled back by Proxmox itself; a restore leaves nothing of what it was to replace.
            if matches!(act, Act::Create | Act::Restore) {
                self.slots.remove(&vmid);
            }
            return;
        }
        if matches!(act, Act::Start | Act::Reboot) {
            self.boots += 1;
            slot.addressed_at = self.now + 2;
        }
        match act {
            Act::Create => {
                slot.making = false;
                self.made += 1;
            }
            Act::Configure => slot.fitted = true,
            Act::Guard => slot.guarded = true,
            Act::Grow => slot.grown = true,
            Act::Pause => slot.power = Power::Paused,
            Act::Snapshot | Act::DropSnapshot | Act::BackUp | Act::Migrate => {}
            // Older settings come back with what was saved.
            Act::Rollback | Act::Restore => {
                slot.power = Power::Stopped;
                slot.making = false;
                (slot.fitted, slot.grown) = (false, false);
            }
            Act::Start | Act::Resume | Act::Reboot => slot.power = Power::Running,
            Act::Stop | Act::Shutdown => slot.power = Power::Stopped,
            Act::Delete => {
                self.slots.remove(&vmid);
            }
        }
    }

    pub(crate) fn suffer(&mut self, event: Event) {
        if let Event::NodeDead(ticks) = event {
            self.dead_until = self.now + ticks;
            return;
        }
        if matches!(event, Event::ForeignLeaves) {
            let foreign = self.slots.iter().find(|(_, slot)| !slot.ours).map(|(vmid, _)| *vmid);
            foreign.map(|vmid| self.slots.remove(&vmid));
            return;
        }
        // What is being worked on is locked against others. A request on its way when its guest is replaced would hit
        // the other guest, and only Proxmox could prevent that: not played.
        let quiet = self.quiet();
        let Some((&vmid, slot)) = self.slots.iter_mut().find(|(_, slot)| slot.ours && !slot.making) else {
            return;
        };
        match event {
            Event::Lock(ticks) => slot.locked_until = self.now + ticks,
            _ if !quiet => {}
            Event::Power(power) => {
                if power != Power::Stopped && slot.power == Power::Stopped {
                    self.boots += 1;
                    slot.addressed_at = self.now + 2;
                }
                slot.power = power;
            }
            Event::Vanish => {
                self.slots.remove(&vmid);
            }
            Event::Replace => self.foreign(vmid),
            Event::NodeDead(_) | Event::ForeignLeaves | Event::Deadline => {}
        }
    }
}
