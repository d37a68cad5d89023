//! The planner's whole table: every wish against everything that can be seen and every task. The rules are stated as
//! predicates over all rows; the committed `planner_table.txt` shows the rows folded together, so that a change of
//! rules is seen in review. `INNKEEPER_BLESS=1` writes that file anew.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use innkeeper_domain::instances::{Act, Goal, Guest, Owner, Power, Refusal, Seen, Step, Task, Wish, plan};
use innkeeper_domain::time::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000);
const PAST: Timestamp = Timestamp(999_999);
const FUTURE: Timestamp = Timestamp(1_000_001);

#[derive(Clone, Copy, Debug)]
struct Row {
    wish: Wish,
    born: bool,
    seen: Seen,
    task: Task,
    step: Step,
}

impl Row {
    fn new(wish: Wish, born: bool, seen: Seen, task: Task) -> Self {
        Self { wish, born, seen, task, step: plan(&wish, born, &seen, &task, NOW) }
    }

    fn guest(&self) -> Option<Guest> {
        if let Seen::Present(guest) = self.seen { Some(guest) } else { None }
    }

    fn ours(&self) -> Option<Guest> {
        self.guest().filter(|guest| guest.owner == Owner::Ours)
    }

    fn gentle(&self) -> bool {
        self.wish.gentle_until.is_some_and(|until| NOW < until)
    }

    /// As big as asked, where that matters.
    fn complete(&self, guest: Guest) -> bool {
        self.born && !self.wish.refit || guest.fitted && guest.grown && guest.guarded
    }

    /// Said without the planner's own words: is the world as wished?
    fn agreed(&self) -> bool {
        if self.task != Task::None || self.wish.once.is_some() && self.wish.goal != Goal::Absent {
            return false;
        }
        match self.wish.goal {
            Goal::Absent => {
                let unborn_and_doubtful = |guest: Guest| guest.owner == Owner::Doubtful && !self.born;
                self.seen == Seen::Absent
                    || self.guest().is_some_and(|g| g.owner == Owner::Foreign || unborn_and_doubtful(g))
            }
            // Under a lock stopped may be but a moment: a backup in stop mode starts the guest again.
            Goal::Stopped => self
                .ours()
                .is_some_and(|guest| guest.power == Power::Stopped && !guest.locked && self.complete(guest)),
            Goal::Paused => {
                let refitted = |guest: Guest| !(self.born && self.wish.refit) || self.complete(guest);
                self.ours().is_some_and(|guest| guest.power == Power::Paused && refitted(guest))
            }
            Goal::Running => self.ours().is_some_and(|guest| {
                guest.power == Power::Running
                    && !self.wish.restart
                    && (guest.addressed || !self.wish.address)
                    && self.complete(guest)
            }),
        }
    }
}

const BOTH: [bool; 2] = [false, true];

/// What is done once: nothing, something that takes the guest as it is, something that needs it stopped, making it anew.
/// The others are like the second; a test below says so.
const ONCE: [Option<Act>; 4] = [None, Some(Act::Snapshot), Some(Act::Restore), Some(Act::Create)];

fn wishes() -> Vec<Wish> {
    let mut all = Vec::new();
    for &goal in Goal::ALL {
        for gentle_until in [None, Some(PAST), Some(NOW), Some(FUTURE)] {
            for restart in BOTH {
                for address in BOTH {
                    for refit in BOTH {
                        for once in ONCE {
                            all.push(Wish { goal, gentle_until, restart, address, refit, once });
                        }
                    }
                }
            }
        }
    }
    all
}

fn sights() -> Vec<Seen> {
    let mut all = vec![Seen::Unknown, Seen::Absent];
    for &owner in Owner::ALL {
        for &power in Power::ALL {
            for bits in 0..32 {
                let bit = |n: u32| bits & (1 << n) != 0;
                all.push(Seen::Present(Guest {
                    owner,
                    power,
                    guarded: bit(4),
                    locked: bit(3),
                    fitted: bit(2),
                    grown: bit(1),
                    addressed: bit(0),
                }));
            }
        }
    }
    all
}

