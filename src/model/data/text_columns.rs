//! Bits for the columns of a row that contain texts: who, actor, client, server, scopes, from.

pub(in crate::model) const WHO: u8 = 1;
pub(in crate::model) const ACTOR: u8 = 1 << 1;
pub(in crate::model) const CLIENT: u8 = 1 << 2;
pub(in crate::model) const SERVER: u8 = 1 << 3;
pub(in crate::model) const SCOPES: u8 = 1 << 4;
pub(in crate::model) const FROM: u8 = 1 << 5;
pub(in crate::model) const ALL: u8 = WHO | ACTOR | CLIENT | SERVER | SCOPES | FROM;
