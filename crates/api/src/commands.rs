//! Commands in instances, and what is done by them: passwords, keys, the script of the first boot.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_domain::commands::{By, Command, Unable, Way};
use innkeeper_domain::first_boots::{self, ScriptState};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::names::SshKey;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewCommand, NewPassword, Ran};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::secret::Secret;

/// What is to be run: the words of a command, or a script.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "give the words of a command, or an object with a `script`")]
pub(crate) enum Wanted {
    /// A program and its arguments. No shell reads them: they arrive as they are.
    Words(Vec<String>),
    /// A script for `/bin/sh`.
    Script(Script),
}

/// A script for `/bin/sh`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Its text, up to 64 KiB.
    #[schema(max_length = 65536)]
    script: String,
}

/// A command to be run. What it says and reads may be secret, and is written down nowhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "command": ["uname", "-a"] }))]
pub(crate) struct CommandAsked {
    /// What is to be run.
    command: Wanted,
    /// What it reads, up to 64 KiB.
    #[schema(max_length = 65536)]
    input: Option<String>,
    /// The same in base64, where it is no text. The guest agent takes text only.
    input_base64: Option<String>,
    /// How many seconds it may run until it is killed.
    #[schema(minimum = 1, maximum = 600, default = 60)]
    timeout_seconds: Option<u32>,
    /// As whom it runs; root when left out. Into a virtual machine by SSH, this is who signs in.
    user: Option<String>,
    /// By which way; the best one when left out.
    by: Option<By>,
}

impl CommandAsked {
    pub(crate) fn asked(self) -> Result<NewCommand, Problem> {
        let input = match (self.input, self.input_base64) {
            (None, None) => Vec::new(),
            (Some(text), None) => text.into_bytes(),
            (None, Some(coded)) => STANDARD
                .decode(coded)
                .map_err(|_| Problem::invalid_field("input_base64", "this is not base64"))?,
            (Some(_), Some(_)) => {
                return Err(Problem::invalid_field("input", "give `input` or `input_base64`, not both"));
            }
        };
        let command = match self.command {
            Wanted::Words(words) => Command::Words(words),
            Wanted::Script(script) => Command::Script(script.script),
        };
        let (timeout_seconds, user, by) = (self.timeout_seconds, self.user, self.by);
        Ok(NewCommand { command, input, timeout_seconds, user, by })
    }
}

/// What came of a command.
#[derive(Serialize, ToSchema)]
pub(crate) struct Answer {
    /// By which way it ran.
    by: By,
    /// Its exit code; null when it was killed.
    exit_code: Option<i64>,
    /// The signal that ended it, as its name without `SIG` or its number; null when it ended by itself.
    signal: Option<String>,
    /// What it wrote. Where that is no text (UTF-8), what cannot be read is replaced here, and `stdout_base64` has it.
    stdout: String,
    /// What it wrote, to the byte, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_base64: Option<String>,
    /// What it wrote as errors.
    stderr: String,
    /// What it wrote as errors, to the byte, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_base64: Option<String>,
    /// It wrote more than 1 MiB, and this is the beginning.
    stdout_truncated: bool,
    /// It wrote more than 1 MiB as errors, and this is the beginning.
    stderr_truncated: bool,
    /// It ran for longer than it may and was killed.
    timed_out: bool,
    /// How long it took, with the way there.
    duration_ms: u64,
}

/// An output as text, and in base64 where it is none. Where it was cut, half a letter at its end does not count.
fn shown(bytes: Vec<u8>, truncated: bool) -> (String, Option<String>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
            if truncated && error.utf8_error().error_len().is_none() {
                return (String::from_utf8_lossy(&bytes[..good]).into_owned(), None);
            }
            (String::from_utf8_lossy(bytes).into_owned(), Some(STANDARD.encode(bytes)))
        }
    }
}

impl From<Ran> for Answer {
    fn from(ran: Ran) -> Self {
        let (stdout, stdout_base64) = shown(ran.stdout, ran.stdout_truncated);
        let (stderr, stderr_base64) = shown(ran.stderr, ran.stderr_truncated);
        Self {
            by: ran.by,
            exit_code: ran.exit_code,
            signal: ran.signal,
            stdout,
            stdout_base64,
            stderr,
            stderr_base64,
            stdout_truncated: ran.stdout_truncated,
            stderr_truncated: ran.stderr_truncated,
            timed_out: ran.timed_out,
            duration_ms: ran.duration_ms,
        }
    }
}

