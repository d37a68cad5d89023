//! What differs between the versions simulated. Everything not named here is as in 9.2.

use crate::options::Profile;

/// Operations and the version they came with.
const SINCE: [(&str, &str, Profile); 7] = [
    ("GET", "/nodes/{node}/lxc/{vmid}/interfaces", Profile::V8_4),
    ("PUT", "/pools", Profile::V8_4),
    ("DELETE", "/pools", Profile::V8_4),
    ("GET", "/cluster/metrics/export", Profile::V8_4),
    ("GET", "/cluster/notifications/targets", Profile::V8_4),
    ("GET", "/nodes/{node}/lxc/{vmid}/migrate", Profile::V9_2),
    ("POST", "/access/vncticket", Profile::V9_2),
];

/// Parameters and the version they came with.
const PARAMETERS_SINCE: [(&str, &str, Profile); 6] = [
    ("/nodes/{node}/lxc/{vmid}/status/stop", "overrule-shutdown", Profile::V8_4),
    ("/nodes/{node}/qemu/{vmid}/status/stop", "overrule-shutdown", Profile::V8_4),
    ("/nodes/{node}/lxc", "entrypoint", Profile::V9_2),
    ("/nodes/{node}/lxc", "env", Profile::V9_2),
    ("/nodes/{node}/lxc", "ha-managed", Profile::V9_2),
    ("/access/users/{userid}/token/{tokenid}", "regenerate", Profile::V9_2),
];

impl Profile {
    /// Whether the version has the operation.
    pub(crate) fn has(self, method: &str, template: &str) -> bool {
        SINCE.iter().find(|(m, t, _)| *m == method && *t == template).is_none_or(|(.., since)| self >= *since)
    }

    /// Whether the version knows a parameter of an operation.
    pub(crate) fn knows(self, template: &str, parameter: &str) -> bool {
        let found = PARAMETERS_SINCE.iter().find(|(t, p, _)| *t == template && *p == parameter);
        found.is_none_or(|(.., since)| self >= *since)
    }

    /// Whether the version has the privilege. `VM.Monitor` was replaced by `VM.GuestAgent.*` in 9.
    pub(crate) fn has_privilege(self, name: &str) -> bool {
        let modern = self >= Self::V9_2;
        match name {
            "VM.Monitor" => !modern,
            "VM.Replicate" => modern,
            _ if name.starts_with("VM.GuestAgent.") => modern,
            "Sys.AccessNetwork" | "SDN.Use" => self >= Self::V8_4,
            _ => crate::auth::roles::is_privilege(name),
        }
    }

    /// The privilege an operation asks for, by the name the version has for it.
    pub(crate) fn privilege(self, name: &str) -> &str {
        if self < Self::V9_2 && name.starts_with("VM.GuestAgent.") { "VM.Monitor" } else { name }
    }

    /// Largest body of a call in bytes.
    pub(crate) fn max_body(self) -> usize {
        if self >= Self::V8_4 { 512 << 10 } else { 64 << 10 }
    }

    /// Whether JSON bodies may hold `true` and `false`.
    pub(crate) fn takes_json_booleans(self) -> bool {
        self >= Self::V8_4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_come_and_go() {
        assert!(Profile::V8_4.has_privilege("VM.Monitor") && !Profile::V9_2.has_privilege("VM.Monitor"));
        assert_eq!(Profile::V8_4.privilege("VM.GuestAgent.Audit"), "VM.Monitor");
        assert!(!Profile::V9_2.has_privilege("VM.Fly"));
    }

    #[test]
    fn operations_come() {
        let interfaces = "/nodes/{node}/lxc/{vmid}/interfaces";
        assert!(!Profile::V7_4.has("GET", interfaces) && Profile::V8_4.has("GET", interfaces));
        assert!(Profile::V7_4.has("GET", "/version"));
    }
}
