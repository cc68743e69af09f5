//! A small false Okta.
