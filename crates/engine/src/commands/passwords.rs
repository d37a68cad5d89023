//! Setting the password of a user in an instance. It is never kept, and never part of a command line.

use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::commands::{By, check_password, check_user, choose};
use innkeeper_domain::ids::InstanceId;
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Job, Unreached};
use crate::{Engine, Error};

/// Without those that are taken for each other.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Letters of a password that we choose: more than 110 bits.
const LENGTH: usize = 20;

/// A password to be set.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Of whom; root when not said.
    pub user: Option<String>,
    /// The password; one is chosen when none is given.
    pub password: Option<SecretString>,
    /// By which way; the best one when not said.
    pub by: Option<By>,
}

/// A password that was set.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// Of whom.
    pub user: String,
    /// The one that was chosen; none when it was given.
    pub generated: Option<SecretString>,
    /// By which way.
    pub by: By,
}

fn generate() -> SecretString {
    let mut rng = rand::rng();
    let letters = (0..LENGTH).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]));
    letters.collect::<String>().into()
}

impl Engine {
    /// Sets the password of a user in an instance.
    pub async fn set_instance_password(
        &self,
        actor: &Actor,
        id: InstanceId,
        new: NewPassword,
    ) -> Result<SetPassword, Error> {
        let instance = self.usable(actor, id).await?;
        let user = new.user.unwrap_or_else(|| "root".to_owned());
        check_user(&user).map_err(|why| Error::invalid("user", why))?;
        if let Some(given) = &new.password {
            check_password(given.expose_secret()).map_err(|why| Error::invalid("password", why))?;
        }
        let _turn = self.0.busy.enter(self.options(), instance.id, actor.user_id)?;
        let generated = new.password.is_none().then(generate);
        let password = new.password.or_else(|| generated.clone()).unwrap_or_default();
        let ways = self.ways_into(&instance).await?;
        let open = choose(&ways, new.by);
        let open = open.map_err(|unable| Error::conflict(unable.as_str(), unable.message()))?;
        // Before it is tried: whatever comes of it, somebody asked.
        let told = json!({ "user": user, "generated": generated.is_some() });
        let mut tx = self.db().begin().await?;
        let deed = Deed::done("instance.ask_password", id).of(instance.project_id);
        self.record(&mut tx, actor, deed.after(told.clone()));
        tx.commit().await?;
        let mut by = None;
        if open.first() == Some(&By::Agent) {
            match self.password_by_agent(&instance, &user, &password).await {
                Ok(()) => by = Some(By::Agent),
                Err(Unreached::Stop(error)) => return Err(error),
                Err(Unreached::Before { code, message }) if open.len() == 1 => {
                    return Err(Error::conflict(code, message));
                }
                Err(Unreached::Before { .. }) => {}
            }
        }
        let by = if let Some(by) = by {
            by
        } else {
            let other = open.into_iter().find(|by| *by != By::Agent);
            let line = format!("{user}:{}\n", password.expose_secret());
            let job = Job { words: vec!["chpasswd".into()], ..Job::script("", &[], line.into_bytes()) };
            let never = CancellationToken::new().cancelled_owned();
            let ran = self.run_job(&instance, other, &job, never).await?;
            if !ran.succeeded() {
                let message = "the instance did not take the password; is there such a user in it?";
                return Err(Error::conflict("password_not_set", message));
            }
            ran.by
        };
        let mut told = told;
        told["by"] = json!(by);
        let mut tx = self.db().begin().await?;
        self.record(&mut tx, actor, Deed::done("instance.password", id).of(instance.project_id).after(told));
        tx.commit().await?;
        Ok(SetPassword { user, generated, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_password_can_be_set_and_is_another_each_time() {
        let (one, other) = (generate(), generate());
        assert!(check_password(one.expose_secret()).is_ok());
        assert_eq!(one.expose_secret().len(), LENGTH);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
