//! Outgoing mail: by SMTP, into a folder (the demo's), or only into the log.
//!
//! Ensures: text of ours never becomes a header; the password and the letters never cross a network in plain text;
//! an error says whether to try the same letter again.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use innkeeper_domain::names::Email;
use innkeeper_domain::time::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use crate::wire::{demand_secret, is_loopback};

/// Why a letter did not go.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot take it now, or did not answer: try the same letter later.
    #[error("the mail server cannot take it now: {0}")]
    Passing(String),
    /// The server will never take this letter: an address that does not exist, for example.
    #[error("the mail server refuses this letter: {0}")]
    Lasting(String),
    /// No letter will go until somebody changes a setting: name and password, or the certificate.
    #[error("the mail settings do not work: {0}")]
    Settings(String),
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// Plain, then TLS before anything is said (port 587); without it no letter goes.
    StartTls,
    /// Plain text: only for a server on this machine.
    None,
}

/// How to reach an SMTP server.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// Its name, which its certificate must carry.
    pub host: String,
    /// Its port; 465, 587 or 25 where none is given.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: Security,
    /// Name and password, where it wants them.
    pub login: Option<(String, SecretString)>,
    /// Certificates (PEM) to trust besides the system's.
    pub extra_ca: Option<String>,
    /// The limit of one letter's whole conversation; 60 s where none is given.
    pub timeout: Option<Duration>,
}

/// Where letters go.
#[derive(Clone, Debug)]
pub enum Route {
    /// To an SMTP server. Boxed: the others are small.
    Smtp(Box<Smtp>),
    /// Into this folder, one `.eml` file each, complete when it appears.
    Folder(PathBuf),
    /// Into the log: address and subject only, for letters carry codes and links.
    Log,
}

/// One letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Names it in `Message-ID`, so that one sent twice can be known as one: letters, digits, `_` and `-`.
    pub id: String,
    /// Whom it is for.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// What everybody can read.
    pub text: String,
    /// The same, for those who like it handsome.
    pub html: Option<String>,
}

/// Sends letters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>, Duration),
    Folder(PathBuf),
    Log,
}

impl Mailer {
    /// Makes a mailer that writes as `from`, for example `Innkeeper <desk@inn.example>`. Nothing is sent yet.
    pub fn new(from: &str, route: Route) -> Result<Self, Error> {
        let from: Mailbox =
            from.parse().map_err(|error| Error::Settings(format!("the sender {from:?}: {error}")))?;
        let way = match route {
            Route::Smtp(smtp) => {
                let limit = smtp.timeout.unwrap_or(Duration::from_mins(1));
                Way::Smtp(transport(*smtp, limit)?, limit)
            }
            Route::Folder(folder) => Way::Folder(folder),
            Route::Log => Way::Log,
        };
        Ok(Self { from, way })
    }

    /// Sends one letter. After [`Error::Passing`] it may have gone all the same: its `Message-ID` tells.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Result<(), Error> {
        let message = self.message(letter, now)?;
        match &self.way {
            Way::Smtp(smtp, limit) => within(*limit, smtp.send(message)).await.map(drop),
            Way::Folder(folder) => post(folder, letter, now, &message.formatted())
                .await
                .map_err(|error| Error::Passing(format!("{}: {error}", folder.display()))),
            Way::Log => {
                tracing::info!(to = %letter.to, subject = letter.subject, "mail (only logged)");
                Ok(())
            }
        }
    }

    /// Whether the server answers and accepts our name and password; a folder, whether it can be written to.
    pub async fn check(&self) -> Result<(), Error> {
        match &self.way {
            Way::Smtp(smtp, limit) => {
                let answered = within(*limit, smtp.test_connection()).await?;
                answered.then_some(()).ok_or_else(|| Error::Passing("it does not answer NOOP".to_owned()))
            }
            Way::Folder(folder) => tokio::fs::create_dir_all(folder)
                .await
                .map_err(|error| Error::Settings(format!("{}: {error}", folder.display()))),
            Way::Log => Ok(()),
        }
    }

    fn message(&self, letter: &Letter, now: Timestamp) -> Result<Message, Error> {
        let lasting = |text: String| Error::Lasting(text);
        if letter.subject.chars().any(char::is_control) {
            return Err(lasting("the subject has more than one line".to_owned()));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if letter.id.is_empty() || !letter.id.bytes().all(plain) {
            return Err(lasting("the letter's id has characters that an id cannot have".to_owned()));
        }
        let to: Address = letter.to.as_str().parse().map_err(|e| lasting(format!("{}: {e}", letter.to)))?;
        let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or(0));
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            // As it stands, it would be read as text in another writing.
            .subject(letter.subject.replace("=?", "= ?"))
            .date(at)
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = letter.text.clone();
        match &letter.html {
            None => builder.singlepart(SinglePart::plain(text)),
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
        }
        .map_err(|error| lasting(error.to_string()))
    }
}

