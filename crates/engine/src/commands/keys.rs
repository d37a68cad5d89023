//! The SSH keys of an instance: put into a block of ours in `authorized_keys`, and kept for when it is made anew.

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{By, check_user, key_change};
use innkeeper_domain::ids::InstanceId;
use innkeeper_domain::names::SshKey;
use innkeeper_domain::operations::Verb;
use innkeeper_store::instances;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Job;
use crate::instances::MOST_KEYS;
use crate::{Engine, Error};

const SCRIPT: &str = include_str!("scripts/keys.sh");

impl Engine {
    /// Sets which keys may sign in to an instance as this user (root when not said), and says by which way. Lines that
    /// others have put there stay, and so does our own.
    pub async fn set_instance_keys(
        &self,
        actor: &Actor,
        id: InstanceId,
        keys: Vec<SshKey>,
        user: Option<String>,
    ) -> Result<By, Error> {
        // They are kept for when it is made anew: its own project decides who signs in.
        self.instance_to(actor, id, Verb::Update).await?;
        let instance = self.usable(actor, id).await?;
        if keys.len() > MOST_KEYS {
            return Err(Error::invalid("ssh_keys", format!("give at most {MOST_KEYS} keys")));
        }
        let user = user.unwrap_or_else(|| self.options().commands.ssh_user.clone());
        check_user(&user).map_err(|why| Error::invalid("user", why))?;
        let _turn = self.0.busy.enter(self.options(), instance.id, actor.user_id)?;
        let told = json!({ "user": user, "ssh_keys": keys.len() });
        let mut tx = self.db().begin().await?;
        let deed = Deed::done("instance.ask_keys", id).of(instance.project_id);
        self.record(&mut tx, actor, deed.after(told.clone()));
        tx.commit().await?;
        let job = Job::script(SCRIPT, &[&user], key_change(&instance.ssh_keys, &keys).into_bytes());
        let never = CancellationToken::new().cancelled_owned();
        let ran = self.run_job(&instance, None, &job, never).await?;
        match ran.exit_code {
            Some(0) if ran.succeeded() => {}
            Some(80) => return Err(Error::invalid("user", "there is no such user in the instance")),
            _ => {
                let message =
                    "the instance did not take the keys; is its disk full, or is a file in the way?";
                return Err(Error::conflict("keys_not_set", message));
            }
        }
        let mut told = told;
        told["by"] = json!(ran.by);
        let mut tx = self.db().begin().await?;
        instances::set_ssh_keys(&mut tx, id, &keys).await?;
        let deed = Deed::done("instance.keys", id).of(instance.project_id);
        let deed = deed.before(json!({ "ssh_keys": instance.ssh_keys.len() })).after(told);
        self.record(&mut tx, actor, deed);
        tx.commit().await?;
        Ok(ran.by)
    }
}
