//! One console, from the moment at which its client is there to its end.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt, stream};
use innkeeper_domain::audit::Doer;
use innkeeper_domain::consoles::{Console, Ending, Kind, Pass};
use innkeeper_domain::ids::{ConsoleId, UserId};
use innkeeper_domain::instances::Instance;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::relay::{Traffic, downwards, greet, upwards};
use super::rights::Rights;
use super::{Heard, Said};
use crate::Engine;

/// How long a client may take to hear that this is the end, and to agree.
const FAREWELL: Duration = Duration::from_secs(2);

/// Messages that a client may send before its console is open.
const EARLY: usize = 64;

/// Somebody who may open a console, once.
pub struct Entry {
    pub(super) engine: Engine,
    pub(super) pass: Pass,
    pub(super) user_id: Option<UserId>,
    pub(super) address: Option<IpAddr>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.pass.console_id).finish()
    }
}

impl Entry {
    /// How many bytes a client may send at once.
    pub fn message_bytes(&self) -> usize {
        self.engine.options().consoles.message_bytes
    }

    /// Opens the console and relays it, until the client or the guest has had enough, a limit is reached, the right to
    /// it is lost, or `stop`. The client is told why.
    pub async fn serve<R, W>(self, mut from: R, mut to: W, stop: CancellationToken)
    where
        R: Stream<Item = Heard> + Send + Unpin,
        W: Sink<Said> + Send + Unpin,
    {
        let _counted = self.engine.0.consoles.token();
        let ending = self.open(&mut from, &mut to, &stop).await;
        debug!(console = %self.pass.console_id, %ending, "a console ended");
        let farewell = async {
            if ending == Ending::Closed {
                // The answer to its goodbye lies ready.
                let _ = to.close().await;
            } else if to.send(Said::End(ending)).await.is_ok() {
                // What is not read when a connection ends may take the last words with it.
                while from.next().await.is_some() {}
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    async fn open<R, W>(&self, from: &mut R, to: &mut W, stop: &CancellationToken) -> Ending
    where
        R: Stream<Item = Heard> + Send + Unpin,
        W: Sink<Said> + Send + Unpin,
    {
        let Self { engine, pass, user_id, address } = self;
        let mut rights = Rights::new(engine, *pass, *user_id, *address);
        let (actor, instance) = match rights.ask().await {
            Ok(Ok(found)) => found,
            Ok(Err(ending)) => return ending,
            Err(error) => return internal(pass.console_id, &error),
        };
        let now = engine.clock().now();
        let console = Console {
            id: pass.console_id,
            user_id: *user_id,
            project_id: instance.project_id,
            instance_id: instance.id,
            cluster_id: instance.cluster_id,
            node: instance.node.clone(),
            kind: pass.kind,
            opened_at: now,
            seen_at: now,
            bytes_in: 0,
            bytes_out: 0,
        };
        match engine.begin_console(&actor, &console).await {
            Ok(Ok(())) => {}
            Ok(Err(ending)) => return ending,
            Err(error) => return internal(console.id, &error),
        }
        info!(console = %console.id, instance = %instance.id, kind = %pass.kind, "a console opens");
        let traffic = Traffic::default();
        let ending = tokio::select! {
            // What ends it by our will comes first: a client that always has something to say must not hold it off.
            biased;
            () = stop.cancelled() => Ending::ServerStops,
            ending = rights.until_lost() => ending,
            ending = self.tell(console.id, &traffic) => ending,
            () = sleep(engine.options().consoles.total) => Ending::TimeIsUp,
            ending = self.relay(&instance, from, to, &traffic) => ending,
        };
        // What took the right away may have stopped the guest first.
        let ending = match ending {
            Ending::Ended => rights.ask().await.ok().and_then(Result::err).unwrap_or(ending),
            other => other,
        };
        let doer = Doer::from(&actor);
        if let Err(error) = engine.end_console(&doer, console.id, traffic.so_far(), ending).await {
            error!(console = %console.id, %error, "the end of a console was not written down; it will be, as lost");
        }
        ending
    }

    /// Says from time to time that the console is relayed; returns when it does not count any more.
    async fn tell(&self, id: ConsoleId, traffic: &Traffic) -> Ending {
        loop {
            sleep(self.engine.options().consoles.ask_again).await;
            match self.engine.tell_console(id, traffic.so_far()).await {
                Ok(true) => {}
                // Given up for lost: somebody else may have its place.
                Ok(false) => return Ending::Internal,
                Err(error) => error!(console = %id, %error, "saying that a console is open failed"),
            }
        }
    }

    async fn relay<R, W>(&self, instance: &Instance, from: &mut R, to: &mut W, traffic: &Traffic) -> Ending
    where
        R: Stream<Item = Heard> + Send + Unpin,
        W: Sink<Said> + Send + Unpin,
    {
        let kind = self.pass.kind;
        let limits = self.engine.options().consoles;
        let mut early = Vec::new();
        let opened = tokio::select! {
            opened = self.engine.open_guest(instance, kind) => opened,
            ending = hear_early(from, &mut early, limits.message_bytes) => Err(ending),
            () = sleep(limits.patience) => Err(Ending::NoAnswer),
        };
        let mut opened = match opened {
            Ok(opened) => opened,
            Err(ending) => return ending,
        };
        let mut from = stream::iter(early).chain(from);
        let mut name = None;
        let mut rest = Vec::new();
        if kind == Kind::Graphics {
            match greet(&mut from, to, limits.patience).await {
                Ok(bytes) => rest.push(Heard::Bytes(bytes)),
                Err(ending) => return ending,
            }
            name = Some(instance.name.as_str());
        }
        let mut from = stream::iter(rest).chain(from);
        tokio::select! {
            ending = upwards(&mut from, &mut opened.writer, kind, &limits, traffic) => ending,
            ending = downwards(&mut opened.reader, opened.first, name, to, &limits, traffic) => ending,
        }
    }
}

/// Keeps what a client says before its console is open; returns when the client has gone.
async fn hear_early<R>(from: &mut R, early: &mut Vec<Heard>, most: usize) -> Ending
where
    R: Stream<Item = Heard> + Unpin,
{
    let mut bytes = 0;
    while bytes <= most && early.len() < EARLY {
        match from.next().await {
            None => return Ending::Closed,
            Some(Heard::TooMuch) => return Ending::MessageTooLarge,
            Some(Heard::Nonsense) => return Ending::BadMessage,
            Some(heard) => {
                bytes += match &heard {
                    Heard::Bytes(typed) => typed.len(),
                    Heard::Text(text) => text.len(),
                    Heard::TooMuch | Heard::Nonsense => 0,
                };
                early.push(heard);
            }
        }
    }
    // The rest waits where it is.
    std::future::pending().await
}

fn internal(console: ConsoleId, error: &crate::Error) -> Ending {
    error!(%console, %error, "a console could not be opened");
    Ending::Internal
}
