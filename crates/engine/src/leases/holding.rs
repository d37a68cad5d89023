//! Who holds a lease: whoever shows its token, the wallet that bought it, and people of the project that it was claimed
//! into. A bare address proves nothing: everybody can read those off the chain.

use std::net::IpAddr;

use innkeeper_connectors::x402::siwx::{SignIn, challenge, domain_of};
use innkeeper_domain::access::{Action, Actor, Proof, may};
use innkeeper_domain::audit::{Deed, Entry};
use innkeeper_domain::ids::{LeaseId, ProjectId};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::leases::{Lease, LeaseState, TOKEN_PREFIX};
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::orders::Order;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::wallets::Address;
use innkeeper_store::{challenges, leases, orders, payers, projects};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::LeaseFilter;
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::limits::Counted;
use crate::projects::scope;
use crate::visitors::Visitor;
use crate::{Engine, Error};

/// What a wallet is asked to sign.
pub use innkeeper_connectors::x402::siwx::Challenge;

/// How long a wallet has to sign in.
const LIFETIME: std::time::Duration = std::time::Duration::from_mins(5);

/// By what somebody says that a lease is theirs.
#[derive(Clone, Debug)]
pub enum Holding {
    /// By its token.
    Token(SecretString, Option<IpAddr>),
    /// By a wallet, which has signed in.
    Wallet(Address, Option<IpAddr>),
    /// By who they are in the house.
    Caller(Actor),
}

const NO_LEASE: Error = Error::NotFound("lease");

impl Engine {
    /// Gives a wallet something to sign. It is good once, for a few minutes.
    pub async fn wallet_challenge(&self) -> Result<Challenge, Error> {
        let options = self.lease_options()?;
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let now = self.clock().now();
        let until = now.after(LIFETIME);
        let mut tx = self.db().begin().await?;
        challenges::insert(&mut tx, &hash_of(&nonce), until).await?;
        tx.commit().await?;
        let networks: Vec<_> = options.desks.iter().map(|desk| desk.network).collect();
        Ok(challenge(&domain_of(&options.public_url), &options.public_url, &networks, &nonce, now, until))
    }

    /// Which wallet signed this; its challenge is used up.
    pub async fn wallet_sign_in(&self, header: &str) -> Result<Address, Error> {
        let options = self.lease_options()?;
        let untrusted = Error::WalletRefused;
        let signed = SignIn::from_header(header).map_err(|why| untrusted(why.to_string()))?;
        let networks: Vec<_> = options.desks.iter().map(|desk| desk.network).collect();
        let now = self.clock().now();
        let wallet = signed
            .verify(now, &domain_of(&options.public_url), &options.public_url, &networks)
            .map_err(|why| untrusted(why.to_string()))?;
        let mut tx = self.db().begin().await?;
        if !challenges::redeem(&mut tx, &hash_of(signed.nonce()), now).await? {
            return Err(untrusted(
                "the challenge is not one of ours, or was used; ask for another".to_owned(),
            ));
        }
        tx.commit().await?;
        Ok(wallet)
    }

    /// A lease of whoever asks, with what they may do in its project.
    pub async fn held_lease(&self, id: LeaseId, by: &Holding) -> Result<(Lease, Actor), Error> {
        self.lease_options()?;
        let lease = match by {
            Holding::Token(token, _) => self.by_lease_token(token).await?.filter(|lease| lease.id == id),
            Holding::Wallet(wallet, _) => {
                leases::by_id(self.db(), id).await?.filter(|lease| lease.wallet == Some(*wallet))
            }
            Holding::Caller(actor) => {
                let lease = leases::by_id(self.db(), id).await?.ok_or(NO_LEASE)?;
                allow(may(actor, Action::SeeProject(lease.project_id)), "lease")?;
                Some(lease)
            }
        };
        let lease = lease.ok_or(NO_LEASE)?;
        let actor = match by {
            Holding::Token(_, address) => Actor::holder([lease.project_id], Proof::Lease(lease.id), *address),
            Holding::Wallet(wallet, address) => {
                Actor::holder([lease.project_id], Proof::Wallet(*wallet), *address)
            }
            Holding::Caller(actor) => actor.clone(),
        };
        Ok((lease, actor))
    }

    /// The same for whoever changes something.
    pub(super) async fn changed_lease(&self, id: LeaseId, by: &Holding) -> Result<(Lease, Actor), Error> {
        let (lease, actor) = self.held_lease(id, by).await?;
        allow(may(&actor, Action::UseProject(lease.project_id)), "lease")?;
        Ok((lease, actor))
    }

    async fn by_lease_token(&self, token: &SecretString) -> Result<Option<Lease>, Error> {
        let token = token.expose_secret();
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        Ok(leases::by_token(self.db(), &hash_of(token)).await?)
    }

