//! The directories of the API: what stands below a path.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome};

/// Path, name of the field, entries.
const INDEXES: &[(&str, &str, &str)] = &[
    (
        "/cluster",
        "name",
        "acme backup backup-info bulk-action ceph config firewall ha jobs log mapping metrics notifications nextid \
         options qemu replication resources status tasks sdn",
    ),
    ("/cluster/ha", "id", "status resources groups rules"),
    ("/cluster/ha/status", "name", "current manager_status disarm-ha arm-ha"),
    ("/cluster/config", "name", "nodes totem join qdevice apiversion"),
    (
        "/nodes/{node}",
        "name",
        "aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall \
         netstat network qemu query-oci-repo-tags query-url-metadata replication report rrd rrddata scan sdn services \
         spiceshell startall status stopall storage subscription suspendall syslog tasks termproxy time version \
         vncshell vzdump wakeonlan",
    ),
    (
        "/nodes/{node}/lxc/{vmid}",
        "subdir",
        "config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone rrd rrddata firewall snapshot \
         resize interfaces",
    ),
    (
        "/nodes/{node}/qemu/{vmid}",
        "subdir",
        "config cloudinit pending status unlink vncproxy termproxy migrate resize move rrd rrddata monitor agent \
         snapshot spiceproxy sendkey firewall mtunnel remote_migrate",
    ),
    ("/nodes/{node}/lxc/{vmid}/status", "subdir", "current start stop shutdown suspend resume reboot"),
    ("/nodes/{node}/qemu/{vmid}/status", "subdir", "current start stop reset shutdown suspend reboot"),
    ("/nodes/{node}/lxc/{vmid}/firewall", "name", "rules aliases ipset refs options"),
    ("/nodes/{node}/qemu/{vmid}/firewall", "name", "rules aliases ipset refs options"),
    (
        "/nodes/{node}/qemu/{vmid}/agent",
        "name",
        "exec exec-status file-read file-write fsfreeze-freeze fsfreeze-status fsfreeze-thaw fstrim get-fsinfo \
         get-host-name get-memory-block-info get-memory-blocks get-osinfo get-time get-timezone get-users get-vcpus \
         info network-get-interfaces ping set-user-password shutdown suspend-disk suspend-hybrid suspend-ram",
    ),
    (
        "/nodes/{node}/storage/{storage}",
        "subdir",
        "content download-url file-restore import-metadata identity oci-registry-pull prunebackups rrd rrddata status \
         upload",
    ),
    ("/nodes/{node}/tasks/{upid}", "name", "log status"),
];

/// Serves the directory the call names.
pub(crate) fn index(call: &mut Call<'_>) -> Outcome {
    let found = INDEXES.iter().find(|(path, ..)| *path == call.operation.path);
    let (_, field, entries) =
        found.ok_or_else(|| ApiError::not_implemented("simulator: not simulated: this index"))?;
    Ok(entries.split_whitespace().map(|e| json!({ *field: e })).collect::<Value>().into())
}
