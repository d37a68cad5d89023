//! The OpenAPI document and the pages that show it. What is true of every operation (how one signs in, and what can
//! go wrong) is said here, once, from what the operation is like.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{self, MEDIA_TYPE, Problem};
use crate::{App, auth, headers};

/// The key under which a repetition is recognised.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header; `extract` reads it")]
pub(crate) struct IdempotencyKey {
    /// A key of your choice, 1 to 200 printable ASCII characters. The same key with the same request gets the same
    /// answer and changes nothing; with another request it is refused. Kept for a day.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 1, max_length = 200)]
    idempotency_key: Option<String>,
}

const ABOUT: &str = "The front desk of a Proxmox VE house: containers and virtual machines for people who never see \
Proxmox.

**Signing in.** `POST /api/v1/sessions` answers a short-lived token: send it as `Authorization: Bearer …`, and get the \
next one with `POST /api/v1/sessions/refresh` before it ends. Where a second factor is on, it answers `202` with a ticket \
for `POST /api/v1/sessions/second-factor`. Browsers get the same in cookies; with these, changes are taken from our own \
pages only.

**Keys.** Programs use a key of `POST /api/v1/keys` in place of a session, sent in the same way; it does what its scopes \
say, and no more than its user may.

**Operations.** Whatever changes an instance answers `202` with an operation and its address in `Location`; follow it \
with `GET /api/v1/operations/{id}?wait=30s`.

**Repeating.** Give an `Idempotency-Key` where one is taken, and a request can be sent again without being done again.

**Lists.** Answers are `{items, next_cursor}`; give `next_cursor` back as `cursor`.

**Problems.** Everything that goes wrong is told as `application/problem+json` (RFC 9457) with a stable `code`, the \
`field`, and what to do. What belongs to somebody else answers `404`.

**Units.** Times are UTC in RFC 3339. Names of figures carry the unit (`memory_mib`, `disk_gib`); without one, sizes \
are bytes. Amounts of credits are whole micro-credits (`amount_micros`): 1 credit is 1 000 000.";

const TAGS: &[(&str, &str)] = &[
    ("setup", "The first administrator of a new house"),
    ("sessions", "Signing in and out"),
    ("account", "Your own account: password, second factors, address"),
    ("users", "People and machines that sign in"),
    ("keys", "What programs use in place of a session"),
    ("projects", "Who owns instances, and who belongs to whom"),
    ("clusters", "Proxmox VE installations and their nodes; for staff"),
    ("hosts", "Nodes that are woken when somebody needs them and laid to rest when nobody does"),
    ("discord", "The bot at Discord: whose account is whose, what it is set to, and its texts"),
    ("services", "What players or users connect to, and restarts of it"),
    ("networks", "Where the cards of instances are plugged in, and the addresses that they get"),
    ("templates", "What instances are made from"),
    ("plans", "Named sizes"),
    ("prices", "What instances cost"),
    ("credits", "What projects have, and every posting behind it"),
    ("payments", "Buying credits with real money, and giving it back"),
    ("vouchers", "Codes that are worth credits"),
    ("invoices", "A month's account on paper"),
    ("instances", "Containers and virtual machines"),
    ("leases", "Prepaid containers for whoever pays, by x402 or with credits, with or without an account"),
    ("leases (earlier names)", "The same leases, by the names of the lease server that came before"),
    ("backups", "Backups of instances, and schedules of them"),
    ("isos", "Discs for virtual machines, and rescue"),
    ("consoles", "Terminals and screens of instances"),
    ("commands", "What is run in instances: commands, passwords, keys, the script of the first boot"),
    ("operations", "Asked-for changes and how they stand"),
    ("webhooks", "Addresses that are told what happens to a project"),
    ("audit", "Who did what"),
    ("events", "What happens, as it happens"),
    ("announcements", "What the house tells everybody who is signed in"),
    ("health", "Whether we are up and ready"),
    ("docs", "This document"),
];

