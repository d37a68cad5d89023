//! Hardware addresses, and the passwords that are written like them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is not the address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMac {
    /// It is not written as one.
    #[error("must be six pairs of hexadecimal digits, such as 00:23:7d:fd:c0:5c")]
    Form,
    /// It is that of nobody or of a group.
    #[error("must be the address of one interface, not of nobody or of a group")]
    Group,
}

/// The hardware address of one interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl FromStr for Mac {
    type Err = BadMac;

    fn from_str(text: &str) -> Result<Self, BadMac> {
        let bytes = six(text)?;
        // The lowest bit of the first byte marks a group; everybody is one too.
        if bytes[0] & 1 == 1 || bytes == [0; 6] { Err(BadMac::Group) } else { Ok(Self(bytes)) }
    }
}

/// Six bytes as a MAC or a SecureOn password is written: pairs of hexadecimal digits with colons or hyphens, or none.
pub fn six(text: &str) -> Result<[u8; 6], BadMac> {
    let digits: String = match text.len() {
        12 => text.to_owned(),
        17 => {
            let separator = text.as_bytes()[2];
            let regular = text.bytes().skip(2).step_by(3).all(|byte| byte == separator);
            if !regular || !matches!(separator, b':' | b'-') {
                return Err(BadMac::Form);
            }
            text.split(char::from(separator)).collect()
        }
        _ => return Err(BadMac::Form),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(BadMac::Form);
    }
    let mut bytes = [0; 6];
    for (n, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * n..2 * n + 2).ok_or(BadMac::Form)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| BadMac::Form)?;
    }
    Ok(bytes)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map(|byte| format!("{byte:02x}")).join(":"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Mac {
    type Error = BadMac;

    fn try_from(text: String) -> Result<Self, BadMac> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}
