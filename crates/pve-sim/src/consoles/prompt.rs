//! What a terminal shows where no process stands behind the guest: a login prompt that lets nobody in.

/// The prompt of one viewer.
pub(crate) struct Prompt {
    hostname: String,
    typed: Vec<u8>,
    asks_password: bool,
}

impl Prompt {
    pub(crate) fn new(hostname: &str) -> Self {
        Self { hostname: hostname.to_owned(), typed: Vec::new(), asks_password: false }
    }

    /// What the screen shows at first.
    pub(crate) fn greeting(&self) -> [Vec<u8>; 2] {
        let host = &self.hostname;
        [
            b"\x1b[H\x1b[J".to_vec(),
            format!("\r\r\r\nDebian GNU/Linux 12 {host} tty1\r\r\n\r\r\n{host} login: ").into_bytes(),
        ]
    }

    /// What the screen shows after these keys.
    pub(crate) fn keys(&mut self, keys: &[u8]) -> Vec<u8> {
        let mut shown = Vec::new();
        for key in keys {
            match key {
                b'\r' | b'\n' => shown.extend(self.enter()),
                8 | 0x7f => {
                    if self.typed.pop().is_some() && !self.asks_password {
                        shown.extend(b"\x08 \x08");
                    }
                }
                key => {
                    if self.typed.len() < 256 {
                        self.typed.push(*key);
                        if !self.asks_password {
                            shown.push(*key);
                        }
                    }
                }
            }
        }
        shown
    }

    fn enter(&mut self) -> Vec<u8> {
        let empty = self.typed.is_empty();
        self.typed.clear();
        let host = &self.hostname;
        if self.asks_password {
            self.asks_password = false;
            return format!("\r\n\r\r\nLogin incorrect\r\r\n{host} login: ").into_bytes();
        }
        if empty {
            return format!("\r\r\r\n{host} login: ").into_bytes();
        }
        self.asks_password = true;
        b"\r\nPassword: ".to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_echoes_the_name_hides_the_password_and_lets_nobody_in() {
        let mut prompt = Prompt::new("ct100");
        assert_eq!(prompt.keys(b"\n"), b"\r\r\r\nct100 login: ");
        assert_eq!(prompt.keys(b"root\n"), b"root\r\nPassword: ");
        let end = prompt.keys(b"secret\n");
        assert!(!end.windows(6).any(|w| w == b"secret"));
        assert!(String::from_utf8(end).unwrap().contains("Login incorrect"));
    }
}
