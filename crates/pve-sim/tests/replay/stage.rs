//! The recorded session's cast on our stage: whose secret is whose, which task is which, and how a
//! recorded request becomes bytes for our simulator.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha1::Sha1;

use super::fixture::{Exchange, Request};
use super::shape::settle;
use crate::wire::{Answer, Place};
use pve_sim::Clock;

/// The second factor that the recording gave dora@pve: `JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP` in base 32.
const TOTP_SECRET: &[u8] = b"Hello!\xde\xad\xbe\xefHello!\xde\xad\xbe\xef";

/// The recorded passwords; the simulator's root has its own.
pub(crate) const PASSWORDS: &[(&str, &str)] =
    &[("alice@pve", "alice-pw-1"), ("bob@pve", "bob-pw-12"), ("dora@pve", "dora-pw-12")];

pub(crate) struct Stage {
    pub(crate) place: Place,
    pub(crate) clock: Clock,
    root_password: String,
    /// Secret of each token, by full token id.
    secrets: HashMap<String, String>,
    /// Recorded names (UPIDs, tickets, file names) and what they are called here.
    names: Vec<(String, String)>,
    console: Console,
}

/// The console opened last.
#[derive(Default, Clone)]
struct Console {
    ticket: String,
    user: String,
    port: String,
    recorded_port: String,
}

impl Stage {
    pub(crate) fn new(place: Place, clock: Clock, root_password: &str) -> Self {
        Self {
            place,
            clock,
            root_password: root_password.to_owned(),
            secrets: HashMap::new(),
            names: Vec::new(),
            console: Console::default(),
        }
    }

    pub(crate) fn advance(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    /// A call with root's token that prepares something; it must succeed.
    pub(crate) async fn root(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
        let answer = self.call(method, path, form).await;
        assert_eq!(answer.status, 200, "{method} {path}: {} {}", answer.reason, answer.text());
        answer.json()["data"].clone()
    }

    /// The same by root@pam itself, for what its token may not do.
    pub(crate) async fn root_ticket(&self, method: &str, path: &str, form: &[(&str, &str)]) {
        let (ticket, csrf) = self.ticket("root@pam").await;
        let cookie = utf8_percent_encode(&ticket, NON_ALPHANUMERIC).to_string();
        let lines = format!("Cookie: PVEAuthCookie={cookie}\r\nCSRFPreventionToken: {csrf}\r\n");
        let pairs: Vec<_> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let answer = self
            .place
            .exchange(&self.bytes(method, &format!("/api2/json{path}"), &lines, Some(&pairs)))
            .await;
        assert_eq!(answer.status, 200, "{method} {path}: {} {}", answer.reason, answer.text());
    }

    /// The same without an opinion on its outcome.
    pub(crate) async fn call(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let pairs: Vec<_> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let secret = &self.secrets["root@pam!lab"];
        let auth = format!("Authorization: PVEAPIToken=root@pam!lab={secret}\r\n");
        self.place.exchange(&self.bytes(method, &format!("/api2/json{path}"), &auth, Some(&pairs))).await
    }

    fn bytes(&self, method: &str, target: &str, lines: &str, form: Option<&[(String, String)]>) -> Vec<u8> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{lines}", self.place.addr);
        let mut body = String::new();
        if let Some(form) = form.filter(|f| !f.is_empty()) {
            body = encode(form);
            head += "Content-Type: application/x-www-form-urlencoded\r\n";
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        format!("{head}\r\n{body}").into_bytes()
    }

    async fn login(&self, form: Value) -> Answer {
        let body = form.to_string();
        let request = format!(
            "POST /api2/json/access/ticket HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.place.exchange(request.as_bytes()).await
    }

    /// A fresh ticket and its CSRF token.
    async fn ticket(&self, user: &str) -> (String, String) {
        let known = PASSWORDS.iter().find(|(name, _)| *name == user).map(|(_, password)| *password);
        let password = known.unwrap_or(&self.root_password);
        let data = self.login(json!({"username": user, "password": password})).await.json()["data"].clone();
        let field = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        (field("ticket"), field("CSRFPreventionToken"))
    }

    /// Makes a token's secret known.
    pub(crate) fn knows(&mut self, token: &str, secret: &str) {
        self.secrets.insert(token.to_owned(), secret.to_owned());
    }

    /// What a recorded text is called here.
    fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, ours) in &self.names {
            text = text.replace(recorded, ours);
        }
        text
    }

