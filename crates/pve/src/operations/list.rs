//! The table of every call this crate can make: method, path template and the parameters it may send.
//!
//! Names and paths are those of the API schema of Proxmox VE 9.2. A tool that wants to add a call adds it here first;
//! the tests compare this table with the schema.

use super::table;

table! {
    single {
        VERSION = GET "/version" [];
        PERMISSIONS = GET "/access/permissions" ["path"];
        TICKET = POST "/access/ticket" ["username", "password", "tfa-challenge"];
        ACL_LIST = GET "/access/acl" [];
        ACL_SET = PUT "/access/acl" [
            "delete", "groups", "path", "propagate", "roles", "tokens", "users"
        ];
        ROLE_LIST = GET "/access/roles" [];
        ROLE_CREATE = POST "/access/roles" ["privs", "roleid"];
        ROLE_SET = PUT "/access/roles/{roleid}" ["privs"];
        ROLE_DELETE = DELETE "/access/roles/{roleid}" [];
        USER_LIST = GET "/access/users" [];
        USER_CREATE = POST "/access/users" ["userid", "password", "comment"];
        USER_DELETE = DELETE "/access/users/{userid}" [];
        TOKEN_LIST = GET "/access/users/{userid}/token" [];
        TOKEN_CREATE = POST "/access/users/{userid}/token/{tokenid}" ["privsep", "comment"];
        TOKEN_DELETE = DELETE "/access/users/{userid}/token/{tokenid}" [];
        NEXT_ID = GET "/cluster/nextid" ["vmid"];
        RESOURCES = GET "/cluster/resources" ["type"];
        CLUSTER_STATUS = GET "/cluster/status" [];
        CLUSTER_TASKS = GET "/cluster/tasks" [];
        POOL_LIST = GET "/pools" ["poolid"];
        POOL_CREATE = POST "/pools" ["comment", "poolid"];
        POOL_GET = GET "/pools/{poolid}" [];
        POOL_SET = PUT "/pools/{poolid}" ["comment", "delete", "storage", "vms"];
        POOL_DELETE = DELETE "/pools/{poolid}" [];
        NESTED_POOL_SET = PUT "/pools" ["poolid", "comment", "delete", "storage", "vms"];
        NESTED_POOL_DELETE = DELETE "/pools" ["poolid"];
        NODE_LIST = GET "/nodes" [];
        NODE_STATUS = GET "/nodes/{node}/status" [];
        NODE_POWER = POST "/nodes/{node}/status" ["command"];
        NODE_WAKE = POST "/nodes/{node}/wakeonlan" [];
        NODE_NETWORKS = GET "/nodes/{node}/network" ["type"];
        NODE_RRDDATA = GET "/nodes/{node}/rrddata" ["cf", "timeframe"];
        NODE_TASKS = GET "/nodes/{node}/tasks" [
            "vmid", "typefilter", "source", "since", "until", "start", "limit", "userfilter", "errors"
        ];
        TASK_STATUS = GET "/nodes/{node}/tasks/{upid}/status" [];
        TASK_LOG = GET "/nodes/{node}/tasks/{upid}/log" ["start", "limit"];
        TASK_STOP = DELETE "/nodes/{node}/tasks/{upid}" [];
        STORAGE_LIST = GET "/nodes/{node}/storage" ["content"];
        STORAGE_STATUS = GET "/nodes/{node}/storage/{storage}/status" [];
        STORAGE_CONTENT = GET "/nodes/{node}/storage/{storage}/content" ["content", "vmid"];
        VOLUME_DELETE = DELETE "/nodes/{node}/storage/{storage}/content/{volume}" [];
        DOWNLOAD_URL = POST "/nodes/{node}/storage/{storage}/download-url" [
            "url", "content", "filename", "checksum", "checksum-algorithm"
        ];
        APPLIANCE_LIST = GET "/nodes/{node}/aplinfo" [];
        APPLIANCE_DOWNLOAD = POST "/nodes/{node}/aplinfo" ["storage", "template"];
        VZDUMP = POST "/nodes/{node}/vzdump" [
            "vmid", "storage", "mode", "compress", "notes-template", "protected", "remove", "prune-backups",
            "bwlimit", "zstd", "pool", "all", "exclude"
        ];
        VZDUMP_CONFIG = GET "/nodes/{node}/vzdump/extractconfig" ["volume"];
        LXC_LIST = GET "/nodes/{node}/lxc" [];
        LXC_CREATE = POST "/nodes/{node}/lxc" [
            "arch", "bwlimit", "cmode", "console", "cores", "cpulimit", "cpuunits", "debug", "description",
            "dev[n]", "entrypoint", "env", "features", "force", "ha-managed", "hookscript", "hostname",
            "ignore-unpack-errors", "lock", "memory", "mp[n]", "nameserver", "net[n]", "onboot", "ostemplate",
            "ostype", "password", "pool", "protection", "restore", "rootfs", "searchdomain", "ssh-public-keys",
            "start", "startup", "storage", "swap", "tags", "template", "timezone", "tty", "unique",
            "unprivileged", "unused[n]", "vmid"
        ];
        QEMU_LIST = GET "/nodes/{node}/qemu" [];
        QEMU_CREATE = POST "/nodes/{node}/qemu" [
            "acpi", "affinity", "agent", "allow-ksm", "amd-sev", "arch", "archive", "args", "audio0",
            "autostart", "balloon", "bios", "boot", "bootdisk", "bwlimit", "cdrom", "cicustom", "cipassword",
            "citype", "ciupgrade", "ciuser", "cores", "cpu", "cpulimit", "cpuunits", "description", "efidisk0",
            "force", "freeze", "ha-managed", "hookscript", "hostpci[n]", "hotplug", "hugepages", "ide[n]",
            "import-working-storage", "intel-tdx", "ipconfig[n]", "ivshmem", "keephugepages", "keyboard", "kvm",
            "live-restore", "localtime", "lock", "machine", "memory", "migrate_downtime", "migrate_speed",
            "name", "nameserver", "net[n]", "numa", "numa[n]", "onboot", "ostype", "parallel[n]", "pool",
            "protection", "reboot", "rng0", "sata[n]", "scsi[n]", "scsihw", "searchdomain", "serial[n]",
            "shares", "smbios1", "smp", "sockets", "spice_enhancements", "sshkeys", "start", "startdate",
            "startup", "storage", "tablet", "tags", "tdf", "template", "tpmstate0", "unique", "unused[n]",
            "usb[n]", "vcpus", "vga", "virtio[n]", "virtiofs[n]", "vmgenid", "vmid", "vmstatestorage",
            "watchdog"
        ];
        LXC_INTERFACES = GET "/nodes/{node}/lxc/{vmid}/interfaces" [];
        LXC_SUSPEND = POST "/nodes/{node}/lxc/{vmid}/status/suspend" [];
        LXC_MOVE_VOLUME = POST "/nodes/{node}/lxc/{vmid}/move_volume" ["volume", "storage", "delete"];
        QEMU_MOVE_DISK = POST "/nodes/{node}/qemu/{vmid}/move_disk" ["disk", "storage", "delete"];
        QEMU_CONFIG_ASYNC = POST "/nodes/{node}/qemu/{vmid}/config" [
            "acpi", "affinity", "agent", "allow-ksm", "amd-sev", "arch", "args", "audio0", "autostart",
            "background_delay", "balloon", "bios", "boot", "bootdisk", "cdrom", "cicustom", "cipassword",
            "citype", "ciupgrade", "ciuser", "cores", "cpu", "cpulimit", "cpuunits", "delete", "description",
            "digest", "efidisk0", "force", "freeze", "hookscript", "hostpci[n]", "hotplug", "hugepages",
            "ide[n]", "import-working-storage", "intel-tdx", "ipconfig[n]", "ivshmem", "keephugepages",
            "keyboard", "kvm", "localtime", "lock", "machine", "memory", "migrate_downtime", "migrate_speed",
            "name", "nameserver", "net[n]", "numa", "numa[n]", "onboot", "ostype", "parallel[n]", "protection",
            "reboot", "revert", "rng0", "sata[n]", "scsi[n]", "scsihw", "searchdomain", "serial[n]", "shares",
            "skiplock", "smbios1", "smp", "sockets", "spice_enhancements", "sshkeys", "startdate", "startup",
            "tablet", "tags", "tdf", "template", "tpmstate0", "unused[n]", "usb[n]", "vcpus", "vga",
            "virtio[n]", "virtiofs[n]", "vmgenid", "vmstatestorage", "watchdog"
        ];
        QEMU_RESET = POST "/nodes/{node}/qemu/{vmid}/status/reset" [];
        QEMU_SUSPEND = POST "/nodes/{node}/qemu/{vmid}/status/suspend" ["todisk"];
        QEMU_CLOUDINIT_REGENERATE = PUT "/nodes/{node}/qemu/{vmid}/cloudinit" [];
        AGENT_PING = POST "/nodes/{node}/qemu/{vmid}/agent/ping" [];
        AGENT_EXEC = POST "/nodes/{node}/qemu/{vmid}/agent/exec" ["command", "input-data"];
        AGENT_EXEC_STATUS = GET "/nodes/{node}/qemu/{vmid}/agent/exec-status" ["pid"];
        AGENT_INTERFACES = GET "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces" [];
        AGENT_OSINFO = GET "/nodes/{node}/qemu/{vmid}/agent/get-osinfo" [];
        AGENT_SET_PASSWORD = POST "/nodes/{node}/qemu/{vmid}/agent/set-user-password" ["username", "password"];
        NODE_TERMPROXY = POST "/nodes/{node}/termproxy" [];
        NODE_VNCWEBSOCKET = GET "/nodes/{node}/vncwebsocket" ["port", "vncticket"];
    }
    // What both kinds of guest have, below `/nodes/{node}/lxc/{vmid}` and `/nodes/{node}/qemu/{vmid}`.
    both {
        CONFIG = GET "/config" lxc ["current"] qemu ["current"];
        CONFIG_SET = PUT "/config" lxc [
            "arch", "cmode", "console", "cores", "cpulimit", "cpuunits", "debug", "delete", "description",
            "dev[n]", "digest", "entrypoint", "env", "features", "hookscript", "hostname", "lock", "memory",
            "mp[n]", "nameserver", "net[n]", "onboot", "ostype", "protection", "revert", "rootfs",
            "searchdomain", "startup", "swap", "tags", "template", "timezone", "tty", "unprivileged",
            "unused[n]"
        ] qemu [
            "acpi", "affinity", "agent", "allow-ksm", "amd-sev", "arch", "args", "audio0", "autostart",
            "balloon", "bios", "boot", "bootdisk", "cdrom", "cicustom", "cipassword", "citype", "ciupgrade",
            "ciuser", "cores", "cpu", "cpulimit", "cpuunits", "delete", "description", "digest", "efidisk0",
            "force", "freeze", "hookscript", "hostpci[n]", "hotplug", "hugepages", "ide[n]", "intel-tdx",
            "ipconfig[n]", "ivshmem", "keephugepages", "keyboard", "kvm", "localtime", "lock", "machine",
            "memory", "migrate_downtime", "migrate_speed", "name", "nameserver", "net[n]", "numa", "numa[n]",
            "onboot", "ostype", "parallel[n]", "protection", "reboot", "revert", "rng0", "sata[n]", "scsi[n]",
            "scsihw", "searchdomain", "serial[n]", "shares", "skiplock", "smbios1", "smp", "sockets",
            "spice_enhancements", "sshkeys", "startdate", "startup", "tablet", "tags", "tdf", "template",
            "tpmstate0", "unused[n]", "usb[n]", "vcpus", "vga", "virtio[n]", "virtiofs[n]", "vmgenid",
            "vmstatestorage", "watchdog"
        ];
        PENDING = GET "/pending" lxc [] qemu [];
        DELETE = DELETE "" lxc ["purge", "force", "destroy-unreferenced-disks"] qemu ["purge", "destroy-unreferenced-disks"];
        STATUS = GET "/status/current" lxc [] qemu [];
        START = POST "/status/start" lxc [] qemu [];
        SHUTDOWN = POST "/status/shutdown" lxc ["timeout", "forceStop"] qemu ["timeout", "forceStop"];
        STOP = POST "/status/stop" lxc ["overrule-shutdown"] qemu ["overrule-shutdown"];
        REBOOT = POST "/status/reboot" lxc ["timeout"] qemu ["timeout"];
        RESUME = POST "/status/resume" lxc [] qemu [];
        RESIZE = PUT "/resize" lxc ["disk", "size"] qemu ["disk", "size"];
        CLONE = POST "/clone" lxc [
            "bwlimit", "description", "full", "hostname", "newid", "pool", "snapname", "storage", "target"
        ] qemu [
            "bwlimit", "description", "format", "full", "name", "newid", "pool", "snapname", "storage", "target"
        ];
        TEMPLATE = POST "/template" lxc [] qemu [];
        SNAPSHOTS = GET "/snapshot" lxc [] qemu [];
        SNAPSHOT_CREATE = POST "/snapshot" lxc ["snapname", "description"] qemu ["snapname", "description", "vmstate"];
        SNAPSHOT_DELETE = DELETE "/snapshot/{snapname}" lxc ["force"] qemu ["force"];
        SNAPSHOT_CONFIG = GET "/snapshot/{snapname}/config" lxc [] qemu [];
        SNAPSHOT_DESCRIBE = PUT "/snapshot/{snapname}/config" lxc ["description"] qemu ["description"];
        ROLLBACK = POST "/snapshot/{snapname}/rollback" lxc ["start"] qemu ["start"];
        FEATURE = GET "/feature" lxc ["feature", "snapname"] qemu ["feature", "snapname"];
        RRDDATA = GET "/rrddata" lxc ["timeframe", "cf"] qemu ["timeframe", "cf"];
        MIGRATE = POST "/migrate" lxc [
            "target", "online", "restart", "timeout", "target-storage", "bwlimit"
        ] qemu [
            "target", "online", "with-local-disks", "targetstorage", "migration_network", "migration_type",
            "bwlimit"
        ];
        VNCPROXY = POST "/vncproxy" lxc ["websocket"] qemu ["websocket", "generate-password"];
        TERMPROXY = POST "/termproxy" lxc [] qemu [];
        VNCWEBSOCKET = GET "/vncwebsocket" lxc ["port", "vncticket"] qemu ["port", "vncticket"];
        FIREWALL_OPTIONS = GET "/firewall/options" lxc [] qemu [];
        FIREWALL_OPTIONS_SET = PUT "/firewall/options" lxc [
            "enable", "dhcp", "ipfilter", "macfilter", "ndp", "radv", "policy_in", "policy_out", "digest"
        ] qemu [
            "enable", "dhcp", "ipfilter", "macfilter", "ndp", "radv", "policy_in", "policy_out", "digest"
        ];
        FIREWALL_RULES = GET "/firewall/rules" lxc [] qemu [];
        FIREWALL_RULE_ADD = POST "/firewall/rules" lxc [
            "type", "action", "enable", "macro", "proto", "source", "dest", "sport", "dport", "iface", "comment"
        ] qemu [
            "type", "action", "enable", "macro", "proto", "source", "dest", "sport", "dport", "iface", "comment"
        ];
        FIREWALL_RULE_SET = PUT "/firewall/rules/{pos}" lxc [
            "type", "action", "enable", "macro", "proto", "source", "dest", "sport", "dport", "iface",
            "comment", "digest"
        ] qemu [
            "type", "action", "enable", "macro", "proto", "source", "dest", "sport", "dport", "iface",
            "comment", "digest"
        ];
        FIREWALL_RULE_DELETE = DELETE "/firewall/rules/{pos}" lxc ["digest"] qemu ["digest"];
        IPSETS = GET "/firewall/ipset" lxc [] qemu [];
        IPSET_CREATE = POST "/firewall/ipset" lxc ["name", "comment"] qemu ["name", "comment"];
        IPSET_DELETE = DELETE "/firewall/ipset/{name}" lxc ["force"] qemu ["force"];
        IPSET_ENTRIES = GET "/firewall/ipset/{name}" lxc [] qemu [];
        IPSET_ADD = POST "/firewall/ipset/{name}" lxc ["cidr"] qemu ["cidr"];
        IPSET_REMOVE = DELETE "/firewall/ipset/{name}/{cidr}" lxc [] qemu [];
    }
}