fn tasks() -> Vec<Task> {
    let mut all = vec![Task::None];
    for &act in Act::ALL {
        all.push(Task::Asked { act, at: PAST });
        all.extend(BOTH.map(|cancelled| Task::Running { act, cancelled }));
    }
    all
}

/// While something is under way nothing else is looked at, which a few sights show as well as all.
fn sights_during(task: Task) -> Vec<Seen> {
    let few = |seen: &Seen| match seen {
        Seen::Present(guest) => {
            !guest.addressed && guest.fitted == guest.grown && guest.grown == guest.guarded
        }
        _ => true,
    };
    sights().into_iter().filter(|seen| task == Task::None || few(seen)).collect()
}

fn rows() -> impl Iterator<Item = Row> {
    tasks().into_iter().flat_map(|task| {
        sights_during(task).into_iter().flat_map(move |seen| {
            let row = move |wish| BOTH.map(|born| Row::new(wish, born, seen, task));
            wishes().into_iter().flat_map(row)
        })
    })
}

fn always(rule: &str, holds: impl Fn(&Row) -> bool) {
    for row in rows() {
        assert!(holds(&row), "{rule}: {row:?}");
    }
}

/// Holds in every row whose step is chosen by `step`, of which there must be some.
fn whenever(rule: &str, step: impl Fn(Step) -> bool, holds: impl Fn(&Row) -> bool) {
    let mut met = 0_u32;
    for row in rows().filter(|row| step(row.step)) {
        met += 1;
        assert!(holds(&row), "{rule}: {row:?}");
    }
    assert!(met > 0, "{rule}: never tried");
}

fn does(act: Act) -> impl Fn(Step) -> bool {
    move |step| step == Step::Do(act)
}

#[test]
fn the_table_is_whole() {
    let (wishes, idle, busy) = (4 * 4 * 2 * 2 * 2 * 4, 2 + 4 * 3 * 32, 2 + 4 * 3 * 4);
    assert_eq!(rows().count(), wishes * 2 * (idle + 3 * Act::ALL.len() * busy));
}

#[test]
fn nothing_exactly_when_wish_and_world_agree() {
    always("nothing = agreed", |row| (row.step == Step::Nothing) == row.agreed());
}

#[test]
fn nothing_is_done_blindly_or_while_something_is_under_way() {
    whenever(
        "look first, one thing at a time",
        |step| matches!(step, Step::Do(_) | Step::Renumber | Step::Refuse(_) | Step::Await),
        |row| row.seen != Seen::Unknown && row.task == Task::None,
    );
    always("unknown and idle = look", |row| {
        (row.step == Step::Look) == (row.seen == Seen::Unknown && row.task == Task::None)
    });
}

#[test]
fn an_unknown_outcome_is_looked_up_and_never_repeated() {
    always("asked = find that act", |row| match row.task {
        Task::Asked { act, .. } => row.step == Step::Find(act),
        _ => !matches!(row.step, Step::Find(_)),
    });
}

#[test]
fn a_running_task_is_followed_and_cancelled_at_most_once() {
    always("running = follow or cancel", |row| {
        matches!(row.step, Step::Follow | Step::Cancel) == matches!(row.task, Task::Running { .. })
    });
    whenever(
        "cancel once, and only what the wish contradicts",
        |step| step == Step::Cancel,
        |row| match row.task {
            Task::Running { act, cancelled: false } => match row.wish.goal {
                Goal::Absent => matches!(act, Act::Create | Act::Shutdown | Act::Reboot | Act::BackUp),
                Goal::Stopped => {
                    matches!(act, Act::Shutdown | Act::Reboot) && row.wish.gentle_until.is_none()
                }
                Goal::Running | Goal::Paused => false,
            },
            _ => false,
        },
    );
    always("removal, cutting off, and changes of disk or settings are never broken off", |row| {
        let fragile = |act| {
            matches!(
                act,
                Act::Delete
                    | Act::Stop
                    | Act::Grow
                    | Act::Configure
                    | Act::Guard
                    | Act::Rollback
                    | Act::Restore
                    | Act::Migrate
            )
        };
        !matches!(row.task, Task::Running { act, .. } if fragile(act)) || row.step == Step::Follow
    });
}

