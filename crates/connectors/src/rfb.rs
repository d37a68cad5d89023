//! The beginning of RFB 3.8 (RFC 6143), on both sides of whoever stands between a screen and its viewer: towards the
//! screen we give the password, towards the viewer we ask for none, and the screen's name is ours to give. After that
//! the bytes are theirs.
//!
//! No I/O: each side is fed with what has come, and says what to send. What has come and is not used stays.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use secrecy::{ExposeSecret, SecretString};

/// The version that both sides speak.
const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// No proof is asked for.
const NONE: u8 = 1;
/// A challenge, encrypted with the password.
const PASSWORD: u8 = 2;
/// What stands before the name in a `ServerInit`.
const INIT: usize = 24;
/// The longest name that a screen gives itself.
const LONGEST_NAME: usize = 4096;
/// A `FramebufferUpdateRequest`: its first byte, and how long it is.
const UPDATE_REQUEST: (u8, usize) = (3, 10);

/// Why the beginning failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What came is not RFB 3.8.
    #[error("the other side does not speak RFB 3.8")]
    Version,
    /// There is no security type that both sides take.
    #[error("no security type that both sides take")]
    Security,
    /// The screen did not take the password.
    #[error("the password was refused")]
    Refused,
    /// The screen's name is longer than a name is.
    #[error("the name of the screen is too long")]
    Name,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait for more.
    Wait,
    /// Send this, and ask again.
    Say(Bytes),
    /// Both sides agree; what is left goes on from here.
    Done,
}

/// Towards the screen: a viewer that knows the password.
#[derive(Debug)]
pub struct Viewer {
    password: SecretString,
    at: ViewerAt,
}

#[derive(Clone, Copy, Debug)]
enum ViewerAt {
    Version,
    Types,
    Challenge,
    Result,
    Done,
}

impl Viewer {
    /// Of the password the first 8 bytes count.
    pub fn new(password: SecretString) -> Self {
        Self { password, at: ViewerAt::Version }
    }

    /// Goes on with what has come.
    pub fn advance(&mut self, come: &mut BytesMut) -> Result<Next, Error> {
        match self.at {
            ViewerAt::Version => {
                let Some(version) = take(come, VERSION.len()) else { return Ok(Next::Wait) };
                if version != VERSION[..] {
                    return Err(Error::Version);
                }
                self.at = ViewerAt::Types;
                Ok(Next::Say(Bytes::from_static(VERSION)))
            }
            ViewerAt::Types => {
                let Some(count) = come.first().map(|count| usize::from(*count)) else {
                    return Ok(Next::Wait);
                };
                let Some(types) = take(come, 1 + count) else { return Ok(Next::Wait) };
                let offered = &types[1..];
                if offered.contains(&PASSWORD) {
                    self.at = ViewerAt::Challenge;
                    Ok(Next::Say(Bytes::from_static(&[PASSWORD])))
                } else if offered.contains(&NONE) {
                    self.at = ViewerAt::Result;
                    Ok(Next::Say(Bytes::from_static(&[NONE])))
                } else {
                    Err(Error::Security)
                }
            }
            ViewerAt::Challenge => {
                let Some(challenge) = take(come, 16) else { return Ok(Next::Wait) };
                self.at = ViewerAt::Result;
                Ok(Next::Say(response(self.password.expose_secret(), &challenge)))
            }
            ViewerAt::Result => {
                let Some(mut result) = take(come, 4) else { return Ok(Next::Wait) };
                if result.get_u32() != 0 {
                    return Err(Error::Refused);
                }
                self.at = ViewerAt::Done;
                Ok(Next::Done)
            }
            ViewerAt::Done => Ok(Next::Done),
        }
    }
}

/// Towards the viewer: a screen that asks for nothing.
#[derive(Debug, Default)]
pub struct Screen {
    at: ScreenAt,
}

#[derive(Clone, Copy, Debug, Default)]
enum ScreenAt {
    #[default]
    Greeting,
    Version,
    Type,
    Done,
}

