//! How big an instance is, and the bounds within which a size may lie. Units are part of the names.

use serde::{Deserialize, Serialize};

/// A size: cores, memory in MiB, disk in GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Virtual CPU cores.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 256))]
    pub cores: u32,
    /// Memory in MiB.
    #[cfg_attr(feature = "openapi", schema(minimum = 16, maximum = 4_194_304))]
    pub memory_mib: u32,
    /// Disk in GiB.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 65_536))]
    pub disk_gib: u32,
}

/// One dimension of a size is out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must lie between {least} and {most}, but {given} was asked for")]
pub struct BadSize {
    /// The field of [`Size`].
    pub field: &'static str,
    /// The smallest allowed value.
    pub least: u32,
    /// The greatest allowed value.
    pub most: u32,
    /// What was asked for.
    pub given: u32,
}

impl Size {
    /// The smallest size that makes sense at all.
    pub const LEAST: Self = Self { cores: 1, memory_mib: 16, disk_gib: 1 };
    /// The greatest size that Proxmox could take.
    pub const MOST: Self = Self { cores: 256, memory_mib: 4_194_304, disk_gib: 65_536 };

    /// Checks every dimension against bounds, which are included.
    pub fn check_within(self, least: Self, most: Self) -> Result<(), BadSize> {
        for (field, given, least, most) in [
            ("cores", self.cores, least.cores, most.cores),
            ("memory_mib", self.memory_mib, least.memory_mib, most.memory_mib),
            ("disk_gib", self.disk_gib, least.disk_gib, most.disk_gib),
        ] {
            if !(least..=most).contains(&given) {
                return Err(BadSize { field, least, most, given });
            }
        }
        Ok(())
    }

    /// Checks that an instance of another size may become this one: a disk never shrinks, for what is on it would be
    /// cut off.
    pub fn check_grown_from(self, from: Self) -> Result<(), BadSize> {
        if self.disk_gib < from.disk_gib {
            let (field, most) = ("disk_gib", Self::MOST.disk_gib);
            return Err(BadSize { field, least: from.disk_gib, most, given: self.disk_gib });
        }
        Ok(())
    }

    /// Memory in bytes.
    pub fn memory_bytes(self) -> u64 {
        u64::from(self.memory_mib) << 20
    }

    /// Disk in bytes.
    pub fn disk_bytes(self) -> u64 {
        u64::from(self.disk_gib) << 30
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_out_of_bounds_names_the_field() {
        let size = Size { cores: 2, memory_mib: 512, disk_gib: 0 };
        let error = size.check_within(Size::LEAST, Size::MOST).unwrap_err();
        assert_eq!(error.to_string(), "disk_gib must lie between 1 and 65536, but 0 was asked for");
    }
}