#[test]
fn only_our_own_unlocked_guest_is_touched() {
    whenever(
        "every act but making needs our mark and no lock",
        |step| matches!(step, Step::Do(act) if act != Act::Create),
        |row| {
            let brought_back = row.seen == Seen::Absent && row.step == Step::Do(Act::Restore);
            brought_back || row.ours().is_some_and(|guest| !guest.locked)
        },
    );
    always("another's guest is left alone", |row| {
        row.guest().is_none_or(|guest| guest.owner == Owner::Ours) || {
            row.task != Task::None
                || matches!(row.step, Step::Nothing | Step::Await | Step::Renumber | Step::Refuse(_))
        }
    });
    always("what cannot be read is waited for", |row| {
        row.guest().is_none_or(|guest| guest.owner != Owner::Unreadable)
            || row.task != Task::None
            || row.step == Step::Await
    });
}

#[test]
fn each_act_has_its_one_reason() {
    let power = |row: &Row, power| row.ours().is_some_and(|guest| guest.power == power);
    let once = |row: &Row, act| row.wish.once == Some(act) && row.wish.goal != Goal::Absent;
    whenever("create", does(Act::Create), |row| {
        let anew = once(row, Act::Create);
        row.seen == Seen::Absent && (!row.born || anew) && row.wish.goal != Goal::Absent
    });
    whenever("delete", does(Act::Delete), |row| {
        (row.wish.goal == Goal::Absent || once(row, Act::Create)) && power(row, Power::Stopped)
    });
    whenever("snapshot", does(Act::Snapshot), |row| once(row, Act::Snapshot) && row.ours().is_some());
    whenever("restore", does(Act::Restore), |row| {
        once(row, Act::Restore) && (row.seen == Seen::Absent || power(row, Power::Stopped))
    });
    let due = |row: &Row| {
        let due = if row.born { row.wish.refit } else { power(row, Power::Stopped) };
        due && row.wish.goal != Goal::Absent && row.wish.once.is_none()
    };
    whenever("configure", does(Act::Configure), |row| due(row) && row.ours().is_some_and(|g| !g.fitted));
    whenever("grow", does(Act::Grow), |row| due(row) && row.ours().is_some_and(|g| g.fitted && !g.grown));
    whenever("guard", does(Act::Guard), |row| {
        due(row) && row.ours().is_some_and(|guest| guest.fitted && guest.grown && !guest.guarded)
    });
    whenever("start", does(Act::Start), |row| {
        row.wish.goal == Goal::Running
            && power(row, Power::Stopped)
            && row.ours().is_some_and(|guest| row.complete(guest))
    });
    whenever("resume", does(Act::Resume), |row| row.wish.goal == Goal::Running && power(row, Power::Paused));
    whenever("pause", does(Act::Pause), |row| row.wish.goal == Goal::Paused && power(row, Power::Running));
    whenever("shutdown", does(Act::Shutdown), |row| {
        row.wish.goal == Goal::Stopped && row.gentle() && power(row, Power::Running)
    });
    whenever("reboot", does(Act::Reboot), |row| {
        row.wish.goal == Goal::Running && row.wish.restart && row.gentle() && power(row, Power::Running)
    });
    whenever("stop", does(Act::Stop), |row| {
        let making_room = once(row, Act::Create) || once(row, Act::Restore);
        let asked = match row.wish.goal {
            Goal::Absent => true,
            Goal::Stopped => !row.gentle() || power(row, Power::Paused),
            Goal::Paused => false,
            Goal::Running => {
                let unfinished = row.ours().is_some_and(|g| !(g.fitted && g.grown && g.guarded));
                row.wish.restart && !row.gentle() || !row.born && unfinished
            }
        };
        (asked || making_room) && !power(row, Power::Stopped)
    });
}

