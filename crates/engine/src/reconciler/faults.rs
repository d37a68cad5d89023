//! From what Proxmox said to what it means for the operation.

use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::instances::{Act, Refusal};
use innkeeper_domain::mark;
use innkeeper_domain::operations::Fault;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::retry::Failure;
use pve::{Class, Error};

/// What kind of failure an error is for the reconciler.
pub(super) fn failure(error: &Error) -> Failure {
    match error.class() {
        Class::Transient => Failure::Transient,
        Class::Conflict => Failure::Conflict,
        Class::Unknown => Failure::Unknown,
        Class::Permanent => Failure::Permanent,
    }
}

/// The same of an act. What somebody did in Proxmox since we looked is no reason to give up: a snapshot that is gone
/// already, a protection that the next removal takes off.
pub(super) fn act_failure(act: Act, error: &Error) -> Failure {
    match (act, error) {
        (Act::DropSnapshot, Error::NotFound { .. }) | (Act::Delete, Error::Protected { .. }) => {
            Failure::Conflict
        }
        _ => failure(error),
    }
}

/// How a failed task counts. A task that fails for a reason we do not know may do so for a passing one: stopping and
/// removing are tried again until they succeed, as is starting for a few times; making is not, it is undone.
pub(super) fn task_failure(act: Act, error: &Error, attempts: u32) -> Failure {
    const TRIES: u32 = 3;
    match act_failure(act, error) {
        Failure::Permanent if matches!(error, Error::Server { .. }) => match act {
            Act::Stop | Act::Shutdown | Act::Delete => Failure::Transient,
            Act::Start | Act::Resume | Act::Reboot if attempts < TRIES => Failure::Transient,
            _ => Failure::Permanent,
        },
        other => other,
    }
}

/// The stable code of an error.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Forbidden { .. } => "cluster_forbids",
        Error::Unauthorized { .. } | Error::SecondFactorRequired { .. } => "cluster_refuses_token",
        Error::NodeUnreachable { .. } => "node_unreachable",
        Error::Unreachable { .. } | Error::NoAnswer { .. } | Error::OutcomeUnknown { .. } => {
            "cluster_unreachable"
        }
        Error::FingerprintMismatch { .. } | Error::Tls { .. } => "certificate_changed",
        Error::Locked { .. } | Error::LockTimeout { .. } => "guest_locked",
        Error::Protected { .. } => "guest_protected",
        Error::NoQuorum { .. } => "no_quorum",
        Error::StorageMissing { .. } => "storage_missing",
        Error::GuestMissing { .. } => "guest_missing",
        Error::InvalidParameters { .. } => "refused_parameters",
        _ => "proxmox_error",
    }
}

/// The fault that ends an operation when we give up after this error.
pub(super) fn fault(act: Act, error: &Error) -> Fault {
    let message = match error {
        // Whoever asked is signed in; it is the house that is not let in.
        Error::Unauthorized { .. } => {
            format!("{act} failed: the cluster refuses the house's token; an operator must look at it")
        }
        error => format!("{act} failed: {error}"),
    };
    Fault { code: code(error).to_owned(), message }
}

/// The fault for a wish that cannot be.
pub(super) fn refused(refusal: Refusal, instance: InstanceId, vmid: u32) -> Fault {
    match refusal {
        Refusal::Foreign => Fault {
            code: "guest_not_ours".into(),
            message: format!(
                "guest {vmid} no longer carries our mark; it was not touched. An operator must look at it"
            ),
        },
        Refusal::Doubtful => Fault {
            code: "guest_doubtful".into(),
            message: format!(
                "guest {vmid} has our tag, but its description no longer names this instance; it was not touched. An \
                 operator must write `{}` back into its description, or take the tag away if it is another's",
                mark::description(instance)
            ),
        },
        Refusal::Stopped => Fault {
            code: "guest_stopped".into(),
            message: "the machine stopped before it could be held in memory; start it first".into(),
        },
        Refusal::Vanished => Fault {
            code: "guest_missing".into(),
            message: format!("guest {vmid} is gone from Proxmox. Restore it there, or delete the instance"),
        },
    }
}

/// The fault when nothing of the project may run.
pub(super) fn restricted(restriction: Restriction) -> Fault {
    Fault { code: restriction.as_str().into(), message: restriction.message().into() }
}

/// The fault when time ran out while waiting.
pub(super) fn waited(locked: bool) -> Fault {
    if locked {
        Fault {
            code: "guest_locked".into(),
            message: "the guest stayed locked in Proxmox; when no task of it runs there, an operator must unlock it \
                      (`pct unlock` or `qm unlock`)"
                .into(),
        }
    } else {
        Fault {
            code: "no_address".into(),
            message:
                "the guest runs but reports no address; check the network of its template and the bridge"
                    .into(),
        }
    }
}
