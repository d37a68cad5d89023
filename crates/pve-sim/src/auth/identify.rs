//! From the headers of a request to its caller, as pveproxy does before anything else.

use percent_encoding::percent_decode_str;

use super::{Caller, secrets};
use crate::clock::{Micros, SECOND};
use crate::world::World;

/// A 401 that has no body; the text is the reason phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

const NO_TICKET: Refused = Refused("No ticket");
const FAILED: Refused = Refused("Authentication failed!");
const BAD_CSRF: Refused = Refused("Permission denied - invalid csrf token");

/// The credentials a request carries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Headers<'a> {
    pub(crate) cookie: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) csrf: Option<&'a str>,
}

/// Finds out who calls. `needs_csrf` is set for every method but GET (and not for uploads).
pub(crate) fn identify(world: &World, headers: Headers<'_>, needs_csrf: bool) -> Result<Caller, Refused> {
    let now = world.now();
    if let Some(ticket) = ticket_of(headers) {
        let user = world.access.ticket_user(&ticket, now).ok_or(FAILED)?;
        if needs_csrf {
            let token = headers.csrf.unwrap_or_default();
            let valid = secrets::verify_csrf(&world.access.key, &user, token, now / SECOND);
            return if valid { Ok(Caller::user(&user)) } else { Err(BAD_CSRF) };
        }
        return Ok(Caller::user(&user));
    }
    let text = headers.authorization.and_then(|a| after_scheme(a, "PVEAPIToken")).ok_or(NO_TICKET)?;
    let text = percent_decode_str(text).decode_utf8_lossy();
    world.access.token_caller(&text, now).ok_or(FAILED)
}

/// The ticket in the cookie, or in `Authorization: PVEAuthCookie=`.
fn ticket_of(headers: Headers<'_>) -> Option<String> {
    let cookie = headers
        .cookie
        .and_then(|line| line.split(';').find_map(|pair| pair.trim().strip_prefix("PVEAuthCookie=")));
    let text = cookie.or_else(|| headers.authorization.and_then(|a| after_scheme(a, "PVEAuthCookie")))?;
    Some(percent_decode_str(text).decode_utf8_lossy().into_owned())
}

fn after_scheme<'a>(header: &'a str, scheme: &str) -> Option<&'a str> {
    header.strip_prefix(scheme)?.strip_prefix(['=', ' '])
}

impl super::Access {
    /// The user of a valid, whole (not half) ticket.
    pub(crate) fn ticket_user(&self, ticket: &str, now: Micros) -> Option<String> {
        let user = secrets::verify_ticket(&self.key, ticket, now / SECOND)?;
        self.active(&user, now).map(|_| user)
    }

    /// The caller behind `user@realm!token=secret`.
    fn token_caller(&self, text: &str, now: Micros) -> Option<Caller> {
        let (authid, secret) = text.split_once('=')?;
        let (user, id) = authid.split_once('!')?;
        let token = self.active(user, now)?.tokens.get(id)?;
        let valid = token.secret == secret && !super::has_expired(token.expire, now);
        valid.then(|| Caller { user: user.to_owned(), token: Some(id.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let mut world = World::for_test();
        world.add_token("root@pam", "lab", false, "0000-1");
        world
    }

    fn with(authorization: &str) -> Headers<'_> {
        Headers { authorization: Some(authorization), ..Headers::default() }
    }

    #[test]
    fn refusals_are_worded_as_recorded() {
        let world = world();
        assert_eq!(identify(&world, Headers::default(), false), Err(NO_TICKET));
        assert_eq!(identify(&world, with("Bearer abc"), false), Err(NO_TICKET));
        for bad in ["root@pam!lab=wrong", "root@pam!nope=0000-1", "ghost@pve!x=1", "root@pam"] {
            assert_eq!(identify(&world, with(&format!("PVEAPIToken={bad}")), false), Err(FAILED), "{bad}");
        }
        let cookie = Headers { cookie: Some("PVEAuthCookie=garbage"), ..Headers::default() };
        assert_eq!(identify(&world, cookie, false), Err(FAILED));
    }

    #[test]
    fn a_token_needs_no_csrf_and_a_ticket_does() {
        let world = world();
        let caller = identify(&world, with("PVEAPIToken=root@pam!lab=0000-1"), true).unwrap();
        assert!(!caller.is_root());
        assert_eq!(caller.authid(), "root@pam!lab");
        let now = world.now() / SECOND;
        let cookie = format!("a=b; PVEAuthCookie={}", secrets::ticket(&world.access.key, "root@pam", now));
        let csrf = secrets::csrf(&world.access.key, "root@pam", now);
        let headers = Headers { cookie: Some(&cookie), csrf: Some(&csrf), authorization: None };
        assert!(identify(&world, headers, true).unwrap().is_root());
        assert_eq!(identify(&world, Headers { csrf: None, ..headers }, true), Err(BAD_CSRF));
        assert!(identify(&world, Headers { csrf: None, ..headers }, false).is_ok());
    }
}
