//! Drift: where a guest in Proxmox differs from what we hold of it. Nothing is guessed: what is not known differs from
//! nothing, and what differs is told until a person has decided which of the two is right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::instances::Instance;
use crate::mark;
use crate::names::Tag;
use crate::operations::Verb;
use crate::sizes::Size;
use crate::time::Timestamp;

words! {
    /// In which way a guest differs from what we hold of it.
    pub enum Kind as "DriftKind" {
        /// A setting is another: `what` says which.
        Changed = "changed",
        /// It is on another node. It is followed there.
        Moved = "moved",
        /// It is gone from Proxmox.
        Vanished = "vanished",
        /// Something that is not ours has held a lock on it for a while.
        ForeignLock = "foreign_lock",
        /// Our mark is not in its description any more.
        MarkMissing = "mark_missing",
        /// It carries another's mark, or another guest has its number.
        AnothersMark = "anothers_mark",
    }
}

impl Kind {
    /// Whether only the guest's configuration tells, and not the inventory of the cluster.
    pub fn needs_a_look(self) -> bool {
        matches!(self, Self::Changed | Self::MarkMissing)
    }
}

/// How long somebody else's lock is nothing to talk about: a backup or a move takes its time.
pub const LOCK_PATIENCE: Duration = Duration::from_mins(30);

/// What is held of a guest beside its size: how it was when it was made, adopted, or accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The node that it is on.
    pub node: String,
    /// Its tags, those that its owner gave it through us among them.
    pub tags: BTreeSet<String>,
    /// Its network cards, setting by setting.
    pub nets: BTreeMap<String, BTreeMap<String, String>>,
    /// Its disk in GiB, where that is larger than was asked for.
    pub disk_gib: u32,
    /// When this was seen.
    pub at: Timestamp,
    /// The claim of the instance up to which we know that nothing of this was changed by ourselves.
    pub fence: i64,
}

/// What we want of a guest, as far as it can differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in Proxmox; none where any will do.
    pub name: Option<String>,
    /// How big it is.
    pub size: Size,
    /// Tags that its owner gave it.
    pub tags: BTreeSet<String>,
    /// Tags that its owner took away.
    pub untagged: BTreeSet<String>,
}

impl Wanted {
    /// What an instance should be.
    pub fn of(instance: &Instance) -> Self {
        let words = |tags: &BTreeSet<Tag>| tags.iter().map(|tag| tag.as_str().to_lowercase()).collect();
        Self {
            name: instance.guest_name().map(str::to_owned),
            size: instance.size,
            tags: words(&instance.settings.tags),
            untagged: words(&instance.settings.untagged),
        }
    }

    /// The tags that the guest should have: ours, its owner's, and those that others gave it.
    pub fn all_tags(&self, held: &Held) -> BTreeSet<String> {
        let others = held.tags.difference(&self.untagged).cloned();
        others.chain(self.tags.iter().cloned()).chain([mark::TAG.to_owned()]).collect()
    }
}

/// Operations that change nothing of what is held beside the size. After any other, what is there is what we made.
pub fn leaves_as_it_is(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Start
            | Verb::Shutdown
            | Verb::Stop
            | Verb::Reboot
            | Verb::Pause
            | Verb::Resume
            | Verb::Resize
            | Verb::Update
            | Verb::Snapshot
            | Verb::DropSnapshot
            | Verb::BackUp
            | Verb::Trash
    )
}

/// Whose mark a guest carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Ours, for this very instance.
    Ours,
    /// None.
    Missing,
    /// Another's, or several.
    Anothers,
}

/// A guest's configuration, with what is pending counted as done. What is not said there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Cores of all sockets.
    pub cores: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u32>,
    /// The system disk in GiB, begun ones counted.
    pub disk_gib: Option<u32>,
    /// Its name.
    pub name: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Its network cards, setting by setting.
    pub nets: BTreeMap<String, BTreeMap<String, String>>,
    /// Whose mark it carries.
    pub mark: Mark,
}

/// What the inventory of the cluster says of a guest. Figures that are not known are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    /// The node.
    pub node: String,
    /// Its name.
    pub name: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Its cores.
    pub cores: Option<u32>,
    /// Its memory in MiB.
    pub memory_mib: Option<u32>,
    /// Its disk in GiB, begun ones counted; none while a container runs, whose figure is that of its file system.
    pub disk_gib: Option<u32>,
    /// What holds a lock on it.
    pub lock: Option<String>,
}

/// One way in which a guest differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// In which way.
    pub kind: Kind,
    /// What differs, for example `cores` or `net0`; the same word as the kind where there is nothing finer.
    pub what: String,
    /// What we hold.
    pub expected: Option<String>,
    /// What Proxmox has.
    pub found: Option<String>,
    /// Since when it is seen to differ.
    pub since: Timestamp,
}

