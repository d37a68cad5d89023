//! Bytes both ways between a client and a guest, until either has had enough. One message is under way in each direction
//! at most: who does not take what is sent to them is waited for, and everything behind waits too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use innkeeper_connectors::rfb::{self, Next, Screen};
use innkeeper_domain::consoles::{Control, Ending, Kind, Limits, Window};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::guest::Writer;
use super::{Heard, Said};

/// How often each side is told that the other is there: what lies between forgets connections that are silent.
const BEAT: Duration = Duration::from_secs(30);

/// What went through a console.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    from_client: AtomicU64,
    to_client: AtomicU64,
}

impl Traffic {
    /// Bytes from the client, and to it.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.from_client.load(Ordering::Relaxed), self.to_client.load(Ordering::Relaxed))
    }
}

/// Tells the client something, and waits only so long.
pub(super) async fn say<W: Sink<Said> + Unpin>(
    to: &mut W,
    what: Said,
    patience: Duration,
) -> Result<(), Ending> {
    match timeout(patience, to.send(what)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ending::Closed),
        Err(_) => Err(Ending::ClientTooSlow),
    }
}

/// Agrees with the client on RFB without a password; gives what it has sent beyond.
pub(super) async fn greet<R, W>(from: &mut R, to: &mut W, patience: Duration) -> Result<Bytes, Ending>
where
    R: Stream<Item = Heard> + Unpin,
    W: Sink<Said> + Unpin,
{
    let until = Instant::now() + patience;
    let mut screen = Screen::default();
    let mut come = BytesMut::new();
    loop {
        match screen.advance(&mut come).map_err(|_| Ending::BadMessage)? {
            Next::Done => return Ok(come.freeze()),
            Next::Say(bytes) => say(to, Said::Bytes(bytes), patience).await?,
            Next::Wait => {
                let heard = tokio::time::timeout_at(until, from.next()).await;
                match heard.map_err(|_| Ending::ClientTooSlow)?.ok_or(Ending::Closed)? {
                    Heard::Bytes(bytes) => come.extend_from_slice(&bytes),
                    Heard::TooMuch => return Err(Ending::MessageTooLarge),
                    Heard::Text(_) | Heard::Nonsense => return Err(Ending::BadMessage),
                }
            }
        }
    }
}

/// What the client types, to the guest; gives why it ended.
pub(super) async fn upwards<R>(
    from: &mut R,
    guest: &mut Writer,
    kind: Kind,
    limits: &Limits,
    traffic: &Traffic,
) -> Ending
where
    R: Stream<Item = Heard> + Unpin,
{
    let mut typed_at = Instant::now();
    let mut beat = beat();
    loop {
        let heard = tokio::select! {
            heard = from.next() => heard,
            _ = beat.tick() => {
                if timeout(limits.patience, guest.ping()).await.is_err() {
                    return Ending::GuestTooSlow;
                }
                continue;
            }
            () = sleep_until(typed_at + limits.idle) => return Ending::Idle,
        };
        let sending = match heard {
            None => return Ending::Closed,
            Some(Heard::TooMuch) => return Ending::MessageTooLarge,
            Some(Heard::Nonsense) => return Ending::BadMessage,
            Some(Heard::Bytes(bytes)) if bytes.is_empty() => continue,
            Some(Heard::Bytes(bytes)) => {
                if kind == Kind::Text || rfb::shows_somebody(&bytes) {
                    typed_at = Instant::now();
                }
                traffic.from_client.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                timeout(limits.patience, guest.send(bytes)).await
            }
            Some(Heard::Text(text)) => match Control::read(&text).filter(|_| kind == Kind::Text) {
                None => return Ending::BadMessage,
                Some(Control::Resize(Window { columns, rows })) => {
                    typed_at = Instant::now();
                    timeout(limits.patience, guest.resize(columns, rows)).await
                }
            },
        };
        match sending {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Ended,
            Err(_) => return Ending::GuestTooSlow,
        }
    }
}

/// What the guest shows, to the client; gives why it ended. A screen gets `name` first.
pub(super) async fn downwards<W>(
    guest: &mut pve::ConsoleReader,
    first: Bytes,
    name: Option<&str>,
    to: &mut W,
    limits: &Limits,
    traffic: &Traffic,
) -> Ending
where
    W: Sink<Said> + Unpin,
{
    // What has come of a screen's first words, until they are complete.
    let mut naming = name.map(|name| (name, BytesMut::from(&first[..])));
    let mut beat = beat();
    loop {
        let said = tokio::select! {
            shown = guest.recv() => match shown {
                Ok(Some(bytes)) => Said::Bytes(bytes),
                Ok(None) | Err(_) => return Ending::Ended,
            },
            _ = beat.tick() => Said::Ping,
        };
        let said = match (said, naming.take()) {
            (Said::Bytes(bytes), Some((name, mut come))) => {
                come.extend_from_slice(&bytes);
                match rfb::rename(&mut come, name) {
                    Ok(None) => {
                        naming = Some((name, come));
                        continue;
                    }
                    Ok(Some(init)) => Said::Bytes([&init[..], &come[..]].concat().into()),
                    Err(_) => return Ending::Internal,
                }
            }
            (said, still) => {
                naming = still;
                said
            }
        };
        let count = if let Said::Bytes(bytes) = &said { bytes.len() as u64 } else { 0 };
        if let Err(ending) = say(to, said, limits.patience).await {
            return ending;
        }
        traffic.to_client.fetch_add(count, Ordering::Relaxed);
    }
}

fn beat() -> tokio::time::Interval {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once.
    beat.reset();
    beat
}