#[test]
fn whatever_is_done_once_is_done_before_anything_else() {
    always("once, on our own unlocked guest", |row| {
        let free = row.ours().is_some_and(|guest| !guest.locked) && row.task == Task::None;
        row.wish.once.is_none()
            || row.wish.goal == Goal::Absent
            || !free
            || matches!(row.step, Step::Do(act) if Some(act) == row.wish.once || matches!(act, Act::Stop | Act::Delete))
    });
    for act in [Act::Rollback, Act::DropSnapshot, Act::BackUp, Act::Migrate] {
        for row in rows().filter(|row| row.wish.once == Some(Act::Snapshot)) {
            let wish = Wish { once: Some(act), ..row.wish };
            let expected = if row.step == Step::Do(Act::Snapshot) { Step::Do(act) } else { row.step };
            assert_eq!(Row::new(wish, row.born, row.seen, row.task).step, expected, "{act} like a snapshot");
        }
    }
}

#[test]
fn a_born_instance_is_never_made_again_nor_given_another_number() {
    whenever(
        "refuse only what was born",
        |step| matches!(step, Step::Refuse(_)),
        |row| {
            let owned = |owner| row.guest().is_some_and(|guest| guest.owner == owner);
            let stopped = row.ours().is_some_and(|guest| guest.power == Power::Stopped);
            if row.step == Step::Refuse(Refusal::Stopped) {
                return row.wish.goal == Goal::Paused && stopped;
            }
            row.born
                && match row.step {
                    Step::Refuse(Refusal::Vanished) => {
                        row.wish.goal != Goal::Absent && row.seen == Seen::Absent
                    }
                    // A removal too: calling it gone might leave it running.
                    Step::Refuse(Refusal::Doubtful) => owned(Owner::Doubtful),
                    _ => row.wish.goal != Goal::Absent && owned(Owner::Foreign),
                }
        },
    );
    whenever(
        "renumber only before birth",
        |step| step == Step::Renumber,
        |row| {
            let not_ours = |guest: Guest| matches!(guest.owner, Owner::Foreign | Owner::Doubtful);
            !row.born && row.wish.goal != Goal::Absent && row.guest().is_some_and(not_ours)
        },
    );
}

#[test]
fn waiting_has_a_reason_that_passes() {
    whenever(
        "await",
        |step| step == Step::Await,
        |row| {
            let no_address = |guest: Guest| {
                row.wish.goal == Goal::Running
                    && row.wish.address
                    && !guest.addressed
                    && guest.power == Power::Running
            };
            row.guest().is_some_and(|guest| {
                guest.owner == Owner::Unreadable
                    || guest.owner == Owner::Ours && (guest.locked || no_address(guest))
            })
        },
    );
    always("a removal waits for locks only", |row| {
        let free = row.ours().is_some_and(|guest| !guest.locked);
        row.wish.goal != Goal::Absent || !free || row.step != Step::Await
    });
}

/// What the planner is not to look at makes no difference: the folded table below leaves it out.
#[test]
fn the_folded_table_tells_all() {
    always("a gentle wish whose time is up stays up", |row| {
        row.wish.gentle_until != Some(NOW) || {
            let past = Wish { gentle_until: Some(PAST), ..row.wish };
            Row::new(past, row.born, row.seen, row.task).step == row.step
        }
    });
    always("under way, only goal and politeness count", |row| {
        row.task == Task::None || {
            let wish = Wish { restart: false, address: false, refit: false, once: None, ..row.wish };
            Row::new(wish, false, Seen::Unknown, row.task).step == row.step
        }
    });
    always("another's guest is another's, however it is", |row| {
        let Some(guest) = row.guest().filter(|guest| guest.owner != Owner::Ours) else { return true };
        let plain = Guest {
            owner: guest.owner,
            power: Power::Stopped,
            locked: false,
            fitted: false,
            grown: false,
            guarded: false,
            addressed: false,
        };
        Row::new(row.wish, row.born, Seen::Present(plain), row.task).step == row.step
    });
}

