//! The QEMU guest agent: running programs and asking about the system inside a virtual machine.
//!
//! Everything here fails with [`Error::AgentUnavailable`] when no agent is configured or none answers; finding that
//! out takes the server up to 3 s. Containers have no such thing in Proxmox VE.

use serde::Deserialize;

use super::Guest;
use crate::error::Error;
use crate::ids::GuestKind;
use crate::lenient;
use crate::operations as ops;

/// The agent of one virtual machine; see [`Guest::agent`].
#[derive(Debug, Clone, Copy)]
pub struct Agent<'a> {
    guest: Guest<'a>,
}

/// How a program in the guest stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecStatus {
    /// Whether it has ended.
    #[serde(deserialize_with = "lenient::or_default")]
    pub exited: bool,
    /// Its exit code, when it ended by itself.
    #[serde(default, rename = "exitcode", deserialize_with = "lenient::optional")]
    pub exit_code: Option<i64>,
    /// The signal that ended it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub signal: Option<i64>,
    /// What it wrote; handed out once, after its end.
    #[serde(default, rename = "out-data", deserialize_with = "lenient::or_default")]
    pub out: String,
    /// What it wrote as errors.
    #[serde(default, rename = "err-data", deserialize_with = "lenient::or_default")]
    pub err: String,
    /// Whether `out` is cut off.
    #[serde(default, rename = "out-truncated", deserialize_with = "lenient::or_default")]
    pub out_truncated: bool,
    /// Whether `err` is cut off.
    #[serde(default, rename = "err-truncated", deserialize_with = "lenient::or_default")]
    pub err_truncated: bool,
}

/// The system inside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OsInfo {
    /// For example `debian` or `mswindows`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub id: Option<String>,
    /// For example `Debian GNU/Linux`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
    /// For example `Debian GNU/Linux 12 (bookworm)`.
    #[serde(default, rename = "pretty-name", deserialize_with = "lenient::optional")]
    pub pretty_name: Option<String>,
    /// For example `12`.
    #[serde(default, rename = "version-id", deserialize_with = "lenient::optional")]
    pub version_id: Option<String>,
    /// The kernel.
    #[serde(default, rename = "kernel-release", deserialize_with = "lenient::optional")]
    pub kernel_release: Option<String>,
    /// The machine type, for example `x86_64`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub machine: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    result: T,
}

impl<'a> Guest<'a> {
    /// Its agent; only virtual machines have one.
    pub fn agent(&self) -> Result<Agent<'a>, Error> {
        self.only(GuestKind::Qemu, "the guest agent")?;
        Ok(Agent { guest: *self })
    }
}

impl Agent<'_> {
    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.guest.client.send_unit(self.guest.single(&ops::AGENT_PING)).await
    }

    /// Starts a program and returns its process id. No shell is involved. `input` is at most 64 KiB.
    pub async fn exec(&self, command: &[&str], input: Option<&str>) -> Result<i64, Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(deserialize_with = "lenient::required")]
            pid: i64,
        }
        if command.is_empty() {
            return Err(Error::Configuration("no program to run".to_owned()));
        }
        let call = command
            .iter()
            .fold(self.guest.single(&ops::AGENT_EXEC), |call, word| call.param("command", *word));
        let call = call.param_some("input-data", input);
        Ok(self.guest.client.send::<Wire>(call).await?.pid)
    }

    /// How a started program stands.
    pub async fn exec_status(&self, pid: i64) -> Result<ExecStatus, Error> {
        self.guest.client.send(self.guest.single(&ops::AGENT_EXEC_STATUS).param("pid", pid)).await
    }

    /// The system inside.
    pub async fn os_info(&self) -> Result<OsInfo, Error> {
        Ok(self.guest.client.send::<Wrapped<OsInfo>>(self.guest.single(&ops::AGENT_OSINFO)).await?.result)
    }

    /// Sets the password of a user inside.
    pub async fn set_password(&self, user: &str, password: &secrecy::SecretString) -> Result<(), Error> {
        let call = self
            .guest
            .single(&ops::AGENT_SET_PASSWORD)
            .param("username", user)
            .param("password", secrecy::ExposeSecret::expose_secret(password));
        self.guest.client.send_unit(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_program_is_read() {
        let text = r#"{"exited":1,"exitcode":"0","out-data":"hi\n","out-truncated":false}"#;
        let status: ExecStatus = serde_json::from_str(text).unwrap();
        assert!(
            status.exited && status.exit_code == Some(0) && status.out == "hi\n" && status.err.is_empty()
        );
        assert!(!serde_json::from_str::<ExecStatus>(r#"{"exited":0}"#).unwrap().exited);
    }
}
