//! What stands behind a console: the guest's real shell, or a login prompt that lets nobody in.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::prompt::Prompt;
use crate::backend::{Input, Live};

/// One viewer's way to a terminal.
pub(crate) struct Terminal {
    /// What the screen shows when the viewer comes.
    pub(crate) first: Vec<u8>,
    behind: Behind,
}

enum Behind {
    Shell { output: mpsc::Receiver<Bytes>, input: mpsc::Sender<Input> },
    Prompt { prompt: Prompt, waiting: VecDeque<Vec<u8>> },
    Nothing,
}

impl Terminal {
    /// A view of the guest's shell.
    pub(crate) fn of(live: &Live) -> Self {
        let (first, output, input) = live.attach();
        Self { first, behind: Behind::Shell { output, input } }
    }

    /// A login prompt.
    pub(crate) fn prompt(hostname: &str) -> Self {
        let prompt = Prompt::new(hostname);
        let waiting = prompt.greeting().into();
        Self { first: Vec::new(), behind: Behind::Prompt { prompt, waiting } }
    }

    /// A terminal that ends at once: its guest does not run.
    pub(crate) fn ended() -> Self {
        Self { first: Vec::new(), behind: Behind::Nothing }
    }

    /// What the terminal shows next; `None` when it has ended.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        match &mut self.behind {
            Behind::Shell { output, .. } => output.recv().await.map(|bytes| bytes.to_vec()),
            Behind::Prompt { waiting, .. } => match waiting.pop_front() {
                Some(bytes) => Some(bytes),
                None => std::future::pending().await,
            },
            Behind::Nothing => None,
        }
    }

    /// Keys typed by the viewer.
    pub(crate) async fn keys(&mut self, keys: Vec<u8>) {
        match &mut self.behind {
            // A shell that does not read its terminal must not hold up the viewer for ever.
            Behind::Shell { input, .. } => {
                let _ = input.send_timeout(Input::Bytes(keys), Duration::from_secs(5)).await;
            }
            Behind::Prompt { prompt, waiting } => {
                let shown = prompt.keys(&keys);
                if !shown.is_empty() {
                    waiting.push_back(shown);
                }
            }
            Behind::Nothing => {}
        }
    }

    /// The viewer's size in columns and rows.
    pub(crate) async fn size(&mut self, columns: u16, rows: u16) {
        if let Behind::Shell { input, .. } = &self.behind {
            let _ = input.send(Input::Size(columns, rows)).await;
        }
    }
}
