//! Consoles: terminals and graphics over websockets, in the two steps real servers use. A call opens a
//! port for ten seconds and hands out a ticket for it; a websocket with that ticket takes the port.

mod desk;
mod font;
mod packets;
mod prompt;
mod rfb;
mod room;
mod screen;
mod session;
mod source;
mod ws;

pub(crate) use desk::{
    Desk, lxc_graphics, lxc_terminal, node_terminal, qemu_graphics, qemu_terminal, upgrade, verify, websocket,
};
pub(crate) use room::{Look, enter};
