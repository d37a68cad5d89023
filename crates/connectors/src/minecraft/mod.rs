//! Minecraft: what a server says of itself, commands to it, and the doorman who answers in its place while it sleeps.

mod bedrock;
mod codec;
pub mod doorman;
mod legacy;
pub mod rcon;
pub mod status;
mod text;

use std::time::Duration;

use crate::tcp;

/// Why a server did not tell, or did not do, what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection; nothing was sent.
    #[error(transparent)]
    Dial(#[from] tcp::Error),
    /// It was reached, and did not answer in time.
    #[error("it did not answer within {0:?}")]
    Timeout(Duration),
    /// The connection ended before the answer.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// What answers there speaks something else.
    #[error("what answers there is no Minecraft server: {0}")]
    NotMinecraft(String),
    /// The password of the remote console is another.
    #[error("the password of the remote console was refused")]
    WrongPassword,
    /// This cannot be a command; nothing was sent.
    #[error("this cannot be sent as a command: {0}")]
    BadCommand(&'static str),
}

impl Error {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Timeout(_) => "timeout",
            Self::Lost(_) => "lost",
            Self::NotMinecraft(_) => "not_minecraft",
            Self::WrongPassword => "wrong_password",
            Self::BadCommand(_) => "bad_command",
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl From<codec::Bad> for Error {
    fn from(bad: codec::Bad) -> Self {
        Self::NotMinecraft(bad.to_string())
    }
}