/// Run a command in an instance.
///
/// It is waited for: the answer comes when it has ended, or was killed after `timeout_seconds`. Going away kills it. It
/// runs by the guest agent of a virtual machine, by SSH with our key, or through the host of a container where the
/// operator allows that; `GET …/commands/capability` tells which of them lead into the instance. A command is not
/// repeated by us, and must not be by you without looking, where the answer is `outcome_unknown`.
#[utoipa::path(post, path = "/instances/{id}/commands", tag = "commands", request_body = CommandAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "It has ended, or was killed", body = Answer),
        (status = 409, description = "No way leads into the instance (`not_running`, `no_agent`, `no_agent_in_containers`, `key_declined`, `key_missing`, `no_address`, `not_a_container`, `not_offered`), the way does not work (`agent_not_configured`, `agent_not_running`, `agent_takes_text`, `agent_failed`, `ssh_unreachable`, `ssh_key_refused`, `ssh_refused`, `node_unreachable`, `command_too_long`, `not_ours`), somebody may be in between (`host_key_changed`), what came of it is not known (`outcome_unknown`), or nothing of the project may run (`billing_hold`, `suspended`, `banned`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "Too many commands run at once, in this instance or for you (`too_many_attempts`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn run_command(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(asked): Asked<CommandAsked>,
) -> Result<Json<Answer>, Problem> {
    Ok(Json(engine.run_command(&caller.actor, id, asked.asked()?).await?.into()))
}

/// The ways by which commands can be run in an instance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Capability {
    /// The way that is tried first; null when there is none.
    by: Option<By>,
    /// All of them, the best first.
    ways: Vec<CommandWay>,
}

/// One way into an instance.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommandWay {
    /// Which.
    by: By,
    /// Whether it leads there, as far as can be told without trying.
    available: bool,
    /// Why not.
    reason: Option<Unable>,
    /// The same for people.
    message: Option<&'static str>,
}

impl From<Way> for CommandWay {
    fn from(way: Way) -> Self {
        let Way { by, unable } = way;
        Self { by, available: unable.is_none(), reason: unable, message: unable.map(Unable::message) }
    }
}

/// By which ways commands can be run in an instance, and why not by others.
#[utoipa::path(get, path = "/instances/{id}/commands/capability", tag = "commands",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "The ways", body = Capability)),
)]
pub(crate) async fn get_command_capability(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<Capability>, Problem> {
    let ways = engine.command_ways(&caller.actor, id).await?;
    let by = ways.iter().find(|way| way.unable.is_none()).map(|way| way.by);
    Ok(Json(Capability { by, ways: ways.into_iter().map(CommandWay::from).collect() }))
}

/// A password to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "user": "root" }))]
pub(crate) struct InstancePasswordAsked {
    /// Of whom; root when left out.
    user: Option<String>,
    /// The password: 8 to 128 printable ASCII characters. One is chosen when it is left out.
    password: Option<Secret>,
    /// By which way; the best one when left out.
    by: Option<By>,
}

/// A password that was set.
#[derive(Serialize, ToSchema)]
pub(crate) struct InstancePassword {
    /// Of whom.
    user: String,
    /// The one that was chosen, shown this once; null when it was given.
    password: Option<String>,
    /// By which way.
    by: By,
}

/// Set the password of a user in an instance.
#[utoipa::path(post, path = "/instances/{id}/password", tag = "commands", request_body = InstancePasswordAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "It is set", body = InstancePassword),
        (status = 409, description = "The instance did not take it (`password_not_set`), or as for running a command", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn set_instance_password(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(asked): Asked<InstancePasswordAsked>,
) -> Result<Json<InstancePassword>, Problem> {
    let InstancePasswordAsked { user, password, by } = asked;
    let new = NewPassword { user, password: password.map(|secret| secret.0), by };
    let set = engine.set_instance_password(&caller.actor, id, new).await?;
    let password = set.generated.map(|password| password.expose_secret().to_owned());
    Ok(Json(InstancePassword { user: set.user, password, by: set.by }))
}

/// The keys that may sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0d2V0b3Jrc2FyZWp1c3RsaWtlZmFrZWtleXM ada"],
}))]
pub(crate) struct SshKeysAsked {
    /// Public keys in OpenSSH form. They take the place of those that were set before.
    #[schema(max_items = 20)]
    ssh_keys: Vec<SshKey>,
    /// Whose `authorized_keys`; root's when left out.
    user: Option<String>,
}

