//! The listener of one node: open while the node has power, closed while it has not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Shared, http};

/// Serves one node until the simulator ends.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    node: String,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    mut power: watch::Receiver<bool>,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        if let Some(open) = listener.take() {
            let mut connections = JoinSet::new();
            accept(&shared, &node, &open, &acceptor, &mut power, &mut connections).await;
            // No power: the port closes, connections break off.
            connections.abort_all();
        }
        if power.wait_for(|on| *on).await.is_err() {
            return;
        }
        listener = Some(bind_again(address).await);
    }
}

async fn accept(
    shared: &Arc<Shared>,
    node: &str,
    listener: &TcpListener,
    acceptor: &TlsAcceptor,
    power: &mut watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    loop {
        let accepted = tokio::select! {
            () = power_lost(power) => return,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file handles: the next try comes a little later.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (shared, node, acceptor) = (shared.clone(), node.to_owned(), acceptor.clone());
        connections.spawn(async move { connection(shared, node, acceptor, stream).await });
    }
}

async fn power_lost(power: &mut watch::Receiver<bool>) {
    let _ = power.wait_for(|on| !*on).await;
}

async fn connection(shared: Arc<Shared>, node: String, acceptor: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if stream.peek(&mut first).await.is_ok_and(|n| n == 1) && first[0] != 0x16 {
        return http::redirect(stream).await;
    }
    if let Ok(stream) = acceptor.accept(stream).await {
        shared.counters.connected();
        http::connection(shared, node, Box::new(stream)).await;
    }
}

/// The same port again after a power cut.
async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A listener on the wanted port, or any free one.
pub(crate) async fn bind(address: IpAddr, port: Option<u16>) -> std::io::Result<TcpListener> {
    TcpListener::bind((address, port.unwrap_or(0))).await
}
