//! The remote console of the Java edition. One command at a time; each exchange has the deadline that was given when the
//! console was opened.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Error;
use crate::tcp::{dial, within};

/// Kinds of packets: an answer, a command (and the answer to a password), a password, and one that no server knows.
const ANSWER: i32 = 0;
const COMMAND: i32 = 2;
const PASSWORD: i32 = 3;
const UNKNOWN: i32 = 100;

/// Number and kind before what is said, two zeros behind it.
const FRAME: usize = 10;
/// A server says no more in one packet, and what is exactly so long may go on. It counts letters and we count bytes, of
/// which a letter has one at least.
const PIECE: usize = 4096;
/// A packet with the most letters, of the most bytes.
const LARGEST: usize = 4 * PIECE + FRAME;
/// An answer is cut here.
const MOST: usize = 1024 * 1024;
/// The longest command that a server reads in one go.
const LONGEST: usize = 1446;
/// The longest announcement, in letters.
const LONGEST_SAYING: usize = 256;

/// An open console.
pub struct Rcon {
    stream: TcpStream,
    number: i32,
    patience: Duration,
    /// An answer may still be under way for somebody who no longer waits: nothing can be told apart any more.
    broken: bool,
}

impl fmt::Debug for Rcon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rcon(…)")
    }
}

impl Rcon {
    /// Connects and shows the password.
    pub async fn open(
        host: &str,
        port: u16,
        password: &SecretString,
        patience: Duration,
    ) -> Result<Self, Error> {
        let opening = async {
            let stream = dial(host, port, patience).await?;
            let _ = stream.set_nodelay(true);
            let mut console = Self { stream, number: 0, patience, broken: false };
            let password = password.expose_secret();
            if password.is_empty() || password.len() > LONGEST || password.contains('\0') {
                return Err(Error::WrongPassword);
            }
            let number = console.send(PASSWORD, password).await?;
            loop {
                match console.receive().await? {
                    (-1, _, _) => return Err(Error::WrongPassword),
                    (answered, COMMAND, _) if answered == number => return Ok(console),
                    // Some send an empty answer first.
                    (answered, ANSWER, _) if answered == number => {}
                    _ => return Err(Error::NotMinecraft("it does not speak as a remote console".to_owned())),
                }
            }
        };
        within(patience, opening, || Error::Timeout(patience)).await
    }

    /// Gives one command, and brings what the server says to it.
    pub async fn command(&mut self, command: &str) -> Result<String, Error> {
        self.exchange(command).await.map_err(|(error, _)| error)
    }

    /// Says something to all players. The text is only ever text: it can neither end the command nor name a selector.
    pub async fn say(&mut self, text: &str) -> Result<String, Error> {
        self.command(&format!("say {}", saying(text))).await
    }

    /// Writes the world to the disk, and answers when that is done.
    pub async fn save_all(&mut self) -> Result<String, Error> {
        self.command("save-all flush").await
    }

    /// Ends the server. That it hangs up without an answer is as it should be.
    pub async fn stop(mut self) -> Result<(), Error> {
        match self.exchange("stop").await {
            Ok(_) | Err((Error::Lost(_), true)) => Ok(()),
            Err((error, _)) => Err(error),
        }
    }

    /// An error comes with whether the command had gone out.
    async fn exchange(&mut self, command: &str) -> Result<String, (Error, bool)> {
        if command.trim().is_empty() {
            return Err((Error::BadCommand("it is empty"), false));
        }
        if command.len() > LONGEST {
            return Err((Error::BadCommand("it is longer than 1446 bytes"), false));
        }
        if command.chars().any(char::is_control) {
            return Err((Error::BadCommand("it holds a line break or another control character"), false));
        }
        if self.broken {
            return Err((Error::Lost("an earlier answer never came to its end".to_owned()), false));
        }
        self.broken = true;
        let patience = self.patience;
        let mut sent = false;
        let exchange = async {
            let number = self.send(COMMAND, command).await?;
            sent = true;
            self.collect(number).await
        };
        let said = within(patience, exchange, || Error::Timeout(patience)).await;
        // That it fails halfway leaves it broken; so does that nobody waits any more.
        self.broken = said.is_err();
        said.map_err(|error| (error, sent))
    }

    /// All pieces of an answer.
    async fn collect(&mut self, number: i32) -> Result<String, Error> {
        let mut whole = Vec::new();
        let mut end = None;
        loop {
            let (answered, _, said) = self.receive().await?;
            if Some(answered) == end {
                break;
            }
            if answered != number {
                return Err(Error::NotMinecraft("it answers what was not asked".to_owned()));
            }
            let room = MOST.saturating_sub(whole.len()).min(said.len());
            whole.extend_from_slice(&said[..room]);
            // Only now: a server drops what it reads together with a command.
            if end.is_none() {
                if said.len() < PIECE {
                    break;
                }
                end = Some(self.send(UNKNOWN, "").await?);
            }
        }
        Ok(String::from_utf8_lossy(&whole).into_owned())
    }

    async fn send(&mut self, kind: i32, said: &str) -> Result<i32, Error> {
        self.number = self.number.checked_add(1).unwrap_or(1);
        let length = i32::try_from(said.len() + FRAME).unwrap_or(i32::MAX);
        let head = [length, self.number, kind].map(i32::to_le_bytes).concat();
        self.stream.write_all(&[&head, said.as_bytes(), &[0, 0]].concat()).await?;
        Ok(self.number)
    }

    async fn receive(&mut self) -> Result<(i32, i32, Vec<u8>), Error> {
        let length = usize::try_from(self.stream.read_i32_le().await?).unwrap_or(0);
        if !(FRAME..=LARGEST).contains(&length) {
            return Err(Error::NotMinecraft("a packet has an impossible length".to_owned()));
        }
        let (number, kind) = (self.stream.read_i32_le().await?, self.stream.read_i32_le().await?);
        let mut said = vec![0; length - 8];
        self.stream.read_exact(&mut said).await?;
        said.truncate(length - FRAME);
        Ok((number, kind, said))
    }
}

/// A text that stays a text, in one line.
fn saying(text: &str) -> String {
    let one_line = text.chars().map(|letter| match letter {
        // `@a` and its like would be replaced by names.
        '@' => '＠',
        letter if letter.is_control() => ' ',
        letter => letter,
    });
    one_line.take(LONGEST_SAYING).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saying_stays_one_line_of_text() {
        assert_eq!(saying(" Arrêt\r\nstop\0 @a "), "Arrêt  stop  ＠a");
        assert_eq!(saying(&"é".repeat(2000)).len(), 512);
        assert!("say ".len() + 4 * LONGEST_SAYING <= LONGEST);
    }
}
