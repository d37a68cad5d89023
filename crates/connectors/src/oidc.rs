//! Signing in with an OpenID Connect provider: discovery, authorization code with PKCE, and an ID token that is
//! verified before anything in it is believed.
//!
//! Ensures: issuer, audience, nonce, expiry and signature of the ID token were checked; a `none` or a shared-secret
//! signature is refused; the e-mail address counts as verified only when the provider says so.

use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use innkeeper_domain::time::Timestamp;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreJwsSigningAlgorithm as Alg,
    CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardErrorResponse, SubjectIdentifier, TokenResponse, TokenUrl, UserInfoError,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::Error;
use crate::wire::{Wire, demand_https, demand_secret};

const WHOM: &str = "the sign-in provider";

/// How long the provider's document and keys are believed; a signature by an unknown key asks sooner.
const BELIEVED: Duration = Duration::from_hours(1);

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the provider's administrator gives.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As the provider's document says it, to the letter.
    pub issuer: Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretString,
    /// Where the browser comes back to. One of its own per provider, so that no provider can answer for another.
    pub redirect: Url,
    /// Asked for besides `openid`; `email` and `profile` where the list is empty.
    pub scopes: Vec<String>,
    /// Certificates (PEM) to trust besides the system's.
    pub extra_ca: Option<String>,
    /// The limit of one call; 10 s where none is given: a person waits.
    pub timeout: Option<Duration>,
}

/// A sign-in that has begun: the browser goes to `url`; the rest is kept on the server, found by `state`, used once.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Where to send the browser.
    pub url: Url,
    /// Comes back with the browser, and must be one that this browser was sent away with.
    pub state: String,
    /// Must come back inside the ID token.
    pub nonce: SecretString,
    /// Proves at the exchange that we are who began.
    pub verifier: SecretString,
}

/// Who signed in, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider. Only issuer and subject together name a person.
    pub issuer: String,
    /// The person, for ever, at that provider.
    pub subject: String,
    /// Their address, if it may be told.
    pub email: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// What to call them.
    pub name: Option<String>,
}

/// A client of one provider.
#[derive(Debug)]
pub struct Oidc {
    wire: Wire,
    settings: Settings,
    known: Mutex<Option<(CoreProviderMetadata, Instant)>>,
}

