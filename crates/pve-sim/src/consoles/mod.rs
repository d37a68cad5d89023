//! Consoles: terminals and graphics over websockets.
mod font;
mod packets;
mod prompt;
mod rfb;
mod screen;
mod session;
mod source;
mod ws;
