//! Whether chains and facilitators are what the configuration takes them for. A buyer's signature is good for one chain
//! and one domain of a token only: with another, every payment would be void.

use std::time::Duration;

use futures_util::future::join_all;
use innkeeper_connectors::Error;
use innkeeper_connectors::x402::eip712::{Domain, checksummed};
use innkeeper_engine::Desk;

/// How long both of them may take to answer at start.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found of one way to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All is as it should be.
    Good(String),
    /// It could not be found out: it may be there later.
    Silent(String),
    /// It can never work so.
    Wrong(String),
}

/// Asks all chains and facilitators at once.
pub(crate) async fn try_desks(desks: &[Desk]) -> Vec<Found> {
    let tried = desks.iter().enumerate().map(|(number, desk)| async move {
        let name = format!("leases.pay[{number}]");
        let (chain, facilitator) = tokio::join!(
            patiently(chain(desk), "the chain's node"),
            patiently(facilitator(desk), "the facilitator")
        );
        [(chain, "rpc_url"), (facilitator, "facilitator_url")].map(|(found, key)| match found {
            Found::Good(text) => Found::Good(format!("{name}: {text}")),
            Found::Silent(text) => Found::Silent(format!("{name}.{key}: {text}")),
            Found::Wrong(text) => Found::Wrong(format!("{name}: {text}")),
        })
    });
    join_all(tried).await.into_iter().flatten().collect()
}

async fn patiently(asking: impl Future<Output = Found>, whom: &str) -> Found {
    let silent = || Found::Silent(format!("{whom} did not answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| silent())
}

async fn chain(desk: &Desk) -> Found {
    match desk.chain.chain_id().await {
        Ok(id) if id != desk.network.chain_id => {
            return Found::Wrong(format!(
                "rpc_url is a node of eip155:{id}, and network says {}; correct one of them",
                desk.network
            ));
        }
        Ok(_) => {}
        Err(error) => return Found::Silent(error.to_string()),
    }
    let token = match desk.chain.token(desk.asset).await {
        Ok(token) => token,
        // The node is one of this chain, and there is no such token on it.
        Err(error @ (Error::Unreadable { .. } | Error::Refused { .. })) => {
            return Found::Wrong(format!("asset {} is no token: {error}", checksummed(desk.asset)));
        }
        Err(error) => return Found::Silent(error.to_string()),
    };
    for (key, ours, theirs) in [
        ("token_name", &desk.token_name, &token.name),
        ("token_version", &desk.token_version, &token.version),
    ] {
        if ours != theirs {
            return Found::Wrong(format!(
                "{key} is `{ours}`, and the token says `{theirs}`: buyers' signatures would be void; correct it"
            ));
        }
    }
    let domain = Domain {
        name: &desk.token_name,
        version: &desk.token_version,
        network: desk.network,
        asset: desk.asset,
    };
    if domain.separator() != token.separator {
        return Found::Wrong(format!(
            "asset {} signs in another way than EIP-712 with its name, version and chain; take a token like USDC",
            checksummed(desk.asset)
        ));
    }
    Found::Good(format!(
        "{} {} on {}, {} digits behind the point, paid to {}",
        token.name,
        checksummed(desk.asset),
        desk.network,
        token.decimals,
        checksummed(desk.pay_to)
    ))
}

async fn facilitator(desk: &Desk) -> Found {
    match desk.facilitator.supported().await {
        Ok(supported) if supported.networks.contains(&desk.network) => {
            Found::Good(format!("the facilitator settles on {}", desk.network))
        }
        Ok(_) => Found::Wrong(format!(
            "the facilitator does not settle exact payments on {}; correct facilitator_url or network",
            desk.network
        )),
        Err(error) => Found::Silent(error.to_string()),
    }
}
