//! How credits are sold and who issues invoices. Off by default; half a configuration is refused at start, in one
//! sentence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use innkeeper_connectors::payments::PaymentProvider;
use innkeeper_connectors::{paypal, stripe};
use innkeeper_domain::invoices::Party;
use innkeeper_domain::payments::Currency;
use innkeeper_engine::PaymentOptions;
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// The dearest credit, in a currency's smallest unit.
const DEAREST: i64 = 1_000_000;

/// The most credits that can be sold at once.
const MOST: i64 = 1_000_000;

/// The longest line on an invoice.
const LONGEST_LINE: usize = 80;

/// How credits are sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Payments {
    /// Whether credits are sold at all. The rest is checked only then.
    pub enabled: bool,
    /// What one credit costs, by currency, in its smallest unit: `{ EUR = 100 }` is one euro.
    pub credit_price: BTreeMap<String, i64>,
    /// The fewest credits that can be bought at once.
    pub least_credits: i64,
    /// The most.
    pub most_credits: i64,
    /// Seconds between two looks for payments that nobody told us about.
    pub look_every_s: u64,
    /// Stripe; left out where it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe: Option<Stripe>,
    /// PayPal; left out where it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paypal: Option<Paypal>,
}

/// What a Stripe account gives its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stripe {
    /// `sk_…`, or a restricted key that may write Checkout Sessions and refunds.
    pub secret_key: Secret,
    /// `whsec_…`, of the webhook endpoint `<public_url>/api/v1/payment-webhooks/stripe`.
    pub webhook_secret: Secret,
    /// Another address than Stripe's own, for tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

/// What a PayPal app gives its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paypal {
    /// The app's client id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: Secret,
    /// The id of the webhook `<public_url>/api/v1/payment-webhooks/paypal`.
    pub webhook_id: String,
    /// Another address than PayPal's own: `https://api-m.sandbox.paypal.com` for the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
}

/// Who issues invoices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Invoices {
    /// Name and address, line by line. Without any, no invoices are issued.
    pub seller: Vec<String>,
}

impl Default for Payments {
    fn default() -> Self {
        Self {
            enabled: false,
            credit_price: BTreeMap::new(),
            least_credits: 5,
            most_credits: 1000,
            look_every_s: 10,
            stripe: None,
            paypal: None,
        }
    }
}

impl Payments {
    /// The engine's options; none where payments are off.
    pub(crate) fn options(&self, public_url: Option<&str>) -> anyhow::Result<Option<Arc<PaymentOptions>>> {
        if !self.enabled {
            return Ok(None);
        }
        let mut credit_price = BTreeMap::new();
        for (name, &minor) in &self.credit_price {
            let currency: Currency = name
                .to_ascii_uppercase()
                .parse()
                .map_err(|error| anyhow::anyhow!("payments.credit_price: {error}"))?;
            anyhow::ensure!(
                (1..=DEAREST).contains(&minor),
                "payments.credit_price.{currency} must lie between 1 and {DEAREST}, in the currency's smallest unit"
            );
            credit_price.insert(currency, minor);
        }
        anyhow::ensure!(
            !credit_price.is_empty(),
            "payments are enabled, but payments.credit_price names no currency; write for example `credit_price = {{ EUR = 100 }}`"
        );
        anyhow::ensure!(
            (1..=self.most_credits).contains(&self.least_credits) && self.most_credits <= MOST,
            "payments.least_credits must be at least 1 and payments.most_credits between it and {MOST}"
        );
        anyhow::ensure!(
            (1..=3600).contains(&self.look_every_s),
            "payments.look_every_s must lie between 1 and 3600"
        );
        let Some(public_url) = public_url else {
            anyhow::bail!(
                "payments are enabled, but server.public_url does not say where payers come back to"
            );
        };
        let providers = self.providers()?;
        anyhow::ensure!(
            !providers.is_empty(),
            "payments are enabled, but neither payments.stripe nor payments.paypal is there"
        );
        Ok(Some(Arc::new(PaymentOptions {
            providers,
            credit_price,
            least: self.least_credits,
            most: self.most_credits,
            public_url: public_url.parse().map_err(|error| anyhow::anyhow!("server.public_url: {error}"))?,
            look_every: Duration::from_secs(self.look_every_s),
        })))
    }

