//! By the QEMU guest agent: begun by one call, and asked about until it has ended.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use innkeeper_domain::commands::{By, shell_text};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::mark;
use pve::GuestRef;
use secrecy::SecretString;
use tracing::warn;

use super::running::{Job, Ran, Unreached};
use crate::connections::{CallError, Connection};
use crate::{Engine, reconciler};

/// The agent kills nothing, so that the guest itself must keep to the time, where it knows how to.
const BOUNDED: &str = r#"command -v timeout >/dev/null 2>&1 && exec timeout -s KILL "$1" /bin/sh -c "$2"
exec /bin/sh -c "$2""#;

/// How much longer than the command itself its outcome is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// The first pause between two questions, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Nothing has run: what stood in the way.
fn before(error: CallError) -> Unreached {
    match error {
        CallError::Pve(pve::Error::AgentUnavailable { message }) if message.contains("configured") => {
            Unreached::before("agent_not_configured", "the guest agent is switched off for this instance")
        }
        CallError::Pve(pve::Error::AgentUnavailable { .. }) => Unreached::before(
            "agent_not_running",
            "the guest agent does not answer; is `qemu-guest-agent` installed and running in the instance?",
        ),
        CallError::Pve(pve::Error::NotRunning { .. }) => {
            Unreached::before("not_running", "the instance does not run; start it first")
        }
        CallError::Pve(error @ pve::Error::OutcomeUnknown { .. }) => {
            warn!(%error, "whether a command was begun is not known");
            unknown()
        }
        error => {
            warn!(?error, "the guest agent could not be asked");
            Unreached::before("agent_failed", "the guest agent could not be asked; an operator can see why")
        }
    }
}

fn unknown() -> Unreached {
    Unreached::stop(
        "outcome_unknown",
        "the command may have run, but what came of it was lost; look in the instance before trying again",
    )
}

impl Engine {
    /// The guest of an instance, once it is certain that it is this instance's: a number can have come to another.
    pub(super) async fn own_guest(
        &self,
        connection: &Connection,
        instance: &Instance,
    ) -> Result<GuestRef, Unreached> {
        let at = reconciler::guest_ref(instance).map_err(|error| before(error.into()))?;
        let asked = at.clone();
        let config = connection.call(|client| async move { client.guest(&asked).config().await }).await;
        let config = config.map_err(before)?;
        let owner = config.common().description.as_deref().and_then(mark::read);
        if owner != Some(instance.id) {
            warn!(instance = %instance.id, "the guest does not carry its mark; nothing is run in it");
            return Err(Unreached::stop(
                "not_ours",
                "the instance is not where it should be; an operator must look",
            ));
        }
        Ok(at)
    }

    pub(super) async fn by_agent(
        &self,
        instance: &Instance,
        job: &Job,
        mut cancelled: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ran, Unreached> {
        let input = match std::str::from_utf8(&job.input) {
            Ok("") => None,
            Ok(text) => Some(text.to_owned()),
            Err(_) => {
                let message = "the guest agent takes text only: give input that is UTF-8";
                return Err(Unreached::before("agent_takes_text", message));
            }
        };
        let connection = self.connection(instance.cluster_id).await?;
        let at = self.own_guest(&connection, instance).await?;
        let mut words: Vec<String> = ["/bin/sh", "-c", BOUNDED, "sh"].map(str::to_owned).to_vec();
        words.push(job.seconds.to_string());
        // As one text: a form that is sent over the wire has no place for an empty word.
        words.push(format!("exec {}", shell_text(&job.words_as("root"))));
        let began = Instant::now();
        let asked = at.clone();
        let pid = connection
            .call(|client| async move {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                client.guest(&asked).agent()?.exec(&words, input.as_deref()).await
            })
            .await
            .map_err(before)?;
        let limit = Duration::from_secs(job.seconds.into());
        let mut ran = Ran::by(By::Agent);
        let mut pause = PAUSES.0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancelled.as_mut() => {
                    ran.cancelled = true;
                    return Ok(ran);
                }
            }
            pause = (pause * 2).min(PAUSES.1);
            let asked = at.clone();
            let status = connection
                .call(|client| async move { client.guest(&asked).agent()?.exec_status(pid).await })
                .await;
            match status {
                Ok(status) if status.exited => {
                    let late = began.elapsed() >= limit;
                    let killed = status.signal == Some(9) || matches!(status.exit_code, Some(124 | 137));
                    ran.timed_out = late && killed;
                    ran.exit_code = status.exit_code.filter(|_| !ran.timed_out);
                    ran.signal = status.signal.map(|signal| signal.to_string());
                    (ran.stdout, ran.stdout_truncated) =
                        cut(status.out.into_bytes(), status.out_truncated, job.most_output);
                    (ran.stderr, ran.stderr_truncated) =
                        cut(status.err.into_bytes(), status.err_truncated, job.most_output);
                    return Ok(ran);
                }
                // It runs, or the agent may answer again.
                Ok(_)
                | Err(
                    CallError::Resting(_)
                    | CallError::Pve(
                        pve::Error::AgentUnavailable { .. }
                        | pve::Error::NoAnswer { .. }
                        | pve::Error::Unreachable { .. }
                        | pve::Error::NodeUnreachable { .. },
                    ),
                ) => {}
                // The answer after the end is given once: when it was lost, so is the outcome.
                Err(error) => {
                    warn!(?error, "the outcome of a command was lost");
                    return Err(unknown());
                }
            }
            if began.elapsed() >= limit + GRACE {
                ran.timed_out = true;
                return Ok(ran);
            }
        }
    }

    /// Sets the password of a user by the guest agent, which has a call of its own for it.
    pub(super) async fn password_by_agent(
        &self,
        instance: &Instance,
        user: &str,
        password: &SecretString,
    ) -> Result<(), Unreached> {
        let connection = self.connection(instance.cluster_id).await?;
        let at = self.own_guest(&connection, instance).await?;
        let set = connection
            .call(|client| async move { client.guest(&at).agent()?.set_password(user, password).await })
            .await;
        match set {
            Ok(()) => Ok(()),
            Err(CallError::Pve(error @ (pve::Error::Server { .. } | pve::Error::OutcomeUnknown { .. }))) => {
                warn!(%error, "the guest agent set no password");
                let message = "the instance did not take the password; is there such a user in it?";
                Err(Unreached::stop("password_not_set", message))
            }
            Err(error) => Err(before(error)),
        }
    }
}

fn cut(mut bytes: Vec<u8>, truncated: bool, most: usize) -> (Vec<u8>, bool) {
    let more = bytes.len() > most;
    bytes.truncate(most);
    (bytes, truncated || more)
}
