//! Accepting connections, with an end to everybody's patience: a head that does not come, or more connections than we
//! can bear, must not keep others out. (Bodies are waited for by `innkeeper_api`, which reads them.)

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::{debug, warn};

/// How long a request's head may take, and a connection may lie idle between two requests.
const HEAD: Duration = Duration::from_secs(20);

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS: usize = 4096;

/// Serves until `stop` is cancelled and every request under way is answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    if let Err(error) = converse(stream, router, ConnectInfo(peer), stop).await {
                        debug!(%peer, %error, "the connection ended badly");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: some must be given back first.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn converse(
    stream: TcpStream,
    router: Router,
    peer: ConnectInfo<std::net::SocketAddr>,
    stop: CancellationToken,
) -> Result<(), hyper::Error> {
    // Answers are small and written at once; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn start() -> (TcpStream, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let router = Router::new().route("/", get(|| async { "welcome" }));
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, stop.clone()));
        (client, stop, served)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_is_not_waited_for_for_ever() {
        let (mut client, _stop, _served) = start().await;
        client.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        let begun = tokio::time::Instant::now();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(begun.elapsed() >= HEAD && begun.elapsed() < HEAD * 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_connection_answers_several_requests_and_ends_when_we_stop() {
        let (mut client, stop, served) = start().await;
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\nHost: inn.example\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"welcome") {
                assert!(client.read_buf(&mut answer).await.unwrap() > 0, "{answer:?}");
            }
        }
        stop.cancel();
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        served.await.unwrap();
    }
}