impl Screen {
    /// Goes on with what has come.
    pub fn advance(&mut self, come: &mut BytesMut) -> Result<Next, Error> {
        match self.at {
            ScreenAt::Greeting => {
                self.at = ScreenAt::Version;
                Ok(Next::Say(Bytes::from_static(VERSION)))
            }
            ScreenAt::Version => {
                let Some(version) = take(come, VERSION.len()) else { return Ok(Next::Wait) };
                if version != VERSION[..] {
                    return Err(Error::Version);
                }
                self.at = ScreenAt::Type;
                Ok(Next::Say(Bytes::from_static(&[1, NONE])))
            }
            ScreenAt::Type => {
                let Some(chosen) = take(come, 1) else { return Ok(Next::Wait) };
                if chosen[0] != NONE {
                    return Err(Error::Security);
                }
                self.at = ScreenAt::Done;
                Ok(Next::Say(Bytes::from_static(&[0; 4])))
            }
            ScreenAt::Done => Ok(Next::Done),
        }
    }
}

/// Gives the screen another name in its `ServerInit`, the first that it says after both sides agree. None as long as
/// more of it is to come.
pub fn rename(come: &mut BytesMut, name: &str) -> Result<Option<Bytes>, Error> {
    let Some(head) = come.first_chunk::<INIT>() else { return Ok(None) };
    let [.., a, b, c, d] = *head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > LONGEST_NAME {
        return Err(Error::Name);
    }
    let Some(init) = take(come, INIT + length) else { return Ok(None) };
    let name = &name.as_bytes()[..name.len().min(LONGEST_NAME)];
    let mut renamed = BytesMut::with_capacity(INIT + name.len());
    renamed.extend_from_slice(&init[..INIT - 4]);
    renamed.put_u32(name.len() as u32);
    renamed.extend_from_slice(name);
    Ok(Some(renamed.freeze()))
}

/// Whether a message of a viewer shows that somebody is there. Viewers ask for the next picture by themselves.
pub fn shows_somebody(message: &[u8]) -> bool {
    let (kind, length) = UPDATE_REQUEST;
    let requests = message.chunks(length).all(|chunk| chunk.len() == length && chunk[0] == kind);
    !requests
}

fn take(come: &mut BytesMut, count: usize) -> Option<Bytes> {
    (come.len() >= count).then(|| come.split_to(count).freeze())
}