impl Oidc {
    /// Makes the client. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        demand_https(&settings.issuer, "the issuer")?;
        demand_https(&settings.redirect, "the address to come back to")?;
        demand_secret(&settings.client_secret, "the sign-in provider's client secret")?;
        if settings.client_id.trim().is_empty() {
            return Err(Error::Settings("the sign-in provider's client id is empty".to_owned()));
        }
        let timeout = settings.timeout.unwrap_or(Duration::from_secs(10));
        let wire = Wire::new(WHOM, timeout, settings.extra_ca.as_deref())?;
        Ok(Self { wire, settings, known: Mutex::new(None) })
    }

    /// Begins a sign-in.
    pub async fn begin(&self) -> Result<Begun, Error> {
        let client = self.client(self.metadata(None).await?)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        let usual = ["email".to_owned(), "profile".to_owned()];
        let scopes = if self.settings.scopes.is_empty() { &usual[..] } else { &self.settings.scopes };
        for scope in scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        Ok(Begun {
            url,
            state: state.into_secret(),
            nonce: nonce.secret().clone().into(),
            verifier: verifier.into_secret().into(),
        })
    }

    /// Exchanges the code that the browser brought back, and verifies what comes of it. A code works once.
    pub async fn finish(
        &self,
        code: &str,
        nonce: &SecretString,
        verifier: &SecretString,
        now: Timestamp,
    ) -> Result<Identity, Error> {
        let metadata = self.metadata(None).await?;
        let client = self.client(metadata)?;
        let http = self.carrier();
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| Error::Unreadable { whom: WHOM, what: error.to_string() })?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
            .request_async(&http)
            .await
            .map_err(exchange_error)?;
        let token = tokens.id_token().ok_or_else(|| unreadable("there is no ID token"))?;
        let nonce = Nonce::new(nonce.expose_secret().to_owned());
        let verified = match Self::verify(&client, token, &nonce, now) {
            // Signed by a key that we do not know: perhaps keys were changed since we looked.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let fresh = self.client(self.metadata(Some(Instant::now())).await?)?;
                Self::verify(&fresh, token, &nonce, now)
            }
            other => other,
        };
        let mut identity = verified.map_err(|error| {
            tracing::warn!(%error, "an ID token was refused");
            Error::Forged { whom: WHOM, why: why(&error) }
        })?;
        if identity.email.is_none() {
            self.ask_more(&client, tokens.access_token(), &mut identity).await?;
        }
        Ok(identity)
    }

    fn verify(
        client: &Client,
        token: &CoreIdToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Identity, ClaimsVerificationError> {
        let now = DateTime::<Utc>::from_timestamp_micros(now.0).unwrap_or_default();
        let verifier = client
            .id_token_verifier()
            // Public keys only: with a shared secret, whoever can verify can also sign.
            .set_allowed_algs([
                Alg::RsaSsaPkcs1V15Sha256,
                Alg::RsaSsaPkcs1V15Sha384,
                Alg::RsaSsaPkcs1V15Sha512,
                Alg::RsaSsaPssSha256,
                Alg::RsaSsaPssSha384,
                Alg::RsaSsaPssSha512,
                Alg::EcdsaP256Sha256,
                Alg::EcdsaP384Sha384,
                Alg::EdDsa,
            ])
            .set_time_fn(move || now);
        let claims = token.claims(&verifier, nonce)?;
        Ok(Identity {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email().is_some() && claims.email_verified() == Some(true),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        })
    }

    /// Providers may keep address and name for their userinfo endpoint.
    async fn ask_more(
        &self,
        client: &Client,
        token: &AccessToken,
        identity: &mut Identity,
    ) -> Result<(), Error> {
        let subject = SubjectIdentifier::new(identity.subject.clone());
        let Ok(request) = client.user_info(token.clone(), Some(subject)) else { return Ok(()) };
        let http = self.carrier();
        let claims: CoreUserInfoClaims = request.request_async(&http).await.map_err(|error| match error {
            UserInfoError::Request(error) => error,
            UserInfoError::ClaimsVerification(_) => {
                Error::Forged { whom: WHOM, why: "its userinfo speaks of somebody else" }
            }
            other => unreadable(&other.to_string()),
        })?;
        identity.email = claims.email().map(|email| email.to_string());
        identity.email_verified = identity.email.is_some() && claims.email_verified() == Some(true);
        if identity.name.is_none() {
            identity.name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        }
        Ok(())
    }

    /// The provider's document and keys: what we know, unless it is old or not newer than `newer_than`.
    async fn metadata(&self, newer_than: Option<Instant>) -> Result<CoreProviderMetadata, Error> {
        let mut known = self.known.lock().await;
        if let Some((metadata, at)) = known.as_ref() {
            let new_enough = newer_than.is_none_or(|than| *at >= than);
            if new_enough && at.elapsed() < BELIEVED {
                return Ok(metadata.clone());
            }
        }
        // As it was written: a slash more or less is another issuer.
        let written = self.settings.issuer.as_str();
        let issuer = if self.settings.issuer.path() == "/" { written.trim_end_matches('/') } else { written };
        let http = self.carrier();
        let mut outcome = Err(DiscoveryError::Other(String::new()));
        for candidate in [issuer.to_owned(), format!("{issuer}/")] {
            let issuer = IssuerUrl::new(candidate).map_err(|error| Error::Settings(error.to_string()))?;
            outcome = CoreProviderMetadata::discover_async(issuer, &http).await;
            // `Url` writes https://id.example and https://id.example/ alike; the provider knows which it is.
            if self.settings.issuer.path() != "/" || !matches!(outcome, Err(DiscoveryError::Validation(_))) {
                break;
            }
        }
        let metadata = outcome.map_err(|error| match error {
            DiscoveryError::Request(error) => error,
            DiscoveryError::Response(status, ..) if status.is_server_error() => Error::Failing {
                whom: WHOM,
                status: status.as_u16(),
                message: "its document cannot be read".to_owned(),
            },
            other => unreadable(&other.to_string()),
        })?;
        for (endpoint, what) in [
            (Some(metadata.authorization_endpoint().url()), "its authorization endpoint"),
            (metadata.token_endpoint().map(TokenUrl::url), "its token endpoint"),
        ] {
            let endpoint = endpoint.ok_or_else(|| unreadable(&format!("{what} is missing")))?;
            demand_https(endpoint, what)?;
        }
        *known = Some((metadata.clone(), Instant::now()));
        Ok(metadata)
    }

    fn client(&self, metadata: CoreProviderMetadata) -> Result<Client, Error> {
        let redirect = RedirectUrl::new(self.settings.redirect.to_string())
            .map_err(|error| Error::Settings(error.to_string()))?;
        Ok(CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(self.settings.client_secret.expose_secret().to_owned())),
        )
        .set_redirect_uri(redirect))
    }

    /// Carries the library's requests over our wire. Owns what it needs, so that whoever awaits it may move between
    /// threads.
    fn carrier(&self) -> impl Fn(HttpRequest) -> Carried + use<> {
        let wire = self.wire.clone();
        move |request| {
            let wire = wire.clone();
            Box::pin(async move { carry(&wire, request).await })
        }
    }
}

/// A request of the library under way.
type Carried = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send>>;

async fn carry(wire: &Wire, request: HttpRequest) -> Result<HttpResponse, Error> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|error| unreadable(&error.to_string()))?;
    demand_https(&url, "an address of the sign-in provider")?;
    let request = if parts.method == http::Method::POST { wire.post(url).body(body) } else { wire.get(url) };
    let answer = wire.send(request.headers(parts.headers)).await?;
    let mut response = http::Response::builder().status(answer.status);
    if let Some(headers) = response.headers_mut() {
        *headers = answer.headers;
    }
    response.body(answer.body.to_vec()).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable { whom: WHOM, what: what.chars().filter(|c| !c.is_control()).take(300).collect() }
}

fn exchange_error(error: RequestTokenError<Error, StandardErrorResponse<CoreErrorResponseType>>) -> Error {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(said) => {
            Error::Refused { whom: WHOM, status: 400, message: said.to_string() }
        }
        RequestTokenError::Parse(..) => unreadable("its answer to the code cannot be read"),
        RequestTokenError::Other(text) => unreadable(&text),
    }
}

fn why(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the ID token has expired, or this machine's clock is wrong",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token is for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is of another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token belongs to another sign-in",
        ClaimsVerificationError::SignatureVerification(_) => "the ID token's signature does not match",
        _ => "the ID token is not acceptable",
    }
}