fn drift(kind: Kind, what: &str, expected: Option<String>, found: Option<String>, now: Timestamp) -> Drift {
    Drift { kind, what: what.to_owned(), expected, found, since: now }
}

impl Drift {
    /// A guest that is gone.
    pub fn vanished(now: Timestamp) -> Self {
        let (expected, found) = (Some("there".to_owned()), Some("gone".to_owned()));
        drift(Kind::Vanished, Kind::Vanished.as_str(), expected, found, now)
    }

    /// Another guest has its number, or it carries another's mark.
    pub fn anothers(now: Timestamp) -> Self {
        let (expected, found) = (Some("ours".to_owned()), Some("another's".to_owned()));
        drift(Kind::AnothersMark, Kind::AnothersMark.as_str(), expected, found, now)
    }

    /// Whether it is worth telling: a lock is, when it has stood for a while.
    pub fn is_told(&self, now: Timestamp, patience: Duration) -> bool {
        self.kind != Kind::ForeignLock || now >= self.since.after(patience)
    }

    /// The same, as it may be shown to a customer: nothing of nodes, networks and marks.
    #[must_use]
    pub fn for_customers(mut self) -> Self {
        let plain = ["cores", "memory_mib", "disk_gib", "name"].contains(&self.what.as_str());
        if !(self.kind == Kind::Changed && plain || self.kind == Kind::Vanished) {
            (self.expected, self.found) = (None, None);
        }
        if self.kind == Kind::Changed && !plain && self.what != "tags" {
            "network".clone_into(&mut self.what);
        }
        self
    }

    /// What can be done about it.
    pub fn what_to_do(&self, staff: bool) -> &'static str {
        if !staff {
            return match self.kind {
                Kind::Moved => "nothing: it is on another machine of the house",
                _ => "an operator must decide",
            };
        }
        match self.kind {
            Kind::Changed if self.what == "disk_gib" => {
                "accept it; a disk that has grown cannot be made smaller, one that is too small is grown by restore"
            }
            Kind::Changed => "accept it, or restore what we hold",
            Kind::Moved => "it is followed; accept its new node, or move it back in Proxmox",
            Kind::Vanished => "restore it from a backup under the same number, or delete the instance",
            Kind::ForeignLock => {
                "see in Proxmox what holds the lock; if nothing does any more, `pct unlock` or `qm unlock`"
            }
            Kind::MarkMissing => "if it is the same guest, restore: the mark is written again",
            Kind::AnothersMark => "never touched by us; see whose it is in Proxmox, or delete the instance",
        }
    }
}

/// Where the inventory alone tells that a guest is elsewhere or locked. `ours` says whether a lock may be ours.
pub fn by_row(held: Option<&Held>, row: &Row, now: Timestamp) -> Vec<Drift> {
    let mut found = Vec::new();
    if let Some(held) = held.filter(|held| held.node != row.node) {
        let (was, is) = (Some(held.node.clone()), Some(row.node.clone()));
        found.push(drift(Kind::Moved, "node", was, is, now));
    }
    // A suspended machine rests under a lock of that name, and a mounted container works.
    if let Some(lock) = row.lock.as_deref().filter(|lock| !matches!(*lock, "suspended" | "mounted")) {
        found.push(drift(Kind::ForeignLock, "lock", None, Some(lock.to_owned()), now));
    }
    found
}

/// Whether the inventory gives reason to look at the guest itself. Its figures are some seconds old and know nothing
/// of what waits for a restart, so that they prove nothing by themselves.
pub fn is_suspect(wanted: &Wanted, held: &Held, row: &Row) -> bool {
    let other = |is: Option<u32>, expected: u32| is.is_some_and(|is| is != expected);
    let size = wanted.size;
    row.name.as_ref().zip(wanted.name.as_ref()).is_some_and(|(is, expected)| is != expected)
        || row.tags != wanted.all_tags(held)
        || other(row.cores, size.cores)
        || other(row.memory_mib, size.memory_mib)
        || other(row.disk_gib, size.disk_gib.max(held.disk_gib))
}

/// What is held of a guest from now on: as it is seen to be.
pub fn held(facts: &Facts, node: &str, size: Size, now: Timestamp, fence: i64) -> Held {
    Held {
        node: node.to_owned(),
        tags: facts.tags.clone(),
        nets: facts.nets.clone(),
        disk_gib: facts.disk_gib.filter(|disk| *disk > size.disk_gib).unwrap_or(0),
        at: now,
        fence,
    }
}

