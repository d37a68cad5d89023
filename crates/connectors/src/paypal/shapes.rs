//! What PayPal's orders, captures and events look like, and what they say in our words.

use innkeeper_domain::payments::{Amount, Currency};
use serde::Deserialize;
use serde_json::Value;

use super::WHOM;
use crate::Error;
use crate::payments::{Event, News, Seen, State};

#[derive(Deserialize)]
struct Money {
    currency_code: String,
    value: String,
}

impl Money {
    fn amount(&self) -> Option<Amount> {
        let currency: Currency = self.currency_code.parse().ok()?;
        Amount::from_decimal(&self.value, currency)
    }
}

#[derive(Deserialize)]
pub(super) struct OrderAnswer {
    pub(super) id: String,
    status: String,
    #[serde(default)]
    purchase_units: Vec<Unit>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

#[derive(Deserialize)]
struct Unit {
    custom_id: Option<String>,
    amount: Option<Money>,
    payments: Option<Payments>,
}

#[derive(Deserialize)]
struct Payments {
    #[serde(default)]
    captures: Vec<Capture>,
}

#[derive(Deserialize)]
struct Capture {
    id: String,
    status: String,
    amount: Option<Money>,
    custom_id: Option<String>,
    #[serde(default)]
    supplementary_data: Value,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) rel: String,
}

impl Capture {
    fn state(&self) -> State {
        match self.status.as_str() {
            // What was paid and given back was paid: returning it is another matter.
            "COMPLETED" | "REFUNDED" | "PARTIALLY_REFUNDED" => State::Paid,
            "PENDING" => State::Pending,
            _ => State::Failed,
        }
    }
}

impl OrderAnswer {
    pub(super) fn seen(self) -> Seen {
        let unit = self.purchase_units.into_iter().next();
        let (order, asked, captures) = match unit {
            Some(unit) => {
                (unit.custom_id, unit.amount, unit.payments.map(|p| p.captures).unwrap_or_default())
            }
            None => (None, None, Vec::new()),
        };
        // A declined capture may be followed by one that succeeds: the one that got furthest counts.
        let rank = |capture: &Capture| match capture.state() {
            State::Paid => 2,
            State::Pending => 1,
            _ => 0,
        };
        let capture = captures.into_iter().max_by_key(rank);
        let state = match (&capture, self.status.as_str()) {
            (Some(capture), _) if capture.state() != State::Failed => capture.state(),
            (_, "APPROVED") => State::Approved,
            (_, "VOIDED") | (Some(_), "COMPLETED") => State::Failed,
            _ => State::Open,
        };
        Seen {
            reference: self.id,
            order: order.or_else(|| capture.as_ref()?.custom_id.clone()),
            // What was captured is what was paid, whatever was asked for.
            amount: match &capture {
                Some(capture) => capture.amount.as_ref().and_then(Money::amount),
                None => asked.as_ref().and_then(Money::amount),
            },
            state,
            receipt: capture.map(|capture| capture.id),
        }
    }
}

/// Reads an event that was proved to be theirs.
pub(super) fn parse(body: &[u8]) -> Result<Event, Error> {
    #[derive(Deserialize)]
    struct Whole {
        id: String,
        event_type: String,
        #[serde(default)]
        resource: Value,
    }
    let unreadable = |error: serde_json::Error| Error::Unreadable { whom: WHOM, what: error.to_string() };
    let whole: Whole = serde_json::from_slice(body).map_err(unreadable)?;
    let news = match whole.event_type.as_str() {
        "CHECKOUT.ORDER.APPROVED" | "CHECKOUT.ORDER.COMPLETED" | "CHECKOUT.ORDER.VOIDED" => {
            let order: OrderAnswer = serde_json::from_value(whole.resource).map_err(unreadable)?;
            News::Payment(order.seen())
        }
        "PAYMENT.CAPTURE.COMPLETED"
        | "PAYMENT.CAPTURE.PENDING"
        | "PAYMENT.CAPTURE.DENIED"
        | "PAYMENT.CAPTURE.DECLINED" => {
            let capture: Capture = serde_json::from_value(whole.resource).map_err(unreadable)?;
            let reference = capture.supplementary_data["related_ids"]["order_id"].as_str();
            News::Payment(Seen {
                reference: reference.unwrap_or_default().to_owned(),
                order: capture.custom_id.clone(),
                amount: capture.amount.as_ref().and_then(Money::amount),
                state: capture.state(),
                receipt: Some(capture.id),
            })
        }
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED" => {
            let refund: Capture = serde_json::from_value(whole.resource).map_err(unreadable)?;
            // A refund names its capture by a link only: …/v2/payments/captures/<id>
            let capture = refund
                .links
                .iter()
                .find(|link| link.rel == "up")
                .and_then(|link| link.href.rsplit('/').next());
            match capture {
                Some(capture) => News::Refund {
                    order: None,
                    receipt: capture.to_owned(),
                    amount: refund.amount.as_ref().and_then(Money::amount),
                },
                None => News::Other,
            }
        }
        _ => News::Other,
    };
    Ok(Event { id: whole.id, kind: whole.event_type, news })
}
