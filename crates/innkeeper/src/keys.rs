//! The keys that seal secrets at rest: a file that only its owner can read, made at first start. The first line that is
//! no comment is the key that seals; those below only open.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use innkeeper_store::seal::{KeyRing, Keys, SealKey};

const HEAD: &str = "# Seals secrets in the database. Keep a copy apart from the database's backups.";

/// Reads the key file, or makes it with a new random key. The ring looks at the file again when it has changed.
pub(crate) fn load_or_make(file: &Path) -> anyhow::Result<KeyRing> {
    if !file.try_exists().with_context(|| format!("{} cannot be read", file.display()))? {
        make(file)?;
    }
    let (keys, seen) = (read(file)?, Mutex::new(stamp(file)));
    let file = PathBuf::from(file);
    let source = move || {
        let now = stamp(&file);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return None;
        }
        *seen = now;
        read(&file).inspect_err(|error| tracing::error!(%error, "the key file has changed")).ok()
    };
    Ok(KeyRing::following(keys, Arc::new(source)))
}

/// What changes when the file is replaced.
fn stamp(file: &Path) -> Option<(u64, i64, i64)> {
    std::fs::metadata(file).ok().map(|of| (of.ino(), of.mtime(), of.mtime_nsec()))
}

fn read(file: &Path) -> anyhow::Result<Keys> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mode = std::fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others; run `chmod 600 {}`", file.display(), file.display());
    }
    let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let current = keys.next().with_context(|| format!("{} holds no key", file.display()))?;
    let parse =
        |line: &str| SealKey::parse(line).with_context(|| format!("{} holds no usable key", file.display()));
    Ok(Keys { current: parse(current)?, older: keys.map(parse).collect::<Result<_, _>>()? })
}

/// The ids of the keys in the file, the current one first.
pub(crate) fn ids(file: &Path) -> anyhow::Result<Vec<String>> {
    let Keys { current, older } = read(file)?;
    Ok(std::iter::once(&current).chain(&older).map(|key| key.id().to_owned()).collect())
}

/// Makes a new key, which seals from now on, and gives its id.
pub(crate) fn add(file: &Path) -> anyhow::Result<String> {
    let Keys { current, older } = read(file)?;
    let new = SealKey::generate();
    let id = new.id().to_owned();
    let older = std::iter::once(current).chain(older).collect();
    replace(file, &Keys { current: new, older })?;
    Ok(id)
}

/// Removes the keys that are not used and do not seal, and gives their ids.
pub(crate) fn drop_unused(file: &Path, used: impl Fn(&str) -> bool) -> anyhow::Result<Vec<String>> {
    let Keys { current, older } = read(file)?;
    let (older, gone): (Vec<_>, Vec<_>) = older.into_iter().partition(|key| used(key.id()));
    if !gone.is_empty() {
        replace(file, &Keys { current, older })?;
    }
    Ok(gone.iter().map(|key| key.id().to_owned()).collect())
}

/// Writes the file anew, at once or not at all: without a key in it, nothing opens any more.
fn replace(file: &Path, keys: &Keys) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = file.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    write(&beside, keys).with_context(|| format!("{} cannot be made", beside.display()))?;
    std::fs::rename(&beside, file).with_context(|| format!("{} cannot be replaced", file.display()))?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

fn write(file: &Path, keys: &Keys) -> std::io::Result<()> {
    let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(handle, "{HEAD}")?;
    for key in std::iter::once(&keys.current).chain(&keys.older) {
        writeln!(handle, "{}", *key.to_text())?;
    }
    handle.sync_all()
}

fn make(file: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    match write(file, &Keys { current: SealKey::generate(), older: Vec::new() }) {
        // Another process of the same first start was quicker: its key counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.with_context(|| format!("{} cannot be made", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_refused_when_others_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sub/secret.key");
        let sealed = load_or_make(&file).unwrap().seal(b"token", "a/b/c");
        let again = load_or_make(&file).unwrap();
        assert_eq!(&again.open(&sealed, "a/b/c").unwrap()[..], b"token");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_make(&file).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_ring_at_work_learns_of_a_new_key_and_old_ones_go_when_unused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.key");
        let at_work = load_or_make(&file).unwrap();
        let before = at_work.seal(b"old", "a");
        let first = ids(&file).unwrap();
        let new = add(&file).unwrap();
        assert_eq!(ids(&file).unwrap(), [new.clone(), first[0].clone()]);
        let elsewhere = load_or_make(&file).unwrap().seal(b"new", "b");
        assert_eq!(&at_work.open(&elsewhere, "b").unwrap()[..], b"new");
        assert_eq!(&at_work.open(&before, "a").unwrap()[..], b"old");
        assert_eq!(at_work.seal(b"x", "c").key_id(), Some(new.as_str()));
        assert!(drop_unused(&file, |_| true).unwrap().is_empty());
        assert_eq!(drop_unused(&file, |_| false).unwrap(), first);
        assert_eq!(ids(&file).unwrap(), [new]);
        assert!(load_or_make(&file).unwrap().open(&before, "a").is_err());
    }
}
