//! The server: lists the tools, and makes of a call one request to the house.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_domain::ids::LeaseId;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::caller::{Caller, SIGN_IN};
use crate::door::{Answer, Ask, Door, Silence};
use crate::purse::{self, Paid, Purse, secret_header};
use crate::remote::Remote;
use crate::result::{self, PAYMENT_META};
use crate::tokens::Tokens;
use crate::tools::{self, Plan, Proof, Unfit};

/// What programs read first.
const INSTRUCTIONS: &str = "Leases Linux containers by the minute. Ask `catalogue` and `quote`, buy with `lease`, wait with \
    `order` until it is delivered, use it with `exec` (or SSH), give it more time with `renew`, end it with `destroy`. \
    `lease` and `renew` cost money: the price is told first, and charged once.";

/// So many leases are listed by their tokens at once.
const MOST_LISTED: usize = 50;

/// Payments of the first generation.
const X_PAYMENT: header::HeaderName = header::HeaderName::from_static("x-payment");

/// What a server on a buyer's machine keeps for its user.
#[derive(Debug)]
pub struct Keeper {
    /// The house.
    pub house: url::Url,
    /// The tokens of leases.
    pub tokens: Tokens,
    /// A wallet that pays.
    pub purse: Option<Purse>,
    /// A session or an API key, for who pays with credits.
    pub session: Option<SecretString>,
}

impl Keeper {
    /// Of the house of this door, with tokens in memory alone and nothing to pay with.
    pub fn new(door: &Remote) -> Self {
        let house = door.url().clone();
        Self { tokens: Tokens::new(house.clone()), house, purse: None, session: None }
    }
}

/// An MCP server before a house.
#[derive(Debug)]
pub struct Server<D>(Arc<Inner<D>>);

#[derive(Debug)]
struct Inner<D> {
    door: D,
    keeper: Option<Keeper>,
}

impl<D> Clone for Server<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Door> Server<D> {
    /// Before the house of this door; with a keeper on a buyer's machine.
    pub fn new(door: D, keeper: Option<Keeper>) -> Self {
        Self(Arc::new(Inner { door, keeper }))
    }

    /// Calls a tool by its name. `payment` is what came as `_meta["x402/payment"]`.
    pub(crate) async fn call(
        &self,
        entry: &tools::Entry,
        arguments: serde_json::Map<String, Value>,
        payment: Option<&Value>,
        caller: &Caller,
    ) -> CallToolResult {
        let plan = match entry.plan(arguments, self.keeper().is_some()) {
            Ok(plan) => plan,
            Err(bad) => return result::unfit(&bad),
        };
        let ask = match self.ask(&plan, payment, caller).await {
            Ok(ask) => ask,
            Err(bad) => return result::unfit(&bad),
        };
        let several = plan.proof == Proof::Anybody && !is_proven(&ask.headers);
        if let Some(keeper) = self.keeper().filter(|_| several) {
            return match self.list(keeper, &ask).await {
                Ok(answer) => result::told(answer),
                Err(silence) => result::silent(&silence, false),
            };
        }
        let answer = match self.send(&plan, ask).await {
            Ok(Paid::Answered(answer)) => answer,
            Ok(Paid::Closed(closed)) => return result::closed(&closed),
            Err(silence) => return result::silent(&silence, plan.bought),
        };
        result::told(self.kept(answer, plan.show_token))
    }

    fn keeper(&self) -> Option<&Keeper> {
        self.0.keeper.as_ref()
    }

    async fn ask(&self, plan: &Plan, payment: Option<&Value>, caller: &Caller) -> Result<Ask, Unfit> {
        let mut headers = caller.headers.clone();
        if let Some((name, value)) = self.proof(plan, &headers).await? {
            headers.remove(header::AUTHORIZATION);
            headers.remove(SIGN_IN);
            headers.insert(name, value);
        }
        if plan.bought {
            if let Some((name, value)) = paid(plan, payment)? {
                headers.insert(name, value);
            }
            if let Some(key) = &plan.idempotency_key {
                headers.insert(purse::KEY, readable("idempotency_key", key)?);
            }
        }
        Ok(Ask {
            method: plan.method.clone(),
            path: plan.path.clone(),
            headers,
            extensions: caller.extensions.clone(),
            body: plan.body.clone(),
        })
    }

    /// By what it is shown who asks: a token that was given, one that is kept, what came with the call, or the wallet.
    async fn proof(
        &self,
        plan: &Plan,
        came: &HeaderMap,
    ) -> Result<Option<(header::HeaderName, HeaderValue)>, Unfit> {
        if let Some(token) = &plan.token {
            return Ok(Some((header::AUTHORIZATION, readable("token", &format!("Bearer {token}"))?)));
        }
        let Some(keeper) = self.keeper() else { return Ok(None) };
        let bearer = |token: SecretString| secret_header(&format!("Bearer {}", token.expose_secret()));
        let known = match plan.proof {
            Proof::Holder(lease) => keeper.tokens.of(lease).or_else(|| keeper.session.clone()),
            Proof::Credits => keeper.session.clone(),
            Proof::Anybody if keeper.tokens.all().is_empty() => keeper.session.clone(),
            Proof::Anybody | Proof::Caller => None,
        };
        if let Some(value) = known.and_then(bearer) {
            return Ok(Some((header::AUTHORIZATION, value)));
        }
        let signs = plan.proof != Proof::Caller && !is_proven(came);
        match &keeper.purse {
            Some(purse) if signs => {
                Ok(purse.sign_in(&self.0.door, &keeper.house).await.map(|signed| (SIGN_IN, signed)))
            }
            _ => Ok(None),
        }
    }

