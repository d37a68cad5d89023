//! The privileges and predefined roles of Proxmox VE 9.2.

use std::collections::{BTreeMap, BTreeSet};

use crate::options::Profile;

/// Every privilege.
pub(crate) const PRIVILEGES: &str = "Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate \
    Datastore.Audit Group.Allocate Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate \
    Pool.Audit Realm.Allocate Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit \
    Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify VM.Allocate VM.Audit VM.Backup \
    VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType \
    VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit \
    VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted \
    VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback";

/// Role and privileges, `X.*` standing for all that start with `X.`.
const ROLES: [(&str, &str); 16] = [
    (
        "PVEAuditor",
        "Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit VM.GuestAgent.Audit",
    ),
    (
        "PVEAdmin",
        "Datastore.* Group.Allocate Mapping.Audit Mapping.Use Pool.* Realm.AllocateUser SDN.* Sys.Audit \
         Sys.Console Sys.Syslog User.Modify VM.*",
    ),
    ("Administrator", "*"),
    ("NoAccess", ""),
    ("PVEDatastoreAdmin", "Datastore.*"),
    ("PVEDatastoreUser", "Datastore.AllocateSpace Datastore.Audit"),
    ("PVEMappingAdmin", "Mapping.*"),
    ("PVEMappingUser", "Mapping.Audit Mapping.Use"),
    ("PVEPoolAdmin", "Pool.*"),
    ("PVEPoolUser", "Pool.Audit"),
    ("PVESDNAdmin", "SDN.*"),
    ("PVESDNUser", "SDN.Audit SDN.Use"),
    ("PVESysAdmin", "Sys.Audit Sys.Console Sys.Syslog"),
    ("PVETemplateUser", "VM.Audit VM.Clone"),
    ("PVEUserAdmin", "Group.Allocate Realm.AllocateUser User.Modify"),
    ("PVEVMAdmin", "VM.*"),
];

/// The seventeenth role, longer than the others.
const VM_USER: &str = "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.Audit \
    VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.PowerMgmt";

/// Whether Proxmox knows the privilege.
pub(crate) fn is_privilege(name: &str) -> bool {
    PRIVILEGES.split(' ').any(|p| p == name)
}

/// The predefined roles with the privileges a version has.
pub(crate) fn predefined(profile: Profile) -> BTreeMap<String, BTreeSet<String>> {
    ROLES
        .into_iter()
        .chain([("PVEVMUser", VM_USER)])
        .map(|(name, list)| (name.to_owned(), expand(list, profile)))
        .collect()
}

fn expand(list: &str, profile: Profile) -> BTreeSet<String> {
    let wanted = |privilege: &str| {
        list.split(' ').any(|w| match w.strip_suffix('*') {
            Some(stem) => privilege.starts_with(stem),
            None => profile.privilege(w) == privilege,
        })
    };
    let all = PRIVILEGES.split(' ').chain(["VM.Monitor"]).filter(|p| profile.has_privilege(p));
    all.filter(|p| wanted(p)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_hold_what_the_server_listed() {
        let roles = predefined(Profile::V9_2);
        assert_eq!(roles.len(), 17);
        assert_eq!(roles["Administrator"].len(), 47);
        assert_eq!(roles["PVEAdmin"].len(), 40);
        assert_eq!(roles["PVEVMAdmin"].len(), 23);
        let old = predefined(Profile::V8_4);
        assert!(old["PVEVMUser"].contains("VM.Monitor") && !old["PVEVMUser"].contains("VM.GuestAgent.Audit"));
    }
}
