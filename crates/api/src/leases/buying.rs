//! Buying leases and time, and seeing how an order stands.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use innkeeper_domain::ids::{LeaseId, OrderId};
use innkeeper_domain::orders::OrderState;
use innkeeper_engine::Engine;
use serde::Deserialize;
use utoipa::IntoParams;

use super::catalogue::{LeaseAsked, TimeAsked};
use super::gate::Purchase;
use super::holder::Perhaps;
use super::{Lease, Order, Ordered};
use crate::App;
use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::operations::Waiting;
use crate::page::{Cursor, Limit, Page};
use crate::problem::{MEDIA_TYPE, Problem};

/// Headers of a request that may be paid by x402.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the headers; `gate` reads them")]
pub(crate) struct PaymentHeaders {
    /// A payment (x402 v2): base64 of JSON, for what `PAYMENT-REQUIRED` of the `402` asked.
    #[param(rename = "PAYMENT-SIGNATURE", value_type = String, required = false)]
    payment_signature: Option<String>,
    /// A payment (x402 v1), for what the body of the `402` asked.
    #[param(rename = "X-PAYMENT", value_type = String, required = false)]
    x_payment: Option<String>,
    /// A wallet's signature over a challenge.
    #[param(rename = "SIGN-IN-WITH-X", value_type = String, required = false)]
    sign_in_with_x: Option<String>,
    /// A key of your choice, 16 to 200 printable ASCII characters, best random ones: the same request under the same key
    /// is never bought, or asked to be paid, twice.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 16, max_length = 200)]
    idempotency_key: Option<String>,
}

/// Lease a container.
///
/// Without a payment the answer is `402` with what is asked: `PAYMENT-REQUIRED` for x402 v2, the body for v1. Send the same
/// request again with a payment. It is settled before the container is made; if that fails, its price is credit of the
/// wallet. The time begins when the container is there. Send nothing but the same payment when an answer was lost: signing
/// another pays again.
#[utoipa::path(post, path = "/leases", tag = "leases", request_body = LeaseAsked, params(PaymentHeaders),
    responses(
        (status = 201, description = "The container is there", body = Ordered, headers(("PAYMENT-RESPONSE" = String, description = "The receipt"))),
        (status = 202, description = "It is ordered: look at `Location` until it is delivered or credited. The token is in this answer", body = Ordered, headers(("Location" = String, description = "The order"))),
        (status = 402, description = "It must be paid first (`payment_required`), and nothing was charged", headers(("PAYMENT-REQUIRED" = String, description = "What is asked, for x402 v2"))),
        (status = 409, description = "Credited: what was paid could not be delivered (the order tells), or nothing was charged since the payment belongs to another request (`payment_used`), the key was used for another (`idempotency_key_reused`), the wallet has as many leases as it may (`too_many_leases`), there is no room (`no_capacity`), no price (`no_price`), or no leases (`leases_off`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The payment cannot be verified at the moment (`provider_unavailable`); nothing was charged", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn rent(
    State(app): State<App>,
    mut purchase: Purchase<LeaseAsked>,
) -> Result<Response, Problem> {
    let asked = purchase.body.clone();
    let paying = purchase.paying(&app, asked.pay_with, asked.project_id).await?;
    let new = asked.new_lease(&app.engine).await?;
    let bought = app.engine.order_lease(&new, &purchase.buying, paying).await?;
    purchase.gate.bought(&app, bought, StatusCode::CREATED).await
}

/// Renew a lease: add time to it. Anybody may pay.
///
/// Time is added to what is left; an expired lease starts again from now. Renewals at the same time all count.
#[utoipa::path(post, path = "/leases/{id}/renew", tag = "leases", request_body = TimeAsked,
    params(("id" = LeaseId, Path, description = "The lease"), PaymentHeaders),
    responses(
        (status = 200, description = "The time is added", body = Ordered, headers(("PAYMENT-RESPONSE" = String, description = "The receipt"))),
        (status = 202, description = "It is ordered: look at `Location`", body = Ordered, headers(("Location" = String, description = "The order"))),
        (status = 402, description = "It must be paid first (`payment_required`), and nothing was charged", headers(("PAYMENT-REQUIRED" = String, description = "What is asked, for x402 v2"))),
        (status = 409, description = "The lease is over (`lease_over`), or as for leasing", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "The payment cannot be verified at the moment (`provider_unavailable`); nothing was charged", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn renew(
    State(app): State<App>,
    At(id): At<LeaseId>,
    mut purchase: Purchase<TimeAsked>,
) -> Result<Response, Problem> {
    let TimeAsked { minutes, pay_with, project_id } = purchase.body;
    let paying = purchase.paying(&app, pay_with, project_id).await?;
    let bought = app.engine.order_time(id, minutes, &purchase.buying, paying).await?;
    purchase.gate.bought(&app, bought, StatusCode::OK).await
}

/// How an order stands. Whoever has its id may look; the lease is shown to who holds it.
#[utoipa::path(get, path = "/leases/orders/{id}", tag = "leases",
    params(("id" = OrderId, Path, description = "The order"), Waiting),
    responses((status = 200, description = "The order", body = Ordered)),
)]
pub(crate) async fn get_order(
    State(app): State<App>,
    At(id): At<OrderId>,
    Query(waiting): Query<Waiting>,
    Perhaps(holder): Perhaps,
) -> Result<Json<Ordered>, Problem> {
    let made = tokio::select! {
        made = app.engine.await_order(id, waiting.patience()) => made?,
        () = app.stop.cancelled() => app.engine.order(id).await?,
    };
    let lease = match holder {
        Some(by) => match app.engine.held_lease(made.order.lease_id, &by).await {
            Ok((lease, _)) => Some(Lease::shown(&app.engine, lease).await?),
            Err(innkeeper_engine::Error::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    Ok(Json(Ordered { order: made.order.into(), lease, token: None }))
}

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichOrders {
    /// In this state only.
    state: Option<OrderState>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Orders of everybody, newest first. For staff.
#[utoipa::path(get, path = "/leases/orders", tag = "leases", params(WhichOrders),
    responses((status = 200, description = "A page of them", body = Page<Order>)),
)]
pub(crate) async fn list_orders(
    caller: Caller,
    State(engine): State<Engine>,
    Query(which): Query<WhichOrders>,
) -> Result<Json<Page<Order>>, Problem> {
    let after = Cursor::read(which.cursor)?;
    let found = engine.orders(&caller.actor, which.state, after, which.limit.rows()).await?;
    Ok(Json(Page::of(found, which.limit, |order| order.id.to_string(), Order::from)))
}
