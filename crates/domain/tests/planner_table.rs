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
        self.born && !self.wish.refit || guest.fitted && guest.grown
    }

    /// Said without the planner's own words: is the world as wished?
    fn agreed(&self) -> bool {
        if self.task != Task::None {
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

fn wishes() -> Vec<Wish> {
    let mut all = Vec::new();
    for &goal in Goal::ALL {
        for gentle_until in [None, Some(PAST), Some(NOW), Some(FUTURE)] {
            for restart in BOTH {
                for address in BOTH {
                    for refit in BOTH {
                        all.push(Wish { goal, gentle_until, restart, address, refit });
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
            for bits in 0..16 {
                let bit = |n: u32| bits & (1 << n) != 0;
                all.push(Seen::Present(Guest {
                    owner,
                    power,
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

fn rows() -> impl Iterator<Item = Row> {
    wishes().into_iter().flat_map(|wish| {
        BOTH.into_iter().flat_map(move |born| {
            sights()
                .into_iter()
                .flat_map(move |seen| tasks().into_iter().map(move |task| Row::new(wish, born, seen, task)))
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
    let (wishes, sights, tasks) = (96, 2 + 4 * 3 * 16, 1 + 3 * Act::ALL.len());
    assert_eq!(rows().count(), wishes * 2 * sights * tasks);
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
                Goal::Absent => matches!(act, Act::Create | Act::Shutdown | Act::Reboot),
                Goal::Stopped => {
                    matches!(act, Act::Shutdown | Act::Reboot) && row.wish.gentle_until.is_none()
                }
                Goal::Running => false,
            },
            _ => false,
        },
    );
    always("removal, cutting off, and changes of disk or settings are never broken off", |row| {
        let fragile = |act| matches!(act, Act::Delete | Act::Stop | Act::Grow | Act::Configure);
        !matches!(row.task, Task::Running { act, .. } if fragile(act)) || row.step == Step::Follow
    });
}

#[test]
fn only_our_own_unlocked_guest_is_touched() {
    whenever(
        "every act but a create needs our mark and no lock",
        |step| matches!(step, Step::Do(act) if act != Act::Create),
        |row| row.ours().is_some_and(|guest| !guest.locked),
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
    whenever("create", does(Act::Create), |row| {
        row.seen == Seen::Absent && !row.born && row.wish.goal != Goal::Absent
    });
    whenever("delete", does(Act::Delete), |row| row.wish.goal == Goal::Absent && power(row, Power::Stopped));
    whenever("configure", does(Act::Configure), |row| {
        let due = if row.born { row.wish.refit } else { power(row, Power::Stopped) };
        due && row.wish.goal != Goal::Absent && row.ours().is_some_and(|guest| !guest.fitted)
    });
    whenever("grow", does(Act::Grow), |row| {
        let due = if row.born { row.wish.refit } else { power(row, Power::Stopped) };
        due && row.wish.goal != Goal::Absent && row.ours().is_some_and(|guest| guest.fitted && !guest.grown)
    });
    whenever("start", does(Act::Start), |row| {
        row.wish.goal == Goal::Running
            && power(row, Power::Stopped)
            && row.ours().is_some_and(|guest| row.complete(guest))
    });
    whenever("resume", does(Act::Resume), |row| row.wish.goal == Goal::Running && power(row, Power::Paused));
    whenever("shutdown", does(Act::Shutdown), |row| {
        row.wish.goal == Goal::Stopped && row.gentle() && power(row, Power::Running)
    });
    whenever("reboot", does(Act::Reboot), |row| {
        row.wish.goal == Goal::Running && row.wish.restart && row.gentle() && power(row, Power::Running)
    });
    whenever("stop", does(Act::Stop), |row| {
        let asked = match row.wish.goal {
            Goal::Absent => true,
            Goal::Stopped => !row.gentle() || power(row, Power::Paused),
            Goal::Running => {
                let unfinished = row.ours().is_some_and(|guest| !(guest.fitted && guest.grown));
                row.wish.restart && !row.gentle() || !row.born && unfinished
            }
        };
        asked && !power(row, Power::Stopped)
    });
}

#[test]
fn a_born_instance_is_never_made_again_nor_given_another_number() {
    whenever(
        "refuse only what was born",
        |step| matches!(step, Step::Refuse(_)),
        |row| {
            let owned = |owner| row.guest().is_some_and(|guest| guest.owner == owner);
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
            let wish = Wish { restart: false, address: false, refit: false, ..row.wish };
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
        for wish in wishes.iter().filter(|wish| !wish.restart && !wish.address) {
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
        &[("task", 3), ("act", Act::ALL.len()), ("goal", 3), ("gentle", 3)],
        lines,
        &mut out,
    );

    let mut lines = Vec::new();
    let away = sights().into_iter().filter(|seen| match seen {
        Seen::Present(guest) => {
            guest.owner != Owner::Ours
                && guest.power == Power::Stopped
                && !(guest.locked || guest.fitted || guest.grown || guest.addressed)
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
                let cells = [word, yes(born), wish.goal.as_str()].map(|word| vec![word]);
                lines.push((cells.to_vec(), plan(wish, born, &seen, &Task::None, NOW)));
            }
        }
    }
    render("Nothing under way, no guest of ours", &[("seen", 4), ("born", 2), ("goal", 3)], lines, &mut out);

    let mut lines = Vec::new();
    for wish in &wishes {
        for &power in Power::ALL {
            for bits in 0..32 {
                let bit = |n: u32| bits & (1 << n) != 0;
                let (born, locked, fitted, grown, addressed) = (bit(0), bit(1), bit(2), bit(3), bit(4));
                let guest = Guest { owner: Owner::Ours, power, locked, fitted, grown, addressed };
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
                    yes(wish.address),
                    yes(addressed),
                ];
                let cells = cells.map(|word| vec![word]).to_vec();
                lines.push((cells, plan(wish, born, &Seen::Present(guest), &Task::None, NOW)));
            }
        }
    }
    let heads = [
        ("goal", 3),
        ("power", 3),
        ("locked", 2),
        ("restart", 2),
        ("gentle", 3),
        ("refit", 2),
        ("born", 2),
        ("fitted", 2),
        ("grown", 2),
        ("address", 2),
        ("addressed", 2),
    ];
    render("Nothing under way, our guest is there", &heads, lines, &mut out);
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
