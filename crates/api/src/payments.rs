//! Payments: buying credits, what was bought, and giving money back.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use innkeeper_domain::ids::{PaymentId, ProjectId, RefundId, UserId};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::{self as domain, Currency, PaymentState, Provider, RefundState};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewPayment, NewRefund, PaymentFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Keyed, Query, Raw};
use crate::page::{Cursor, Limit, Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// An amount of real money.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Amount {
    /// In the currency's smallest unit: 1250 is 12.50 EUR, and 1250 JPY.
    minor: i64,
    /// The currency.
    currency: Currency,
}

impl From<domain::Amount> for Amount {
    fn from(amount: domain::Amount) -> Self {
        Self { minor: amount.minor, currency: amount.currency }
    }
}

/// What can be bought, and how.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentOffer {
    /// Whether credits are sold at all.
    enabled: bool,
    /// Who takes the money.
    providers: Vec<Provider>,
    /// What one credit costs, in each currency.
    credit_price: Vec<Amount>,
    /// The fewest credits that can be bought at once.
    least_credits: i64,
    /// The most.
    most_credits: i64,
}

/// An order of credits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Payment {
    /// Identity.
    id: PaymentId,
    /// Whose the credits will be.
    project_id: ProjectId,
    /// Who takes the money.
    provider: Provider,
    /// How far it is.
    state: PaymentState,
    /// What is to be paid.
    amount: Amount,
    /// What is bought.
    credits_micros: Micros,
    /// Send the payer there; null when it cannot be paid any more.
    redirect_url: Option<String>,
    /// The provider's own id of it, once known.
    reference: Option<String>,
    /// Why it failed, or what somebody must look at.
    problem: Option<String>,
    /// Who ordered; null is the house.
    asked_by: Option<UserId>,
    /// When it was ordered.
    created_at: Timestamp,
    /// Until when it can be paid.
    expires_at: Timestamp,
    /// When its credits arrived.
    paid_at: Option<Timestamp>,
    /// How much was given back, or is being given back.
    refunded: Amount,
}

impl From<domain::Payment> for Payment {
    fn from(payment: domain::Payment) -> Self {
        let open = payment.state == PaymentState::Open;
        Self {
            id: payment.id,
            project_id: payment.project_id,
            provider: payment.provider,
            state: payment.state,
            amount: payment.amount.into(),
            credits_micros: payment.credits,
            redirect_url: payment.redirect.filter(|_| open),
            reference: payment.reference,
            problem: payment.problem,
            asked_by: payment.asked_by,
            created_at: payment.created_at,
            expires_at: payment.expires_at,
            paid_at: payment.paid_at,
            refunded: domain::Amount::new(payment.refunded_minor, payment.amount.currency).into(),
        }
    }
}

/// Credits to be bought. The price is the house's, at `GET /api/v1/payment-offer`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "provider": "stripe", "credits": 25, "currency": "EUR" }))]
pub(crate) struct PaymentAsked {
    /// Through whom.
    provider: Provider,
    /// How many credits, whole ones.
    credits: i64,
    /// Paid in what.
    currency: Currency,
}

/// Money given back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refund {
    /// Identity.
    id: RefundId,
    /// Of which payment.
    payment_id: PaymentId,
    /// How far it is.
    state: RefundState,
    /// How much money.
    amount: Amount,
    /// How many credits were taken back for it.
    credits_micros: Micros,
    /// Why.
    reason: String,
    /// The provider's own id of it, once known.
    reference: Option<String>,
    /// Why it failed, or what the provider said last.
    problem: Option<String>,
    /// Who gave it back.
    by: Option<UserId>,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it was done, or failed.
    ended_at: Option<Timestamp>,
}

impl From<domain::Refund> for Refund {
    fn from(refund: domain::Refund) -> Self {
        Self {
            id: refund.id,
            payment_id: refund.payment_id,
            state: refund.state,
            amount: refund.amount.into(),
            credits_micros: refund.credits,
            reason: refund.reason,
            reference: refund.reference,
            problem: refund.problem,
            by: refund.by,
            created_at: refund.created_at,
            ended_at: refund.ended_at,
        }
    }
}

/// Money to be given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount_minor": 500, "reason": "ordered by mistake" }))]
pub(crate) struct RefundAsked {
    /// How much, in the currency's smallest unit; all that is left where nothing is said.
    amount_minor: Option<i64>,
    /// Why, in words that the project's people read: one line of at most 500 characters.
    reason: String,
}

/// Which payments to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentsWanted {
    /// Only those in this state.
    state: Option<PaymentState>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// What can be bought, and how.
#[utoipa::path(get, path = "/payment-offer", tag = "payments",
    responses((status = 200, description = "The offer", body = PaymentOffer)),
)]
pub(crate) async fn get_payment_offer(_: Caller, State(engine): State<Engine>) -> Json<PaymentOffer> {
    let offer = engine.payment_offer();
    let enabled = offer.is_some();
    let (providers, prices, least_credits, most_credits) = match offer {
        Some(offer) => (offer.providers, offer.credit_price, offer.least, offer.most),
        None => (Vec::new(), Vec::new(), 0, 0),
    };
    let credit_price = prices.into_iter().map(Amount::from).collect();
    Json(PaymentOffer { enabled, providers, credit_price, least_credits, most_credits })
}

