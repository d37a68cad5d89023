//! What the real engine does with a course, in small: every write may be the last before a crash, every call may go
//! wrong. It checks each claim that it makes against the world.

use std::time::Duration;

use innkeeper_domain::instances::{
    Act, Course, Goal, Owner, Power, Refusal, Seen, State, Step, Task, state, state_bar,
};
use innkeeper_domain::operations::Verb;
use innkeeper_domain::time::Timestamp;

use crate::world::{Answer, Fate, Job, Tick, Way, World};

pub(crate) const FIRST: u32 = 100;

/// After so long without a trace a request is known not to have arrived; none is later than that.
const SETTLE: Tick = 8;

/// The faults to come; when they are used up all goes well.
#[derive(Debug)]
pub(crate) struct Luck {
    answers: Vec<u8>,
    crashes: Vec<u8>,
    used: bool,
}

impl Luck {
    pub(crate) fn new(answers: &[u8], crashes: &[u8]) -> Self {
        let backwards = |luck: &[u8]| luck.iter().rev().copied().collect();
        Self { answers: backwards(answers), crashes: backwards(crashes), used: false }
    }

    fn call(&mut self) -> (Way, Tick, Fate) {
        let Some(dice) = self.answers.pop() else { return (Way::Answered, 2, Fate::Succeeds) };
        self.used |= dice != 0;
        let takes = 1 + Tick::from(dice >> 4);
        let (way, fate) = match dice & 15 {
            6 => (Way::Refused, Fate::Succeeds),
            7 | 8 => (Way::LostBefore, Fate::Succeeds),
            9 | 10 => (Way::LostAfter, Fate::Succeeds),
            11 => (Way::Late(1 + takes % (SETTLE - 1)), Fate::Succeeds),
            12 => (Way::LostAfter, Fate::Fails),
            13 => (Way::Answered, Fate::Fails),
            14 => (Way::Answered, Fate::FailsAtTheEnd),
            15 => (Way::LostAfter, Fate::FailsAtTheEnd),
            _ => (Way::Answered, Fate::Succeeds),
        };
        (way, takes, fate)
    }

    /// For how long the engine is down now; zero when it is not.
    fn crash(&mut self) -> Tick {
        let down = self.crashes.pop().unwrap_or(0);
        self.used |= down != 0;
        down.into()
    }
}

/// The operation under way, and what the world had counted when it was asked for.
#[derive(Clone, Copy, Debug)]
struct Active {
    verb: Verb,
    boots: u32,
    /// How many guests of ours had been made.
    made: u32,
    /// How many tasks there were.
    jobs: usize,
    /// An older restart was still under way, after its operation had been given up: it serves for this one too.
    older: bool,
}

/// What is stored.
#[derive(Clone, Debug)]
struct Row {
    course: Course,
    vmid: u32,
    job: Option<usize>,
    known: Vec<usize>,
    active: Option<Active>,
    deleted: bool,
}

struct Crash;

#[derive(Debug)]
pub(crate) struct Engine {
    stored: Row,
    row: Row,
    luck: Luck,
    reports_address: bool,
    pub(crate) down_until: Tick,
    /// Every change asked for, in order.
    pub(crate) sent: Vec<Act>,
    pub(crate) done: Vec<Verb>,
    pub(crate) refused: Vec<Refusal>,
    /// When the last operation ended.
    pub(crate) ended_at: Tick,
}

/// What a verb does once.
fn once(verb: Verb) -> Option<Act> {
    Some(match verb {
        Verb::Snapshot => Act::Snapshot,
        Verb::Rollback => Act::Rollback,
        Verb::DropSnapshot => Act::DropSnapshot,
        Verb::BackUp => Act::BackUp,
        Verb::Restore => Act::Restore,
        Verb::Rebuild => Act::Create,
        Verb::Migrate => Act::Migrate,
        _ => return None,
    })
}

fn refits(verb: Verb) -> bool {
    matches!(verb, Verb::Resize | Verb::Update | Verb::Rollback | Verb::Restore)
}

fn time(tick: Tick) -> Timestamp {
    Timestamp(0).after(Duration::from_secs(5 * tick))
}

impl Engine {
    pub(crate) fn new(luck: Luck, reports_address: bool, world: &World) -> Self {
        let course = Course::new(Verb::Create.wish(time(world.now), reports_address, Power::Stopped, None));
        let active = Some(Active { verb: Verb::Create, boots: 0, made: 0, jobs: 0, older: false });
        let row = Row { course, vmid: FIRST, job: None, known: vec![], active, deleted: false };
        let (sent, done, refused) = (vec![], vec![], vec![]);
        Self {
            stored: row.clone(),
            row,
            luck,
            reports_address,
            down_until: 0,
            ended_at: 0,
            sent,
            done,
            refused,
        }
    }

    pub(crate) fn idle(&self) -> bool {
        self.row.active.is_none()
    }

    pub(crate) fn vmid(&self) -> u32 {
        self.row.vmid
    }

