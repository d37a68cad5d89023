//! Our mark on a guest: its instance id, written into the guest's description when it is made, plus a tag for
//! people who look at Proxmox. Only the description decides, and only an exact match counts.

use crate::ids::{BackupId, InstanceId};

/// The tag that every guest of ours carries in Proxmox.
pub const TAG: &str = "innkeeper";

const LINE: &str = "innkeeper-instance: ";

/// The description to write when the guest is made.
pub fn description(id: InstanceId) -> String {
    format!("{LINE}{id}")
}

const BACKUP: &str = "innkeeper-backup: ";

/// The notes of a backup that we make: one line, as Proxmox shows only one.
pub fn backup_notes(backup: BackupId, instance: InstanceId) -> String {
    format!("{BACKUP}{backup} of {instance}")
}

/// The backup and the instance that a backup's notes name, if they are ours.
pub fn read_backup_notes(notes: &str) -> Option<(BackupId, InstanceId)> {
    let (backup, instance) = notes.lines().next()?.trim().strip_prefix(BACKUP)?.split_once(" of ")?;
    Some((backup.parse().ok()?, instance.parse().ok()?))
}

/// The instance named by the mark in the configuration inside a backup. There the description is written as comments
/// on top, with `:` and others as percent signs and digits.
pub fn read_archived(config: &str) -> Option<InstanceId> {
    let lines = config.lines().take_while(|line| !line.starts_with('['));
    let comments = lines.filter_map(|line| line.strip_prefix('#')).map(unescaped);
    read(&comments.collect::<Vec<_>>().join("\n"))
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The instance named by the mark in a guest's description, if there is exactly one. People may have added text
/// around it; two different marks name nobody.
pub fn read(description: &str) -> Option<InstanceId> {
    let mut found = description.lines().filter_map(|line| line.trim().strip_prefix(LINE)?.parse().ok());
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// How long a description may be in Proxmox, in characters.
pub const LONGEST: usize = 8192;

/// Whether a description names any instance of any house like ours, or several.
pub fn is_marked(description: &str) -> bool {
    description.lines().any(|line| line.trim().starts_with(LINE.trim_end()))
}

/// The description with our mark after what stands there, which is kept byte for byte; none when that would be longer
/// than Proxmox takes.
pub fn append(description: &str, id: InstanceId) -> Option<String> {
    let between = if description.is_empty() || description.ends_with('\n') { "" } else { "\n" };
    let marked = format!("{description}{between}{}", self::description(id));
    (marked.chars().count() <= LONGEST).then_some(marked)
}

/// The description without our mark for this instance; everything else is kept byte for byte.
pub fn remove(description: &str, id: InstanceId) -> String {
    let ours = self::description(id);
    description.split_inclusive('\n').filter(|line| line.trim() != ours).collect()
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

    #[test]
    fn the_mark_is_read_from_the_configuration_inside_a_backup() {
        let (id, other) = (InstanceId::new(), InstanceId::new());
        let file =
            format!("#caf%C3%A9 100%25\n#innkeeper-instance%3A {id}\narch: amd64\nrootfs: a:1,size=2G\n");
        assert_eq!(read_archived(&file), Some(id));
        // One that is not escaped is read as well; one in a snapshot's part, or in a value, is no mark.
        assert_eq!(read_archived(&format!("#{}\n", description(id))), Some(id));
        assert_eq!(read_archived(&format!("arch: amd64\n[old]\n#innkeeper-instance%3A {id}\n")), None);
        assert_eq!(read_archived(&format!("hostname: {}\n", description(id))), None);
        assert_eq!(read_archived(&format!("{file}#innkeeper-instance%3A {other}\n")), None);
        assert_eq!(read_archived("#%\n#%4\n#%zz\n"), None);
    }

    #[test]
    fn a_mark_is_added_after_what_stands_there_and_taken_away_again() {
        let (id, other) = (InstanceId::new(), InstanceId::new());
        for (before, after) in [
            ("", ""),
            ("notes\n", "notes\n"),
            ("notes", "notes\n"),
            ("\n\n  Ünïcödé 🦀\r\n\ttab \n\n", "\n\n  Ünïcödé 🦀\r\n\ttab \n\n"),
        ] {
            let marked = append(before, id).unwrap();
            assert!(marked.starts_with(before), "{marked:?}");
            assert_eq!(read(&marked), Some(id), "{marked:?}");
            // Proxmox ends every description with a line break.
            assert_eq!(remove(&format!("{marked}\n"), id), after);
            assert_eq!(remove(&marked, other), marked);
        }
        assert!(append(&"x".repeat(LONGEST), id).is_none());
        assert!(append(&"é".repeat(LONGEST - 100), id).is_some(), "characters count, not bytes");
        assert!(is_marked("a\n innkeeper-instance: nonsense") && !is_marked("innkeeper"));
    }

    #[test]
    fn the_notes_of_our_backups_are_read_back_and_no_others() {
        let (backup, instance) = (BackupId::new(), InstanceId::new());
        let notes = backup_notes(backup, instance);
        assert_eq!(read_backup_notes(&notes), Some((backup, instance)));
        assert_eq!(read_backup_notes(&format!("{notes}\n")), Some((backup, instance)));
        assert_eq!(read_backup_notes("web-1"), None);
        assert_eq!(read_backup_notes(&format!("x{notes}")), None);
    }
}
