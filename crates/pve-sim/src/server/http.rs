//! HTTP/1.1 with the habits of pveproxy: what it refuses before looking, how long it keeps connections.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::{Head, Response};
use super::upgrade::Stream;
use super::{Shared, dispatch};
use crate::clock::SECOND;

/// Seconds a connection may be idle.
const IDLE: Duration = Duration::from_secs(5);
/// Requests served on one connection.
const MAX_REQUESTS: u32 = 100;
/// Most header lines.
const MAX_HEADERS: usize = 64;
/// Most bytes of headers.
const MAX_HEAD: usize = 8 << 10;
/// Largest upload this simulator keeps in memory.
const MAX_UPLOAD: usize = 64 << 20;

/// What becomes of a request.
pub(crate) enum Answer {
    Response(Response),
    /// The connection closes without a word.
    Drop,
    /// The connection stays open without a word.
    Hang,
    /// The connection becomes something else.
    Takeover(super::upgrade::Takeover),
}

/// Serves one connection until it closes.
pub(crate) async fn connection(shared: Arc<Shared>, node: String, mut stream: Box<dyn Stream>) {
    let mut buffer = BytesMut::with_capacity(4096);
    for served in 1..=MAX_REQUESTS {
        let head = match timeout(IDLE, read_head(&mut stream, &mut buffer)).await {
            Ok(Ok(Some(head))) => head,
            Ok(Err(refusal)) => {
                let _ = write(&shared, &mut stream, *refusal, true, false).await;
                return;
            }
            Ok(Ok(None)) | Err(_) => break,
        };
        let answer = match early_refusal(&head, shared.profile.max_body()) {
            Some(refusal) => Answer::Response(refusal),
            None => match read_body(&mut stream, &mut buffer, &head).await {
                Some(body) => dispatch::answer(&shared, &node, &head, &body).await,
                None => break,
            },
        };
        match answer {
            Answer::Response(response) => {
                let close = response.must_close() || head.wants_close() || served == MAX_REQUESTS;
                let gzip = head.header("accept-encoding").is_some_and(|e| e.contains("gzip"));
                if write(&shared, &mut stream, response, close, gzip).await.is_err() || close {
                    break;
                }
            }
            Answer::Drop => return,
            Answer::Hang => {
                // Until the client gives up.
                let mut sink = [0; 64];
                while stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
                return;
            }
            Answer::Takeover(takeover) => return take_over(takeover, stream, buffer).await,
        }
    }
    let _ = stream.shutdown().await;
}

async fn take_over(takeover: super::upgrade::Takeover, mut stream: Box<dyn Stream>, rest: BytesMut) {
    let Some(session) = takeover.session else {
        let mut sink = [0; 64];
        while stream.read(&mut sink).await.is_ok_and(|n| n > 0) {}
        return;
    };
    let mut head = String::from("HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in &takeover.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    if stream.write_all(head.as_bytes()).await.is_ok() && stream.flush().await.is_ok() {
        session(Box::new(Rewound { rest, stream })).await;
    }
}

async fn write(
    shared: &Shared,
    stream: &mut Box<dyn Stream>,
    response: Response,
    close: bool,
    gzip: bool,
) -> io::Result<()> {
    let now = shared.clock.now() / SECOND;
    stream.write_all(&response.encode(close, gzip, now)).await?;
    stream.flush().await
}

/// Reads up to the end of the headers. `None` when the client is done.
async fn read_head(
    stream: &mut Box<dyn Stream>,
    buffer: &mut BytesMut,
) -> Result<Option<Head>, Box<Response>> {
    loop {
        match parse_head(buffer) {
            Ok(Some((head, length))) => {
                buffer.advance(length);
                return Ok(Some(head));
            }
            Ok(None) if buffer.len() > MAX_HEAD => {
                return Err(Box::new(Response::plain(413, "Request header too large")));
            }
            Ok(None) => {}
            Err(refusal) => return Err(refusal),
        }
        match stream.read_buf(buffer).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

fn parse_head(buffer: &[u8]) -> Result<Option<(Head, usize)>, Box<Response>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => {
            let pairs = request
                .headers
                .iter()
                .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
                .collect();
            let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
            Ok(Some((Head::new(method, target, request.version.unwrap_or(1), pairs), length)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Box::new(Response::plain(506, "too many http header lines")))
        }
        Err(httparse::Error::Version) => {
            Err(Box::new(Response::plain(506, "http protocol version 2.0 not supported")))
        }
        Err(_) => Err(Box::new(Response::plain(506, "unable to parse http header"))),
    }
}

/// What pveproxy refuses by the head alone.
fn early_refusal(head: &Head, max_body: usize) -> Option<Response> {
    if !matches!(head.method.as_str(), "GET" | "POST" | "PUT" | "DELETE") {
        let text = format!("method '{}' not available", head.method);
        return Some(if head.method == "HEAD" {
            Response::bare(501, &text)
        } else {
            Response::plain(501, &text)
        });
    }
    if let Some(encoding) = head.header("transfer-encoding") {
        return Some(Response::plain(501, &format!("'Transfer-Encoding: {encoding}' not implemented")));
    }
    let length = head.content_length();
    if length > 0 && !matches!(head.method.as_str(), "POST" | "PUT") {
        return Some(Response::plain(501, &format!("Unexpected content for method '{}'", head.method)));
    }
    let max = if is_upload(head) { MAX_UPLOAD } else { max_body };
    (length > max).then(|| Response::plain(501, "for data too large"))
}

fn is_upload(head: &Head) -> bool {
    head.path.ends_with("/upload")
        && head.header("content-type").is_some_and(|c| c.starts_with("multipart/form-data"))
}

async fn read_body(stream: &mut Box<dyn Stream>, buffer: &mut BytesMut, head: &Head) -> Option<BytesMut> {
    let length = head.content_length();
    while buffer.len() < length {
        match timeout(Duration::from_secs(30), stream.read_buf(buffer)).await {
            Ok(Ok(n)) if n > 0 => {}
            _ => return None,
        }
    }
    Some(buffer.split_to(length))
}

/// Plain HTTP on the TLS port: sent to https.
pub(crate) async fn redirect(mut stream: TcpStream) {
    let mut buffer = BytesMut::new();
    while let Ok(None) = parse_head(&buffer) {
        match timeout(IDLE, stream.read_buf(&mut buffer)).await {
            Ok(Ok(n)) if n > 0 && buffer.len() <= MAX_HEAD => {}
            _ => return,
        }
    }
    let Ok(Some((head, _))) = parse_head(&buffer) else { return };
    let (status, reason) = match head.method.as_str() {
        "GET" | "HEAD" => (301, "Moved Permanently"),
        _ => (308, "Permanent Redirect"),
    };
    let host = head.header("host").unwrap_or("localhost");
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\nLocation: https://{host}{}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        head.path
    );
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A stream with bytes already read put back in front.
struct Rewound {
    rest: BytesMut,
    stream: Box<dyn Stream>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, out);
        }
        let take = self.rest.len().min(out.remaining());
        out.put_slice(&self.rest.split_to(take));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