/// Buy credits: answers where to pay. They arrive when the provider says that it was paid, wherever the payer's browser
/// goes. Sent again with the same key after an answer was lost, it is the same payment.
#[utoipa::path(post, path = "/projects/{id}/payments", tag = "payments", request_body = PaymentAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "Ordered", body = Payment),
        (status = 409, description = "The house sells no credits (`payments_off`), too many payments wait for their payer (`too_many_open_payments`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The provider does not answer (`provider_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn begin_payment(
    caller: Caller,
    State(engine): State<Engine>,
    At(project_id): At<ProjectId>,
    Keyed { body, key }: Keyed<PaymentAsked>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    let PaymentAsked { provider, credits, currency } = body;
    let new = NewPayment { project_id, provider, credits, currency };
    let payment = engine.begin_payment(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(payment.into())))
}

/// The payments of a project, newest first.
#[utoipa::path(get, path = "/projects/{id}/payments", tag = "payments",
    params(("id" = ProjectId, Path, description = "The project"), PaymentsWanted),
    responses((status = 200, description = "A page of them", body = Page<Payment>)),
)]
pub(crate) async fn list_project_payments(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(wanted): Query<PaymentsWanted>,
) -> Result<Json<Page<Payment>>, Problem> {
    list(&caller, &engine, Some(id), wanted).await
}

/// All payments, newest first. For administrators.
#[utoipa::path(get, path = "/payments", tag = "payments", params(PaymentsWanted),
    responses((status = 200, description = "A page of them", body = Page<Payment>)),
)]
pub(crate) async fn list_payments(
    caller: Caller,
    State(engine): State<Engine>,
    Query(wanted): Query<PaymentsWanted>,
) -> Result<Json<Page<Payment>>, Problem> {
    list(&caller, &engine, None, wanted).await
}

async fn list(
    caller: &Caller,
    engine: &Engine,
    project_id: Option<ProjectId>,
    wanted: PaymentsWanted,
) -> Result<Json<Page<Payment>>, Problem> {
    let filter = PaymentFilter { project_id, state: wanted.state };
    let after = Cursor::read(wanted.cursor)?;
    let found = engine.payments(&caller.actor, &filter, after, wanted.limit.rows()).await?;
    Ok(Json(Page::of(found, wanted.limit, |payment| payment.id.to_string(), Payment::from)))
}

/// How a payment stands.
#[utoipa::path(get, path = "/payments/{id}", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment")),
    responses((status = 200, description = "The payment", body = Payment)),
)]
pub(crate) async fn get_payment(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PaymentId>,
) -> Result<Json<Payment>, Problem> {
    Ok(Json(engine.payment(&caller.actor, id).await?.into()))
}

/// Give money back, and take its credits from the project's wallet. For administrators.
#[utoipa::path(post, path = "/payments/{id}/refunds", tag = "payments", request_body = RefundAsked,
    params(("id" = PaymentId, Path, description = "The payment"), IdempotencyKey),
    responses(
        (status = 201, description = "Given back; or being given back, while `state` is `pending`", body = Refund),
        (status = 402, description = "The credits were spent (`insufficient_credits`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "It was not paid (`not_paid`), was given back before (`already_refunded`), the house takes no payments (`payments_off`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn refund_payment(
    caller: Caller,
    State(engine): State<Engine>,
    At(payment_id): At<PaymentId>,
    Keyed { body, key }: Keyed<RefundAsked>,
) -> Result<(StatusCode, Json<Refund>), Problem> {
    let new = NewRefund { payment_id, amount_minor: body.amount_minor, reason: body.reason };
    let refund = engine.refund_payment(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(refund.into())))
}

/// What was given back of a payment, oldest first.
#[utoipa::path(get, path = "/payments/{id}/refunds", tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment"), Paging),
    responses((status = 200, description = "A page of it", body = Page<Refund>)),
)]
pub(crate) async fn list_refunds(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<PaymentId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Refund>>, Problem> {
    let found = engine.refunds(&caller.actor, id).await?;
    Page::within(found, paging, |refund| refund.id.to_string(), Refund::from).map(Json)
}

/// Where a payment provider tells what was paid. Nobody signs in here: each message proves itself.
#[utoipa::path(post, path = "/payment-webhooks/{provider}", tag = "payments",
    params(("provider" = String, Path, description = "`stripe` or `paypal`")),
    responses(
        (status = 204, description = "Heard"),
        (status = 400, description = "It is not from the provider, or too old (`webhook_refused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "It cannot be verified at the moment: send it again (`provider_unavailable`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn payment_webhook(
    State(engine): State<Engine>,
    At(provider): At<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    let provider = provider.parse().map_err(|_| innkeeper_engine::Error::NotFound("payment provider"))?;
    engine.payment_webhook(provider, &headers, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}
