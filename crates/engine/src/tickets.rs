//! Tickets: given out once, used once. What belongs to one is sealed, and bound to it.

use innkeeper_domain::ids::UserId;
use innkeeper_domain::tickets::{Purpose, Ticket};
use innkeeper_store::{Sealed, Tx, tickets};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::callers::{hash_of, new_token};
use crate::{Engine, Error};

fn place(hash: &[u8]) -> String {
    format!("tickets/body/{}", hex::encode(hash))
}

impl Engine {
    /// Gives out a ticket, with what belongs to it.
    pub(crate) async fn issue_ticket<T: Serialize>(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        user_id: Option<UserId>,
        body: &T,
    ) -> Result<(SecretString, Ticket), Error> {
        let token = new_token("ikt_");
        let hash = hash_of(token.expose_secret());
        let created_at = self.clock().now();
        let expires_at = created_at.after(purpose.lifetime());
        let ticket = Ticket { purpose, user_id, created_at, expires_at };
        let body = serde_json::to_vec(body).map_err(|error| Error::Internal(error.to_string()))?;
        tickets::insert(tx, &hash, &ticket, &self.0.keys.seal(&body, &place(&hash))).await?;
        Ok((token, ticket))
    }

    /// Uses a ticket up; none when it is not one for this, or has ended.
    pub(crate) async fn redeem_ticket<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        token: &str,
    ) -> Result<Option<(Ticket, T)>, Error> {
        let hash = hash_of(token);
        let found = tickets::redeem(tx, purpose, &hash, self.clock().now()).await?;
        self.opened(&hash, found)
    }

    /// Looks at a ticket, and keeps others from using it until the transaction ends.
    pub(crate) async fn look_at_ticket<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        token: &str,
    ) -> Result<Option<(Ticket, T)>, Error> {
        let hash = hash_of(token);
        let found = tickets::look(tx, purpose, &hash, self.clock().now()).await?;
        self.opened(&hash, found)
    }

    /// Counts a try with a ticket; none when it is not one for this, has ended, or was tried too often.
    pub(crate) async fn try_ticket<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        token: &str,
        most: i64,
    ) -> Result<Option<(Ticket, T)>, Error> {
        let hash = hash_of(token);
        let found = tickets::try_once(tx, purpose, &hash, most, self.clock().now()).await?;
        self.opened(&hash, found)
    }

    /// A ticket that was found, with what belongs to it.
    fn opened<T: DeserializeOwned>(
        &self,
        hash: &[u8],
        found: Option<(Ticket, Sealed)>,
    ) -> Result<Option<(Ticket, T)>, Error> {
        found.map(|(ticket, body)| Ok((ticket, self.open_body(hash, &body)?))).transpose()
    }

    fn open_body<T: DeserializeOwned>(&self, hash: &[u8], body: &Sealed) -> Result<T, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("a ticket: {error}"));
        let body = self.0.keys.open(body, &place(hash)).map_err(|error| failed(&error))?;
        serde_json::from_slice(&body).map_err(|error| failed(&error))
    }
}
