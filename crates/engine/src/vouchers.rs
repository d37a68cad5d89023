//! Vouchers: administrators make them, projects redeem them, each once.

use std::time::Duration;

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{ProjectId, UserId, VoucherId};
use innkeeper_domain::ledger::{Cause, HouseAccount};
use innkeeper_domain::money::Micros;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::vouchers::{MOST_USES, Voucher, code, normalized};
use innkeeper_store::vouchers;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::allow;
use crate::{Credit, Engine, Error, Idempotency};

/// The most that are made at once.
const MOST_AT_ONCE: u32 = 1000;

/// The longest note.
const LONGEST_NOTE: usize = 200;

/// So many wrong codes are let through in [`GUESSING`].
const GUESSES: i64 = 10;

/// How long a wrong code is held against whoever typed it.
const GUESSING: Duration = Duration::from_hours(1);

/// Vouchers to be made.
#[derive(Clone, Debug)]
pub struct NewVouchers {
    /// How many.
    pub count: u32,
    /// What each is worth, each time.
    pub amount: Micros,
    /// How many projects may redeem each of them.
    pub uses: i64,
    /// Until when; none is for ever.
    pub expires_at: Option<Timestamp>,
    /// What they are for, for those who look after them.
    pub note: Option<String>,
}

/// A voucher with its code, which is shown once.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The voucher.
    pub voucher: Voucher,
    /// Its code, as it is printed.
    pub code: SecretString,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// The voucher.
    pub voucher_id: VoucherId,
    /// The project.
    pub project_id: ProjectId,
    /// What arrived.
    pub credits: Micros,
}