    /// Learns from an answer which of our names stands for which recorded one.
    pub(crate) fn learn(&mut self, exchange: &Exchange, ours: &Answer) {
        let Some(recorded) = &exchange.answer else { return };
        let (theirs, mine) = (recorded.json(), ours.json());
        let field = |value: &Value, name: &str| value["data"][name].as_str().map(str::to_owned);
        if let (Some(port), Some(ticket)) = (field(&mine, "port"), field(&mine, "ticket")) {
            self.console = Console {
                ticket,
                port,
                user: field(&mine, "user").unwrap_or_default(),
                recorded_port: field(&theirs, "port").unwrap_or_default(),
            };
        }
        if let (Some(id), Some(value)) = (field(&mine, "full-tokenid"), field(&mine, "value")) {
            self.secrets.insert(id, value);
        }
        pair(&theirs, &mine, &mut self.names);
    }

    /// Whether the request names a task that our simulator never started.
    pub(crate) fn unknown_task(&self, request: &Request) -> bool {
        let target = self.translate(&request.target);
        request.target.contains("/tasks/UPID:")
            && target == request.target
            && !request.target.contains("00000001:00000001")
            && !request.target.contains("UPID:nope")
    }

    /// The recorded request as bytes for our simulator.
    pub(crate) async fn request(&mut self, exchange: &Exchange) -> Option<Vec<u8>> {
        let request = exchange.request.as_ref()?;
        let target = self.target(request);
        let curl = request.header("user-agent").is_some();
        let mut lines = String::new();
        let mut cookie_csrf = None;
        for (name, value) in &request.headers {
            let value = match name.to_lowercase().as_str() {
                "content-length" | "host" => continue,
                "content-type" if curl || request.form.is_some() => continue,
                "authorization" => self.authorization(value),
                "cookie" => {
                    let (cookie, csrf) = self.cookie(value).await;
                    cookie_csrf = csrf;
                    cookie
                }
                "csrfpreventiontoken" if !value.starts_with("00000000") => {
                    cookie_csrf.clone().unwrap_or_default()
                }
                _ => value.clone(),
            };
            write!(lines, "{name}: {value}\r\n").unwrap();
        }
        // The recorder's trace of curl hid the token that curl had sent.
        if curl && request.header("authorization").is_none() {
            write!(lines, "Authorization: PVEAPIToken=root@pam!lab={}\r\n", self.secrets["root@pam!lab"])
                .unwrap();
        }
        if let Some(text) = &request.text {
            write!(lines, "Content-Length: {}\r\n", text.len()).unwrap();
            let head =
                format!("{} {target} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", request.method, self.place.addr);
            return Some([head.as_bytes(), text.as_bytes()].concat());
        }
        if curl {
            let (kind, body) = curl_body(request);
            write!(lines, "Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()).unwrap();
            let head =
                format!("{} {target} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", request.method, self.place.addr);
            return Some([head.into_bytes(), body].concat());
        }
        let form = match &request.form {
            Some(form) => Some(self.form(form).await),
            None => None,
        };
        Some(self.bytes(&request.method, &target, &lines, form.as_deref()))
    }

    fn target(&self, request: &Request) -> String {
        let target = self.translate(&request.target);
        let Some((path, query)) = target.split_once('?').filter(|(p, _)| p.ends_with("vncwebsocket")) else {
            return target;
        };
        let pairs = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = match name {
                "vncticket" if value.ends_with("...") => {
                    utf8_percent_encode(&self.console.ticket, NON_ALPHANUMERIC).to_string()
                }
                "port" if value == self.console.recorded_port => self.console.port.clone(),
                _ => value.to_owned(),
            };
            format!("{name}={value}")
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    fn authorization(&self, recorded: &str) -> String {
        let Some((id, secret)) = recorded.strip_prefix("PVEAPIToken=").and_then(|t| t.rsplit_once('='))
        else {
            return recorded.to_owned();
        };
        if secret.starts_with("0000") {
            return format!("PVEAPIToken={id}=00000000-0000-0000-0000-000000000000");
        }
        let known = self.secrets.get(id).map_or(secret, String::as_str);
        format!("PVEAPIToken={id}={known}")
    }

    async fn cookie(&self, recorded: &str) -> (String, Option<String>) {
        let value = recorded.strip_prefix("PVEAuthCookie=").unwrap_or(recorded);
        if value.contains(":00000000:") || !value.starts_with("PVE:") {
            return (recorded.to_owned(), None);
        }
        if value.starts_with("PVE:!tfa!") {
            return (format!("PVEAuthCookie={}", self.translate(value)), None);
        }
        let user = value.split(':').nth(1).unwrap_or_default();
        let (ticket, csrf) = self.ticket(user).await;
        (format!("PVEAuthCookie={ticket}"), Some(csrf))
    }

    async fn form(&self, recorded: &[(String, String)]) -> Vec<(String, String)> {
        let mut form = Vec::new();
        for (name, value) in recorded {
            let value = match (name.as_str(), value.as_str()) {
                (_, value) if value.ends_with(')') && value.contains("...(") => repeated(value),
                ("password", value) if value.starts_with("PVE:") => {
                    self.ticket(value.split(':').nth(1).unwrap_or_default()).await.0
                }
                ("password", value) if value.starts_with("totp:") && value != "totp:000000" => {
                    format!("totp:{}", totp(self.clock.now() / 1_000_000))
                }
                ("value", value) if value != "000000" => totp(self.clock.now() / 1_000_000),
                _ => self.translate(value),
            };
            form.push((name.clone(), value));
        }
        form
    }

    /// The first message of a terminal's client, as this simulator wants it.
    pub(crate) fn first_line(&self) -> String {
        format!("{}:{}\n", self.console.user, self.console.ticket)
    }
}

/// `x...(9000)`: the recorder's way to write a long value down.
fn repeated(value: &str) -> String {
    let (letter, rest) = value.split_once("...(").unwrap_or((value, "0)"));
    letter.repeat(rest.trim_end_matches(')').parse().unwrap_or(0))
}

/// What curl sent, which the trace shows only the size of.
fn curl_body(request: &Request) -> (String, Vec<u8>) {
    if request.target.ends_with("/upload") {
        let boundary = "------------------------89fc4a4c915a3a7b";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"filename\"; filename=\"small.iso\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{}\r\n--{boundary}--\r\n",
            "x".repeat(300)
        );
        return (format!("multipart/form-data; boundary={boundary}"), body.into_bytes());
    }
    let length: usize = request.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let start = "description=";
    let body = format!("{start}{}", "x".repeat(length - start.len()));
    ("application/x-www-form-urlencoded".into(), body.into_bytes())
}

fn encode(form: &[(String, String)]) -> String {
    let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    form.iter().map(|(k, v)| format!("{}={}", part(k), part(v))).collect::<Vec<_>>().join("&")
}

/// Strings at the same place that differ only in what changes from run to run name the same thing.
fn pair(theirs: &Value, ours: &Value, names: &mut Vec<(String, String)>) {
    match (theirs, ours) {
        (Value::String(a), Value::String(b)) => {
            let known = names.iter().any(|(recorded, _)| recorded == a);
            if a != b && a.len() > 20 && !known && settle(a) == settle(b) {
                names.push((a.clone(), b.clone()));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == 1 && b.len() == 1 => pair(&a[0], &b[0], names),
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                if let Some(mine) = b.get(key) {
                    pair(value, mine, names);
                }
            }
        }
        _ => {}
    }
}

/// The six digits an authenticator shows at `now` (UNIX seconds), RFC 6238 with SHA-1 and 30 s.
fn totp(now: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(TOTP_SECRET).expect("any key length");
    mac.update(&(now / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", word % 1_000_000)
}
