//! The ticket of a user with a password: fetched once, renewed before it is an hour old, replaced when refused.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::Call;
use crate::client::Client;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::lenient;
use crate::operations as ops;
use crate::property::percent_encode;

/// A ticket lives 2 h; renewing needs one that still lives.
const LIFETIME: Duration = Duration::from_mins(115);

/// What a request carries to prove who sends it.
#[derive(Clone)]
pub(crate) struct Ticket {
    /// As the server gave it; doubles as the password of a renewal.
    text: SecretString,
    csrf: SecretString,
    obtained: Instant,
    /// The server said no to it.
    refused: bool,
    /// Distinguishes a ticket from its successors.
    pub(crate) generation: u64,
}

impl Ticket {
    pub(crate) fn cookie(&self) -> SecretString {
        format!("PVEAuthCookie={}", percent_encode(self.text.expose_secret())).into()
    }

    pub(crate) fn csrf(&self) -> &SecretString {
        &self.csrf
    }
}

#[derive(Default)]
pub(crate) struct Session {
    /// Held across a login, so that many waiting calls make one.
    ticket: Mutex<Option<Ticket>>,
}

#[derive(Deserialize)]
struct TicketAnswer {
    ticket: Option<String>,
    #[serde(rename = "CSRFPreventionToken")]
    csrf: Option<String>,
    #[serde(rename = "NeedTFA", default, deserialize_with = "lenient::or_default")]
    need_tfa: bool,
}

impl Session {
    /// A ticket that is good for a call now.
    pub(crate) async fn ticket(&self, client: &Client) -> Result<Ticket, Error> {
        let mut held = self.ticket.lock().await;
        let age = held.as_ref().filter(|t| !t.refused).map(|t| t.obtained.elapsed());
        let fresh = match (held.as_ref(), age) {
            (Some(ticket), Some(age)) if age < client.config().renew_ticket_after => {
                return Ok(ticket.clone());
            }
            (Some(ticket), Some(age)) if age < LIFETIME => match renew(client, ticket).await {
                Err(Error::Unauthorized { .. }) => login(client).await?,
                renewed => renewed?,
            },
            _ => login(client).await?,
        };
        let generation = held.as_ref().map_or(0, |t| t.generation) + 1;
        let fresh = Ticket { generation, ..fresh };
        *held = Some(fresh.clone());
        Ok(fresh)
    }

    /// Marks a ticket the server refused, unless another call replaced it already.
    pub(crate) async fn refused(&self, generation: u64) {
        let mut held = self.ticket.lock().await;
        if let Some(ticket) = held.as_mut().filter(|t| t.generation == generation) {
            ticket.refused = true;
        }
    }
}

async fn renew(client: &Client, old: &Ticket) -> Result<Ticket, Error> {
    let answer = ask(client, old.text.expose_secret(), None).await?;
    ticket(answer)
}

async fn login(client: &Client) -> Result<Ticket, Error> {
    let Credentials::Password { password, second_factor, .. } = &client.config().credentials else {
        return Err(Error::Configuration("tokens do not log in".to_owned()));
    };
    let first = ask(client, password.expose_secret(), None).await?;
    if !first.need_tfa {
        return ticket(first);
    }
    let challenge = first.ticket.unwrap_or_default();
    let offered = offered(&challenge);
    let answer = second_factor.as_ref().and_then(|factor| factor.answer(&offered));
    let Some(answer) = answer else { return Err(Error::SecondFactorRequired { offered }) };
    let second = ask(client, answer.secret().expose_secret(), Some(&challenge)).await?;
    ticket(second)
}

async fn ask(client: &Client, password: &str, challenge: Option<&str>) -> Result<TicketAnswer, Error> {
    let Credentials::Password { user, .. } = &client.config().credentials else {
        return Err(Error::Configuration("tokens do not log in".to_owned()));
    };
    let call = Call::new(&ops::TICKET)
        .param("username", user)
        .param("password", password)
        .param_some("tfa-challenge", challenge);
    // A login changes nothing: that its answer was lost leaves no doubt about the call it was made for.
    client.send_anonymous(call).await.map_err(|error| match error {
        Error::OutcomeUnknown { method, path, cause } => Error::NoAnswer { method, path, cause },
        other => other,
    })
}

fn ticket(answer: TicketAnswer) -> Result<Ticket, Error> {
    match (answer.ticket, answer.csrf) {
        (Some(text), Some(csrf)) if !answer.need_tfa => Ok(Ticket {
            text: text.into(),
            csrf: csrf.into(),
            obtained: Instant::now(),
            refused: false,
            generation: 0,
        }),
        _ => Err(Error::Unauthorized { message: "the login was answered without a ticket".to_owned() }),
    }
}

/// The kinds in a challenge `PVE:!tfa!{"totp"%3Atrue,…}:TIME::SIGNATURE`.
fn offered(challenge: &str) -> Vec<String> {
    let json = challenge
        .split_once("!tfa!")
        .and_then(|(_, rest)| rest.split(':').next())
        .map(|encoded| percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned());
    let kinds: serde_json::Map<String, serde_json::Value> =
        json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let none =
        |v: &serde_json::Value| v.is_null() || *v == serde_json::Value::Bool(false) || *v == "unavailable";
    kinds.into_iter().filter(|(_, v)| !none(v)).map(|(kind, _)| kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_read_out_of_a_recorded_challenge() {
        assert_eq!(offered(r#"PVE:!tfa!{"totp"%3Atrue}:6B00EDA1::c2ln"#), ["totp"]);
        let several = r#"PVE:!tfa!{"recovery"%3A"unavailable","totp"%3Atrue,"u2f"%3Anull}:6B00EDA1::c2ln"#;
        assert_eq!(offered(several), ["totp"]);
        assert!(offered("PVE:root@pam:6B00EDA1::c2ln").is_empty());
    }

    #[test]
    fn a_ticket_is_encoded_once_in_its_cookie() {
        let answer = TicketAnswer {
            ticket: Some("PVE:root@pam:6B00E85B::a+/=".to_owned()),
            csrf: Some("6B00E85B:x".to_owned()),
            need_tfa: false,
        };
        let cookie = ticket(answer).unwrap().cookie();
        assert_eq!(cookie.expose_secret(), "PVEAuthCookie=PVE%3Aroot%40pam%3A6B00E85B%3A%3Aa%2B%2F%3D");
    }
}