    fn providers(&self) -> anyhow::Result<Vec<Arc<dyn PaymentProvider>>> {
        let address = |name: &str, url: Option<&String>| {
            url.map(|url| url.parse().map_err(|error| anyhow::anyhow!("payments.{name}.base_url: {error}")))
                .transpose()
        };
        let mut providers: Vec<Arc<dyn PaymentProvider>> = Vec::new();
        if let Some(given) = &self.stripe {
            let settings = stripe::Settings {
                secret_key: given.secret_key.expose(),
                webhook_secret: given.webhook_secret.expose(),
                base: address("stripe", given.base_url.as_ref())?,
                timeout: None,
            };
            let stripe = stripe::Stripe::new(settings);
            providers.push(Arc::new(stripe.map_err(|error| anyhow::anyhow!("payments.stripe: {error}"))?));
        }
        if let Some(given) = &self.paypal {
            let settings = paypal::Settings {
                client_id: given.client_id.clone(),
                client_secret: given.client_secret.expose(),
                webhook_id: given.webhook_id.clone(),
                base: address("paypal", given.base_url.as_ref())?,
                timeout: None,
            };
            let paypal = paypal::Paypal::new(settings);
            providers.push(Arc::new(paypal.map_err(|error| anyhow::anyhow!("payments.paypal: {error}"))?));
        }
        Ok(providers)
    }
}

impl Invoices {
    /// Who sells; none where no invoices are issued.
    pub(crate) fn seller(&self) -> anyhow::Result<Option<Party>> {
        let good = |line: &String| {
            (1..=LONGEST_LINE).contains(&line.chars().count()) && !line.chars().any(char::is_control)
        };
        anyhow::ensure!(
            self.seller.len() <= 8 && self.seller.iter().all(good),
            "invoices.seller takes at most 8 lines of 1 to {LONGEST_LINE} characters"
        );
        Ok((!self.seller.is_empty()).then(|| Party { lines: self.seller.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "enabled = true\ncredit_price = { EUR = 100, jpy = 160 }\n\
        [stripe]\nsecret_key = 'sk_1'\nwebhook_secret = 'whsec_1'";

    fn options(text: &str) -> Result<Option<Arc<PaymentOptions>>, String> {
        let read: Payments = toml::from_str(text).map_err(|error| error.to_string())?;
        read.options(Some("https://inn.example")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn payments_are_off_unless_they_are_wholly_configured() {
        assert!(options("").unwrap().is_none());
        let whole = options(GOOD).unwrap().unwrap();
        assert_eq!(whole.credit_price, BTreeMap::from([(Currency::Eur, 100), (Currency::Jpy, 160)]));
        assert_eq!(whole.providers.len(), 1);
        let both = format!("{GOOD}\n[paypal]\nclient_id = 'a'\nclient_secret = 'b'\nwebhook_id = 'c'");
        assert_eq!(options(&both).unwrap().unwrap().providers.len(), 2);
        let read: Payments = toml::from_str(GOOD).unwrap();
        assert!(read.options(None).unwrap_err().to_string().contains("server.public_url"));
    }

    #[test]
    fn half_a_configuration_is_told_in_one_sentence() {
        let price = "enabled = true\ncredit_price = { EUR = 100 }\n";
        for (text, word) in [
            ("enabled = true".to_owned(), "credit_price"),
            (price.to_owned(), "neither"),
            (format!("{price}[stripe]\nsecret_key = 'sk_1'"), "webhook secret is empty"),
            (format!("{price}[stripe]\nwebhook_secret = 'whsec_1'"), "secret key is empty"),
            (format!("{price}[stripe]\nsecret_key = ' '\nwebhook_secret = 'w'"), "secret key is empty"),
            (format!("{price}[stripe]\nsecret = 'sk_1'"), "unknown field"),
            (format!("{price}[paypal]\nclient_id = 'a'"), "client secret is empty"),
            (format!("{price}[paypal]\nclient_id = 'a'\nclient_secret = 'b'"), "webhook id is empty"),
            (GOOD.replace("100", "0"), "credit_price.EUR"),
            (GOOD.replace("EUR", "XXX"), "XXX"),
            (format!("least_credits = 0\n{GOOD}"), "least_credits"),
            (format!("least_credits = 2000\n{GOOD}"), "least_credits"),
            (format!("{GOOD}\nbase_url = 'http://api.stripe.com'"), "https"),
        ] {
            let error = options(&text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
            // The reader of this test shows the line; the one of the program, which the system test asks, does not.
            let read = !error.contains("unknown field");
            assert!(!read || !(error.contains("sk_1") || error.contains("whsec_1")), "{error}");
        }
    }

    #[test]
    fn a_seller_is_a_few_short_lines() {
        let seller =
            |lines: &[&str]| Invoices { seller: lines.iter().map(ToString::to_string).collect() }.seller();
        assert!(seller(&[]).unwrap().is_none());
        assert_eq!(seller(&["Inn", "Paris"]).unwrap().unwrap().lines.len(), 2);
        assert!(seller(&[""]).is_err());
        assert!(seller(&["a\nb"]).is_err());
        assert!(seller(&["x"; 9]).is_err());
    }
}
