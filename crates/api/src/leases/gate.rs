//! Paying by x402: the payment that comes with a request, and what is answered when it must be paid, is on its way, or
//! has come.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::orders::{self, Goods, OrderState};
use innkeeper_engine::x402::{OFFER_HEADER, Offer, Payment, Receipt, Version};
use innkeeper_engine::{Bought, Buying, Called, Demand, Error, Holding, Ordered as Made, Paying};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use url::Url;

use super::holder::Perhaps;
use super::{Lease, Order, Ordered, address_of};
use crate::problem::Problem;
use crate::{App, extract, visitors};

/// The extension by which buyers name their order.
const IDENTIFIER: &str = "payment-identifier";

/// A request that may have to be paid, with everything that its payment is bound to.
pub(crate) struct Purchase<T> {
    /// What it says.
    pub(crate) body: T,
    /// How it is asked for.
    pub(crate) buying: Buying,
    /// The payment that comes with it.
    payment: Option<Payment>,
    /// Whoever sends it, if they prove something.
    pub(crate) holder: Option<Holding>,
    /// What is answered in.
    pub(crate) gate: Gate,
}

/// What an answer to a purchase needs of its request.
pub(crate) struct Gate {
    resource: Url,
    version: Version,
    holder: Option<Holding>,
}

impl<T: DeserializeOwned + Send> FromRequest<App> for Purchase<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let payment = payment(&parts.headers)?;
        let Perhaps(holder) = Perhaps::from_request_parts(&mut parts, app).await?;
        let address = visitors::address(&parts.extensions, &parts.headers, &app.options.trusted_proxies);
        let key = key(&parts.headers, payment.as_ref())?;
        // The whole path: where routes are nested, the request itself has only what is left of it.
        let asked = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let (method, path) = (parts.method.to_string(), asked.path().to_owned());
        let mut resource = app.engine.lease_options()?.public_url.clone();
        resource.set_path(&path);
        let (body, comparable) = extract::json_body(Request::from_parts(parts, body)).await?;
        let buying = Buying::new(&[method.as_bytes(), path.as_bytes(), &comparable], key.as_deref())
            .map_err(|error| match error {
                Error::Invalid { field, message } => Problem::invalid_parameter(field, message),
                other => other.into(),
            })?;
        if payment.is_some() {
            app.engine.admit_payment(address).await?;
        }
        let version = payment.as_ref().map_or(Version::V2, |payment| payment.version);
        let gate = Gate { resource, version, holder: holder.clone() };
        Ok(Self { body, buying, payment, holder, gate })
    }
}

impl<T> Purchase<T> {
    /// By what it is paid: a payment that came with it, or credits where that was asked for.
    pub(crate) async fn paying(
        &mut self,
        app: &App,
        with: Option<PayWith>,
        project: Option<ProjectId>,
    ) -> Result<Paying, Problem> {
        match (self.payment.take(), with) {
            (Some(_), Some(PayWith::Credits)) => Err(Problem::invalid_field(
                "pay_with",
                "a payment came with the request; leave one of the two out",
            )),
            (Some(payment), None) => Ok(Paying::Wallet(payment)),
            (None, None) => Ok(Paying::Nothing),
            (None, Some(PayWith::Credits)) => match &self.holder {
                Some(Holding::Caller(actor)) => {
                    let project = project.ok_or_else(|| {
                        Problem::invalid_field("project_id", "name the project whose credits pay for it")
                    })?;
                    Ok(Paying::Credits(actor.clone(), project))
                }
                Some(Holding::Wallet(wallet, address)) => {
                    let (actor, project) = app.engine.wallet_funds(*wallet, *address).await?;
                    Ok(Paying::Credits(actor, project))
                }
                Some(Holding::Token(..)) | None => Err(Problem::unauthenticated(
                    "unauthenticated",
                    "credits are spent by who is signed in, or by a wallet that signs in",
                )
                .remedy("send a session or a key as `Authorization: Bearer`, or `SIGN-IN-WITH-X`")),
            },
        }
    }
}

/// By what an order is paid, where not by a wallet.
#[derive(Clone, Copy, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PayWith {
    /// With credits: of a project, or those that a wallet has here.
    Credits,
}

fn payment(headers: &HeaderMap) -> Result<Option<Payment>, Problem> {
    let mut found = None;
    for version in [Version::V2, Version::V1] {
        let mut given = headers.get_all(version.payment_header()).iter();
        let Some(value) = given.next() else { continue };
        let refuse = |why: String| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_payment", "The payment cannot be read", why)
                .field(version.payment_header())
                .remedy("nothing was charged; send the request without it to see what is asked")
        };
        if given.next().is_some() || found.is_some() {
            return Err(refuse("more than one payment came with the request".to_owned()));
        }
        let text = value.to_str().map_err(|_| refuse("it is not base64".to_owned()))?;
        let read = match version {
            Version::V2 => Payment::from_v2(text),
            Version::V1 => Payment::from_v1(text),
        };
        found = Some(read.map_err(|bad| refuse(bad.to_string()))?);
    }
    Ok(found)
}

