//! How often something may be tried: counted in the database before it is looked at, so that the count holds over all
//! processes and for many at once; and if it cannot be counted, it is not let through. See `domain::limits`.

use std::time::Duration;

use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::limits::{Attempt, Scope, limit};
use innkeeper_domain::names::Email;
use innkeeper_store::limits::{self, Bucket};
use innkeeper_store::{Tx, users};
use sha2::{Digest, Sha256};

use crate::visitors::Visitor;
use crate::{Engine, Error};

/// How long an account remembers a network from which it signed in.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(24 * 90);

/// What a try is counted in. Give it back when the try was right.
#[derive(Clone, Debug)]
pub(crate) struct Counted(Vec<Bucket>);

fn bucket(attempt: Attempt, scope: Scope, who: &str) -> Bucket {
    // What people type is not kept, and a key has one length whatever they type.
    let key = format!("{attempt}/{scope}/{}", hex::encode(Sha256::digest(who.as_bytes())));
    Bucket { key, limit: limit(attempt, scope) }
}

fn network(visitor: &Visitor) -> String {
    visitor
        .address
        .map_or_else(|| "unknown".to_owned(), |address| AddressRange::of_caller(address).to_string())
}

impl Counted {
    fn of(mut buckets: Vec<Bucket>) -> Self {
        buckets.sort();
        Self(buckets)
    }

    /// Tries of this visitor, whatever they are about.
    pub(crate) fn by_address(attempt: Attempt, visitor: &Visitor) -> Self {
        Self::of(vec![bucket(attempt, Scope::Address, &network(visitor))])
    }

    /// Tries about one account or address, whoever makes them.
    pub(crate) fn by_account(attempt: Attempt, account: &str) -> Self {
        Self::of(vec![bucket(attempt, Scope::Account, account)])
    }
}

impl Engine {
    /// In what a guess at an account is counted: by the address of the visitor, by the two together, and, unless the
    /// account has signed in from there before, by the account. The account is what was typed, whether it exists or not.
    pub(crate) async fn guess_at(
        &self,
        attempt: Attempt,
        account: &Email,
        visitor: &Visitor,
    ) -> Result<Counted, Error> {
        let from = network(visitor);
        let mut buckets = vec![
            bucket(attempt, Scope::Address, &from),
            bucket(attempt, Scope::Pair, &format!("{from} {account}")),
        ];
        let known = match visitor.address.map(AddressRange::of_caller) {
            Some(network) => {
                let since = self.clock().now().before(KNOWN_FOR);
                limits::is_known(self.db(), account, network, since).await?
            }
            None => false,
        };
        if !known {
            buckets.push(bucket(attempt, Scope::Account, account.as_str()));
        }
        Ok(Counted::of(buckets))
    }

    /// Counts a try, in a transaction of its own: it counts whatever becomes of what follows.
    pub(crate) async fn count(&self, counted: &Counted) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        self.count_in(&mut tx, counted).await?;
        Ok(tx.commit().await?)
    }

    /// Counts a try in this transaction. After an error, roll it back.
    pub(crate) async fn count_in(&self, tx: &mut Tx, counted: &Counted) -> Result<(), Error> {
        limits::take(tx, &counted.0, self.clock().now()).await?.map_err(Error::TooMany)
    }

    /// Does not hold a try against anybody, since it was right.
    pub(crate) async fn forgive(&self, tx: &mut Tx, counted: &Counted) -> Result<(), Error> {
        Ok(limits::give_back(tx, &counted.0).await?)
    }

    /// Counts a guess of a signed-in user at something of the house (the code of a voucher): by user and by address.
    /// Returns what to give to [`Engine::forgive_guess`] when it was right.
    pub async fn count_guess(
        &self,
        actor: &innkeeper_domain::access::Actor,
        attempt: Attempt,
    ) -> Result<Guess, Error> {
        let visitor = Visitor { address: actor.address, ..Visitor::default() };
        let mut buckets = vec![bucket(attempt, Scope::Address, &network(&visitor))];
        if let Some(user) = actor.user_id {
            buckets.push(bucket(attempt, Scope::Account, &user.to_string()));
        }
        let counted = Counted::of(buckets);
        self.count(&counted).await?;
        Ok(Guess(counted))
    }

    /// Gives a guess back in the transaction of what it was right about.
    pub async fn forgive_guess(&self, tx: &mut Tx, guess: &Guess) -> Result<(), Error> {
        self.forgive(tx, &guess.0).await
    }

    /// The address under which a user is counted and known.
    pub(crate) async fn account_of(&self, user: innkeeper_domain::ids::UserId) -> Result<Email, Error> {
        users::by_id(self.db(), user).await?.map(|user| user.email).ok_or(Error::NotFound("user"))
    }
}

/// A guess that was counted.
#[derive(Clone, Debug)]
pub struct Guess(Counted);

#[cfg(test)]
mod tests {
    use innkeeper_domain::access::Actor;
    use innkeeper_domain::audit::Doer;
    use innkeeper_domain::time::{Clock, Timestamp};
    use innkeeper_domain::users::Role;
    use innkeeper_store::{Db, KeyRing, SealKey};
    use secrecy::SecretString;
    use sqlx::{Connection, SqliteConnection};

    use super::*;
    use crate::{Entered, NewUser, Options};

    #[tokio::test]
    async fn what_cannot_be_counted_is_not_let_through() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/test.db", folder.path().display());
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let engine =
            Engine::new(db, keys, Clock::manual(Timestamp(1_800_000_000_000_000)), Options::default());
        let password: SecretString = "correct horse battery".into();
        let admin = NewUser {
            email: "ada@example.org".parse().unwrap(),
            name: "Ada".parse().unwrap(),
            role: Role::Admin,
            password: password.clone(),
        };
        engine.create_first_admin(&Doer::from(&Actor::house()), admin).await.unwrap();
        let sign_in = || async { engine.sign_in(&Visitor::default(), "ada@example.org", &password).await };
        assert!(matches!(sign_in().await, Ok(Entered::In(_))));
        let mut hand = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("alter table attempts rename to lost").execute(&mut hand).await.unwrap();
        assert!(matches!(sign_in().await, Err(Error::Store(_))));
        sqlx::raw_sql("alter table lost rename to attempts").execute(&mut hand).await.unwrap();
        assert!(matches!(sign_in().await, Ok(Entered::In(_))));
    }
}
