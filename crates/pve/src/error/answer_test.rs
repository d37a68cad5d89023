//! Texts as recorded from a real Proxmox VE 9.2.11 (and, where marked, as older versions send them).

use super::*;
use crate::error::Class;

fn refused(method: Method, status: u16, reason: &str, body: &str) -> Error {
    Refusal { method, path: "/nodes/pve/lxc/100", status, reason, body: body.as_bytes() }.into_error()
}

fn said(text: &str) -> Error {
    let body = serde_json::json!({"data": null, "message": format!("{text}\n")}).to_string();
    refused(Method::Post, 500, text, &body)
}

macro_rules! texts {
    ($($name:ident: $text:literal => $variant:ident, $class:ident;)*) => {$(
        #[test]
        fn $name() {
            let error = said($text);
            assert!(matches!(error, Error::$variant { .. }), "{error:?}");
            assert_eq!(error.class(), Class::$class);
            assert!(error.to_string().contains($text), "{error}");
            assert!(!error.to_string().ends_with('\n'));
        }
    )*};
}

texts! {
    missing_ct: "Configuration file 'nodes/pve/lxc/4711.conf' does not exist" => GuestMissing, Conflict;
    missing_vm: "Configuration file 'nodes/pve/qemu-server/201.conf' does not exist" => GuestMissing, Conflict;
    missing_vm_in_task: "unable to find configuration file for VM 201 on node 'pve'" => GuestMissing, Conflict;
    missing_guest: "VM 201 does not exist" => GuestMissing, Conflict;
    vmid_taken: "CT 100 already exists on node 'pve'" => AlreadyExists, Conflict;
    vmid_taken_by_other_kind: "unable to create VM 112 - CT 112 already exists on node 'pve'" => AlreadyExists, Conflict;
    pool_taken: "create pool failed: pool 'tenant1' already exists" => AlreadyExists, Conflict;
    storage_taken: "create storage failed: storage ID 'btr' already defined" => AlreadyExists, Conflict;
    snapshot_taken: "snapshot name 'before' already used" => AlreadyExists, Conflict;
    runs: "CT 100 already running" => AlreadyRunning, Conflict;
    grown: "disk is already at specified size" => AlreadyThisSize, Conflict;
    stopped: "CT 100 not running" => NotRunning, Conflict;
    stopped_vm: "VM 105 not running" => NotRunning, Conflict;
    stopped_vm_agent: "VM 105 is not running" => NotRunning, Conflict;
    delete_running_ct: "unable to destroy CT 100 - container is running" => StillRunning, Conflict;
    delete_running_vm: "VM 105 is running - destroy failed" => StillRunning, Conflict;
    digest_lxc: "detected modified configuration - file changed by other user? Try again." => ConfigChanged, Conflict;
    digest_qemu: "checksum mismatch (file change by other user?)" => ConfigChanged, Conflict;
    protected: "can't remove CT 106 - protection mode enabled" => Protected, Permanent;
    locked: "CT is locked (backup)" => Locked, Conflict;
    flock: "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout" => LockTimeout, Transient;
    storage_lock: "cfs-lock 'storage-nfs' error: got lock request timeout" => LockTimeout, Transient;
    no_quorum_create: "cluster not ready - no quorum?" => NoQuorum, Transient;
    no_quorum_config: "unable to open file '/etc/pve/nodes/pve/lxc/104.conf.tmp.1739' - Permission denied" => NoQuorum, Transient;
    no_quorum_acl: "ACL update failed: cfs-lock 'file-user_cfg' error: no quorum!" => NoQuorum, Transient;
    storage_unknown: "storage 'nosuch' does not exist" => StorageMissing, Permanent;
    storage_elsewhere: "storage 'ceph' is not available on node 'pve2'" => StorageMissing, Permanent;
    pool_unknown: "delete pool failed: pool 'nosuch' does not exist" => NotFound, Permanent;
    snapshot_unknown: "snapshot 'nosuch' does not exist" => NotFound, Permanent;
    token_unknown: "no such token 't2' for user 'alice@pve'" => NotFound, Permanent;
    node_unknown: "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Temporary failure in name resolution" => NotFound, Permanent;
    no_agent: "No QEMU guest agent configured" => AgentUnavailable, Permanent;
    agent_down: "QEMU guest agent is not running" => AgentUnavailable, Transient;
    shrink: "unable to shrink disk size" => Server, Permanent;
    template_missing: "unable to create CT 107 - volume 'local:vztmpl/nosuch.tar.zst' does not exist" => NotFound, Permanent;
    powerdown: "VM quit/powerdown failed - got timeout" => Server, Transient;
}

#[test]
fn the_lock_is_named() {
    let Error::Locked { lock, .. } = said("CT is locked (snapshot-delete)") else { panic!() };
    assert_eq!(lock, "snapshot-delete");
}

