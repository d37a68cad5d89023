//! Adoption: a guest that was in Proxmox before becomes an instance. Nothing of it is changed but that our mark is
//! written after its description and our tag is added to its tags.

use serde::{Deserialize, Serialize};

use crate::ids::{AdoptionId, ClusterId, InstanceId, PlanId, ProjectId, UserId};
use crate::instances::Kind;
use crate::mark;
use crate::names::{Hostname, NodeName, StorageName};
use crate::prices::Rate;
use crate::sizes::Size;
use crate::time::Timestamp;

words! {
    /// How an adoption stands.
    pub enum State as "AdoptionState" {
        /// The mark is to be written.
        Wished = "wished",
        /// The mark stands, but the instance could not be; the mark is to be taken away again.
        Undoing = "undoing",
        /// It is an instance.
        Adopted = "adopted",
        /// It is no instance any more, and the mark is to be taken away.
        Releasing = "releasing",
        /// It was let go: our mark is gone, and everything else is as it was.
        Released = "released",
        /// It was not adopted; the problem says why.
        Failed = "failed",
    }
}

words! {
    /// Why a guest cannot be adopted.
    pub enum Obstacle as "AdoptionObstacle" {
        /// There is no such guest, or the token does not see it.
        NotThere = "not_there",
        /// It is one of our instances.
        Ours = "ours",
        /// Its adoption, or its release, is under way.
        UnderWay = "under_way",
        /// It carries the mark of an instance that is not here: another house's, perhaps.
        AnothersMark = "anothers_mark",
        /// It is a template.
        Template = "template",
        /// Proxmox holds a lock on it.
        Locked = "locked",
        /// Its node does not say how it is at the moment.
        Unknown = "unknown",
        /// Its cores, memory or system disk cannot be told.
        NoSize = "no_size",
        /// Its description is so long that our mark has no room after it.
        NoRoom = "no_room",
    }
}

impl Obstacle {
    /// For people: what is in the way, and what to do about it.
    pub fn message(self) -> &'static str {
        match self {
            Self::NotThere => {
                "there is no such guest that the token may see; check the number and the token's rights"
            }
            Self::Ours => "it is an instance already",
            Self::UnderWay => "its adoption or release is under way; wait for it",
            Self::AnothersMark => {
                "it carries the mark of an instance that is not here; if no other house looks after it, remove the \
                 line `innkeeper-instance: …` from its description"
            }
            Self::Template => "it is a template; use it as a source of one instead",
            Self::Locked => "Proxmox holds a lock on it; wait until what holds it has ended",
            Self::Unknown => "its node does not say how it is; try again when the node is back",
            Self::NoSize => "its cores, memory or system disk cannot be told; it needs a disk on a storage",
            Self::NoRoom => "its description is so long that our mark has no room after it; shorten it",
        }
    }
}

/// What a guest becomes, and what was found of it when that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its name with us.
    pub name: Hostname,
    /// Container or virtual machine.
    pub kind: Kind,
    /// Where it is.
    pub node: NodeName,
    /// Where its system disk is.
    pub storage: StorageName,
    /// How big it is.
    pub size: Size,
    /// What it costs from the moment of adoption.
    pub rate: Rate,
    /// The plan whose price that is.
    pub plan_id: Option<PlanId>,
    /// It can report its addresses.
    pub address: bool,
    /// Its name in Proxmox, which stays.
    pub own_name: Option<String>,
    /// It starts with its host.
    pub onboot: bool,
    /// It is protected against removal, and so is the instance.
    pub protected: bool,
    /// It did not have our tag before, so that releasing it takes the tag away.
    pub adds_tag: bool,
}

/// One adoption, from the wish to the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Identity.
    pub id: AdoptionId,
    /// Where the guest is.
    pub cluster_id: ClusterId,
    /// Its number there.
    pub vmid: u32,
    /// The instance that it becomes.
    pub instance_id: InstanceId,
    /// Whose that is.
    pub project_id: ProjectId,
    /// How it stands.
    pub state: State,
    /// What it becomes.
    pub draft: Draft,
    /// What is or was in the way.
    pub problem: Option<String>,
    /// Who asked.
    pub asked_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When the guest was let go, or was not taken after all.
    pub over_at: Option<Timestamp>,
    /// Tries since the last progress.
    pub attempts: u32,
}