/// What can go wrong anywhere: name of the response, status, when.
const PROBLEMS: &[(&str, u16, &str)] = &[
    (
        "BadRequest",
        400,
        "The request cannot be read, or a parameter is not acceptable (`malformed_json`, `invalid_parameter`, `invalid_cursor`)",
    ),
    ("Unauthenticated", 401, "Nobody is signed in, or the session has ended (`unauthenticated`)"),
    (
        "Forbidden",
        403,
        "Your role does not allow it (`forbidden`), your key was not made for it or for your address (`missing_scope`, `address_not_allowed`), something stands against you (`suspended`, `banned`, `email_unverified`), an administrator acts for you (`impersonated`), or the session cookie came with another site's request (`cross_site`)",
    ),
    ("NotFound", 404, "It does not exist, or not as far as you may know (`not_found`)"),
    ("KeyReused", 409, "The `Idempotency-Key` was used for something else (`idempotency_key_reused`)"),
    ("BodyTooLarge", 413, "The body is larger than 256 KiB (`body_too_large`)"),
    ("WrongMediaType", 415, "The body is not `application/json` (`unsupported_media_type`)"),
    (
        "InvalidField",
        422,
        "A field is missing, unknown or not acceptable; `field` names it (`invalid_field`)",
    ),
    ("Internal", 500, "Something went wrong on our side (`internal`)"),
];

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "docs", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn openapi_json() -> Json<&'static OpenApi> {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(crate::openapi);
    Json(&*DOCUMENT)
}

/// The document without its operations.
pub(crate) fn head() -> OpenApi {
    let licence =
        LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build();
    let info = InfoBuilder::new()
        .title("Innkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(licence));
    let tags =
        TAGS.iter().map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    OpenApiBuilder::new().info(info.build()).tags(Some(tags)).components(Some(Components::new())).build()
}

/// Says of every operation that one must be signed in.
pub(crate) fn require_session(document: &mut OpenApi) {
    let none: [&str; 0] = [];
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.security =
            Some(vec![SecurityRequirement::new("bearer", none), SecurityRequirement::new("cookie", none)]);
    }
}

/// Says of every operation that whoever holds a lease may ask it.
pub(crate) fn require_holder(document: &mut OpenApi) {
    let none: [&str; 0] = [];
    let ways = ["lease", "wallet", "bearer", "cookie"];
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(ways.map(|way| SecurityRequirement::new(way, none)).to_vec());
    }
}

/// Adds what is true of every operation.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a session, or a key"))
        .build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let lease = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a lease (`ikl_…`)"))
        .build();
    components.add_security_scheme("lease", SecurityScheme::Http(lease));
    let wallet = ApiKeyValue::with_description(
        "SIGN-IN-WITH-X",
        "A challenge of `POST /api/v1/leases/challenge`, signed by the wallet that bought the lease",
    );
    components.add_security_scheme("wallet", SecurityScheme::ApiKey(ApiKey::Header(wallet)));
    let cookie = ApiKeyValue::with_description(auth::COOKIE, "The same in a cookie, for our own pages");
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for (name, _, when) in PROBLEMS {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new().description(*when).content(MEDIA_TYPE, body).build();
        components.responses.insert((*name).to_owned(), RefOr::T(response));
    }
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            let parameters = operation.parameters.as_deref().unwrap_or_default();
            let keyed = parameters.iter().any(|p| matches!(p, RefOr::T(p) if p.name == "Idempotency-Key"));
            // What takes a key reads the body, even where it expects none.
            let (signed_in, body) = (operation.security.is_some(), keyed || operation.request_body.is_some());
            let has_parameters = !parameters.is_empty();
            // A span of time may be read well, and still be too long.
            let span = parameters.iter().any(|p| matches!(p, RefOr::T(p) if p.name == "from"));
            let can_be = |status| match status {
                400 => body || has_parameters,
                401 | 403 => signed_in,
                404 => path.contains('{'),
                409 => keyed,
                413 | 415 => body,
                422 => body || span,
                _ => true,
            };
            for (name, status, _) in PROBLEMS.iter().filter(|(_, status, _)| can_be(*status)) {
                let response = RefOr::Ref(Ref::from_response_name(*name));
                operation.responses.responses.entry(status.to_string()).or_insert(response);
            }
        }
    }
    document
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, patch, delete, put, .. } = item;
    [get, post, patch, delete, put].into_iter().flatten()
}

/// The pages at `/api/v1/docs`, from files that are part of the program.
pub(crate) fn swagger_ui() -> Router<App> {
    // Its own way of checking the document would show it to a stranger's server.
    let config = Config::from("/api/v1/openapi.json").validator_url("none").try_it_out_enabled(true);
    Router::from(SwaggerUi::new("/api/v1/docs").config(config)).layer(middleware::map_response(as_page))
}

async fn as_page(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return problem::no_such_route().into_response();
    }
    let mut add =
        |name: HeaderName, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    add(header::CONTENT_SECURITY_POLICY, headers::SWAGGER);
    add(header::CACHE_CONTROL, "no-cache");
    response
}