    /// Somebody asks for something: taken on when it makes sense now.
    pub(crate) fn asked(&mut self, verb: Verb, world: &mut World) {
        let row = &mut self.row;
        let active = row.active.map(|active| active.verb);
        let free = active.is_none_or(|active| verb.supersedes(active));
        let Some(action) = verb.action().filter(|_| free) else { return };
        let state = state(&row.course, active, row.deleted);
        if state == State::Deleted || state_bar(action, state, row.course.wish.goal).is_some() {
            return;
        }
        let power = match row.course.seen {
            Seen::Present(guest) => guest.power,
            _ => Power::Stopped,
        };
        row.course.wish_for(verb.wish(time(world.now), self.reports_address, power, once(verb)));
        if matches!(verb, Verb::Resize | Verb::Update) {
            world.outgrow();
        }
        let older = match row.course.task {
            Task::Asked { act, .. } | Task::Running { act, .. } => matches!(act, Act::Reboot | Act::Stop),
            Task::None => false,
        };
        row.active =
            Some(Active { verb, boots: world.boots, made: world.made, jobs: world.jobs.len(), older });
        self.stored = row.clone();
    }

    /// The deadline of the operation has passed: a create is undone, a delete never given up, of anything else a task
    /// may still be under way; the next wish finds it.
    pub(crate) fn give_up(&mut self, world: &World) {
        match self.row.active.map(|active| active.verb) {
            None | Some(Verb::Delete) => return,
            Some(Verb::Create) => {
                let wish = Verb::Delete.wish(time(world.now), false, Power::Running, None);
                self.row.course.wish_for(wish);
            }
            // What is done once is told apart by nothing but the operation: its task is seen to the end first.
            Some(verb) if once(verb).is_some() && self.row.course.task != Task::None => return,
            Some(_) => self.row.active = None,
        }
        self.stored = self.row.clone();
    }

    /// One turn of the loop; tells whether luck ran out.
    pub(crate) fn pass(&mut self, world: &mut World) -> bool {
        self.luck.used = false;
        if world.now < self.down_until {
            return false;
        }
        if self.row.active.is_none() {
            self.poll(world);
        } else if let Err(Crash) = self.work(world) {
            self.row = self.stored.clone();
        }
        self.luck.used
    }

    /// The poller sees guests that nobody works on.
    fn poll(&mut self, world: &World) {
        if world.reachable() && self.row.course.task == Task::None {
            self.row.course.seen = world.look(self.row.vmid);
            self.stored = self.row.clone();
        }
    }

    /// A crash may come before the write or after it.
    fn save(&mut self, world: &World) -> Result<(), Crash> {
        self.survive(world)?;
        self.stored = self.row.clone();
        self.survive(world)
    }

    fn survive(&mut self, world: &World) -> Result<(), Crash> {
        match self.luck.crash() {
            0 => Ok(()),
            down => {
                self.down_until = world.now + down;
                Err(Crash)
            }
        }
    }

    fn work(&mut self, world: &mut World) -> Result<(), Crash> {
        self.row.course.resumed();
        loop {
            let again = match self.row.course.next(time(world.now)) {
                Step::Nothing => self.finish(world),
                Step::Refuse(refusal) => self.refuse(refusal, world),
                Step::Await => return Ok(()),
                Step::Do(act) => self.change(act, world)?,
                // One write with the claim of the new number.
                Step::Renumber => {
                    self.row.vmid += 1;
                    self.row.course.renumbered();
                    true
                }
                Step::Look | Step::Find(_) | Step::Follow | Step::Cancel if !world.reachable() => {
                    self.row.course.learnt_nothing();
                    false
                }
                Step::Look => {
                    self.row.course.saw(world.look(self.row.vmid));
                    true
                }
                Step::Find(act) => self.find(act, world),
                Step::Follow => self.follow(world),
                Step::Cancel => {
                    if self.luck.call().0 == Way::Answered {
                        world.cancel(self.row.job.expect("a running task has its id"));
                        self.survive(world)?;
                        self.row.course.cancelled();
                        true
                    } else {
                        false
                    }
                }
            };
            self.save(world)?;
            if !again {
                return Ok(());
            }
        }
    }

    fn change(&mut self, act: Act, world: &mut World) -> Result<bool, Crash> {
        self.check_request(act, world);
        self.row.course.ask(act, time(world.now));
        self.save(world)?;
        let (way, takes, fate) = self.luck.call();
        self.sent.push(act);
        let answer = world.send(act, self.row.vmid, way, takes, fate);
        self.survive(world)?;
        match answer {
            Answer::Task(job) => {
                self.row.job = Some(job);
                self.row.known.push(job);
                self.row.course.accepted(act);
                Ok(false)
            }
            Answer::Done => {
                self.row.course.done(act);
                Ok(true)
            }
            Answer::Refused => {
                self.row.course.failed();
                Ok(false)
            }
            Answer::Silence => {
                self.row.course.learnt_nothing();
                Ok(false)
            }
        }
    }

