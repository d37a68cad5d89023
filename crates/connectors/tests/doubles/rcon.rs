//! A remote console that is not there, as strict as the game's own: it reads one packet at a time and hangs up on
//! whoever sends two at once, cuts its answers into pieces of 4096 letters, and knows no kind of packet but two.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the game reads in one go.
const BUFFER: usize = 1460;
/// What it says in one go.
const PIECE: usize = 4096;

/// What is said to a command; nothing is hanging up.
type Answer = dyn Fn(&str) -> Option<String> + Send + Sync;

#[derive(Clone)]
pub struct Double {
    pub address: SocketAddr,
    /// What it was told to do, in order.
    pub told: Arc<Mutex<Vec<String>>>,
    answer: Arc<Answer>,
    password: Arc<str>,
}

impl Double {
    /// Answers what `answer` says to a command; without an answer it hangs up.
    pub async fn start(
        password: &str,
        answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let double = Self {
            address: listener.local_addr().unwrap(),
            told: Arc::default(),
            answer: Arc::new(answer),
            password: password.into(),
        };
        let served = double.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        double
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = [0; BUFFER];
        let mut known = false;
        loop {
            let Ok(length) = stream.read(&mut buffer).await else { return };
            let number = |at: usize| i32::from_le_bytes(buffer[at..at + 4].try_into().unwrap());
            // A packet that comes with another behind it, or in two parts, is none.
            if length < 14 || number(0) != length as i32 - 4 || buffer[length - 2..length] != [0, 0] {
                return;
            }
            let (id, kind) = (number(4), number(8));
            let said = String::from_utf8_lossy(&buffer[12..length - 2]).into_owned();
            match kind {
                3 => {
                    known = said == *self.password;
                    send(&mut stream, if known { id } else { -1 }, 2, "").await;
                }
                2 if known => {
                    self.told.lock().unwrap().push(said.clone());
                    let Some(answer) = (self.answer)(&said) else { return };
                    let letters: Vec<char> = answer.chars().collect();
                    let mut rest = letters.as_slice();
                    loop {
                        let (piece, more) = rest.split_at(rest.len().min(PIECE));
                        send(&mut stream, id, 0, &piece.iter().collect::<String>()).await;
                        rest = more;
                        if rest.is_empty() {
                            break;
                        }
                    }
                }
                2 => send(&mut stream, -1, 2, "").await,
                other => send(&mut stream, id, 0, &format!("Unknown request {other:x}")).await,
            }
        }
    }
}

async fn send(stream: &mut TcpStream, id: i32, kind: i32, said: &str) {
    let length = said.len() as i32 + 10;
    let head = [length, id, kind].map(i32::to_le_bytes).concat();
    let _ = stream.write_all(&[&head, said.as_bytes(), &[0, 0]].concat()).await;
}
