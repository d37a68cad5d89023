//! MCP, the Model Context Protocol: leases as tools, for programs that look for a container and pay for it.
//!
//! The tools are a translation of the HTTP interface and nothing else: each is one request that goes through a [`Door`],
//! so that who may do what, prices and payments are those of the API. There are two doors: the house's own router
//! ([`mount`]: `/mcp`, Streamable HTTP without sessions), and a client on a buyer's machine ([`serve`]: standard input and
//! output), which may have a wallet ([`Purse`]) and keeps the tokens of leases ([`Tokens`]).

mod caller;
mod door;
#[cfg(test)]
mod double;
mod house;
mod purse;
mod remote;
mod result;
mod server;
mod stdio;
mod tokens;
mod tools;

pub use door::{Answer, Ask, Door, Silence};
pub use house::mount;
pub use purse::{Limits, Purse};
pub use remote::{BadAddress, Remote};
pub use server::{Keeper, Server};
pub use stdio::serve;
pub use tokens::{TokenFile, Tokens};