/// The keys that were set.
#[derive(Serialize, ToSchema)]
pub(crate) struct SshKeysSet {
    /// Public keys in OpenSSH form.
    ssh_keys: Vec<SshKey>,
    /// By which way they were set.
    by: By,
}

/// Set which keys may sign in to an instance.
///
/// They are put into a marked block of `authorized_keys`. Keys that were set before and are no longer among them go;
/// lines that others have put there stay, and so does our own key.
#[utoipa::path(put, path = "/instances/{id}/ssh-keys", tag = "commands", request_body = SshKeysAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 200, description = "They are set", body = SshKeysSet),
        (status = 409, description = "The instance did not take them (`keys_not_set`), or as for running a command", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn set_ssh_keys(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(asked): Asked<SshKeysAsked>,
) -> Result<Json<SshKeysSet>, Problem> {
    let ssh_keys = asked.ssh_keys.clone();
    let by = engine.set_instance_keys(&caller.actor, id, asked.ssh_keys, asked.user).await?;
    Ok(Json(SshKeysSet { ssh_keys, by }))
}

/// How the script of the first boot stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstBoot {
    /// How it stands.
    state: ScriptState,
    /// Its exit code, when it has ended by itself.
    exit_code: Option<i32>,
    /// The end of what it said, up to 8 KiB.
    log: String,
    /// What is in the way, or why it failed.
    problem: Option<String>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it began.
    began_at: Option<Timestamp>,
    /// When it ended, or was given up.
    ended_at: Option<Timestamp>,
}

impl From<first_boots::FirstBoot> for FirstBoot {
    fn from(boot: first_boots::FirstBoot) -> Self {
        let first_boots::FirstBoot { state, exit_code, log, problem, created_at, began_at, ended_at, .. } =
            boot;
        Self { state, exit_code, log, problem, created_at, began_at, ended_at }
    }
}

/// How the script stands that was given as `user_data` when the instance was made.
#[utoipa::path(get, path = "/instances/{id}/first-boot", tag = "commands",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 200, description = "How it stands", body = FirstBoot)),
)]
pub(crate) async fn get_first_boot(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<Json<FirstBoot>, Problem> {
    Ok(Json(engine.first_boot(&caller.actor, id).await?.into()))
}

/// Forget the SSH host key of an instance, after you have set its SSH server up anew.
///
/// The key that an instance shows when we first come is kept, and no other is accepted. The next one that it shows is
/// taken in its place.
#[utoipa::path(delete, path = "/instances/{id}/host-key", tag = "commands",
    params(("id" = InstanceId, Path, description = "The instance")),
    responses((status = 204, description = "It is forgotten")),
)]
pub(crate) async fn forget_host_key(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
) -> Result<StatusCode, Problem> {
    engine.forget_host_key(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_are_no_text_are_given_to_the_byte() {
        assert_eq!(shown(b"caf\xc3\xa9".to_vec(), false), ("café".into(), None));
        assert_eq!(shown(b"caf\xc3".to_vec(), true), ("caf".into(), None), "cut within a letter");
        assert_eq!(shown(b"caf\xc3".to_vec(), false), ("caf\u{fffd}".into(), Some("Y2Fmww==".into())));
        assert_eq!(shown(b"\xff\xc3".to_vec(), true).1, Some("/8M=".into()));
    }

    #[test]
    fn a_command_is_words_or_a_script_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<CommandAsked>(text).map(CommandAsked::asked);
        let words = read(r#"{"command":["a","b c"]}"#).unwrap().ok().unwrap();
        assert_eq!(words.command, Command::Words(vec!["a".into(), "b c".into()]));
        let script = read(r#"{"command":{"script":"a"},"input":"x","by":"ssh"}"#).unwrap().ok().unwrap();
        assert_eq!((script.command, script.by), (Command::Script("a".into()), Some(By::Ssh)));
        assert!(read(r#"{"command":"a"}"#).is_err());
        assert!(read(r#"{"command":{"script":"a","x":1}}"#).is_err());
        assert!(read(r#"{"command":["a"],"input":"x","input_base64":"eA=="}"#).unwrap().is_err());
        assert!(read(r#"{"command":["a"],"input_base64":"?"}"#).unwrap().is_err());
    }
}