    /// The leases of whoever asks, newest first.
    pub async fn leases(
        &self,
        by: &Holding,
        state: Option<LeaseState>,
        after: Option<LeaseId>,
        limit: i64,
    ) -> Result<Vec<Lease>, Error> {
        self.lease_options()?;
        let filter = match by {
            Holding::Token(token, _) => {
                let found = self.by_lease_token(token).await?;
                let fits = |lease: &Lease| {
                    state.is_none_or(|state| lease.state == state)
                        && after.is_none_or(|after| lease.id < after)
                };
                return Ok(found.into_iter().filter(fits).collect());
            }
            Holding::Wallet(wallet, _) => {
                LeaseFilter { wallet: Some(*wallet), state, ..LeaseFilter::default() }
            }
            Holding::Caller(actor) => {
                LeaseFilter { project_ids: scope(actor)?, state, ..LeaseFilter::default() }
            }
        };
        Ok(leases::list(self.db(), &filter, after, limit).await?)
    }

    /// What was bought for a lease, oldest first.
    pub async fn lease_orders(&self, id: LeaseId, by: &Holding) -> Result<Vec<Order>, Error> {
        let (lease, _) = self.held_lease(id, by).await?;
        Ok(orders::of_lease(self.db(), lease.id).await?)
    }

    /// The instance of a lease, as it is now.
    pub async fn leased_instance(&self, lease: &Lease) -> Result<Option<Instance>, Error> {
        let Some(id) = lease.instance_id else { return Ok(None) };
        Ok(innkeeper_store::instances::by_id(self.db(), id).await?)
    }

    /// What was done to a lease and its instance, newest first.
    pub async fn lease_log(&self, id: LeaseId, by: &Holding, limit: i64) -> Result<Vec<Entry>, Error> {
        let (lease, _) = self.held_lease(id, by).await?;
        let filter =
            crate::AuditFilter { project_id: Some(lease.project_id), ..crate::AuditFilter::default() };
        Ok(innkeeper_store::audit::list(self.db(), &filter, None, limit).await?)
    }

    /// Counts a request that makes us write or ask somebody before anything is paid.
    pub async fn admit_payment(&self, address: Option<IpAddr>) -> Result<(), Error> {
        let visitor = Visitor { address, ..Visitor::default() };
        self.count(&Counted::by_address(Attempt::Order, &visitor)).await
    }

    /// A new token for a lease; the old one is good no more.
    pub async fn renew_lease_token(&self, id: LeaseId, by: &Holding) -> Result<SecretString, Error> {
        let (lease, actor) = self.changed_lease(id, by).await?;
        let token = new_token(TOKEN_PREFIX);
        let mut tx = self.db().begin().await?;
        leases::set_token(&mut tx, lease.id, &hash_of(token.expose_secret())).await?;
        self.record(&mut tx, &actor, Deed::done("lease.token", id).of(lease.project_id));
        tx.commit().await?;
        Ok(token)
    }

    /// Takes a lease into an account: the user owns its project from now on. Its token and its wallet stay good.
    pub async fn claim_lease(&self, actor: &Actor, id: LeaseId, by: &Holding) -> Result<Lease, Error> {
        allow(may(actor, Action::CreateProject), "lease")?;
        let (lease, _) = self.held_lease(id, by).await?;
        if lease.state.is_over() {
            return Err(Error::conflict("lease_over", "the lease is over; there is nothing to take"));
        }
        self.own(actor, lease.project_id, Deed::done("lease.claim", id)).await?;
        Ok(lease)
    }

    /// Takes the credits of a wallet into an account: the user owns the project that holds them.
    pub async fn claim_wallet(&self, actor: &Actor, wallet: Address) -> Result<ProjectId, Error> {
        allow(may(actor, Action::CreateProject), "wallet")?;
        let project = payers::project_of(self.db(), wallet).await?;
        let project =
            project.ok_or_else(|| Error::conflict("no_credits", "this wallet has no credits here"))?;
        self.own(actor, project, Deed::done("wallet.claim", wallet)).await?;
        Ok(project)
    }

    async fn own(&self, actor: &Actor, project: ProjectId, deed: Deed) -> Result<(), Error> {
        let user = actor.user_id.ok_or_else(|| Error::conflict("nobody", "sign in as a user"))?;
        let mut tx = self.db().begin().await?;
        // Whoever decides about people comes first, as everywhere.
        innkeeper_store::users::lock_people(&mut tx).await?;
        projects::by_id_tx(&mut tx, project).await?.ok_or(Error::NotFound("project"))?;
        if projects::membership(&mut tx, project, user).await?.is_none() {
            projects::add_member(&mut tx, project, user, Membership::Owner).await?;
        }
        self.record(&mut tx, actor, deed.of(project).after(json!({ "owner": user })));
        Ok(tx.commit().await?)
    }

    /// Whoever holds a lease, as long as it is not over.
    pub(crate) async fn holder_of_lease(&self, id: LeaseId, address: Option<IpAddr>) -> Result<Actor, Error> {
        let lease = leases::by_id(self.db(), id).await?.filter(|lease| !lease.state.is_over());
        let lease = lease.ok_or(crate::callers::NOBODY)?;
        Ok(Actor::holder([lease.project_id], Proof::Lease(id), address))
    }

    /// The lease whose instance lies in this project.
    pub(crate) async fn lease_of(&self, project: ProjectId) -> Result<Lease, Error> {
        let filter = LeaseFilter { project_ids: Some(vec![project]), ..LeaseFilter::default() };
        leases::list(self.db(), &filter, None, 1).await?.pop().ok_or(NO_LEASE)
    }
}
