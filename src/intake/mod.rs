//! The doors in: sockets that bring consents to the journal.