/// Where a guest's own configuration differs from what we hold.
pub fn by_facts(wanted: &Wanted, held: &Held, facts: &Facts, now: Timestamp) -> Vec<Drift> {
    let size = wanted.size;
    match facts.mark {
        Mark::Anothers => return vec![Drift::anothers(now)],
        Mark::Missing => {
            let word = Kind::MarkMissing.as_str();
            return vec![drift(Kind::MarkMissing, word, Some("our mark".to_owned()), None, now)];
        }
        Mark::Ours => {}
    }
    let mut found = Vec::new();
    for (what, expected, is) in [
        ("cores", size.cores, facts.cores),
        ("memory_mib", size.memory_mib, facts.memory_mib),
        ("disk_gib", size.disk_gib.max(held.disk_gib), facts.disk_gib),
    ] {
        if let Some(is) = is.filter(|is| *is != expected) {
            found.push(drift(Kind::Changed, what, Some(expected.to_string()), Some(is.to_string()), now));
        }
    }
    if let (Some(expected), Some(is)) = (&wanted.name, &facts.name)
        && expected != is
    {
        found.push(drift(Kind::Changed, "name", Some(expected.clone()), Some(is.clone()), now));
    }
    let tags = wanted.all_tags(held);
    if facts.tags != tags {
        let list = |tags: &BTreeSet<String>| Some(tags.iter().cloned().collect::<Vec<_>>().join(";"));
        found.push(drift(Kind::Changed, "tags", list(&tags), list(&facts.tags), now));
    }
    let cards: BTreeSet<&String> = held.nets.keys().chain(facts.nets.keys()).collect();
    for card in cards {
        let (was, is) = (held.nets.get(card), facts.nets.get(card));
        if was != is {
            found.push(drift(Kind::Changed, card, was.map(net_text), is.map(net_text), now));
        }
    }
    found
}

