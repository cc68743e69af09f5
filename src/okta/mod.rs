//! Okta's wire, without a socket.