    fn find(&mut self, act: Act, world: &World) -> bool {
        let Task::Asked { at, .. } = self.row.course.task else { panic!("find without a question") };
        let fits = |&n: &usize| {
            let job = &world.jobs[n];
            job.vmid == self.row.vmid && job.act == act && !job.forgotten && !self.row.known.contains(&n)
        };
        if let Some(job) = (0..world.jobs.len()).find(fits) {
            self.row.job = Some(job);
            self.row.known.push(job);
            self.row.course.accepted(act);
            return true;
        }
        let settled = time(world.now).since(at) >= Duration::from_secs(5 * SETTLE);
        if settled {
            self.row.course.not_found();
        }
        settled
    }

    fn follow(&mut self, world: &mut World) -> bool {
        let id = self.row.job.expect("a running task has its id");
        if self.luck.call().0 == Way::Refused {
            world.forget(id);
        }
        let job = world.jobs[id];
        if job.forgotten {
            self.row.job = None;
            self.row.course.not_found();
            return true;
        }
        let Some(success) = job.ended else { return false };
        self.row.job = None;
        if success {
            self.row.course.done(job.act);
        } else {
            self.row.course.failed();
        }
        true
    }

    /// What must hold whenever a change is asked for; the world checks the rest.
    fn check_request(&self, act: Act, world: &World) {
        let active = self.row.active.expect("only operations change anything");
        let wish = self.row.course.wish;
        if act == Act::Create {
            assert!(!self.row.course.born, "made again, empty");
        } else if act == Act::Restore && world.look(self.row.vmid) == Seen::Absent {
            assert_eq!(active.verb, Verb::Restore, "brought back unasked");
        } else {
            let Seen::Present(guest) = world.look(self.row.vmid) else { panic!("{act} of nothing") };
            assert!(guest.owner == Owner::Ours && !guest.locked, "{act} of {guest:?}");
        }
        if act == Act::Delete {
            assert!(wish.goal == Goal::Absent || active.verb == Verb::Rebuild, "removed against the wish");
            assert!(world.ours().is_some(), "removed twice");
        }
        if active.verb == Verb::Reboot && matches!(act, Act::Reboot | Act::Stop) {
            assert!(!world.turned(active.jobs), "restarted twice");
        }
    }

    /// The operation is done: is that so?
    fn finish(&mut self, world: &World) -> bool {
        let active = self.row.active.take().expect("an operation is under way");
        let ours = world.ours();
        // A guest that runs is told to run though somebody may hold it; what is gone or stopped must stay so.
        let running = self.row.course.wish.goal == Goal::Running;
        let quiet = if running { world.quiet_as_far_as_known() } else { world.quiet() };
        assert!(quiet, "{}: done while something is still under way", active.verb);
        match self.row.course.wish.goal {
            Goal::Absent => {
                assert!(ours.is_none(), "claimed to be gone");
                self.row.deleted = true;
            }
            Goal::Stopped => {
                let (_, slot) = ours.expect("claimed to be there");
                assert_eq!(slot.power, Power::Stopped, "claimed to be stopped");
                assert!(!refits(active.verb) || slot.fitted && slot.grown, "not as asked");
            }
            Goal::Paused => {
                let (_, slot) = ours.expect("claimed to be there");
                assert_eq!(slot.power, Power::Paused, "claimed to be held");
            }
            Goal::Running => {
                let (vmid, slot) = ours.expect("claimed to be there");
                assert_eq!(*vmid, self.row.vmid, "another number");
                assert_eq!(slot.power, Power::Running, "claimed to run");
                let sized = slot.fitted && slot.grown || self.row.course.born && !refits(active.verb);
                assert!(sized, "ready, but not as asked");
                assert!(!self.reports_address || slot.addressed_at <= world.now, "ready without an address");
                let restarted = world.boots > active.boots || active.older;
                assert!(active.verb != Verb::Reboot || restarted, "claimed to be restarted");
            }
        }
        if let Some(act) = once(active.verb).filter(|_| self.row.course.wish.goal != Goal::Absent) {
            let done = |job: &Job| job.act == act && (job.ended == Some(true) || job.forgotten);
            let done = match act {
                // Whether Proxmox calls it a success or not: the new one is there.
                Act::Create => world.made > active.made,
                _ => world.jobs[active.jobs..].iter().any(done),
            };
            assert!(done, "claimed to have done {act}");
        }
        self.row.course.born |= self.row.course.wish.goal != Goal::Absent;
        self.done.push(active.verb);
        self.ended_at = world.now;
        false
    }

    fn refuse(&mut self, refusal: Refusal, world: &World) -> bool {
        assert!(self.row.course.born || refusal == Refusal::Stopped, "refused before it was made");
        let seen = world.look(self.row.vmid);
        match refusal {
            Refusal::Doubtful => panic!("nobody rewrites descriptions in this world"),
            Refusal::Vanished => assert_eq!(seen, Seen::Absent, "claimed to have vanished"),
            Refusal::Stopped => {
                assert!(
                    world.ours().is_some_and(|(_, slot)| slot.power == Power::Stopped),
                    "claimed to be stopped"
                );
            }
            Refusal::Foreign => {
                assert!(
                    matches!(seen, Seen::Present(_)) && world.ours().is_none(),
                    "claimed to be another's"
                );
            }
        }
        self.row.active = None;
        self.refused.push(refusal);
        false
    }
}