/// What is looked at to tell whether a guest can be adopted.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its description, as it stands.
    pub description: &'a str,
    /// It is a template.
    pub template: bool,
    /// Proxmox holds a lock on it.
    pub locked: bool,
    /// How big it is, and where its system disk is, if that can be told.
    pub size: Option<Size>,
}

/// What keeps a guest from being adopted, if anything does.
pub fn obstacle(sight: Sight<'_>) -> Option<Obstacle> {
    if sight.template {
        Some(Obstacle::Template)
    } else if sight.locked {
        Some(Obstacle::Locked)
    } else if mark::is_marked(sight.description) {
        Some(Obstacle::AnothersMark)
    } else if mark::append(sight.description, InstanceId::new()).is_none() {
        Some(Obstacle::NoRoom)
    } else if sight.size.is_none_or(|size| size.check_within(Size::LEAST, Size::MOST).is_err()) {
        Some(Obstacle::NoSize)
    } else {
        None
    }
}

/// A name that we can take, as near to the guest's own as can be; `taken` says which are not free. None when neither
/// that nor the same with the guest's number is free.
pub fn name_for(own: Option<&str>, kind: Kind, vmid: u32, taken: impl Fn(&str) -> bool) -> Option<Hostname> {
    let mut base = String::new();
    for c in own.unwrap_or_default().to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => base.push(c),
            _ if base.ends_with('-') || base.is_empty() => {}
            _ => base.push('-'),
        }
    }
    base.truncate(63);
    let base = base.trim_end_matches('-');
    let fallback = format!("{}-{vmid}", if kind == Kind::Lxc { "ct" } else { "vm" });
    let numbered =
        format!("{}-{vmid}", base.get(..base.len().min(52)).unwrap_or_default().trim_end_matches('-'));
    [base, &numbered, &fallback].into_iter().filter(|name| !taken(name)).find_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { cores: 1, memory_mib: 512, disk_gib: 8 };

    fn sight(description: &str) -> Sight<'_> {
        Sight { description, template: false, locked: false, size: Some(SIZE) }
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        assert_eq!(obstacle(sight("notes")), None);
        assert_eq!(obstacle(Sight { template: true, ..sight("") }), Some(Obstacle::Template));
        assert_eq!(obstacle(Sight { locked: true, ..sight("") }), Some(Obstacle::Locked));
        assert_eq!(obstacle(Sight { size: None, ..sight("") }), Some(Obstacle::NoSize));
        let marked = format!("notes\n{}", mark::description(InstanceId::new()));
        assert_eq!(obstacle(sight(&marked)), Some(Obstacle::AnothersMark));
        // Two marks, or a broken one, name nobody: that is no reason to write a third.
        assert_eq!(obstacle(sight("innkeeper-instance: broken")), Some(Obstacle::AnothersMark));
        assert_eq!(obstacle(sight(&"x".repeat(mark::LONGEST))), Some(Obstacle::NoRoom));
        for obstacle in Obstacle::ALL {
            assert!(obstacle.message().len() > 20);
        }
    }

    #[test]
    fn a_name_is_as_near_to_the_guests_own_as_can_be() {
        let free = |_: &str| false;
        let name = |own, taken: &dyn Fn(&str) -> bool| {
            name_for(own, Kind::Lxc, 105, taken).map(|name| name.to_string())
        };
        for (own, expected) in [
            (Some("web-1"), "web-1"),
            (Some("Web.Example.ORG"), "web-example-org"),
            (Some("--übel__name--"), "bel-name"),
            (Some("漢字"), "ct-105"),
            (None, "ct-105"),
        ] {
            assert_eq!(name(own, &free).as_deref(), Some(expected), "{own:?}");
        }
        assert_eq!(name(Some("web"), &|name| name == "web").as_deref(), Some("web-105"));
        let long = "a".repeat(90);
        assert_eq!(name(Some(&long), &free).unwrap().len(), 63);
        assert!(name(Some(&long), &|name| name.len() == 63).unwrap().ends_with("a-105"));
        assert_eq!(name(Some("web"), &|_| true), None);
    }
}
