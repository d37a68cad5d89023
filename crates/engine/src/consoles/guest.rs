//! The side of the guest: whether there is a console to be had, and opening it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use innkeeper_connectors::rfb::{self, Next, Viewer};
use innkeeper_domain::consoles::{Ending, Kind};
use innkeeper_domain::instances::{Instance, Owner, Power};
use pve::{ConsoleFault, ConsoleReader, GuestConfig, Terminal, TerminalWriter, Vnc, VncWriter};
use tracing::{error, warn};

use crate::Engine;
use crate::connections::CallError;
use crate::reconciler::look;

/// How long one call that opens a console may take: preparing it, and both parts of the handshake after that.
const OPENING: Duration = Duration::from_secs(8);

/// What is known of a guest's display.
pub(super) struct Checked {
    /// Its screen shows what its serial port does, which not every token may see.
    screen_on_serial: bool,
}

/// A guest's console that is open.
pub(super) struct Opened {
    pub(super) reader: ConsoleReader,
    pub(super) writer: Writer,
    /// What it has said already.
    pub(super) first: Bytes,
}

/// Towards a guest.
pub(super) enum Writer {
    Text(TerminalWriter),
    Graphics(VncWriter),
}

impl Writer {
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<(), pve::Error> {
        match self {
            Self::Text(terminal) => terminal.send(&bytes).await,
            Self::Graphics(screen) => screen.send(bytes).await,
        }
    }

    /// Tells the size of the window; a screen has its own.
    pub(super) async fn resize(&mut self, columns: u16, rows: u16) -> Result<(), pve::Error> {
        match self {
            Self::Text(terminal) => terminal.resize(columns, rows).await,
            Self::Graphics(_) => Ok(()),
        }
    }

    /// Shows that somebody is there.
    pub(super) async fn ping(&mut self) -> Result<(), pve::Error> {
        match self {
            Self::Text(terminal) => terminal.ping().await,
            Self::Graphics(_) => Ok(()),
        }
    }
}

impl Engine {
    /// Whether the guest is the instance's, runs, and has what such a console shows.
    pub(super) async fn check_guest(&self, instance: &Instance, kind: Kind) -> Result<Checked, Ending> {
        let at = look::guest_ref(instance).map_err(|error| failed(instance, error.into()))?;
        let connection = self.connection(instance.cluster_id).await.map_err(|error| {
            error!(instance = %instance.id, %error, "a console has no way to its cluster");
            Ending::Internal
        })?;
        let guest = at.clone();
        let config = connection
            .console(|client| async move { client.guest(&guest).config().await })
            .await
            .map_err(|error| failed(instance, error))?;
        // Whoever has its number now: nobody looks into another's guest.
        if look::owner(instance, &config) != Owner::Ours {
            return Err(Ending::Missing);
        }
        let status = connection
            .console(|client| async move { client.guest(&at).status().await })
            .await
            .map_err(|error| failed(instance, error))?;
        if look::power(&status) == Power::Stopped {
            return Err(Ending::Stopped);
        }
        devices(&config, kind)
    }

    /// Opens the console, and proves to it who we are.
    pub(super) async fn open_guest(&self, instance: &Instance, kind: Kind) -> Result<Opened, Ending> {
        let checked = self.check_guest(instance, kind).await?;
        let at = look::guest_ref(instance).map_err(|error| failed(instance, error.into()))?;
        let connection = self.connection(instance.cluster_id).await.map_err(|_| Ending::Internal)?;
        // The limit lies inside, so that it is not used up by waiting for one's turn.
        match kind {
            Kind::Text => {
                let opening = connection.console(|client| async move {
                    in_time(async { client.guest(&at).terminal().await }).await
                });
                let Terminal { writer, reader, .. } =
                    opening.await.map_err(|error| failed(instance, error))?;
                Ok(Opened { reader, writer: Writer::Text(writer), first: Bytes::new() })
            }
            Kind::Graphics => {
                let opening = connection
                    .console(|client| async move { in_time(async { client.guest(&at).vnc().await }).await });
                let screen = opening.await.map_err(|error| failed(instance, error))?;
                match tokio::time::timeout(OPENING, prove(screen)).await {
                    Ok(Ok(opened)) => Ok(opened),
                    Ok(Err(rfb::Error::Refused)) if checked.screen_on_serial => Err(Ending::NoDisplay),
                    Ok(Err(error)) => {
                        warn!(instance = %instance.id, %error, "a screen does not begin as it should");
                        Err(Ending::Internal)
                    }
                    Err(_) => Err(Ending::NoAnswer),
                }
            }
        }
    }
}

async fn in_time<T>(opening: impl Future<Output = Result<T, pve::Error>>) -> Result<T, pve::Error> {
    // Twice: the call that prepares it, and the connection with its greeting, each of which has its own limit.
    tokio::time::timeout(OPENING * 2, opening).await.unwrap_or_else(|_| {
        let message = "it took too long".to_owned();
        Err(pve::Error::Console { fault: ConsoleFault::NoAnswer, message })
    })
}

