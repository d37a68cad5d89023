//! Consoles from outside: a client over TCP, our relay, and a simulated cluster behind it.

mod hostile;
mod inn;
mod limits;
mod named;
mod revoked;
mod seen;
mod tickets;
