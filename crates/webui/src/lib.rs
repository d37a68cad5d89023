//! The portal as bytes: what `npm run build` makes of `web/`, put here by the build script. Where Node was missing when
//! this was built there are no pages, [`BUILT`] is false, and everything else works.

/// One file of the portal.
pub struct File {
    /// Its address, from `/`.
    pub path: &'static str,
    /// Its type, for `Content-Type`.
    pub mime: &'static str,
    /// Another one for other contents, in quotes.
    pub etag: &'static str,
    /// Whether the bytes are compressed by Brotli.
    pub brotli: bool,
    /// What it contains.
    pub bytes: &'static [u8],
}

// `BUILT`, and `FILES` in the order of their paths.
include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The file at an address.
pub fn find(path: &str) -> Option<&'static File> {
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|at| FILES.get(at))
}