/// The library's own limit does not cover the wait for the server's greeting.
async fn within<T>(
    limit: Duration,
    conversation: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, conversation).await {
        Ok(outcome) => outcome.map_err(sort),
        Err(_) => Err(Error::Passing(format!("no end after {} s", limit.as_secs_f32()))),
    }
}

fn transport(smtp: Smtp, limit: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
    let settings = |text: String| Error::Settings(text);
    if smtp.host.trim().is_empty() {
        return Err(settings("the mail server has no name".to_owned()));
    }
    let tls = match smtp.security {
        Security::None if !is_loopback(&smtp.host) => {
            return Err(settings(format!(
                "{} is not this machine, so its connection must be protected: choose `tls` or `starttls`",
                smtp.host
            )));
        }
        Security::None => Tls::None,
        Security::Tls | Security::StartTls => {
            let mut parameters = TlsParameters::builder(smtp.host.clone());
            if let Some(pem) = &smtp.extra_ca {
                let certificate = Certificate::from_pem(pem.as_bytes())
                    .map_err(|error| settings(format!("the extra CA cannot be read: {error}")))?;
                parameters = parameters.add_root_certificate(certificate);
            }
            let parameters = parameters.build().map_err(|error| settings(error.to_string()))?;
            if smtp.security == Security::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
        }
    };
    let port = smtp.port.unwrap_or(match smtp.security {
        Security::Tls => 465,
        Security::StartTls => 587,
        Security::None => 25,
    });
    // The name says dangerous because it begins without TLS; the next call sets it.
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host)
        .tls(tls)
        .port(port)
        .timeout(Some(limit));
    if let Some((name, password)) = smtp.login {
        demand_secret(&password, "the mail server's password").map_err(|e| settings(e.to_string()))?;
        builder = builder.credentials(Credentials::new(name, password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

/// Sorts what SMTP says by what is to be done about it.
fn sort(error: lettre::transport::smtp::Error) -> Error {
    // The outer text only names the kind; the reason is inside.
    let mut text = error.to_string();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let reason = inner.to_string();
    if !text.contains(&reason) {
        text = format!("{text}: {reason}");
    }
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    // RFC 4954 and RFC 3207: STARTTLS first, mechanism too weak, wrong name or password, encryption needed.
    let about_login = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    if about_login || error.is_tls() || reason.contains("certificate") {
        Error::Settings(text)
    } else if error.is_permanent() {
        Error::Lasting(text)
    } else if error.is_client() {
        Error::Settings(text)
    } else {
        Error::Passing(text)
    }
}

/// Writes beside and renames, so that whoever watches the folder never sees half a letter.
async fn post(folder: &Path, letter: &Letter, now: Timestamp, bytes: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let name = format!("{:020}-{}.eml", now.0, letter.id);
    let beside = folder.join(format!(".{name}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&beside).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    drop(file);
    tokio::fs::rename(&beside, folder.join(name)).await
}
