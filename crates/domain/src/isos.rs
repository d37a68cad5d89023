//! ISO images: discs that virtual machines can be given and started from.

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, IsoId};
use crate::names::{BadName, StorageName, Title};
use crate::time::Timestamp;

/// An image that operators offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iso {
    /// Identity.
    pub id: IsoId,
    /// The cluster that has it.
    pub cluster_id: ClusterId,
    /// As shown.
    pub name: Title,
    /// What Proxmox calls it: `storage:iso/file.iso`.
    pub volume: String,
    /// Whether machines are started from it to be rescued.
    pub rescue: bool,
    /// Since when it is offered.
    pub created_at: Timestamp,
}

/// A disc in an instance's drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disc {
    /// Which image.
    pub iso_id: IsoId,
    /// What Proxmox calls it.
    pub volume: String,
    /// Whether the machine starts from it, until it is taken out.
    pub boot: bool,
}

/// Checks the form of an image's volume: nothing that could climb out of a folder or say more than a name.
pub fn check_volume(volume: &str) -> Result<(), BadName> {
    let bad = BadName("use `storage:iso/file.iso`, as `pvesm list` shows it");
    let (storage, file) = volume.split_once(":iso/").ok_or_else(|| bad.clone())?;
    storage.parse::<StorageName>().map_err(|_| bad.clone())?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    let lower = file.to_ascii_lowercase();
    let image = [".iso", ".img"].iter().any(|ending| lower.ends_with(ending));
    let good = image && file.len() <= 255 && file.bytes().all(plain) && !file.starts_with('.');
    if good { Ok(()) } else { Err(bad) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_names_a_file_and_nothing_else() {
        for good in ["local:iso/debian-12.iso", "nas:iso/SystemRescue_11+x.ISO", "a1:iso/b.img"] {
            assert_eq!(check_volume(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "local:iso/",
            "local:iso/../x.iso",
            "local:vztmpl/x.iso",
            "local:iso/x.iso,media=disk",
            "/x.iso",
            ":iso/x.iso",
        ] {
            assert!(check_volume(bad).is_err(), "{bad}");
        }
    }
}