impl Engine {
    /// Makes vouchers: for administrators. Their codes are shown now and never again, not even to a repeated request.
    pub async fn create_vouchers(
        &self,
        actor: &Actor,
        new: NewVouchers,
        key: Option<&Idempotency>,
    ) -> Result<Vec<Minted>, Error> {
        allow(may(actor, Action::RunPeople), "voucher")?;
        let now = self.clock().now();
        if !(1..=MOST_AT_ONCE).contains(&new.count) {
            return Err(Error::invalid("count", format!("make 1 to {MOST_AT_ONCE} at once")));
        }
        if !(1..=Micros::MOST.0).contains(&new.amount.0) {
            let message =
                format!("a voucher is worth more than nothing and at most {} credits", Micros::MOST);
            return Err(Error::invalid("amount_micros", message));
        }
        if !(1..=MOST_USES).contains(&new.uses) {
            return Err(Error::invalid("uses", format!("use it 1 to {MOST_USES} times")));
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires_at", "choose a time that is still to come"));
        }
        let note = new.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
        if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control))
        {
            let message = format!("write one line of at most {LONGEST_NOTE} characters");
            return Err(Error::invalid("note", message));
        }
        let mut minted = Vec::new();
        let mut tx = self.db().begin().await?;
        if self.replay::<u32>(&mut tx, actor, key).await?.is_some() {
            return Err(Error::conflict(
                "codes_shown_once",
                "these vouchers were made, and their codes are shown once; withdraw them and make others",
            ));
        }
        for _ in 0..new.count {
            let code = code(rand::random());
            let voucher = Voucher {
                id: VoucherId::new(),
                hint: code[code.len() - 4..].to_owned(),
                amount: new.amount,
                uses: new.uses,
                used: 0,
                expires_at: new.expires_at,
                note: note.map(str::to_owned),
                withdrawn_at: None,
                created_by: actor.user_id,
                created_at: now,
            };
            let hash = hash(&code).ok_or_else(|| Error::Internal("a code that is no code".into()))?;
            vouchers::insert(&mut tx, &voucher, &hash).await?;
            let deed = Deed::done("voucher.create", voucher.id);
            self.record(
                &mut tx,
                actor,
                deed.after(json!({ "amount_micros": voucher.amount, "uses": voucher.uses })),
            );
            minted.push(Minted { voucher, code: code.into() });
        }
        self.remember(&mut tx, actor, key, &new.count).await?;
        tx.commit().await?;
        Ok(minted)
    }

    /// Vouchers, newest first: for administrators.
    pub async fn vouchers(
        &self,
        actor: &Actor,
        after: Option<VoucherId>,
        limit: i64,
    ) -> Result<Vec<Voucher>, Error> {
        allow(may(actor, Action::RunPeople), "voucher")?;
        Ok(vouchers::list(self.db(), after, limit).await?)
    }

    /// Takes a voucher back: what was redeemed stays, nobody redeems it any more.
    pub async fn withdraw_voucher(&self, actor: &Actor, id: VoucherId) -> Result<Voucher, Error> {
        allow(may(actor, Action::RunPeople), "voucher")?;
        let mut tx = self.db().begin().await?;
        if vouchers::withdraw(&mut tx, id, self.clock().now()).await? {
            self.record(&mut tx, actor, Deed::done("voucher.withdraw", id));
            tx.commit().await?;
        } else {
            drop(tx);
        }
        vouchers::by_id(self.db(), id).await?.ok_or(Error::NotFound("voucher"))
    }

    /// Redeems a code for a project. Every reason why a code is not good is told in the same words to whoever does not
    /// hold a good one.
    pub async fn redeem_voucher(
        &self,
        actor: &Actor,
        project: ProjectId,
        code: &SecretString,
        key: Option<&Idempotency>,
    ) -> Result<Redeemed, Error> {
        self.see_project(actor, project).await?;
        allow(may(actor, Action::PayProject(project)), "project")?;
        let now = self.clock().now();
        if let Some(user) = actor.user_id
            && vouchers::misses(self.db(), user, now.before(GUESSING)).await? >= GUESSES
        {
            return Err(Error::TooMany(GUESSING));
        }
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let found = match hash(code.expose_secret()) {
            Some(hash) => vouchers::by_code_tx(&mut tx, &hash).await?,
            None => None,
        };
        let Some(voucher) = found else {
            tx.rollback().await?;
            return Err(self.missed(actor.user_id).await?);
        };
        // The row decides once more, whatever was read.
        if !voucher.is_good(now)
            || !vouchers::redeem(&mut tx, voucher.id, project, actor.user_id, now).await?
        {
            return Err(Error::conflict(
                "voucher_used",
                "this voucher has expired, is used up, or was redeemed for this project before",
            ));
        }
        let credit = Credit {
            project_id: project,
            amount: voucher.amount,
            from: HouseAccount::Vouchers,
            cause: Cause::Voucher,
            cause_id: voucher.id.to_string(),
            key: format!("voucher:{}:{project}", voucher.id),
            memo: Some(format!("voucher …{}", voucher.hint)),
            by: actor.user_id,
        };
        self.credit(&mut tx, &credit).await?;
        let redeemed = Redeemed { voucher_id: voucher.id, project_id: project, credits: voucher.amount };
        let deed = Deed::done("voucher.redeem", voucher.id).of(project);
        self.record(&mut tx, actor, deed.after(json!({ "credits_micros": voucher.amount })));
        self.remember(&mut tx, actor, key, &redeemed).await?;
        tx.commit().await?;
        Ok(redeemed)
    }

    /// Holds a wrong code against whoever typed it.
    async fn missed(&self, user: Option<UserId>) -> Result<Error, Error> {
        if let Some(user) = user {
            let now = self.clock().now();
            let mut tx = self.db().begin().await?;
            vouchers::missed(&mut tx, user, now, now.before(GUESSING)).await?;
            tx.commit().await?;
        }
        Ok(Error::invalid("code", "there is no such voucher; type it as it is printed"))
    }
}

fn hash(code: &str) -> Option<Vec<u8>> {
    normalized(code).map(|code| Sha256::digest(code.as_bytes()).to_vec())
}