    async fn send(&self, plan: &Plan, ask: Ask) -> Result<Paid, Silence> {
        let keeper = self.keeper().and_then(|keeper| Some((keeper.purse.as_ref()?, &keeper.house)));
        let by_hand = ask.headers.contains_key(purse::PAYMENT) || ask.headers.contains_key(X_PAYMENT);
        let pays = plan.bought && !by_hand && plan.proof != Proof::Credits;
        let Some((purse, house)) = keeper.filter(|_| pays) else {
            return Ok(Paid::Answered(self.0.door.knock(ask).await?));
        };
        // Most commands are free, and may run side by side; purchases wait for each other.
        if matches!(plan.proof, Proof::Holder(_)) {
            let answer = self.0.door.knock(ask.clone()).await?;
            if answer.status != StatusCode::PAYMENT_REQUIRED {
                return Ok(Paid::Answered(answer));
            }
        }
        purse.buy(&self.0.door, house, ask, plan.idempotency_key.clone()).await
    }

    /// Leases by their tokens, each of which shows one.
    async fn list(&self, keeper: &Keeper, ask: &Ask) -> Result<Answer, Silence> {
        let mut items = Vec::new();
        let tokens = keeper.tokens.all();
        let mut last = None;
        for token in tokens.iter().take(MOST_LISTED) {
            let mut ask = ask.clone();
            if let Some(value) = secret_header(&format!("Bearer {}", token.expose_secret())) {
                ask.headers.insert(header::AUTHORIZATION, value);
            }
            let answer = self.0.door.knock(ask).await?;
            if let Some(Value::Array(found)) = answer.body.get("items") {
                items.extend(found.iter().cloned());
            }
            last = Some(answer);
        }
        // A token that is good no more does not hide the others.
        match last {
            Some(answer) if items.is_empty() => Ok(answer),
            _ => Ok(Answer {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: json!({ "items": items, "more": tokens.len() > MOST_LISTED }),
            }),
        }
    }

    /// Keeps a token that came; whoever keeps it needs not show it.
    fn kept(&self, mut answer: Answer, show: bool) -> Answer {
        let Some(keeper) = self.keeper() else { return answer };
        let Some(token) = answer.body["token"].as_str().map(|token| SecretString::from(token.to_owned()))
        else {
            return answer;
        };
        let lease = answer.body["order"]["lease_id"].as_str().and_then(|id| id.parse::<LeaseId>().ok());
        // What cannot be kept must be shown: it comes once.
        let Some(lease) = lease else { return answer };
        answer.body["token_kept"] = json!(true);
        if let Err(error) = keeper.tokens.keep(lease, token) {
            tracing::warn!(%error, "a token is kept in memory only");
            answer.body["warning"] = json!(format!("the token is kept in memory only: {error}"));
        }
        if !show && let Some(fields) = answer.body.as_object_mut() {
            fields.remove("token");
        }
        answer
    }
}

fn is_proven(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(&SIGN_IN)
}

/// The payment of a call: an argument, or what x402 sends beside the arguments.
fn paid(plan: &Plan, payment: Option<&Value>) -> Result<Option<(header::HeaderName, HeaderValue)>, Unfit> {
    match (&plan.payment, payment) {
        (Some(_), Some(_)) => {
            Err(Unfit(format!("payment: leave it out, a payment came as `_meta[\"{PAYMENT_META}\"]`")))
        }
        (Some(text), None) => Ok(Some((purse::PAYMENT, readable("payment", text)?))),
        (None, Some(object)) => {
            let name = if object["x402Version"] == 1 { X_PAYMENT } else { purse::PAYMENT };
            Ok(Some((name, readable(PAYMENT_META, &STANDARD.encode(object.to_string()))?)))
        }
        (None, None) => Ok(None),
    }
}

/// As a header; what was given is not repeated.
fn readable(name: &str, value: &str) -> Result<HeaderValue, Unfit> {
    secret_header(value).ok_or_else(|| Unfit(format!("{name}: expected printable ASCII characters")))
}

impl<D: Door> ServerHandler for Server<D> {
    fn get_info(&self) -> ServerConfig {
        let own = Implementation::new("innkeeper", env!("CARGO_PKG_VERSION")).with_title("Innkeeper");
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = own;
        info.with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let keeps = self.keeper().is_some();
        let tools = tools::all().iter().map(|entry| entry.listed(keeps)).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(entry) = tools::named(&request.name) else {
            return Err(ErrorData::invalid_params("no such tool; `tools/list` lists them".to_owned(), None));
        };
        let caller = context.extensions.get::<Parts>().map(Caller::of).unwrap_or_default();
        let payment = context
            .meta
            .get(PAYMENT_META)
            .or_else(|| request.meta.as_ref().and_then(|meta| meta.get(PAYMENT_META)));
        Ok(self.call(entry, request.arguments.unwrap_or_default(), payment, &caller).await.into())
    }
}

#[cfg(test)]
mod tests;
