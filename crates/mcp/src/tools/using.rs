//! Tools for whoever holds a lease.

use axum::http::Method;
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde_json::json;

use super::{Effect, Plan, Proof, Size, Tool, Unfit, given, lease};

/// A command that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exec {
    /// The lease, `lea_…`.
    lease_id: String,
    /// A program and its arguments; no shell reads them. Give `command` or `script`.
    #[schemars(length(min = 1))]
    command: Option<Vec<String>>,
    /// A script for `/bin/sh`, up to 64 KiB.
    #[schemars(length(max = 65536))]
    script: Option<String>,
    /// What it reads from standard input, up to 64 KiB.
    #[schemars(length(max = 65536))]
    input: Option<String>,
    /// How many seconds it may run until it is killed, 1 to 600; 60 when left out.
    #[schemars(range(min = 1, max = 600))]
    timeout_seconds: Option<u32>,
    /// As whom it runs; root when left out.
    user: Option<String>,
    /// The lease's token, if it is not known here.
    token: Option<String>,
    /// 16 to 200 random characters: the same call under the same key is never bought twice. Only where commands cost.
    #[schemars(length(min = 16, max = 200))]
    idempotency_key: Option<String>,
    /// An x402 payment, as base64, where commands cost.
    payment: Option<String>,
}

impl Tool for Exec {
    const NAME: &'static str = "exec";
    const TITLE: &'static str = "Run a command";
    const DESCRIPTION: &'static str = "Runs a command in the container of a lease and waits for its end: `exit_code`, `stdout`, `stderr` (1 MiB each). \
        It is not repeated: if an answer is lost, it may have run. Charges `call_micros` of the catalogue, which is \
        mostly 0; where it is not, the result is the x402 payment that is asked until it is paid.";
    const EFFECT: Effect = Effect::Runs;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        let command = match (self.command, self.script) {
            (Some(words), None) => json!(words),
            (None, Some(script)) => json!({ "script": script }),
            _ => return Err(Unfit("give `command` or `script`, one of them".to_owned())),
        };
        let body = given(&[
            ("command", command),
            ("input", json!(self.input)),
            ("timeout_seconds", json!(self.timeout_seconds)),
            ("user", json!(self.user)),
        ]);
        let plan = Plan::new(Method::POST, format!("/{id}/exec"), Proof::Holder(id));
        Ok(Plan {
            bought: true,
            payment: self.payment,
            idempotency_key: self.idempotency_key,
            ..plan.body(&body).token(self.token)
        })
    }
}

/// Another size.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resize {
    /// The lease, `lea_…`.
    lease_id: String,
    /// A named size of the catalogue, by name or id. Give `plan` or `size`.
    plan: Option<String>,
    /// A size of your own. A disk never shrinks.
    size: Option<Size>,
    /// The lease's token, if it is not known here.
    token: Option<String>,
}

impl Tool for Resize {
    const NAME: &'static str = "resize";
    const TITLE: &'static str = "Change the size of a lease";
    const DESCRIPTION: &'static str = "Gives a lease another size. Charges nothing: what is left of its time keeps its worth, so that a larger one ends \
        sooner and a smaller one later.";
    const EFFECT: Effect = Effect::Changes;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        if self.plan.is_some() == self.size.is_some() {
            return Err(Unfit("give `plan` or `size`, one of them".to_owned()));
        }
        let body = given(&[("plan", json!(self.plan)), ("size", json!(self.size))]);
        let plan = Plan::new(Method::POST, format!("/{id}/resize"), Proof::Holder(id));
        Ok(plan.body(&body).token(self.token))
    }
}

/// The end of a lease.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Destroy {
    /// The lease, `lea_…`.
    lease_id: String,
    /// Its token, if it is not known here.
    token: Option<String>,
}

impl Tool for Destroy {
    const NAME: &'static str = "destroy";
    const TITLE: &'static str = "Give a lease up";
    const DESCRIPTION: &'static str = "Ends a lease now. Its container and everything in it are removed for good; what is \
        left of the time is not paid back.";
    const EFFECT: Effect = Effect::Destroys;

    fn plan(self) -> Result<Plan, Unfit> {
        let id = lease(&self.lease_id)?;
        Ok(Plan::new(Method::DELETE, format!("/{id}"), Proof::Holder(id)).token(self.token))
    }
}
