//! The key that seals secrets at rest: a file that only its owner can read, made at first start.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context, bail};
use innkeeper_store::seal::{KeyRing, SealKey};

/// Reads the key file, or makes it with a new random key.
pub(crate) fn load_or_make(file: &Path) -> anyhow::Result<KeyRing> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let mode = std::fs::metadata(file)?.permissions().mode();
            if mode & 0o077 != 0 {
                bail!("{} can be read by others; run `chmod 600 {}`", file.display(), file.display());
            }
            let mut keys =
                text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let current = keys.next().with_context(|| format!("{} holds no key", file.display()))?;
            let parse = |line: &str| {
                SealKey::parse(line).with_context(|| format!("{} holds no usable key", file.display()))
            };
            Ok(KeyRing::new(parse(current)?, keys.map(parse).collect::<Result<_, _>>()?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(file),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn make(file: &Path) -> anyhow::Result<KeyRing> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let key = SealKey::generate();
    let mut handle = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(handle) => handle,
        // Another process of the same first start was quicker: its key counts.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return load_or_make(file),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be made", file.display())),
    };
    writeln!(handle, "# Seals secrets in the database. Keep a copy apart from the database's backups.")?;
    writeln!(handle, "{}", *key.to_text())?;
    handle.sync_all()?;
    Ok(KeyRing::new(key, Vec::new()))
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
}
