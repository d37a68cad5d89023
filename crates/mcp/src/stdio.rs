//! Standard input and output: the server as a child process of whoever uses it.

use rmcp::ServiceExt as _;
use rmcp::transport::stdio;

use crate::door::Door;
use crate::server::Server;

/// It could not go on.
#[derive(Debug, thiserror::Error)]
#[error("the conversation on standard input ended: {0}")]
pub struct Ended(String);

/// Serves until standard input ends.
pub async fn serve<D: Door>(server: Server<D>) -> Result<(), Ended> {
    let running = server.serve(stdio()).await.map_err(|error| Ended(error.to_string()))?;
    running.waiting().await.map_err(|error| Ended(error.to_string()))?;
    Ok(())
}