/// The challenge, encrypted with the password's first eight bytes, each with its bits reversed: a peculiarity of VNC.
fn response(password: &str, challenge: &[u8]) -> Bytes {
    let mut key = [0_u8; 8];
    for (to, from) in key.iter_mut().zip(password.bytes()) {
        *to = from.reverse_bits();
    }
    let des = Des::new(&key.into());
    let mut answer = BytesMut::with_capacity(challenge.len());
    for half in challenge.chunks_exact(8) {
        let mut block = [0_u8; 8];
        block.copy_from_slice(half);
        let mut block = block.into();
        des.encrypt_block(&mut block);
        answer.extend_from_slice(&block);
    }
    answer.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer() -> Viewer {
        Viewer::new("password and more".to_owned().into())
    }

    /// Feeds byte by byte; gives everything that is said, and what is left once both agree.
    fn drive(
        advance: &mut dyn FnMut(&mut BytesMut) -> Result<Next, Error>,
        bytes: &[u8],
    ) -> Result<(Vec<u8>, Option<usize>), Error> {
        let (mut come, mut said) = (BytesMut::new(), Vec::new());
        for (at, byte) in bytes.iter().map(Some).chain([None]).enumerate() {
            loop {
                match advance(&mut come)? {
                    Next::Wait => break,
                    Next::Say(more) => said.extend(more),
                    Next::Done => return Ok((said, Some(at))),
                }
            }
            come.extend(byte.copied());
        }
        Ok((said, None))
    }

    /// The answer was made with `openssl enc -des-ecb -nopad -K 0e86ceceeef64e26` ("password" with its bits reversed).
    #[test]
    fn a_viewer_answers_the_challenge() {
        let challenge: Vec<u8> = (0..16).collect();
        let from_screen = [&b"RFB 003.008\n\x02\x05\x02"[..], &challenge, &[0; 4], b"rest"].concat();
        let mut viewer = viewer();
        let (said, used) = drive(&mut |come| viewer.advance(come), &from_screen).unwrap();
        assert_eq!(used, Some(from_screen.len() - 4));
        let answer = hex::decode("b866924125c8eebb9debc1db61c538e2").unwrap();
        assert_eq!(said, [&b"RFB 003.008\n\x02"[..], &answer].concat());
    }

    #[test]
    fn what_a_viewer_does_not_take_is_named() {
        let run = |bytes: &[u8]| {
            let mut viewer = viewer();
            drive(&mut |come| viewer.advance(come), bytes)
        };
        assert_eq!(run(b"RFB 003.003\n"), Err(Error::Version));
        assert_eq!(run(b"HTTP/1.1 200"), Err(Error::Version));
        assert_eq!(run(b"RFB 003.008\n\x01\x13"), Err(Error::Security));
        assert_eq!(run(b"RFB 003.008\n\x00\x00\x00\x00\x03why"), Err(Error::Security));
        let refused = [&b"RFB 003.008\n\x01\x02"[..], &[7; 16], &[0, 0, 0, 1]].concat();
        assert_eq!(run(&refused), Err(Error::Refused));
        let none = b"RFB 003.008\n\x01\x01\x00\x00\x00\x00";
        assert_eq!(run(none).unwrap().1, Some(none.len()));
    }

    #[test]
    fn a_screen_asks_for_nothing_and_is_fed_in_any_pieces() {
        let run = |bytes: &[u8]| {
            let mut screen = Screen::default();
            drive(&mut |come| screen.advance(come), bytes)
        };
        let (said, used) = run(b"RFB 003.008\n\x01\x01more").unwrap();
        assert_eq!(said, b"RFB 003.008\n\x01\x01\x00\x00\x00\x00");
        assert_eq!(used, Some(13));
        assert_eq!(run(b"RFB 003.003\n"), Err(Error::Version));
        assert_eq!(run(b"GET / HTTP/1"), Err(Error::Version));
        assert_eq!(run(b"RFB 003.008\n\x02"), Err(Error::Security));
        assert_eq!(run(b"RFB 003").unwrap().1, None);
    }

    #[test]
    fn the_screen_gets_our_name() {
        let init = [&[1, 0, 0, 200][..], &[9; 16], &[0, 0, 0, 5], b"node1", b"next"].concat();
        for split in 0..init.len() {
            let mut come = BytesMut::from(&init[..split]);
            let early = rename(&mut come, "web-1").unwrap();
            assert_eq!(early.is_some(), split >= 29);
            come.extend_from_slice(&init[split..]);
            let renamed = early.or_else(|| rename(&mut come, "web-1").unwrap()).unwrap();
            assert_eq!(renamed, [&init[..20], &[0, 0, 0, 5], b"web-1"].concat());
            assert_eq!(come, "next");
        }
        let mut endless = BytesMut::from(&[&init[..20], &[255; 4]].concat()[..]);
        assert_eq!(rename(&mut endless, "x"), Err(Error::Name));
    }

    #[test]
    fn asking_for_pictures_is_no_sign_of_life() {
        let request = [3, 1, 0, 0, 0, 0, 2, 128, 1, 144];
        assert!(!shows_somebody(&request) && !shows_somebody(&[request, request].concat()));
        assert!(shows_somebody(&[4, 1, 0, 0, 0, 0, 0, 65]));
        assert!(shows_somebody(&[&request[..], &[5, 0, 0, 1, 0, 1]].concat()));
    }
}