#[test]
fn before_8_4_the_text_is_in_the_reason_phrase_only() {
    let error = refused(Method::Post, 500, "CT 100 already running", r#"{"data":null}"#);
    assert!(matches!(error, Error::AlreadyRunning { .. }), "{error:?}");
}

#[test]
fn a_401_without_any_body_keeps_its_reason() {
    let Error::Unauthorized { message } = refused(Method::Get, 401, "No ticket", "") else { panic!() };
    assert_eq!(message, "No ticket");
}

#[test]
fn all_bad_parameters_are_listed() {
    let body = r#"{"errors":{"unprivileged":"type check ('boolean') failed - got 'maybe'",
        "vmid":"invalid format - value does not look like a valid VM ID\n"},
        "message":"Parameter verification failed.\n","data":null}"#;
    let error = refused(Method::Post, 400, "Parameter verification failed.", body);
    let Error::InvalidParameters { errors } = &error else { panic!("{error:?}") };
    assert_eq!(errors.len(), 2);
    assert_eq!(errors["vmid"], "invalid format - value does not look like a valid VM ID");
    assert_eq!(error.class(), Class::Permanent);
}

#[test]
fn an_errors_map_counts_with_a_500_too() {
    let body = r#"{"data":null,"message":"format error\n","errors":{"mp":"property is missing and it is not optional"}}"#;
    let error = refused(Method::Put, 500, "format error", body);
    assert!(matches!(error, Error::InvalidParameters { .. }), "{error:?}");
}

#[test]
fn an_id_in_use_told_as_a_parameter_error_is_already_exists() {
    let body = r#"{"data":null,"message":"Parameter verification failed.\n","errors":{"vmid":"VM 101 already exists"}}"#;
    let error = refused(Method::Get, 400, "Parameter verification failed.", body);
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}");
    let body = r#"{"errors":{"tokenid":"Token already exists."}}"#;
    assert!(matches!(refused(Method::Post, 400, "", body), Error::AlreadyExists { .. }));
    let body = r#"{"errors":{"upid":"no such task"}}"#;
    assert!(matches!(refused(Method::Get, 400, "", body), Error::NotFound { .. }));
}

#[test]
fn a_missing_privilege_is_taken_apart() {
    let text = "Permission check failed (/vms/100, VM.Config.Disk|VM.Config.CPU)";
    let error = refused(Method::Put, 403, text, &format!(r#"{{"message":"{text}\n","data":null}}"#));
    let Error::Forbidden { path, privileges, .. } = error else { panic!() };
    assert_eq!(path.as_deref(), Some("/vms/100"));
    assert_eq!(privileges, ["VM.Config.Disk", "VM.Config.CPU"]);

    for bare in [
        "Permission check failed",
        "Permission check failed (user != root@pam)",
        "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)",
    ] {
        let Error::Forbidden { path, privileges, message } = refused(Method::Put, 403, bare, "") else {
            panic!()
        };
        assert_eq!((path, privileges.len(), message.as_str()), (None, 0, bare));
    }
}

#[test]
fn a_dead_node_is_told_by_status_and_reason_alone() {
    let error = refused(Method::Post, 595, "No route to host", "");
    assert!(matches!(&error, Error::NodeUnreachable { message } if message == "No route to host"));
    assert_eq!(error.class(), Class::Transient);
}

#[test]
fn a_relay_that_gave_up_leaves_the_outcome_of_a_change_unknown() {
    for status in [596, 597, 599] {
        let error = refused(Method::Post, status, "Connection timed out", "");
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Unknown);
        let error = refused(Method::Get, status, "Connection timed out", "");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[test]
fn an_unknown_call_is_not_implemented() {
    let text = "Method 'POST /nodes/pve/lxc/105/exec' not implemented";
    assert!(matches!(refused(Method::Post, 501, text, ""), Error::NotImplemented { .. }));
    assert!(matches!(refused(Method::Put, 501, "for data too large", ""), Error::Server { status: 501, .. }));
}

#[test]
fn plain_text_bodies_are_the_last_resort() {
    let error = refused(Method::Get, 418, "", "teapot\n");
    assert!(matches!(error, Error::Server { status: 418, message } if message == "teapot"));
}

proptest::proptest! {
    #[test]
    fn no_answer_breaks_the_reader(status in 300_u16..600, reason in ".{0,60}", body in proptest::collection::vec(0_u8..=255, 0..80)) {
        let error = Refusal { method: Method::Post, path: "/x", status, reason: &reason, body: &body }.into_error();
        let _ = (error.to_string(), error.class());
    }

    #[test]
    fn no_text_breaks_the_reader(text in "(CT |VM |storage '|Permission check failed \\(|is locked \\()?.{0,60}") {
        let _ = from_text(500, text).to_string();
    }
}