/// A network card as people read it.
fn net_text(settings: &BTreeMap<String, String>) -> String {
    settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// What is told from now on: what differs now, each since when it was first seen to.
pub fn carried_on(before: &[Drift], mut now: Vec<Drift>) -> Vec<Drift> {
    for drift in &mut now {
        if let Some(old) = before.iter().find(|old| (old.kind, &old.what) == (drift.kind, &drift.what)) {
            drift.since = old.since;
        }
    }
    now.sort_by(|a, b| (a.kind, &a.what).cmp(&(b.kind, &b.what)));
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const SIZE: Size = Size { cores: 2, memory_mib: 512, disk_gib: 6 };

    fn net(bridge: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let card = [("name", "eth0"), ("bridge", bridge)].map(|(k, v)| (k.to_owned(), v.to_owned()));
        [("net0".to_owned(), card.into())].into()
    }

    fn facts() -> Facts {
        Facts {
            cores: Some(2),
            memory_mib: Some(512),
            disk_gib: Some(6),
            name: Some("web".to_owned()),
            tags: [mark::TAG.to_owned()].into(),
            nets: net("vmbr0"),
            mark: Mark::Ours,
        }
    }

    fn held() -> Held {
        super::held(&facts(), "oak", SIZE, NOW, 1)
    }

    fn wanted() -> Wanted {
        let none = BTreeSet::new();
        Wanted { name: Some("web".to_owned()), size: SIZE, tags: none.clone(), untagged: none }
    }

    fn row() -> Row {
        Row {
            node: "oak".to_owned(),
            name: Some("web".to_owned()),
            tags: [mark::TAG.to_owned()].into(),
            cores: Some(2),
            memory_mib: Some(512),
            disk_gib: Some(6),
            lock: None,
        }
    }

    fn differs(facts: &Facts) -> Vec<(Kind, String)> {
        by_facts(&wanted(), &held(), facts, NOW).into_iter().map(|drift| (drift.kind, drift.what)).collect()
    }

    #[test]
    fn each_setting_that_differs_is_named_and_nothing_else() {
        assert_eq!(differs(&facts()), []);
        let changed = |what: &str| vec![(Kind::Changed, what.to_owned())];
        assert_eq!(differs(&Facts { cores: Some(4), ..facts() }), changed("cores"));
        assert_eq!(differs(&Facts { memory_mib: Some(1024), ..facts() }), changed("memory_mib"));
        assert_eq!(differs(&Facts { disk_gib: Some(7), ..facts() }), changed("disk_gib"));
        assert_eq!(differs(&Facts { name: Some("x".into()), ..facts() }), changed("name"));
        assert_eq!(differs(&Facts { tags: BTreeSet::new(), ..facts() }), changed("tags"));
        assert_eq!(differs(&Facts { nets: net("vmbr1"), ..facts() }), changed("net0"));
        assert_eq!(differs(&Facts { nets: BTreeMap::new(), ..facts() }), changed("net0"));
        // Whoever's it is, its settings are not ours to compare.
        let theirs = Facts { mark: Mark::Anothers, cores: Some(9), ..facts() };
        assert_eq!(differs(&theirs), [(Kind::AnothersMark, "anothers_mark".to_owned())]);
        let unmarked = Facts { mark: Mark::Missing, ..facts() };
        assert_eq!(differs(&unmarked), [(Kind::MarkMissing, "mark_missing".to_owned())]);
        // What is not said differs from nothing.
        let silent = Facts { cores: None, memory_mib: None, disk_gib: None, name: None, ..facts() };
        assert_eq!(differs(&silent), []);
    }

    #[test]
    fn figures_that_are_missing_or_agree_give_no_reason_to_look() {
        assert!(!is_suspect(&wanted(), &held(), &row()));
        let new = Row { name: None, cores: None, memory_mib: None, disk_gib: None, ..row() };
        assert!(!is_suspect(&wanted(), &held(), &new));
        for other in [
            Row { name: Some("x".into()), ..row() },
            Row { tags: BTreeSet::new(), ..row() },
            Row { cores: Some(1), ..row() },
            Row { memory_mib: Some(1), ..row() },
            Row { disk_gib: Some(7), ..row() },
        ] {
            assert!(is_suspect(&wanted(), &held(), &other), "{other:?}");
        }
    }

    #[test]
    fn what_we_ourselves_want_changed_is_no_drift() {
        let own = Facts { disk_gib: Some(9), name: Some("Old.Box".into()), ..facts() };
        let held = super::held(&own, "oak", SIZE, NOW, 1);
        // A disk that was always larger, and a name that any will do.
        let any = Wanted { name: None, ..wanted() };
        assert_eq!(by_facts(&any, &held, &own, NOW), []);
        // Once it has grown beyond that, what was asked for counts.
        let grown = Wanted { size: Size { disk_gib: 12, ..SIZE }, ..any };
        assert!(!is_suspect(&grown, &held, &Row { disk_gib: Some(12), name: None, ..row() }));
        // Its owner gave it one tag and took another away, through us.
        let words =
            |tags: &[&str]| -> BTreeSet<String> { tags.iter().map(|tag| (*tag).to_owned()).collect() };
        let before = Facts { tags: words(&["innkeeper", "web", "backup-daily"]), ..facts() };
        let held = super::held(&before, "oak", SIZE, NOW, 1);
        let retagged = Wanted { tags: words(&["db"]), untagged: words(&["web"]), ..wanted() };
        let now = Facts { tags: words(&["innkeeper", "db", "backup-daily"]), ..facts() };
        assert_eq!(by_facts(&retagged, &held, &now, NOW), []);
        assert_eq!(by_facts(&retagged, &held, &before, NOW).len(), 1);
    }

    #[test]
    fn operations_that_may_change_more_than_the_size_are_known() {
        for verb in [Verb::Create, Verb::Restore, Verb::Rollback, Verb::Rebuild, Verb::Migrate] {
            assert!(!leaves_as_it_is(verb), "{verb}");
        }
        assert!(leaves_as_it_is(Verb::Reboot) && leaves_as_it_is(Verb::Resize));
    }

    #[test]
    fn the_inventory_tells_of_moves_and_of_locks_that_stay() {
        let moved = Row { node: "elm".to_owned(), lock: Some("backup".to_owned()), ..row() };
        let found = by_row(Some(&held()), &moved, NOW);
        let told: Vec<_> = found.iter().map(|d| (d.kind, d.is_told(NOW, LOCK_PATIENCE))).collect();
        assert_eq!(told, [(Kind::Moved, true), (Kind::ForeignLock, false)]);
        assert!(found[1].is_told(NOW.after(LOCK_PATIENCE), LOCK_PATIENCE));
        assert_eq!(by_row(None, &Row { lock: Some("suspended".to_owned()), ..moved.clone() }, NOW), []);
        let later = NOW.after(Duration::from_mins(5));
        let again = carried_on(&found, by_row(Some(&held()), &moved, later));
        assert!(again.iter().all(|drift| drift.since == NOW), "since when it was first seen");
        assert_eq!(by_row(Some(&held()), &row(), NOW), []);
    }

    #[test]
    fn customers_learn_nothing_of_the_house() {
        let moved = Row { node: "elm".to_owned(), ..row() };
        let other = Facts { nets: net("vmbr7"), cores: Some(4), ..facts() };
        let mut all = by_row(Some(&held()), &moved, NOW);
        all.extend(by_facts(&wanted(), &held(), &other, NOW));
        all.push(Drift::anothers(NOW));
        all.push(Drift::vanished(NOW));
        for drift in all {
            let staff = drift.what_to_do(true);
            let shown = drift.for_customers();
            let text = format!("{shown:?} {}", shown.what_to_do(false));
            for secret in ["oak", "elm", "vmbr", "net0", "Proxmox"] {
                assert!(!text.contains(secret), "{text}");
            }
            assert!(staff.len() > 20);
        }
    }
}