/// Gives a screen its password.
async fn prove(screen: Vnc) -> Result<Opened, rfb::Error> {
    let Vnc { mut writer, mut reader, password, .. } = screen;
    let mut viewer = Viewer::new(password);
    let mut come = BytesMut::new();
    loop {
        match viewer.advance(&mut come)? {
            Next::Done => {
                return Ok(Opened { reader, writer: Writer::Graphics(writer), first: come.freeze() });
            }
            Next::Say(bytes) => writer.send(bytes).await.map_err(|_| rfb::Error::Refused)?,
            Next::Wait => match reader.recv().await {
                Ok(Some(bytes)) => come.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return Err(rfb::Error::Refused),
            },
        }
    }
}

/// Whether the guest has what the console shows.
fn devices(config: &GuestConfig, kind: Kind) -> Result<Checked, Ending> {
    let mut checked = Checked { screen_on_serial: false };
    let GuestConfig::Qemu(machine) = config else { return Ok(checked) };
    let raw = &machine.common.raw;
    match kind {
        Kind::Text => {
            let serial = (0..4).any(|n| raw.get(&format!("serial{n}")).is_some_and(|way| way == "socket"));
            if !serial {
                return Err(Ending::NoSerialPort);
            }
        }
        Kind::Graphics => {
            let vga = raw.get("vga").map_or("std", String::as_str);
            let first = vga.split(',').find(|part| !part.contains('=') || part.starts_with("type="));
            let card = first.map_or("std", |part| part.trim_start_matches("type="));
            if card == "none" {
                return Err(Ending::NoDisplay);
            }
            checked.screen_on_serial = card.starts_with("serial");
        }
    }
    Ok(checked)
}

/// What a client is told of a failure; what Proxmox said of it stays in the log.
fn failed(instance: &Instance, error: CallError) -> Ending {
    let CallError::Pve(error) = error else { return Ending::NodeUnreachable };
    let ending = ending_of(&error);
    if ending == Ending::Internal {
        error!(instance = %instance.id, %error, "a console could not be opened");
    } else {
        warn!(instance = %instance.id, %error, "a console could not be opened");
    }
    ending
}

fn ending_of(error: &pve::Error) -> Ending {
    match error {
        pve::Error::Unreachable { .. }
        | pve::Error::NoAnswer { .. }
        | pve::Error::OutcomeUnknown { .. }
        | pve::Error::NodeUnreachable { .. }
        | pve::Error::Tls { .. }
        | pve::Error::FingerprintMismatch { .. } => Ending::NodeUnreachable,
        pve::Error::GuestMissing { .. } => Ending::Missing,
        pve::Error::NotRunning { .. } => Ending::Stopped,
        pve::Error::NoFreePort { .. } => Ending::TooManyConsoles,
        pve::Error::Console { fault: ConsoleFault::NotReady, .. } => Ending::TextUnsupported,
        pve::Error::Console { fault: ConsoleFault::NoAnswer | ConsoleFault::Broken, .. } => Ending::NoAnswer,
        _ => Ending::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(settings: &[(&str, &str)]) -> GuestConfig {
        let mut config = pve::QemuConfig::default();
        for (name, value) in settings {
            config.common.raw.insert((*name).to_owned(), (*value).to_owned());
        }
        GuestConfig::Qemu(config)
    }

    #[test]
    fn a_machine_needs_a_serial_port_for_text_and_a_card_for_graphics() {
        let text = |settings: &[_]| devices(&machine(settings), Kind::Text).err();
        assert_eq!(text(&[]), Some(Ending::NoSerialPort));
        assert_eq!(text(&[("serial0", "/dev/ttyS0")]), Some(Ending::NoSerialPort));
        assert_eq!(text(&[("serial1", "socket")]), None);
        let graphics = |vga| {
            let checked = devices(&machine(&[("vga", vga)]), Kind::Graphics);
            checked.map(|checked| checked.screen_on_serial)
        };
        assert!(matches!(devices(&machine(&[]), Kind::Graphics), Ok(Checked { screen_on_serial: false })));
        for (vga, expected) in [
            ("std", Ok(false)),
            ("virtio,memory=64", Ok(false)),
            ("memory=64,type=qxl", Ok(false)),
            ("memory=64", Ok(false)),
            ("serial0", Ok(true)),
            ("none", Err(Ending::NoDisplay)),
            ("type=none", Err(Ending::NoDisplay)),
            ("memory=4,type=none", Err(Ending::NoDisplay)),
        ] {
            assert_eq!(graphics(vga), expected, "{vga}");
        }
        let container = GuestConfig::Lxc(pve::LxcConfig::default());
        assert!(devices(&container, Kind::Text).is_ok() && devices(&container, Kind::Graphics).is_ok());
    }
}
