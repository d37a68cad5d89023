//! Quotas: how much a project may have at once.

use serde::{Deserialize, Serialize};

use crate::sizes::Size;

words! {
    /// What there is a quota of.
    pub enum Resource {
        /// Instances.
        Instances = "instances",
        /// Cores of all instances together.
        Cores = "cores",
        /// Memory of all instances together, in MiB.
        Memory = "memory_mib",
        /// Disk of all instances together, in GiB.
        Disk = "disk_gib",
    }
}

/// So much of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Amounts {
    /// Instances.
    pub instances: u64,
    /// Cores of all instances together.
    pub cores: u64,
    /// Memory of all instances together, in MiB.
    pub memory_mib: u64,
    /// Disk of all instances together, in GiB.
    pub disk_gib: u64,
}

/// What is set for one project in place of the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overrides {
    /// Instances; null means the default.
    pub instances: Option<u64>,
    /// Cores of all instances together; null means the default.
    pub cores: Option<u64>,
    /// Memory of all instances together, in MiB; null means the default.
    pub memory_mib: Option<u64>,
    /// Disk of all instances together, in GiB; null means the default.
    pub disk_gib: Option<u64>,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the project may have {allowed} {what}, has {used}, and {asked} more would be too much; ask an administrator \
     for more, or delete something"
)]
pub struct Exceeded {
    /// Of what there is not enough.
    pub what: Resource,
    /// How much there is already.
    pub used: u64,
    /// How much there may be.
    pub allowed: u64,
    /// How much was asked for on top.
    pub asked: u64,
}

impl Amounts {
    /// One instance of this size.
    pub fn one(size: Size) -> Self {
        Self {
            instances: 1,
            cores: size.cores.into(),
            memory_mib: size.memory_mib.into(),
            disk_gib: size.disk_gib.into(),
        }
    }

    /// What an instance takes more of when it changes its size.
    pub fn growth(from: Size, to: Size) -> Self {
        let more = |from: u32, to: u32| u64::from(to.saturating_sub(from));
        Self {
            instances: 0,
            cores: more(from.cores, to.cores),
            memory_mib: more(from.memory_mib, to.memory_mib),
            disk_gib: more(from.disk_gib, to.disk_gib),
        }
    }

    /// What a project may have: what is set for it, and the defaults for the rest.
    #[must_use]
    pub fn with(self, set: Overrides) -> Self {
        Self {
            instances: set.instances.unwrap_or(self.instances),
            cores: set.cores.unwrap_or(self.cores),
            memory_mib: set.memory_mib.unwrap_or(self.memory_mib),
            disk_gib: set.disk_gib.unwrap_or(self.disk_gib),
        }
    }

    fn each(self) -> [(Resource, u64); 4] {
        [
            (Resource::Instances, self.instances),
            (Resource::Cores, self.cores),
            (Resource::Memory, self.memory_mib),
            (Resource::Disk, self.disk_gib),
        ]
    }
}

/// Whether `more` fits beside what is `used`. Only what grows is looked at: a project above its quota may still have
/// less of something, and keeps what it has.
pub fn check(allowed: Amounts, used: Amounts, more: Amounts) -> Result<(), Exceeded> {
    for (((what, allowed), (_, used)), (_, asked)) in
        allowed.each().into_iter().zip(used.each()).zip(more.each())
    {
        if asked > 0 && used.saturating_add(asked) > allowed {
            return Err(Exceeded { what, used, allowed, asked });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_must_fit_and_the_first_that_does_not_is_named() {
        let of = |instances, cores, memory_mib, disk_gib| Amounts { instances, cores, memory_mib, disk_gib };
        let allowed = of(3, 8, 8192, 100);
        let size = Size { cores: 2, memory_mib: 4096, disk_gib: 20 };
        assert_eq!(check(allowed, of(2, 6, 4096, 80), Amounts::one(size)), Ok(()));
        let exceeded = check(allowed, of(2, 7, 4096, 80), Amounts::one(size)).unwrap_err();
        assert_eq!(exceeded, Exceeded { what: Resource::Cores, used: 7, allowed: 8, asked: 2 });
        assert!(exceeded.to_string().contains("may have 8 cores, has 7, and 2 more"));
        assert_eq!(check(allowed, of(9, 99, 9, 99), of(0, 0, 1, 0)), Ok(()));
        let larger = Size { cores: 1, memory_mib: 5000, ..size };
        assert_eq!(Amounts::growth(size, larger), of(0, 0, 904, 0));
        assert!(check(allowed, of(0, 0, 0, 0), of(u64::MAX, 0, 0, 0)).is_err());
        assert!(check(allowed, of(0, u64::MAX, 0, 0), of(0, 1, 0, 0)).is_err());
        let set = Overrides { cores: Some(0), ..Overrides::default() };
        assert_eq!(allowed.with(set), of(3, 0, 8192, 100));
    }
}
