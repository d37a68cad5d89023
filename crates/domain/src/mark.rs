//! Our mark on a guest: its instance id, written into the guest's description when it is made, plus a tag for
//! people who look at Proxmox. Only the description decides, and only an exact match counts.

use crate::ids::InstanceId;

/// The tag that every guest of ours carries in Proxmox.
pub const TAG: &str = "innkeeper";

const LINE: &str = "innkeeper-instance: ";

/// The description to write when the guest is made.
pub fn description(id: InstanceId) -> String {
    format!("{LINE}{id}")
}

/// The instance named by the mark in a guest's description, if there is exactly one. People may have added text
/// around it; two different marks name nobody.
pub fn read(description: &str) -> Option<InstanceId> {
    let mut found = description.lines().filter_map(|line| line.trim().strip_prefix(LINE)?.parse().ok());
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_additions_and_never_matches_by_chance() {
        let (id, other) = (InstanceId::new(), InstanceId::new());
        assert_eq!(read(&format!("notes\n{}\nmore", description(id))), Some(id));
        assert_eq!(read(&format!("{}\n", description(id))), Some(id));
        assert_eq!(read(""), None);
        assert_eq!(read(&id.to_string()), None);
        assert_eq!(read(&format!("{}x", description(id))), None);
        assert_eq!(read(&format!("{}\n{}", description(id), description(other))), None);
    }
}