/// The key of an order: of the request, or of the payment.
fn key(headers: &HeaderMap, payment: Option<&Payment>) -> Result<Option<String>, Problem> {
    if let Some(key) = extract::idempotency_key(headers)? {
        return Ok(Some(key));
    }
    let id = payment.and_then(|payment| payment.extensions.get(IDENTIFIER)?.get("info")?.get("id")?.as_str());
    Ok(id.map(|id| format!("{IDENTIFIER}:{id}")))
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // What we encode is ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

impl Gate {
    /// What came of asking for an order, with `done` once it is delivered.
    pub(crate) async fn bought(
        self,
        app: &App,
        bought: Bought,
        done: StatusCode,
    ) -> Result<Response, Problem> {
        match bought {
            Bought::Demanded(demand) => Ok(self.demanded(demand)),
            Bought::Ordered(made) => self.ordered(app, *made, done).await,
        }
    }

    /// What came of a call: what it made, or what stands before it.
    pub(crate) async fn called<T>(
        self,
        app: &App,
        called: Called<T>,
        show: impl FnOnce(T) -> Result<Response, Problem>,
    ) -> Result<Response, Problem> {
        match called {
            Called::Demanded(demand) => Ok(self.demanded(demand)),
            Called::Ordered(made) => self.ordered(app, *made, StatusCode::CONFLICT).await,
            Called::Done(made) => show(made),
        }
    }

    /// What must be paid first: for both generations at once.
    fn demanded(self, demand: Demand) -> Response {
        let error = demand.problem.as_deref().unwrap_or("Payment required");
        let mut extensions = Map::new();
        extensions.insert(
            IDENTIFIER.to_owned(),
            json!({
                "info": { "required": false },
                "schema": { "type": "object", "properties": { "id": { "type": "string", "pattern": "^[A-Za-z0-9_-]{16,128}$" } } },
            }),
        );
        let offer = Offer {
            resource: self.resource,
            description: demand.description,
            requirements: demand.requirements,
            extensions,
        };
        let mut body = offer.body_v1(error);
        body["price_micros"] = json!(demand.price);
        body["code"] = json!("payment_required");
        if offer.requirements.is_empty() {
            body["remedy"] =
                json!("sign in and give `pay_with` and `project_id`: this house takes credits only");
        }
        let mut response = (StatusCode::PAYMENT_REQUIRED, Json(body)).into_response();
        set(response.headers_mut(), OFFER_HEADER, &offer.header(error));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// What was ordered, with `done` once it is delivered.
    async fn ordered(&self, app: &App, made: Made, done: StatusCode) -> Result<Response, Problem> {
        let Made { order, lease, token, fresh } = made;
        let status = match order.state {
            OrderState::Delivered => done,
            OrderState::Claimed | OrderState::Settling | OrderState::Paid => StatusCode::ACCEPTED,
            OrderState::Refused | OrderState::Credited | OrderState::Lapsed => StatusCode::CONFLICT,
        };
        let receipt = receipt(&order);
        // Whoever read the payment off the chain, or pays for somebody else, sees the order and nothing of the lease.
        let lease = match lease {
            Some(lease) if fresh && self.may_see(app, &order, &lease).await? => {
                Some(Lease::shown(&app.engine, lease).await?)
            }
            _ => None,
        };
        let location = address_of(order.id);
        // Of what was credited there is nothing to hold.
        let token =
            token.filter(|_| status != StatusCode::CONFLICT).map(|token| token.expose_secret().to_owned());
        let mut response =
            (status, Json(Ordered { order: Order::from(order), lease, token })).into_response();
        self.pay(response.headers_mut(), receipt);
        set(response.headers_mut(), "location", &location);
        Ok(response)
    }

    /// Whether whoever pays this order may see its lease: it is theirs by this order, or by what they prove.
    async fn may_see(
        &self,
        app: &App,
        order: &orders::Order,
        lease: &innkeeper_domain::leases::Lease,
    ) -> Result<bool, Problem> {
        let payer = order.payment.as_ref().map(|payment| payment.payer);
        if matches!(order.goods, Goods::Lease(_)) || (payer.is_some() && payer == lease.wallet) {
            return Ok(true);
        }
        let Some(by) = &self.holder else { return Ok(false) };
        match app.engine.held_lease(lease.id, by).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_) | Error::Denied { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Says what became of a payment.
    pub(crate) fn pay(&self, headers: &mut HeaderMap, receipt: Option<Receipt>) {
        if let Some(receipt) = receipt {
            set(headers, self.version.receipt_header(), &receipt.header(self.version));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
    }
}

/// What a buyer's software is told of the payment of an order.
pub(crate) fn receipt(order: &orders::Order) -> Option<Receipt> {
    let payment = order.payment.as_ref()?;
    let success = order.transaction.is_some();
    let reason = match order.state {
        OrderState::Claimed | OrderState::Settling => Some("settlement_pending".to_owned()),
        _ if success => None,
        _ => order.problem.clone(),
    };
    Some(Receipt {
        success,
        payer: Some(payment.payer),
        transaction: order.transaction,
        network: payment.network,
        error_reason: reason,
    })
}
