//! The tokens of leases that are kept between commands, beside the sign-in and with the same care.

use std::collections::BTreeMap;

use anyhow::Context as _;
use secrecy::SecretString;

use crate::client::{kept_in, write_private};

/// By server, then by lease.
type Tokens = BTreeMap<String, BTreeMap<String, String>>;

const FILE: &str = "leases.json";

fn read() -> anyhow::Result<Tokens> {
    let file = kept_in(FILE)?;
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Tokens::new()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    // The reader's error could repeat what is in it.
    serde_json::from_slice(&text)
        .ok()
        .with_context(|| format!("{} is damaged; look at it, or remove it", file.display()))
}

/// Keeps the token of a lease.
pub(super) fn keep(url: &str, lease: &str, token: &str) -> anyhow::Result<()> {
    let mut tokens = read()?;
    tokens.entry(url.to_owned()).or_default().insert(lease.to_owned(), token.to_owned());
    write(&tokens)
}

/// Lets go of it: the lease is over.
pub(super) fn forget(url: &str, lease: &str) -> anyhow::Result<()> {
    let mut tokens = read()?;
    let Some(of_server) = tokens.get_mut(url) else { return Ok(()) };
    if of_server.remove(lease).is_some() {
        write(&tokens)?;
    }
    Ok(())
}

/// The token of a lease; a token is only ever sent to the server that gave it.
pub(super) fn find(url: &str, lease: &str) -> anyhow::Result<Option<SecretString>> {
    Ok(read()?.get(url).and_then(|tokens| tokens.get(lease)).map(|token| token.clone().into()))
}

fn write(tokens: &Tokens) -> anyhow::Result<()> {
    write_private(&kept_in(FILE)?, &serde_json::to_vec(tokens)?)
}
