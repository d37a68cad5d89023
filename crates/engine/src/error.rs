//! What can go wrong in a use case, named for the caller. The message is for people and says what to do.

use innkeeper_domain::access::{Answer, Refusal};
use innkeeper_domain::consoles::Ending;
use innkeeper_domain::ids::OperationId;
use innkeeper_domain::money::{Micros, Overflow};
use innkeeper_domain::placement::NoPlace;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::quotas::Exceeded;
use innkeeper_domain::standing::Ban;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One field of the request is not acceptable.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as in the request.
        field: &'static str,
        /// What a good value looks like.
        message: String,
    },
    /// It does not exist, or the actor may not know that it does.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The actor is known but may not do this.
    #[error("{}", .0.message())]
    Forbidden(Refusal),
    /// The actor is known, and banned.
    #[error("{}", .0.message())]
    Banned(Ban),
    /// The project may not have this much.
    #[error(transparent)]
    Quota(#[from] Exceeded),
    /// Something stands against the project, so that nothing of it may run.
    #[error("{}", .0.message())]
    Restricted(Restriction),
    /// Nobody is signed in.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// What was to prove who somebody is does not.
    #[error("{message}")]
    Denied {
        /// Stable, snake_case.
        code: &'static str,
        /// What is wrong, telling no more than they may know.
        message: &'static str,
    },
    /// It was tried too often; it may be tried again after this time.
    #[error("too many attempts; wait {} s", .0.as_secs().saturating_add(1))]
    TooMany(std::time::Duration),
    /// They asked for too many restarts, or have to wait for one.
    #[error("{}", .refusal.message())]
    Restrained {
        /// Why, and until when.
        refusal: innkeeper_domain::restraint::Refusal,
        /// How long that is from now.
        wait: std::time::Duration,
    },
    /// The house is not set up for this.
    #[error("{message}")]
    Unavailable {
        /// Stable, snake_case.
        code: &'static str,
        /// What is missing.
        message: &'static str,
    },
    /// What came in is not from whom it claims to be from, or cannot be read.
    #[error("{0}")]
    Untrusted(String),
    /// A wallet's signature does not prove that it is there.
    #[error("SIGN-IN-WITH-X: {0}")]
    WalletRefused(String),
    /// A payment provider did not do its part while a person waited for it.
    #[error("{0}")]
    Provider(String),
    /// It cannot be done in the present state.
    #[error("{message}")]
    Conflict {
        /// Stable, snake_case.
        code: &'static str,
        /// What is in the way.
        message: String,
    },
    /// A console cannot be opened.
    #[error("{}", .0.message())]
    Console(Ending),
    /// Another operation on the same instance has not ended.
    #[error("operation {0} on this instance has not ended yet; wait for it, or delete the instance")]
    Busy(OperationId),
    /// There is no room.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// Proxmox did not answer as it should while a person waited for it (adding or testing a cluster).
    #[error("{0}")]
    Cluster(String),
    /// What was asked for lies with Proxmox, which does not answer at the moment.
    #[error("{message}")]
    Away {
        /// Stable, snake_case.
        code: &'static str,
        /// What is away, telling no more than a customer may know.
        message: &'static str,
    },
    /// Too much of this is asked for at the moment.
    #[error("too many ask for this at the moment; try again in a few seconds")]
    Overloaded,
    /// There are not enough credits.
    #[error(
        "{needed} credits are needed for this, and {available} can be spent; add credits, or choose something smaller"
    )]
    InsufficientCredits {
        /// How much it takes.
        needed: Micros,
        /// How much there is.
        available: Micros,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] innkeeper_store::Error),
    /// Something that should not happen.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<innkeeper_store::Error> for Error {
    fn from(error: innkeeper_store::Error) -> Self {
        match error {
            innkeeper_store::Error::Insufficient { needed, available } => {
                Self::InsufficientCredits { needed, available }
            }
            other => Self::Store(other),
        }
    }
}

impl From<Overflow> for Error {
    fn from(error: Overflow) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Error {
    pub(crate) fn invalid(field: &'static str, message: impl ToString) -> Self {
        Self::Invalid { field, message: message.to_string() }
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }
}

/// Turns an answer about access into an error that does not tell more than it should.
pub(crate) fn allow(answer: Answer, what: &'static str) -> Result<(), Error> {
    match answer {
        Answer::Yes => Ok(()),
        Answer::Forbidden(refusal) => Err(Error::Forbidden(refusal)),
        Answer::Hidden => Err(Error::NotFound(what)),
    }
}