// The committed table.

/// Joins lines that differ in one column only, until none do: each column is then a set of words.
fn fold(mut lines: Vec<(Vec<Vec<&'static str>>, Step)>) -> Vec<(Vec<Vec<&'static str>>, Step)> {
    let columns = lines.first().map_or(0, |line| line.0.len());
    // From the right, so that the most telling columns stay apart longest.
    for column in (0..columns).rev() {
        let mut folded: Vec<(Vec<Vec<&'static str>>, Step)> = Vec::new();
        for (cells, step) in lines {
            let twin = folded.iter_mut().find(|(other, same)| {
                *same == step && (0..columns).all(|n| n == column || other[n] == cells[n])
            });
            match twin {
                Some((other, _)) => other[column].extend(&cells[column]),
                None => folded.push((cells, step)),
            }
        }
        lines = folded;
    }
    lines
}

fn render(
    title: &str,
    heads: &[(&str, usize)],
    lines: Vec<(Vec<Vec<&'static str>>, Step)>,
    out: &mut String,
) {
    let mut table =
        vec![heads.iter().map(|(head, _)| (*head).to_owned()).chain(["step".to_owned()]).collect()];
    for (cells, step) in fold(lines) {
        let mut line: Vec<String> = Vec::new();
        for (words, (_, all)) in cells.iter().zip(heads) {
            line.push(if words.len() == *all { "any".to_owned() } else { words.join("|") });
        }
        line.push(format!("{step:?}"));
        table.push(line);
    }
    let width = |n: usize| table.iter().map(|line: &Vec<String>| line[n].len()).max().unwrap_or(0);
    writeln!(out, "\n{title}\n").unwrap();
    for line in &table {
        let cells: Vec<String> =
            line.iter().enumerate().map(|(n, cell)| format!("{cell:w$}", w = width(n))).collect();
        writeln!(out, "{}", cells.join("  ").trim_end()).unwrap();
    }
}

fn gentle_word(wish: &Wish) -> &'static str {
    match wish.gentle_until {
        None => "none",
        Some(PAST) => "past",
        Some(_) => "future",
    }
}

fn once_word(wish: &Wish) -> &'static str {
    wish.once.map_or("none", Act::as_str)
}

/// Our guest, as it should be.
fn whole() -> Guest {
    Guest {
        owner: Owner::Ours,
        power: Power::Running,
        locked: false,
        fitted: true,
        grown: true,
        guarded: true,
        addressed: true,
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn table() -> String {
    let mut out = String::from(
        "The planner's rules, folded: each line is the set of all combinations of its cells. Written by\n\
         `INNKEEPER_BLESS=1 cargo test -p innkeeper-domain --test planner_table`; do not edit by hand.\n",
    );
    let wishes: Vec<Wish> = wishes().into_iter().filter(|wish| wish.gentle_until != Some(NOW)).collect();

    let mut lines = Vec::new();
    for task in tasks().into_iter().filter(|task| *task != Task::None) {
        for wish in
            wishes.iter().filter(|wish| !wish.restart && !wish.address && !wish.refit && wish.once.is_none())
        {
            let (state, act) = match task {
                Task::Asked { act, .. } => ("asked", act),
                Task::Running { act, cancelled: false } => ("running", act),
                Task::Running { act, .. } => ("cancelled", act),
                Task::None => unreachable!("filtered above"),
            };
            let cells = [state, act.as_str(), wish.goal.as_str(), gentle_word(wish)].map(|word| vec![word]);
            lines.push((cells.to_vec(), plan(wish, false, &Seen::Unknown, &task, NOW)));
        }
    }
    render(
        "Something is under way (whatever is seen)",
        &[("task", 3), ("act", Act::ALL.len()), ("goal", 4), ("gentle", 3)],
        lines,
        &mut out,
    );

    let mut lines = Vec::new();
    let away = sights().into_iter().filter(|seen| match seen {
        Seen::Present(guest) => {
            guest.owner != Owner::Ours
                && guest.power == Power::Stopped
                && !(guest.locked || guest.fitted || guest.grown || guest.guarded || guest.addressed)
        }
        _ => true,
    });
    for seen in away {
        let word = match seen {
            Seen::Unknown => "unknown",
            Seen::Absent => "absent",
            Seen::Present(guest) => guest.owner.as_str(),
        };
        for wish in wishes
            .iter()
            .filter(|wish| wish.gentle_until.is_none() && !wish.restart && !wish.address && !wish.refit)
        {
            for born in BOTH {
                let cells = [word, once_word(wish), yes(born), wish.goal.as_str()].map(|word| vec![word]);
                lines.push((cells.to_vec(), plan(wish, born, &seen, &Task::None, NOW)));
            }
        }
    }
    let heads = [("seen", 4), ("once", ONCE.len()), ("born", 2), ("goal", 4)];
    render("Nothing under way, no guest of ours", &heads, lines, &mut out);

    let mut lines = Vec::new();
    let plain = |wish: &&Wish| wish.gentle_until.is_none() && !wish.restart && !wish.address && !wish.refit;
    for wish in wishes.iter().filter(|wish| wish.once.is_some()).filter(plain) {
        for &power in Power::ALL {
            for locked in BOTH {
                let guest = Guest { locked, power, ..whole() };
                let cells = [once_word(wish), wish.goal.as_str(), power.as_str(), yes(locked)];
                let cells = cells.map(|word| vec![word]).to_vec();
                lines.push((cells, plan(wish, true, &Seen::Present(guest), &Task::None, NOW)));
            }
        }
    }
    let heads = [("once", ONCE.len() - 1), ("goal", 4), ("power", 3), ("locked", 2)];
    render("Something to be done once, our guest is there (in whatever order)", &heads, lines, &mut out);

    let mut lines = Vec::new();
    for wish in wishes.iter().filter(|wish| wish.once.is_none()) {
        for &power in Power::ALL {
            for bits in 0..64 {
                let bit = |n: u32| bits & (1 << n) != 0;
                let (born, locked, fitted, grown, guarded) = (bit(0), bit(1), bit(2), bit(3), bit(4));
                let addressed = bit(5);
                let guest = Guest { owner: Owner::Ours, power, locked, fitted, grown, guarded, addressed };
                let cells = [
                    wish.goal.as_str(),
                    power.as_str(),
                    yes(locked),
                    yes(wish.restart),
                    gentle_word(wish),
                    yes(wish.refit),
                    yes(born),
                    yes(fitted),
                    yes(grown),
                    yes(guarded),
                    yes(wish.address),
                    yes(addressed),
                ];
                let cells = cells.map(|word| vec![word]).to_vec();
                lines.push((cells, plan(wish, born, &Seen::Present(guest), &Task::None, NOW)));
            }
        }
    }
    let heads = [
        ("goal", 4),
        ("power", 3),
        ("locked", 2),
        ("restart", 2),
        ("gentle", 3),
        ("refit", 2),
        ("born", 2),
        ("fitted", 2),
        ("grown", 2),
        ("guarded", 2),
        ("address", 2),
        ("addressed", 2),
    ];
    render("Nothing under way, nothing to be done once, our guest is there", &heads, lines, &mut out);
    out
}

#[test]
fn the_committed_table_is_what_the_planner_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/planner_table.txt");
    let table = table();
    if std::env::var_os("INNKEEPER_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if let Some((n, (is, was))) = table.lines().zip(committed.lines()).enumerate().find(|(_, (a, b))| a != b)
    {
        panic!(
            "line {}: the planner says\n  {is}\nthe committed table\n  {was}\nreview, then set INNKEEPER_BLESS=1",
            n + 1
        );
    }
    assert_eq!(table.lines().count(), committed.lines().count(), "review, then set INNKEEPER_BLESS=1");
}
