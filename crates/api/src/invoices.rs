//! Invoices: a month's account on paper, issued once and never changed.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::ids::{InvoiceId, ProjectId};
use innkeeper_domain::invoices::{self as domain, Month};
use innkeeper_domain::money::Micros;
use innkeeper_domain::payments::Provider;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, papers};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{At, Keyed, Query};
use crate::page::{Page, Paging};
use crate::payments::Amount;
use crate::problem::{MEDIA_TYPE, Problem};

/// A month's account as it was issued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invoice {
    /// Identity.
    id: InvoiceId,
    /// Its number, per year and without gaps.
    number: String,
    /// Whose.
    project_id: ProjectId,
    /// Which month it is for. What was posted late for an earlier month stands in it too.
    month: Month,
    /// When it was issued.
    issued_at: Timestamp,
    /// Who sells: name and address, line by line.
    seller: Vec<String>,
    /// Who buys.
    buyer: Vec<String>,
    /// What was used, by instance.
    usage: Vec<InvoiceUsage>,
    /// What was paid and given back.
    money: Vec<InvoiceMoney>,
    /// Credits that came for another reason.
    others: Vec<InvoiceOther>,
}

/// What one instance used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceUsage {
    /// The instance's id.
    instance_id: String,
    /// What it was called.
    name: String,
    /// What it was charged.
    credits_micros: Micros,
}

/// Money that came, or went back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceMoney {
    /// When.
    at: Timestamp,
    /// The payment's id, or the refund's.
    id: String,
    /// Through whom.
    provider: Provider,
    /// How much; what was given back is below zero.
    amount: Amount,
    /// The credits for it.
    credits_micros: Micros,
}

/// Credits that came, or were taken, for another reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceOther {
    /// The ledger's word for the reason.
    cause: String,
    /// How many, in all.
    credits_micros: Micros,
}

impl From<domain::Invoice> for Invoice {
    fn from(invoice: domain::Invoice) -> Self {
        let usage = invoice.usage.into_iter().map(|line| InvoiceUsage {
            instance_id: line.instance_id,
            name: line.name,
            credits_micros: line.credits,
        });
        let money = invoice.money.into_iter().map(|line| InvoiceMoney {
            at: line.at,
            id: line.id,
            provider: line.provider,
            amount: line.amount.into(),
            credits_micros: line.credits,
        });
        let other =
            |line: domain::OtherLine| InvoiceOther { cause: line.cause, credits_micros: line.credits };
        Self {
            id: invoice.id,
            number: invoice.number,
            project_id: invoice.project_id,
            month: invoice.month,
            issued_at: invoice.issued_at,
            seller: invoice.seller.lines,
            buyer: invoice.buyer.lines,
            usage: usage.collect(),
            money: money.collect(),
            others: invoice.others.into_iter().map(other).collect(),
        }
    }
}

/// Which month.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "month": "2026-10" }))]
pub(crate) struct InvoiceAsked {
    /// A month that is over.
    month: Month,
}

/// Issue the invoice of a month that is over; the one that was issued before, if there is one. The house also issues
/// them by itself, some hours after the month has ended.
#[utoipa::path(post, path = "/projects/{id}/invoices", tag = "invoices", request_body = InvoiceAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "The invoice", body = Invoice),
        (status = 409, description = "The house issues no invoices (`invoices_off`), there is nothing to put on one (`nothing_to_invoice`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn issue_invoice(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Keyed { body, key }: Keyed<InvoiceAsked>,
) -> Result<(StatusCode, Json<Invoice>), Problem> {
    let invoice = engine.issue_invoice(&caller.actor, id, body.month, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(invoice.into())))
}

/// The invoices of a project, newest first.
#[utoipa::path(get, path = "/projects/{id}/invoices", tag = "invoices",
    params(("id" = ProjectId, Path, description = "The project"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Invoice>)),
)]
pub(crate) async fn list_project_invoices(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Invoice>>, Problem> {
    list(&caller, &engine, Some(id), paging).await
}

/// All invoices, newest first. For administrators.
#[utoipa::path(get, path = "/invoices", tag = "invoices", params(Paging),
    responses((status = 200, description = "A page of them", body = Page<Invoice>)),
)]
pub(crate) async fn list_invoices(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Invoice>>, Problem> {
    list(&caller, &engine, None, paging).await
}

async fn list(
    caller: &Caller,
    engine: &Engine,
    project: Option<ProjectId>,
    paging: Paging,
) -> Result<Json<Page<Invoice>>, Problem> {
    let limit = paging.limit();
    let found = engine.invoices(&caller.actor, project, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |invoice| invoice.id.to_string(), Invoice::from)))
}

/// One invoice.
#[utoipa::path(get, path = "/invoices/{id}", tag = "invoices",
    params(("id" = InvoiceId, Path, description = "The invoice")),
    responses((status = 200, description = "The invoice", body = Invoice)),
)]
pub(crate) async fn get_invoice(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InvoiceId>,
) -> Result<Json<Invoice>, Problem> {
    Ok(Json(engine.invoice(&caller.actor, id).await?.into()))
}

/// One invoice, to be printed: A4, in PDF.
#[utoipa::path(get, path = "/invoices/{id}/pdf", tag = "invoices",
    params(("id" = InvoiceId, Path, description = "The invoice")),
    responses((status = 200, description = "The invoice", body = [u8], content_type = "application/pdf")),
)]
pub(crate) async fn get_invoice_pdf(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InvoiceId>,
) -> Result<Response, Problem> {
    let invoice = engine.invoice(&caller.actor, id).await?;
    Ok(file("application/pdf", &format!("invoice-{}.pdf", invoice.number), papers::invoice_pdf(&invoice)))
}

/// A file to be saved. Its name is of ours: letters, digits, points and hyphens.
pub(crate) fn file(media_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}
