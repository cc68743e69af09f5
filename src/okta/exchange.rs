//! One exchange with Okta: a request, its answer, and what to do next.

use std::time::Duration;

use super::headers::Headers;

/// A GET to send. It holds no secret; the code that sends it adds the credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The whole URL.
    pub url: String,
    /// Headers beyond those that every request has.
    pub headers: Vec<(&'static str, String)>,
}

/// An answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The whole body, decoded.
    pub body: Vec<u8>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Send this and give the result to `take`.
    Send(Request),
    /// Nothing to do before this uptime.
    Wait {
        /// The uptime; [`Duration::MAX`] once all is fetched.
        until: Duration,
    },
}
